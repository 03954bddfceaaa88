"""What the layers of a track are and cost, as far as it is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from media.bandwidth.allocate import Offered

if TYPE_CHECKING:
    from media.layer import Layer

# The camera of a browser, until a key frame has told more: each layer has twice the lines of the one below.
USUAL_HEIGHT = 720
# bit/s for each line times line, of layers that have not been measured: 1.7 Mbit/s for 720 lines, as browsers send it.
PER_AREA = 3.3


def offers(layers: Sequence[Layer], usable: Sequence[Layer]) -> list[Offered]:
    """The usable ones among a track's layers, lowest first."""
    return [_offer(layers, layers.index(layer), layer) for layer in usable]


def _offer(layers: Sequence[Layer], index: int, layer: Layer) -> Offered:
    height = layer.height or _guess(layers, index)
    return Offered(height, layer.usual or PER_AREA * height * height)


def _guess(layers: Sequence[Layer], index: int) -> int:
    for other, known in enumerate(layers):
        if known.height:
            return max(1, int(known.height * 2.0 ** (index - other)))
    return USUAL_HEIGHT >> (len(layers) - 1 - index)


__all__ = ["offers"]
