"""Every refusal has a sentence for a person."""

from __future__ import annotations

import pytest

from protocol import errors
from protocol.errors import Code


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence_and_says_whether_to_retry(code: Code) -> None:
    sentence = errors.sentence(code)
    assert sentence[0].isupper() and sentence.endswith(".")
    assert len(sentence.split()) >= 4 and "_" not in sentence, "a sentence, not the code again"
    assert errors.retry(code) in (True, False)


def test_no_sentence_belongs_to_two_codes_or_to_none() -> None:
    assert set(errors.SENTENCES) == set(Code)
    sentences = [errors.sentence(code) for code in Code]
    assert len(set(sentences)) == len(sentences)


def test_what_passes_by_itself_may_be_retried_and_what_is_forbidden_may_not() -> None:
    passing = (Code.RATE_LIMITED, Code.STORE_UNAVAILABLE, Code.MEDIA_UNAVAILABLE, Code.GOING_AWAY, Code.STAGE_FULL)
    lasting = (Code.NOT_ALLOWED, Code.PROTECTED, Code.BAD_TOKEN, Code.BLOCKED, Code.BAD_MESSAGE, Code.CONFERENCE_ENDED)
    assert all(errors.retry(code) for code in passing)
    assert not any(errors.retry(code) for code in lasting)
