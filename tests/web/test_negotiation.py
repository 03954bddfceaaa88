"""The two media connections are negotiated one round at a time, and a round that is given up holds nothing back."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A promise about a connection that was closed meanwhile never settles: the server's side is `send` here.
PUBLISH = """
async () => {
  const { Publisher } = await import('/static/js/lib/publisher.js');
  const sent = [];
  const publisher = new Publisher((type, { tracks, restart }) => {
    sent.push([type, Object.values(tracks).sort().join(), restart ?? false]);
    return new Promise(() => undefined);
  });
  publisher.set('audio', null);
  publisher.allow(new Set(['audio', 'video']));
  await Promise.resolve();
  await Promise.resolve();
  publisher.restart();
  publisher.set('video', null);
  publisher.set('screen', null);
  for (let tries = 0; tries < 99 && !sent.length; tries += 1) await new Promise((done) => setTimeout(done, 50));
  publisher.close();
  return sent;
}
"""

SUBSCRIBE = """
async () => {
  const { Subscriber } = await import('/static/js/lib/subscriber.js');
  const server = new RTCPeerConnection();
  server.addTransceiver('audio', { direction: 'sendonly' });
  const { sdp } = await server.createOffer();
  const answered = [];
  const subscriber = new Subscriber(async (type, { generation }) => {
    if (type === 'media.answer') answered.push(generation);
  });
  subscriber.open();
  subscriber.offered({ generation: 1, revision: 1, sdp, tracks: {} });
  await Promise.resolve();
  subscriber.open();
  subscriber.offered({ generation: 2, revision: 1, sdp, tracks: { 0: 'u_anna/audio' } });
  for (let tries = 0; tries < 99 && !answered.length; tries += 1) await new Promise((done) => setTimeout(done, 50));
  const tracks = [...subscriber.tracks.keys()];
  subscriber.close();
  server.close();
  return { answered, tracks };
}
"""


async def test_what_may_be_sent_is_offered_after_a_round_that_was_given_up(client_page: Any) -> None:
    assert await client_page.evaluate(PUBLISH) == [["media.publish", "audio,video", True]]


async def test_an_offer_is_answered_after_a_connection_that_was_given_up(client_page: Any) -> None:
    assert await client_page.evaluate(SUBSCRIBE) == {"answered": [2], "tracks": ["u_anna/audio"]}
