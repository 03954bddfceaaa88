"""A viewer's pictures over links of every kind, in simulated time: they fit, they do not flap, they come back."""

from __future__ import annotations

import pytest

from media.bandwidth.allocate import Offered, Rank
from tests.media.bandwidth.link import CAMERA, Call, Link, Receiver


def camera(link: Link, **fields: object) -> Call:
    return Call(link, [CAMERA], [720], **fields)  # type: ignore[arg-type]


def test_on_a_fast_link_the_best_picture_is_there_within_a_second_and_stays() -> None:
    call = camera(Link(20e6))
    call.run(1.5)
    assert call.chosen == [2]
    switches = call.switches
    call.run(120)
    assert call.chosen == [2] and call.switches == switches
    assert call.padded == 0, "nobody waits for more"


@pytest.mark.parametrize("seed", range(3))
def test_a_busy_browser_that_cries_wolf_costs_nothing(seed: int) -> None:
    call = camera(Link(20e6), receiver=Receiver(noise=0.3, seed=seed))
    call.run(120)
    assert call.chosen == [2] and call.switches == 2


@pytest.mark.parametrize(("rate", "fits"), [(900e3, 1), (450e3, 0)])
@pytest.mark.parametrize("seed", range(3))
def test_a_link_that_becomes_thin_gets_what_fits_and_everything_when_it_is_wide_again(
    rate: float, fits: int, seed: int
) -> None:
    call = camera(Link(20e6, seed=seed), seed=seed)
    call.run(20)
    call.link.rate = rate
    call.run(2)
    assert call.chosen[0] is not None and call.chosen[0] <= 1, "down is quick"
    call.run(3)
    sound = call.audio
    call.run(25)
    assert call.chosen == [fits]
    assert call.audio_lost(sound) < 0.02
    assert call.switches <= 8
    call.link.rate = 20e6
    call.run(60)
    assert call.chosen == [2]


@pytest.mark.parametrize("rate", [300e3, 1e6, 3e6])
@pytest.mark.parametrize("seed", range(2))
def test_many_pictures_fit_any_link_and_do_not_flap(rate: float, seed: int) -> None:
    call = Call(Link(rate, seed=seed), [CAMERA] * 9, [360] * 9, seed=seed)
    call.run(15)
    switches, sound = call.switches, call.audio
    delays = []
    for _ in range(90):
        call.run(1)
        delays.append(call.link.held_up)
    taken = sum(CAMERA[index].bitrate for index in call.chosen if index is not None)
    assert 0.4 * rate < taken + 50e3 < rate
    assert call.audio_lost(sound) < 0.01
    assert sorted(delays)[80] < 0.25, "the sound is not late"
    assert (call.switches - switches) / 9 < 6, "of one picture in one and a half minutes"


def test_on_a_link_for_sound_alone_no_picture_disturbs_it_and_pictures_come_back_with_the_link() -> None:
    call = camera(Link(80e3))
    call.run(10)
    sound = call.audio
    call.run(50)
    assert call.chosen == [None]
    assert call.audio_lost(sound) < 0.02
    call.link.rate = 20e6
    call.run(70)
    assert call.chosen == [2]


def test_the_screen_stays_when_the_faces_go() -> None:
    screen = (Offered(1080, 600e3),)
    call = Call(Link(20e6), [CAMERA, screen, CAMERA], [360, 1080, 360], [Rank.SPEAKER, Rank.SCREEN, Rank.OTHER])
    call.run(10)
    assert call.chosen == [1, 0, 1]
    call.link.rate = 900e3
    call.run(30)
    assert call.chosen[1:] == [0, None]


def test_loss_by_bad_radio_does_not_take_the_picture_away() -> None:
    call = camera(Link(20e6, loss=0.2))
    call.run(40)
    assert call.chosen == [2]
    call.run(60)
    assert call.chosen == [2]


def test_without_remb_loss_alone_keeps_the_pictures_within_the_link() -> None:
    call = camera(Link(700e3), hears=False)
    call.run(5)
    sound = call.audio
    call.run(55)
    assert call.chosen == [1] and call.audio_lost(sound) < 0.02
    call.link.rate = 20e6
    call.run(60)
    assert call.chosen == [2]


def test_a_link_without_a_queue_is_measured_by_its_loss() -> None:
    call = camera(Link(700e3, queue=0.03))
    call.run(60)
    assert call.chosen in ([0], [1])
    call.link.rate = 20e6
    call.run(60)
    assert call.chosen == [2]
