"""The loops of the typed codecs in numpy: they run everywhere, and say what the compiled ones have to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlv_core.codecs.numbers import BLOCK, SMALL, WORD, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlv_core.codecs.numbers import Bytes

    Array = NDArray[Any]
    Words = NDArray[np.uint16]

UNSIGNED: dict[int, type[np.unsignedinteger[Any]]] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def count(bits: Bytes, length: int) -> int:
    """How many of the first `length` bits are set."""
    return int(np.count_nonzero(_flags(bits, length)))


def histogram(data: Bytes, stride: int, places: int) -> Sequence[int]:
    """How often each byte occurs at the first of `places` that lie `stride` apart."""
    counts: list[int] = np.bincount(_array(data, 1)[::stride][:places], minlength=256).tolist()
    return counts


def entropy(data: Bytes, stride: int, places: int) -> float:
    """Bits a byte of the order-0 entropy of such bytes, to within 1e-9; 0 exactly where all are the same."""
    counts = np.bincount(_array(data, 1)[::stride][:places])
    shares = counts[counts > 0] / places
    return float(-(shares * np.log2(shares)).sum())


def compact(steps: Bytes, limit: int) -> tuple[Bytes, Bytes]:
    """A bit for each step of 16 bits, whether it is above `limit`; and those that are. `steps` is used up."""
    words = _array(steps, WORD)
    above = words > np.uint16(limit)
    return _bytes(np.packbits(above)), _bytes(words.take(np.flatnonzero(above)))


def expand(bits: Bytes, length: int, below: int, above: Bytes) -> Bytes:
    """The inverse: the next of `above` where one of `length` bits is set, else `below`."""
    steps = np.full(length, below, np.uint16)
    steps[np.flatnonzero(_flags(bits, length))] = _array(above, WORD)
    return _bytes(steps)


def part_signs(steps: Bytes) -> tuple[Bytes, Bytes]:
    """A bit for each step of 16 bits, whether it is negative; and the sizes. `steps` is used up."""
    signed = _array(steps, WORD).view(np.int16)
    return _bytes(np.packbits(signed < 0)), _bytes(np.abs(signed))


def join_signs(bits: Bytes, sizes: Bytes) -> Bytes:
    """The inverse. `sizes` is used up."""
    words: Words = _array(sizes, WORD)
    sign = _flags(bits, words.size).astype(np.uint16)
    # Two's complement without a mask: invert and add one where the sign is set.
    signed = words ^ np.negative(sign)
    signed += sign
    return _bytes(signed)


def weight(steps: Bytes) -> int:
    """The sum of the sizes of steps of 16 bits, each counted as at most `SMALL`."""
    sizes = np.abs(_array(steps, WORD).view(np.int16)).view(np.uint16)
    return int(np.minimum(sizes, SMALL).sum(dtype=np.uint32))


def shift(steps: Bytes, by: int) -> Bytes:
    """Steps of 16 bits, each raised by `by` (0 to 65535) with wrapping. `steps` is used up."""
    return _bytes(_array(steps, WORD) + np.uint16(by))


def split(numbers: Bytes, width: int, turn: Turn) -> Sequence[Bytes]:
    """The planes of bytes, lowest first, of numbers that are turned first."""
    turned = _array(numbers, width)
    if turn is Turn.ROTATED:
        turned = _rotate(turned, 1)
    elif turn is Turn.ZIGZAG:
        signed = turned.view(f"i{width}")
        turned = (signed << 1) ^ (signed >> (8 * width - 1))
    table = turned.view(np.uint8).reshape(-1, width)
    return [_bytes(np.ascontiguousarray(table[:, plane])) for plane in range(width)]


def join(planes: Sequence[Bytes], turn: Turn) -> Bytes:
    """The inverse."""
    width = len(planes)
    table = np.empty((len(planes[0]), width), np.uint8)
    for index, plane in enumerate(planes):
        table[:, index] = _array(plane, 1)
    numbers: Array = table.reshape(-1).view(UNSIGNED[width])
    if turn is Turn.ROTATED:
        numbers = _rotate(numbers, 8 * width - 1)
    elif turn is Turn.ZIGZAG:
        negative: Array = np.negative(numbers & UNSIGNED[width](1))
        negative ^= numbers >> UNSIGNED[width](1)
        numbers = negative
    return _bytes(numbers)


def steps(new: Bytes, old: Bytes, width: int, shift: int) -> tuple[Bytes, Bytes]:
    """A bit for each block of numbers, whether anything in it changed; and the steps of the numbers in such blocks.

    Where `shift` is not 0, they stand in the stable order by the byte of the old number above its lowest `shift` bits.
    """
    base = _array(old, width)
    found: Array = _array(new, width) - base
    live = _live_blocks(found)
    if not live.all():
        kept = _elements_of(live, found.size)
        found, base = found.take(kept), base.take(kept)
    if shift and found.size:
        found = found.take(_order(base, shift))
    return _bytes(np.packbits(live)), _bytes(found)


def apply(old: Bytes, live: Bytes, width: int, shift: int, steps: Bytes) -> Bytes:
    """The inverse: the new numbers. `steps` has as many as live blocks hold."""
    base, found = _array(old, width), _array(steps, width)
    blocks = _flags(live, -(-base.size // BLOCK))
    kept = None if blocks.all() else _elements_of(blocks, base.size)
    near = base if kept is None else base.take(kept)
    if shift and near.size:
        placed = np.empty_like(found)
        placed[_order(near, shift)] = found
        found = placed
    sums: Array = found + near
    if kept is None:
        return _bytes(sums)
    numbers = base.copy()
    numbers[kept] = sums
    return _bytes(numbers)


def _array(data: Bytes, width: int) -> Array:
    numbers: Array = np.frombuffer(data, UNSIGNED[width])
    return numbers


def _bytes(array: Array) -> Bytes:
    # A view of nothing cannot be cast.
    return array.view(np.uint8).data if array.size else b""


def _flags(bits: Bytes, length: int) -> NDArray[np.bool_]:
    return np.unpackbits(_array(bits, 1), count=length).view(np.bool_)


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
