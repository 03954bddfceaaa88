"""Chat, questions, polls and links in real browsers: an owner at the console, a speaker, and a viewer.

The pages are opened once for the whole module. What a person's page offers is what the server lets them do: each test
looks at what is not offered as well, and the server refuses it whatever a page offers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.pages import Visitor, enter, enter_owner, guest_link, holds, screenshot, until, visited_server
from tests.harness import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Nothing here is about sound and picture, which are most of a browser's work.
NO_DEVICES = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError'); };"
REFUSAL = "([type, fields]) => window.podium.send(type, fields).then(() => 'accepted', (error) => error.code)"


@dataclass
class Hall:
    """The owner, with the console beside their page, a speaker and a viewer."""

    server: Server
    owner: Visitor
    console: Any
    sara: Any
    vera: Any

    async def order(self, type: str, **fields: Any) -> None:
        assert await attempt(self.owner.page, type, **fields) == "accepted"


async def attempt(page: Any, type: str, **fields: Any) -> str:
    """A command by the page's own connection: `accepted`, or the code of its refusal."""
    return str(await page.evaluate(REFUSAL, [type, fields]))


async def look(page: Any, tab: str) -> None:
    """Open a tab of the side panel, where it is not open already."""
    if not await page.get_by_test_id(f"tab-{tab}").is_visible():
        await page.get_by_test_id("toggle-people").click()
    await page.get_by_test_id(f"tab-{tab}").click()


