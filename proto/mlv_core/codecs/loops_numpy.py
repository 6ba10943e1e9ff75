"""The loops of the typed codecs in numpy: they run everywhere, and say what the compiled ones have to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlv_core.codecs.numbers import BLOCK, SMALL, UNSIGNED, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlv_core.codecs.numbers import Array, Bytes, Words


def count(bits: Bytes, length: int) -> int:
    """How many of the first `length` bits are set."""
    return int(np.count_nonzero(_flags(bits, length)))


def histogram(data: Bytes, stride: int, places: int) -> NDArray[np.integer[Any]]:
    """How often each byte occurs at the first of `places` that lie `stride` apart."""
    return np.bincount(data[::stride][:places], minlength=256)


def compact(steps: Words, limit: int) -> tuple[Bytes, Words]:
    """A bit for each step, whether it is above `limit`; and those that are. `steps` is used up."""
    above = steps > np.uint16(limit)
    return np.packbits(above), steps.take(np.flatnonzero(above))


def expand(bits: Bytes, length: int, below: int, above: Words) -> Words:
    """The inverse: the next of `above` where one of `length` bits is set, else `below`."""
    steps = np.full(length, below, np.uint16)
    steps[np.flatnonzero(_flags(bits, length))] = above
    return steps


def part_signs(steps: Words) -> tuple[Bytes, Words]:
    """A bit for each step, whether it is negative; and the sizes. `steps` is used up."""
    signed = steps.view(np.int16)
    return np.packbits(signed < 0), np.abs(signed).view(np.uint16)


def join_signs(bits: Bytes, sizes: Words) -> Words:
    """The inverse. `sizes` is used up."""
    sign = _flags(bits, sizes.size).astype(np.uint16)
    # Two's complement without a mask: invert and add one where the sign is set.
    sizes ^= np.negative(sign)
    sizes += sign
    return sizes


def weight(steps: Words) -> int:
    """The sum of the sizes of steps, each counted as at most `SMALL`."""
    return int(np.minimum(np.abs(steps.view(np.int16)).view(np.uint16), SMALL).sum(dtype=np.uint32))


def split(numbers: Array, turn: Turn) -> list[Bytes]:
    """The planes of bytes, lowest first, of numbers that are turned first."""
    width = numbers.itemsize
    if turn is Turn.ROTATED:
        numbers = _rotate(numbers, 1)
    elif turn is Turn.ZIGZAG:
        signed = numbers.view(f"i{width}")
        numbers = ((signed << 1) ^ (signed >> (8 * width - 1))).view(UNSIGNED[width])
    if width == 1:
        return [numbers]
    table = numbers.view(np.uint8).reshape(-1, width)
    return [np.ascontiguousarray(table[:, plane]) for plane in range(width)]


def join(planes: Sequence[Bytes], turn: Turn) -> Array:
    """The inverse."""
    width = len(planes)
    table = np.empty((planes[0].size, width), np.uint8)
    for index, plane in enumerate(planes):
        table[:, index] = plane
    numbers: Array = table.reshape(-1).view(UNSIGNED[width])
    if turn is Turn.ROTATED:
        return _rotate(numbers, 8 * width - 1)
    if turn is Turn.ZIGZAG:
        negative: Array = np.negative(numbers & UNSIGNED[width](1))
        negative ^= numbers >> UNSIGNED[width](1)
        return negative
    return numbers


def steps(new: Array, old: Array, shift: int) -> tuple[Bytes, Array]:
    """A bit for each block of numbers, whether anything in it changed; and the steps of the numbers in such blocks.

    Where `shift` is not 0, they stand in the stable order by the byte of the old number above its lowest `shift` bits.
    """
    found: Array = new - old
    live = _live_blocks(found)
    if not live.all():
        kept = _elements_of(live, found.size)
        found, old = found.take(kept), old.take(kept)
    if shift and found.size:
        found = found.take(_order(old, shift))
    return np.packbits(live), found


def apply(old: Array, live: Bytes, shift: int, steps: Array) -> Array:
    """The inverse: the new numbers. `steps` has as many as live blocks hold, and is used up."""
    blocks = _flags(live, -(-old.size // BLOCK))
    kept = None if blocks.all() else _elements_of(blocks, old.size)
    near = old if kept is None else old.take(kept)
    if shift and near.size:
        placed = np.empty_like(steps)
        placed[_order(near, shift)] = steps
        steps = placed
    steps += near
    if kept is None:
        return steps
    numbers = old.copy()
    numbers[kept] = steps
    return numbers


def _flags(bits: Bytes, length: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits, count=length).view(np.bool_)


def _rotate(numbers: Array, bits: int) -> Array:
    kind = numbers.dtype.type
    turned: Array = numbers << kind(bits)
    turned |= numbers >> kind(8 * numbers.itemsize - bits)
    return turned


def _live_blocks(steps: Array) -> NDArray[np.bool_]:
    whole = steps.size // BLOCK * BLOCK
    live = np.empty(-(-steps.size // BLOCK), np.bool_)
    # Whole words are tested, not elements: the bytes of a block are a multiple of eight.
    words = steps[:whole].view(np.uint64).reshape(-1, BLOCK * steps.itemsize // 8)
    live[: whole // BLOCK] = words.any(axis=1)
    if whole < steps.size:
        live[-1] = steps[whole:].any()
    return live


def _elements_of(live: NDArray[np.bool_], size: int) -> NDArray[np.intp]:
    """Places of the elements in live blocks. Taking by place is several times as fast as by a mask."""
    return np.flatnonzero(np.repeat(live, BLOCK)[:size])


def _order(base: Array, shift: int) -> NDArray[Any]:
    """The stable order of elements by the exponent byte of their base; both sides compute it alike."""
    keys = (base >> base.dtype.type(shift)).astype(np.uint8)
    return np.argsort(keys, kind="stable")
