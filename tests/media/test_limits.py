"""The worker's limits as they are given on its command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.limits import Limits, names, read


def test_what_is_not_named_keeps_its_default() -> None:
    assert read([]) == Limits()
    assert read(["packets_per_s=7", "video_bitrate=1000"]) == Limits(packets_per_s=7, video_bitrate=1000)
    assert read(["ssrcs=7", "ssrcs=8"]) == Limits(ssrcs=8)


@pytest.mark.parametrize(
    "text", ["", "nothing=1", "ssrcs", "ssrcs=", "ssrcs=0", "ssrcs=-1", "ssrcs=1.5", "ssrcs=²", "coalesce_us=20001"]
)
def test_a_wrong_limit_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read([text])


def test_every_limit_says_its_reason() -> None:
    for name, (default, reason) in names().items():
        assert default > 0 and reason.endswith(".") and len(reason) > 40, name


def test_the_document_has_every_limit_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text()
    for name, (default, reason) in names().items():
        assert f"| `{name}` | {default:,} | {reason} |" in text
