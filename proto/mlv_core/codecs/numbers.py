"""What the loops of the typed codecs and their two implementations agree on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Bytes = NDArray[np.uint8]
    Words = NDArray[np.uint16]

UNSIGNED: dict[int, type[np.unsignedinteger[Any]]] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
"""The numbers of each width in bytes; floats are handled as their bit patterns."""
BLOCK = 128
"""Elements in a block of which one bit says whether anything in it changed."""
SMALL = 64
"""The most that one step counts when steps are weighed."""


class Turn(IntEnum):
    """How bits are moved before numbers are split into planes; the values are those of kernels.c."""

    PLAIN = 0
    ROTATED = 1
    """Left by one, so that exponent and sign of a float share no byte."""
    ZIGZAG = 2
    """The sign to the lowest bit, so that small steps of either sign are small numbers."""


class Loops(Protocol):
    """The loops, as both modules have them; `loops_numpy` says what each does."""

    def count(self, bits: Bytes, length: int) -> int: ...  # noqa: D102
    def histogram(self, data: Bytes, stride: int, places: int) -> NDArray[np.integer[Any]]: ...  # noqa: D102
    def compact(self, steps: Words, limit: int) -> tuple[Bytes, Words]: ...  # noqa: D102
    def expand(self, bits: Bytes, length: int, below: int, above: Words) -> Words: ...  # noqa: D102
    def part_signs(self, steps: Words) -> tuple[Bytes, Words]: ...  # noqa: D102
    def join_signs(self, bits: Bytes, sizes: Words) -> Words: ...  # noqa: D102
    def weight(self, steps: Words) -> int: ...  # noqa: D102
    def split(self, numbers: Array, turn: Turn) -> list[Bytes]: ...  # noqa: D102
    def join(self, planes: Sequence[Bytes], turn: Turn) -> Array: ...  # noqa: D102
    def steps(self, new: Array, old: Array, shift: int) -> tuple[Bytes, Array]: ...  # noqa: D102
    def apply(self, old: Array, live: Bytes, shift: int, steps: Array) -> Array: ...  # noqa: D102
