"""The JavaScript client of the HTTP API in a real browser: everything by its name, as programs of others use it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.harness import Server

SCRIPT = """async ({ base, token, conference }) => {
  const { Api, PodiumError } = await import(`${base}/static/js/api.js`);
  const api = new Api({ base, token });
  const labels = ['first', 'a/b', 'third'];
  for (const label of labels) await api.ask('invite', { role: 'viewer', label }, { conference });
  const links = [];
  for await (const link of api.entries('listGuestLinks', 'invitations', { conference, limit: 2 })) {
    links.push(link.label);
  }
  const csv = await api.ask('exportReport', undefined, { conference, report: 'people', format: 'csv' });
  const nobody = new Api({ base });
  const stranger = await nobody.ask('listConferences').catch((error) => [error instanceof PodiumError, error.code]);
  return { links: links.filter((label) => labels.includes(label)), csv: await csv.text(), stranger };
}"""


async def test_links_lists_reports_and_refusals(shared_server: Server, chromium: Any) -> None:
    token = await asyncio.to_thread(lambda: shared_server.login().token)
    conference = await asyncio.to_thread(shared_server.create)
    page = await chromium()
    await page.goto(shared_server.url)
    found = await page.evaluate(SCRIPT, {"base": shared_server.url, "token": token, "conference": conference})
    assert sorted(found["links"]) == ["a/b", "first", "third"]
    assert found["csv"].startswith("identity,name,")
    assert found["stranger"] == [True, "bad_token"]
