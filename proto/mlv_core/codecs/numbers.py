"""What the loops of the typed codecs and their two implementations agree on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol, TypeAlias

Bytes: TypeAlias = bytes | memoryview
"""Numbers, planes and bits alike: contiguous bytes, a memoryview of format `B` where they are a part of others."""

WIDTHS = frozenset({1, 2, 4, 8})
"""Bytes of a number, the lowest first; floats are handled as their bit patterns."""
WORD = 2
"""The width of the numbers whose steps are weighed and written as flags."""
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
    def histogram(self, data: Bytes, stride: int, places: int) -> Sequence[int]: ...  # noqa: D102
    def entropy(self, data: Bytes, stride: int, places: int) -> float: ...  # noqa: D102
    def compact(self, steps: Bytes, limit: int) -> tuple[Bytes, Bytes]: ...  # noqa: D102
    def expand(self, bits: Bytes, length: int, below: int, above: Bytes) -> Bytes: ...  # noqa: D102
    def part_signs(self, steps: Bytes) -> tuple[Bytes, Bytes]: ...  # noqa: D102
    def join_signs(self, bits: Bytes, sizes: Bytes) -> Bytes: ...  # noqa: D102
    def weight(self, steps: Bytes) -> int: ...  # noqa: D102
    def shift(self, steps: Bytes, by: int) -> Bytes: ...  # noqa: D102
    def split(self, numbers: Bytes, width: int, turn: Turn) -> Sequence[Bytes]: ...  # noqa: D102
    def join(self, planes: Sequence[Bytes], turn: Turn) -> Bytes: ...  # noqa: D102
    def steps(self, new: Bytes, old: Bytes, width: int, shift: int) -> tuple[Bytes, Bytes]: ...  # noqa: D102
    def apply(self, old: Bytes, live: Bytes, width: int, shift: int, steps: Bytes) -> Bytes: ...  # noqa: D102
