"""Dependency descriptors: what is written is read, what cannot be read changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.dependency import Descriptors, Frame, Structure, Template
from tests.media.descriptors import descriptor, layered

# The extension of a key frame of Chromium 156 in the mode L3T3_KEY, of which it sends two layers at first.
CHROMIUM = (
    "c00001c0081485214eaaaaa8000600004000100002aa80a8000600004000100002a000a800060000400016d549241b5524906d54923157e0"
    "01974ca864330e222396eca8655304224390eca8775300ef008b01df011703bf022f1f80"
)
SIZES = ((240, 135), (480, 270), (960, 540))


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    layers = [(0, 0)]
    for step in draw(st.lists(st.integers(0, 2), max_size=15)):
        spatial, temporal = layers[-1]
        after = {0: (spatial, temporal), 1: (spatial, temporal + 1), 2: (spatial + 1, 0)}[step]
        if after[0] < 4 and after[1] < 8:
            layers.append(after)
    count = draw(st.integers(1, 32))
    chains = draw(st.integers(0, count))

    def row(length: int, most: int, least: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
        return st.lists(st.integers(least, most), min_size=length, max_size=length).map(tuple)

    templates = tuple(
        Template(
            *layer,
            draw(row(count, 3)),
            draw(st.lists(st.integers(1, 16), max_size=8).map(tuple)),
            draw(row(chains, 15)),
        )
        for layer in layers
    )
    highest = tuple(max((t.spatial for t in templates if t.targets[target]), default=0) for target in range(count))
    protected = draw(row(count, chains - 1)) if chains else ()
    side = st.integers(1, 65_536)
    sizes = tuple(draw(st.tuples(side, side)) for _ in range(layers[-1][0] + 1)) if draw(st.booleans()) else ()
    return Structure(draw(st.integers(0, 63)), templates, highest, protected, sizes)


@given(structures(), st.data())
def test_what_is_written_is_read(structure: Structure, data: st.DataObject) -> None:
    descriptors = Descriptors()
    index = data.draw(st.integers(0, len(structure.templates) - 1))
    template = structure.templates[index]
    id = (structure.first + index) % 64
    read = descriptors.read(descriptor(id, 65_535, True, False, structure))
    assert read == Frame(True, False, template)
    assert descriptors.structure == structure
    assert descriptors.active == (1 << len(structure.spatial)) - 1, "all, where nothing else is said"

    assert descriptors.read(descriptor(id, 7, False, True)) == Frame(False, True, template)

    count, chains = len(template.targets), len(template.chains)
    active = data.draw(st.none() | st.integers(0, (1 << count) - 1))
    targets = data.draw(st.none() | st.lists(st.integers(0, 3), min_size=count, max_size=count).map(tuple))
    diffs = data.draw(st.none() | st.lists(st.integers(1, 4096), max_size=8).map(tuple))
    lasts = data.draw(st.none() | st.lists(st.integers(0, 255), min_size=chains, max_size=chains).map(tuple))
    found = descriptors.read(
        descriptor(
            id,
            8,
            active=(active, count) if active is not None else None,
            targets=targets,
            diffs=diffs,
            chains=lasts,
        )
    )
    assert found is not None
    assert found.template == template._replace(
        targets=template.targets if targets is None else targets,
        diffs=template.diffs if diffs is None else diffs,
        chains=template.chains if lasts is None else lasts,
    )
    assert descriptors.active == (active if active is not None else (1 << count) - 1)


@given(structures(), st.binary(max_size=255), st.integers(0, 200))
def test_what_cannot_be_read_changes_nothing(structure: Structure, other: bytes, cut: int) -> None:
    descriptors = Descriptors()
    whole = descriptor(structure.first, 1, described=structure)
    assert descriptors.read(whole) is not None
    for data in (whole[: min(cut, len(whole) - 1)], other):
        before = descriptors.structure, descriptors.active
        if descriptors.read(data) is None:
            assert (descriptors.structure, descriptors.active) == before
        elif descriptors.structure is not None:
            assert len(descriptors.structure.templates) <= 64


def test_without_a_structure_nothing_is_known() -> None:
    descriptors = Descriptors()
    assert descriptors.read(descriptor(0)) is None
    assert descriptors.read(descriptor(0, active=(1, 3))) is None
    assert descriptors.read(b"") is None


def test_a_template_that_was_not_described_is_none() -> None:
    descriptors = Descriptors()
    assert descriptors.read(descriptor(62, described=layered(SIZES, first=62))) is not None
    assert descriptors.read(descriptor(3)) is not None, "their numbers go on with 0 behind 63"
    assert descriptors.read(descriptor(4)) is None
    assert descriptors.read(descriptor(61)) is None
    assert descriptors.read(descriptor(0, described=layered(SIZES, first=10))) is None
    assert descriptors.structure == layered(SIZES, first=62), "nor is that structure taken"


def test_more_than_there_can_be_is_refused() -> None:
    # Behind the flags and the first numbers: 80 templates of one layer, spatial layers without end, diffs without end.
    for steps in ("00" * 80, "10" * 8, "01" * 9, "11" + "00" + "1" * 200):
        row = "11" + "0" * 22 + "10000" + "0" * 11 + steps + "11" + "0" * 600
        data = int(row + "0" * (-len(row) % 8), 2).to_bytes((len(row) + 7) // 8, "big")
        descriptors = Descriptors()
        assert descriptors.read(data) is None and descriptors.structure is None


def test_a_structure_of_many_templates_for_many_targets_is_refused() -> None:
    for count, taken in ((16, True), (17, False)):
        whole = Structure(0, (Template(0, 0, (2,) * 32, (), ()),) * count, (0,) * 32, (), ())
        descriptors = Descriptors()
        assert (descriptors.read(descriptor(0, described=whole)) is not None) is taken
        assert descriptors.structure == (whole if taken else None)


def test_what_chromium_sends_with_a_key_frame_is_read() -> None:
    descriptors = Descriptors()
    found = descriptors.read(bytes.fromhex(CHROMIUM))
    assert found is not None and found.begins and found.template.spatial == 0 and found.template.diffs == ()
    structure = descriptors.structure
    assert structure is not None and structure.sizes == ((240, 140), (480, 280), (960, 560))
    assert structure.spatial == (0, 0, 0, 1, 1, 1, 2, 2, 2), "L3T3_KEY: nine decode targets"
    assert structure.protected_by == (0, 0, 0, 1, 1, 1, 2, 2, 2)
    assert descriptors.active == 0b111111
    second = [template for template in structure.templates if template.spatial == 1]
    assert [template.diffs for template in second] == [(1,), (12,), (6,), (3,), (3,)]
    assert second[0].targets == (0, 0, 0, 2, 2, 2, 2, 2, 2) and second[1].targets == (0, 0, 0, 2, 2, 2, 0, 0, 0)
    assert second[-1].chains == (10, 9, 8)
    assert descriptors.read(bytes.fromhex("4e0031")) == Frame(False, True, structure.templates[14])