def question(page: Any, text: str) -> Any:
    return page.get_by_test_id("question").filter(has_text=text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with visited_server(tmp_path_factory.mktemp("hall") / "data") as (server, page):

        async def quiet(**options: Any) -> Any:
            one = await page(**options)
            await one.add_init_script(NO_DEVICES)
            return one

        owner = await enter_owner(server, quiet)
        sara = await enter(await quiet(), guest_link(server, "speaker"), "Sara Speaker")
        vera = await enter(await quiet(width=390, height=844), guest_link(server, "viewer"), "Vera Viewer")
        console = await owner.page.context.new_page()
        await console.goto(f"{server.url}/console/{server.conference}")
        await expect(console.get_by_test_id("console-state")).to_have_text("Live")
        yield Hall(server, owner, console, sara.page, vera.page)
        assert sara.page.problems == [] and vera.page.problems == [] and owner.page.problems == []


async def test_a_question_is_asked_voted_for_answered_shown_to_everybody_and_dismissed(hall: Hall) -> None:
    await look(hall.vera, "questions")
    await hall.vera.get_by_test_id("question-text").fill("Will there be <b>slides</b>?")
    await hall.vera.keyboard.press("Enter")
    await expect(question(hall.vera, "Will there be <b>slides</b>?")).to_contain_text("You")
    # Nobody votes for oneself, and a viewer neither answers nor shows anything.
    await expect(hall.vera.get_by_test_id("question-vote")).to_be_disabled()
    for offered in ("question.answer", "question.display", "question.approve"):
        await expect(hall.vera.get_by_test_id(offered)).to_have_count(0)
    for command in ("question.display", "question.answer"):
        fields = {"text": "No"} if command == "question.answer" else {}
        assert await attempt(hall.vera, command, question=1, **fields) == "not_allowed"
    await expect(hall.sara.get_by_test_id("engage-unread")).to_have_text("1")
    await hall.sara.get_by_test_id("toggle-engage").click()
    await expect(hall.sara.get_by_test_id("engage-unread")).to_be_hidden()
    theirs = question(hall.sara, "slides")
    await theirs.get_by_test_id("question-vote").click()
    await expect(theirs.get_by_test_id("question-vote")).to_have_attribute("aria-pressed", "true")
    await expect(question(hall.vera, "slides").get_by_test_id("question-votes")).to_have_text("1")
    # A speaker answers and shows, and dismisses what is not theirs only where the settings say so.
    await expect(theirs.get_by_test_id("question.dismiss")).to_have_count(0)
    await theirs.get_by_test_id("question.answer").click()
    await hall.sara.locator("#ask-text").fill("Yes, thirty of them.")
    await hall.sara.get_by_test_id("confirm").click()
    await expect(question(hall.vera, "slides").get_by_test_id("question-answer-text")).to_contain_text("thirty")
    await theirs.get_by_test_id("question.display").click()
    await hall.vera.get_by_test_id("side-close").click()
    for page in (hall.owner.page, hall.sara, hall.vera):
        await expect(page.get_by_test_id("board-question")).to_contain_text("Will there be <b>slides</b>?")
        assert await page.locator('[data-testid="board-question"] b').count() == 0, "text is never markup"
    await expect(hall.vera.get_by_test_id("board-question-down")).to_have_count(0)
    await hall.vera.reload()
    await expect(hall.vera.get_by_test_id("board-question")).to_contain_text("thirty", timeout=20_000)
    # The console sees the same, and takes it away.
    await hall.console.get_by_test_id("tab-questions").click()
    at_console = question(hall.console, "slides")
    await expect(at_console.get_by_test_id("question-displayed")).to_be_visible()
    await hall.console.set_viewport_size({"width": 1400, "height": 1000})
    await screenshot(hall.console, "engage-console-questions")
    await screenshot(hall.sara, "engage-questions")
    await at_console.get_by_test_id("question.dismiss").click()
    await hall.console.get_by_test_id("confirm").click()
    await expect(hall.vera.get_by_test_id("board")).to_be_hidden()
    await expect(question(hall.sara, "slides")).to_have_count(0)


async def test_private_and_unapproved_questions_are_seen_by_those_who_may(hall: Hall) -> None:
    await hall.order("conference.settings", questions_approved=True)
    await look(hall.sara, "questions")
    await look(hall.vera, "questions")
    await hall.console.get_by_test_id("tab-questions").click()
    await hall.vera.get_by_test_id("question-text").fill("Shall we have a break?")
    await hall.vera.get_by_test_id("question-send").click()
    await expect(question(hall.vera, "break").get_by_test_id("question-waits")).to_be_visible()
    held = question(hall.console, "break")
    await expect(held.get_by_test_id("question-waits")).to_be_visible()
    await expect(held.get_by_test_id("question.display")).to_have_count(0)
    await expect(question(hall.sara, "break")).to_have_count(0)
    await held.get_by_test_id("question.approve").click()
    await expect(question(hall.sara, "break")).to_be_visible()
    await hall.vera.get_by_test_id("question-text").fill("What does it cost?")
    await hall.vera.get_by_label("Ask privately").check()
    await hall.vera.get_by_test_id("question-send").click()
    secret = question(hall.console, "cost")
    await expect(secret.get_by_test_id("question-is-private")).to_be_visible()
    await expect(secret.get_by_test_id("question.display")).to_have_count(0)
    await secret.get_by_test_id("question.answer").click()
    await hall.console.locator("#ask-text").fill("Nothing at all.")
    await hall.console.get_by_test_id("confirm").click()
    await expect(question(hall.vera, "cost").get_by_test_id("question-answer-text")).to_contain_text("Nothing at all.")
    await screenshot(hall.vera, "engage-questions-390")
    await expect(question(hall.sara, "cost")).to_have_count(0)
    # The setting lets speakers see it: at once, and nobody reloads anything.
    await hall.order("conference.settings", speakers_see_private_questions=True, questions_approved=False)
    await expect(question(hall.sara, "cost")).to_be_visible()
    await hall.order("conference.settings", speakers_see_private_questions=False)
    await expect(question(hall.sara, "cost")).to_have_count(0)
    # Organizers take the questions home; nobody else is offered it.
    async with hall.console.expect_download() as downloading:
        await hall.console.get_by_test_id("questions-export").click()
    report = (await (await downloading.value).path()).read_text()
    assert "What does it cost?" in report and "Nothing at all." in report
    await expect(hall.sara.get_by_test_id("questions-export")).to_be_hidden()


async def test_a_poll_is_prepared_launched_answered_once_and_closed_with_its_results(hall: Hall) -> None:
    await look(hall.sara, "polls")
    await hall.sara.get_by_test_id("poll-create").click()
    await hall.sara.get_by_test_id("poll-question").fill("Which day?")
    await hall.sara.get_by_test_id("poll-new-option-1").fill("Monday")
    await hall.sara.get_by_test_id("poll-new-option-2").fill("Friday")
    await hall.sara.get_by_test_id("poll-more-options").click()
    confirm = hall.sara.get_by_test_id("poll-dialog-confirm")
    await expect(confirm).to_have_text("Launch")
    # An option that stands twice is marked where it stands again.
    await hall.sara.get_by_test_id("poll-new-option-3").fill("Monday")
    await confirm.click()
    await expect(hall.sara.get_by_test_id("poll-dialog-error")).to_have_text("This option is there already.")
    assert await hall.sara.locator("[aria-invalid=true]").get_attribute("data-testid") == "poll-new-option-3"
    await hall.sara.get_by_test_id("poll-new-option-3").fill("Never")
    await hall.sara.get_by_text("Results are seen while the poll is open").click()
    await hall.sara.get_by_text("Launch it at once").click()
    await expect(confirm).to_have_text("Prepare")
    await screenshot(hall.sara, "engage-poll-dialog")
    await hall.sara.get_by_test_id("poll-dialog-confirm").click()
    mine = hall.sara.get_by_test_id("polls").get_by_test_id("poll")
    await expect(mine).to_have_attribute("data-state", "prepared")
    # Nobody else is told of it who does not prepare polls.
    await look(hall.vera, "polls")
    await expect(hall.vera.get_by_test_id("polls").get_by_test_id("poll")).to_have_count(0)
    await expect(hall.vera.get_by_test_id("poll-create")).to_be_hidden()
    assert await attempt(hall.vera, "poll.create", question="?", options=["a", "b"]) == "not_allowed"
    assert await attempt(hall.vera, "poll.launch", poll=1) == "not_allowed"
    await hall.vera.get_by_test_id("side-close").click()
    await mine.get_by_test_id("poll.launch").click()
    board = hall.vera.get_by_test_id("board").get_by_test_id("poll")
    await expect(board).to_contain_text("Which day?")
    await expect(hall.vera.get_by_test_id("engage-unread")).to_have_text("1")
    await screenshot(hall.vera, "engage-poll-390")
    await board.get_by_test_id("poll-option-1").check()
    # Somebody else's answer does not take away what was ticked.
    await hall.owner.page.get_by_test_id("board").get_by_test_id("poll-option-0").check()
    await hall.owner.page.get_by_test_id("board").get_by_test_id("poll-answer").click()
    await expect(mine.get_by_test_id("poll-answers")).to_have_text("1 answer")
    await expect(board.get_by_test_id("poll-option-1")).to_be_checked()
    await board.get_by_test_id("poll-answer").click()
    await expect(board.get_by_test_id("poll-note")).to_contain_text("Results are shown at the end")
    await expect(board.get_by_test_id("poll-result-1")).to_have_attribute("data-chosen", "true")
    await expect(board.get_by_test_id("poll-result-1")).not_to_contain_text("%")
    await expect(hall.vera.get_by_test_id("engage-unread")).to_be_hidden()
    assert await attempt(hall.vera, "poll.answer", poll=1, chosen=[0]) == "already"
    # Who made it sees how it stands, and who chose what; the others do not.
    await expect(mine.locator(".poll-option").nth(1)).to_contain_text("1")
    await expect(mine.get_by_test_id("poll-answers")).to_have_text("2 answers")
    await mine.get_by_test_id("poll.answers").click()
    await expect(hall.sara.get_by_test_id("poll-choice").filter(has_text="Vera Viewer")).to_contain_text("Friday")
    await hall.sara.keyboard.press("Escape")
    assert await attempt(hall.vera, "poll.answers", poll=1) == "not_allowed"
    await mine.get_by_test_id("poll.close").click()
    await expect(board).to_have_attribute("data-state", "closed")
    await expect(board.get_by_test_id("poll-result-1")).to_contain_text("1 · 50 %")
    await screenshot(hall.sara, "engage-polls")
    await board.get_by_test_id("board-result-hide").click()
    await expect(hall.vera.get_by_test_id("board")).to_be_hidden()


async def test_an_anonymous_poll_of_several_choices_is_known_to_late_comers_and_tells_nobody(hall: Hall) -> None:
    await hall.console.get_by_test_id("tab-polls").click()
    await hall.console.get_by_test_id("poll-create").click()
    await hall.console.get_by_test_id("poll-question").fill("What was good?")
    await hall.console.get_by_test_id("poll-new-option-1").fill("Food")
    await hall.console.get_by_test_id("poll-new-option-2").fill("Talks")
    await hall.console.get_by_text("Several options may be chosen").click()
    await hall.console.get_by_text("Anonymous: nobody").click()
    await hall.console.get_by_test_id("poll-dialog-confirm").click()
    board = hall.vera.get_by_test_id("board").get_by_test_id("poll")
    await expect(board).to_contain_text("What was good?")
    await hall.vera.reload()
    await expect(board).to_contain_text("What was good?", timeout=20_000)
    for option in (0, 1):
        await board.get_by_test_id(f"poll-option-{option}").check()
    await board.get_by_test_id("poll-answer").click()
    await expect(board.get_by_test_id("poll-result-0")).to_contain_text("100 %")
    at_console = hall.console.get_by_test_id("polls").get_by_test_id("poll").filter(has_text="What was good?")
    await expect(at_console.get_by_test_id("poll-answers")).to_have_text("1 answer")
    await expect(at_console.get_by_test_id("poll.answers")).to_have_count(0)
    assert await attempt(hall.owner.page, "poll.answers", poll=2) == "not_allowed"
    await screenshot(hall.console, "engage-console-polls")
    await at_console.get_by_test_id("poll.remove").click()
    await hall.console.get_by_test_id("confirm").click()
    await expect(hall.vera.get_by_test_id("board")).to_be_hidden()


async def test_a_link_is_published_promoted_and_removed_and_opens_nothing_but_pages(hall: Hall) -> None:
    await look(hall.sara, "links")
    await hall.sara.get_by_test_id("link-title").fill("The <i>programme</i>")
    await hall.sara.get_by_test_id("link-url").fill("https://example.org/programme?a=1")
    await hall.sara.get_by_test_id("link-send").click()
    await expect(hall.sara.get_by_test_id("link")).to_contain_text("The <i>programme</i>")
    assert await attempt(hall.sara, "link.publish", url="javascript:alert(1)", title="Click") == "bad_message"
    await expect(hall.vera.get_by_test_id("engage-unread")).to_have_text("1")
    await look(hall.vera, "links")
    await expect(hall.vera.get_by_test_id("link")).to_be_visible()
    for offered in ("link.promote", "link.remove", "link-send"):
        await expect(hall.vera.get_by_test_id(offered).locator("visible=true")).to_have_count(0)
    assert await attempt(hall.vera, "link.promote", link=1) == "not_allowed"
    await hall.vera.get_by_test_id("side-close").click()
    await hall.sara.get_by_test_id("link.promote").click()
    promoted = hall.vera.get_by_test_id("board-link-open")
    await expect(promoted).to_have_attribute("href", "https://example.org/programme?a=1")
    await expect(promoted).to_have_attribute("rel", "noopener noreferrer nofollow")
    await hall.vera.emulate_media(color_scheme="dark")
    await screenshot(hall.vera, "engage-link-390-dark")
    await hall.sara.emulate_media(color_scheme="dark")
    await screenshot(hall.sara, "engage-links-dark")
    await hall.console.get_by_test_id("tab-links").click()
    await hall.console.get_by_test_id("link.take_down").click()
    await expect(hall.vera.get_by_test_id("board")).to_be_hidden()
    await hall.console.get_by_test_id("link.remove").click()
    await expect(hall.sara.get_by_test_id("link")).to_have_count(0)
    await until(lambda: holds(hall.vera, "window.podium.room.entries.promoted === null"), "it is gone from the stage")


def written(page: Any, text: str) -> Any:
    """A message as a page shows it."""
    return page.get_by_test_id("chat-message").filter(has=page.get_by_test_id("chat-words").filter(has_text=text))


async def write(page: Any, text: str) -> None:
    await page.get_by_test_id("chat-text").fill(text)
    await page.keyboard.press("Enter")


async def choose(page: Any, text: str, action: str) -> None:
    """What to do with a message, from its menu."""
    await written(page, text).hover()
    await written(page, text).get_by_test_id("chat-more").click()
    await page.get_by_test_id(action).click()


async def test_a_message_is_answered_changed_found_and_deleted_and_people_are_named(hall: Hall) -> None:
    for page in (hall.sara, hall.vera):
        await page.emulate_media(color_scheme="light")
    await look(hall.sara, "chat")
    await look(hall.vera, "chat")
    await hall.console.get_by_test_id("tab-chat").click()
    await write(hall.vera, "Have a look at https://example.org/a?b=1, <b>all</b>")
    link = written(hall.sara, "Have a look").locator("a")
    await expect(link).to_have_attribute("href", "https://example.org/a?b=1")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(written(hall.sara, "<b>all</b>").locator("b")).to_have_count(0)
    await choose(hall.sara, "Have a look", "chat-reply")
    await hall.sara.get_by_test_id("chat-text").press_sequentially("Thanks @ver")
    await hall.sara.get_by_test_id("chat-mention").filter(has_text="Vera Viewer").wait_for()
    await hall.sara.keyboard.press("Enter")
    await hall.sara.keyboard.type("dear")
    await hall.sara.keyboard.press("Enter")
    reply = written(hall.vera, "dear")
    await expect(reply.get_by_test_id("chat-quote")).to_contain_text("Vera Viewer: Have a look")
    await expect(reply.locator("mark")).to_have_text("@Vera Viewer")
    await expect(reply).to_have_attribute("data-named", "true")
    await screenshot(hall.vera, "chat-390")
    # A viewer deletes and changes their own alone; the moderator deletes anybody's and changes nobody's.
    await reply.hover()
    await reply.get_by_test_id("chat-more").click()
    await expect(hall.vera.get_by_test_id("chat-reply")).to_be_visible()
    for offered in ("chat-delete", "chat-edit"):
        await expect(hall.vera.get_by_test_id(offered)).to_have_count(0)
    await hall.vera.keyboard.press("Escape")
    await choose(hall.vera, "Have a look", "chat-edit")
    await write(hall.vera, "Never mind that page")
    await expect(written(hall.sara, "Never mind").get_by_test_id("chat-edited")).to_be_visible()
    await expect(written(hall.sara, "Have a look").get_by_test_id("chat-edited")).to_have_count(0)
    assert await attempt(hall.owner.page, "chat.edit", number=1, text="mine") == "not_allowed"
    await hall.sara.get_by_test_id("chat-search-open").click()
    await hall.sara.get_by_test_id("chat-search").fill("NEVER")
    await expect(hall.sara.get_by_test_id("chat-message")).to_have_count(1)
    await hall.sara.get_by_test_id("chat-search-open").click()
    await expect(hall.sara.get_by_test_id("chat-message")).to_have_count(2)
    await screenshot(hall.console, "chat-console")
    await choose(hall.console, "dear", "chat-delete")
    await hall.console.get_by_test_id("confirm").click()
    for page in (hall.sara, hall.vera):
        await expect(written(page, "dear")).to_have_count(0)


async def test_private_messages_and_the_moderators_channel_are_read_by_those_they_are_for(hall: Hall) -> None:
    vera = await hall.vera.evaluate("window.podium.room.you")
    sara = await hall.sara.evaluate("window.podium.room.you")
    await look(hall.sara, "chat")
    await look(hall.vera, "chat")
    await hall.sara.get_by_test_id("chat-place").select_option("moderators")
    await write(hall.sara, "Shall we take questions now?")
    await hall.console.get_by_test_id("tab-chat").click()
    await hall.console.get_by_test_id("chat-place").select_option("moderators")
    await expect(written(hall.console, "take questions")).to_be_visible()
    places = hall.vera.get_by_test_id("chat-place").locator("option")
    assert "Moderators and speakers" not in await places.all_inner_texts()
    await hall.vera.get_by_test_id("chat-place").select_option(f"private/{sara}")
    await hall.vera.get_by_test_id("chat-text").focus()
    await write(hall.vera, "May I speak first?")
    # Sara looks at another channel: it is counted, and the choice of channels says where.
    await expect(hall.sara.get_by_test_id("tab-chat").locator(".count")).to_have_text("1")
    await hall.sara.get_by_test_id("chat-place").select_option(f"private/{vera}")
    await expect(written(hall.sara, "speak first")).to_be_visible()
    await hall.sara.get_by_test_id("chat-text").focus()
    await write(hall.sara, "You may.")
    await expect(written(hall.vera, "You may.")).to_be_visible()
    await screenshot(hall.vera, "chat-private-390")
    # Nobody else was sent a word of it, and nothing of it is kept where they look.
    for page in (hall.console, hall.owner.page):
        found = await page.evaluate(
            "window.podium.send('chat.search', {text: 'speak first', channel: 'private'}).then((ok) => ok.result)"
        )
        assert not found.get("messages")
    await hall.vera.reload()
    await look(hall.vera, "chat")
    await hall.vera.get_by_test_id("chat-place").select_option(f"private/{sara}")
    await expect(written(hall.vera, "You may.")).to_be_visible()
    await hall.order("conference.settings", private_chat="off")
    await expect(hall.vera.get_by_test_id("chat-shut")).to_be_visible()
    assert await attempt(hall.vera, "chat.send", text="psst", to=sara) == "not_allowed"
    await hall.order("conference.settings", private_chat="everyone")


async def test_the_chat_is_closed_and_opened_and_made_slow(hall: Hall) -> None:
    for page in (hall.sara, hall.vera):
        await look(page, "chat")
        await page.get_by_test_id("chat-place").select_option("everyone")
    await hall.console.get_by_test_id("tab-chat").click()
    await hall.console.get_by_test_id("chat-place").select_option("everyone")
    await expect(hall.vera.get_by_test_id("chat-gate")).to_be_hidden()
    await hall.console.get_by_test_id("chat-gate").click()
    await expect(hall.vera.get_by_test_id("chat-shut")).to_have_text("The chat is closed for the moment.")
    assert await attempt(hall.vera, "chat.send", text="hello") == "chat_closed"
    await write(hall.console, "Quiet, please.")
    await expect(written(hall.vera, "Quiet, please.")).to_be_visible()
    await hall.console.get_by_test_id("chat-gate").click()
    await expect(hall.vera.get_by_test_id("chat-text")).to_be_visible()
    await hall.order("conference.settings", slow_mode_s=600)
    await expect(hall.vera.get_by_test_id("chat-text")).to_have_attribute(
        "placeholder", "Write to everybody, every 600 seconds"
    )
    await write(hall.vera, "First of two")
    await expect(written(hall.sara, "First of two")).to_be_visible()
    await write(hall.vera, "Second of two")
    await expect(hall.vera.get_by_test_id("toast").filter(has_text="Slow mode: wait")).to_be_visible()
    await expect(hall.vera.get_by_test_id("chat-text")).to_have_value("Second of two")
    await write(hall.console, "I do not wait.")
    await write(hall.console, "As you see.")
    await expect(written(hall.vera, "As you see.")).to_be_visible()
    await hall.sara.emulate_media(color_scheme="dark")
    await screenshot(hall.sara, "chat-dark")
