"""The dependency descriptor: the header extension that says what a frame needs, and who needs it.

It comes from the AV1 RTP payload format, appendix A. With the first packet of a key frame a sender describes a
structure of at most 64 templates; later packets name one of them, in three bytes, and say where they differ from it.
A decode target is what one might want to show, such as "the middle picture at the full rate"; for each the frame says
whether it is of it.

Nothing here raises for bad input: what cannot be read is `None` and changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from media.picture import Size
from media.rtp import Buffer

# "frame_dependency_template_id" has six bits. A spatial id has two in AV1's payload, a temporal one three.
_TEMPLATES, _SPATIAL, _TEMPORAL = 64, 4, 8
# Templates times decode targets, each read by itself. L3T3_KEY, the largest of browsers, has 15 times 9 of them.
_INDICATIONS = 512
# Frames that one frame may be made of: AV1 keeps eight.
_REFERENCES = 8


class Template(NamedTuple):
    """How a frame stands to the others. `targets`: for each decode target 0 where the frame is not of it, 1 where it is
    discardable there, 2 where one may switch to the target here, 3 where it is required; `diffs`: how many frames ago
    those were that it is made of; `chains`: how many frames ago each chain had its last one, 0: this one begins it."""

    spatial: int
    temporal: int
    targets: tuple[int, ...]
    diffs: tuple[int, ...]
    chains: tuple[int, ...]


class Structure(NamedTuple):
    """`first`: the number of the first of its `templates`; `spatial`: of each decode target its highest spatial layer;
    `protected_by`: the chain of each decode target, empty where there are none; `sizes`: of the layers, where said."""

    first: int
    templates: tuple[Template, ...]
    spatial: tuple[int, ...]
    protected_by: tuple[int, ...]
    sizes: tuple[Size, ...]


class Frame(NamedTuple):
    """What a packet says of its frame. `begins`, `ends`: it is the frame's first packet, its last."""

    begins: bool
    ends: bool
    template: Template


class Descriptors:
    """Those of one stream. `structure`: the newest that came; `active`: a bit for each decode target that is sent."""

    __slots__ = ("active", "structure")

    def __init__(self) -> None:
        self.structure: Structure | None = None
        self.active = 0

    def read(self, data: Buffer) -> Frame | None:
        """The frame of a packet with this descriptor; `None` also where its template has not been described."""
        if len(data) < 3:
            return None
        first = data[0]  # the frame's number follows: whether something is missing the packets' own numbers tell
        structure, active = self.structure, self.active
        if len(data) == 3:
            template = _template(structure, first & 0x3F)
        else:
            try:
                template, structure, active = _extended(_Bits(data[3:]), structure, active, first & 0x3F)
            except _CutOffError:
                return None
        if template is None:
            return None
        self.structure, self.active = structure, active
        return Frame(bool(first & 0x80), bool(first & 0x40), template)


class _CutOffError(Exception):
    """There is less than was announced, or more than there can be."""


class _Bits:
    __slots__ = ("_left", "_value")

    def __init__(self, data: Buffer) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        """f(n)."""
        self._left -= count
        if self._left < 0:
            raise _CutOffError
        return self._value >> self._left & ((1 << count) - 1)

    def below(self, limit: int) -> int:
        """ns(n): a number below `limit`, the smaller ones in a bit less."""
        width = limit.bit_length()
        short = (1 << width) - limit
        value = self.read(width - 1)
        return value if value < short else (value << 1) - short + self.read(1)


def _extended(
    bits: _Bits, structure: Structure | None, active: int, id: int
) -> tuple[Template | None, Structure | None, int]:
    """A.8.1, extended_descriptor_fields and frame_dependency_definition: what holds from this packet on."""
    described, changes, own_targets, own_diffs, own_chains = (bits.read(1) for _ in range(5))
    if described:
        structure = _structure(bits)
        active = (1 << len(structure.spatial)) - 1
    if structure is None:
        return None, None, 0
    if changes:
        active = bits.read(len(structure.spatial))
    template = _template(structure, id)
    if template is None:
        return None, structure, active
    if own_targets:
        template = template._replace(targets=tuple(bits.read(2) for _ in structure.spatial))
    if own_diffs:
        template = template._replace(diffs=_own_diffs(bits))
    if own_chains:
        template = template._replace(chains=tuple(bits.read(8) for _ in template.chains))
    return template, structure, active


def _template(structure: Structure | None, id: int) -> Template | None:
    if structure is None:
        return None
    index = (id - structure.first) % _TEMPLATES
    return structure.templates[index] if index < len(structure.templates) else None


def _structure(bits: _Bits) -> Structure:
    first = bits.read(6)
    count = bits.read(5) + 1
    layers = _layers(bits)
    if len(layers) * count > _INDICATIONS:
        raise _CutOffError
    targets = [tuple(bits.read(2) for _ in range(count)) for _ in layers]
    diffs = [_diffs(bits) for _ in layers]
    chains = bits.below(count + 1)
    protected_by = tuple(bits.below(chains) for _ in range(count)) if chains else ()
    lasts = [tuple(bits.read(4) for _ in range(chains)) for _ in layers]
    templates = tuple(Template(*layer, *others) for layer, *others in zip(layers, targets, diffs, lasts, strict=True))
    spatial = tuple(
        max((template.spatial for template in templates if template.targets[target]), default=0)
        for target in range(count)
    )
    sizes = tuple((bits.read(16) + 1, bits.read(16) + 1) for _ in range(layers[-1][0] + 1)) if bits.read(1) else ()
    return Structure(first, templates, spatial, protected_by, sizes)


def _layers(bits: _Bits) -> list[tuple[int, int]]:
    """Of each template the spatial and the temporal layer."""
    found = [(0, 0)]
    # next_layer_idc: 0 the same layer, 1 the next temporal one, 2 the next spatial one, 3 no more
    while (step := bits.read(2)) != 3:
        spatial, temporal = found[-1]
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial, temporal = spatial + 1, 0
        if len(found) == _TEMPLATES or spatial == _SPATIAL or temporal == _TEMPORAL:
            raise _CutOffError
        found.append((spatial, temporal))
    return found


def _diffs(bits: _Bits) -> tuple[int, ...]:
    found: list[int] = []
    while bits.read(1):
        if len(found) == _REFERENCES:
            raise _CutOffError
        found.append(bits.read(4) + 1)
    return tuple(found)


def _own_diffs(bits: _Bits) -> tuple[int, ...]:
    found: list[int] = []
    while size := bits.read(2):
        if len(found) == _REFERENCES:
            raise _CutOffError
        found.append(bits.read(4 * size) + 1)
    return tuple(found)
