"""Writes dependency descriptors, by the syntax tables of the AV1 RTP payload format (appendix A.8), as rows of bits."""

from __future__ import annotations

from itertools import pairwise

from media.dependency import Structure, Template
from media.picture import Size


def bits(value: int, count: int) -> str:
    """f(n)."""
    assert 0 <= value < 1 << count
    return format(value, "b").zfill(count) if count else ""


def below(value: int, limit: int) -> str:
    """ns(n), AV1 bitstream specification section 4.10.7."""
    width = 0
    while limit >> width:
        width += 1
    short = (1 << width) - limit
    return bits(value, width - 1) if value < short else bits(value + short, width)


def structure(found: Structure) -> str:
    """template_dependency_structure()."""
    templates, targets = found.templates, len(found.spatial)
    row = bits(found.first, 6) + bits(targets - 1, 5)
    for this, following in pairwise(templates):
        if following.spatial > this.spatial:
            row += "10"
        else:
            row += "01" if following.temporal > this.temporal else "00"
    row += "11"
    row += "".join(bits(kind, 2) for template in templates for kind in template.targets)
    row += "".join("".join("1" + bits(diff - 1, 4) for diff in template.diffs) + "0" for template in templates)
    chains = len(templates[0].chains)
    row += below(chains, targets + 1)
    if chains:
        row += "".join(below(chain, chains) for chain in found.protected_by)
        row += "".join(bits(last, 4) for template in templates for last in template.chains)
    row += "01"[bool(found.sizes)]
    return row + "".join(bits(width - 1, 16) + bits(height - 1, 16) for width, height in found.sizes)


def descriptor(
    template: int,
    number: int = 0,
    begins: bool = True,
    ends: bool = True,
    described: Structure | None = None,
    active: tuple[int, int] | None = None,
    targets: tuple[int, ...] | None = None,
    diffs: tuple[int, ...] | None = None,
    chains: tuple[int, ...] | None = None,
) -> bytes:
    """A descriptor. `template`: its id; `active`: the mask, and how many bits it has."""
    row = f"{begins:d}{ends:d}" + bits(template, 6) + bits(number, 16)
    parts = (described, active, targets, diffs, chains)
    if any(part is not None for part in parts):
        row += "".join("01"[part is not None] for part in parts)
        row += structure(described) if described is not None else ""
        row += bits(*active) if active is not None else ""
        row += "".join(bits(kind, 2) for kind in targets or ())
        if diffs is not None:
            for diff in diffs:
                size = 1 if diff <= 16 else 2 if diff <= 256 else 3
                row += bits(size, 2) + bits(diff - 1, 4 * size)
            row += "00"
        row += "".join(bits(last, 8) for last in chains or ())
    row += "0" * (-len(row) % 8)
    return int(row, 2).to_bytes(len(row) // 8, "big")


def layered(sizes: tuple[Size, ...], first: int = 0) -> Structure:
    """That of K-SVC: layers that build upon one another in key pictures only. Template 2n is layer n in a key picture,
    2n + 1 in another one."""
    count = len(sizes)
    templates = []
    for spatial in range(count):
        below_it = [0] * spatial
        templates += [
            Template(spatial, 0, (*below_it, *[2] * (count - spatial)), (1,) if spatial else (), ()),
            Template(spatial, 0, (*below_it, 2, *[0] * (count - spatial - 1)), (count,), ()),
        ]
    return Structure(first, tuple(templates), tuple(range(count)), (), sizes)
