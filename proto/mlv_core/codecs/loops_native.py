"""The loops of the typed codecs in C: those of `loops_numpy`, function by function, without the interpreter's lock.

Every length that a kernel relies on is checked or made here; the arrays are contiguous, as the codecs make no others.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlv_core.codecs.numbers import BLOCK, UNSIGNED, Turn
from mlv_core.kernels import library

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlv_core.codecs.numbers import Array, Bytes, Words

_POINTER, _SIZE, _INT, _WORD = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint16
# Places in the order of steps are numbers of 32 bits.
_MOST = (1 << 32) - 1
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "count": (_SIZE, (_POINTER, _SIZE)),
    "histogram": (None, (_POINTER, _SIZE, _SIZE, _POINTER)),
    "compact": (_SIZE, (_POINTER, _SIZE, _WORD, _POINTER)),
    "expand": (None, (_POINTER, _SIZE, _WORD, _POINTER, _POINTER)),
    "part_signs": (None, (_POINTER, _SIZE, _POINTER)),
    "join_signs": (None, (_POINTER, _SIZE, _POINTER)),
    "weight": (_SIZE, (_POINTER, _SIZE)),
    "split": (None, (_POINTER, _SIZE, _INT, _POINTER)),
    "join": (None, (_POINTER, _SIZE, _INT, _POINTER)),
    "mark": (_SIZE, (_POINTER, _POINTER, _SIZE, _POINTER)),
    "steps": (None, (_POINTER, _POINTER, _SIZE, _POINTER, _INT, _POINTER)),
    "apply": (None, (_POINTER, _SIZE, _POINTER, _INT, _POINTER, _POINTER)),
}


def count(bits: Bytes, length: int) -> int:
    """As `loops_numpy.count`."""
    _need(bits.size >= _bytes_for(length))
    return int(_kernel("count")(bits.ctypes.data, length))


def histogram(data: Bytes, stride: int, places: int) -> NDArray[np.integer[Any]]:
    """As `loops_numpy.histogram`."""
    _need(stride > 0 and places > 0 and (places - 1) * stride < data.size)
    counts = np.empty(256, np.uint32)
    _kernel("histogram")(data.ctypes.data, places, stride, counts.ctypes.data)
    return counts


def compact(steps: Words, limit: int) -> tuple[Bytes, Words]:
    """As `loops_numpy.compact`."""
    bits = np.empty(_bytes_for(steps.size), np.uint8)
    kept = _kernel("compact")(steps.ctypes.data, steps.size, limit, bits.ctypes.data)
    return bits, steps[:kept]


def expand(bits: Bytes, length: int, below: int, above: Words) -> Words:
    """As `loops_numpy.expand`."""
    _need(count(bits, length) == above.size)
    padded = np.empty(above.size + 1, np.uint16)  # the kernel looks at the next one before it knows that it needs it
    padded[:-1] = above
    steps = np.empty(length, np.uint16)
    _kernel("expand")(bits.ctypes.data, length, below, padded.ctypes.data, steps.ctypes.data)
    return steps


def part_signs(steps: Words) -> tuple[Bytes, Words]:
    """As `loops_numpy.part_signs`."""
    bits = np.empty(_bytes_for(steps.size), np.uint8)
    _kernel("part_signs")(steps.ctypes.data, steps.size, bits.ctypes.data)
    return bits, steps


def join_signs(bits: Bytes, sizes: Words) -> Words:
    """As `loops_numpy.join_signs`."""
    _need(bits.size >= _bytes_for(sizes.size))
    _kernel("join_signs")(sizes.ctypes.data, sizes.size, bits.ctypes.data)
    return sizes


def weight(steps: Words) -> int:
    """As `loops_numpy.weight`."""
    return int(_kernel("weight")(steps.ctypes.data, steps.size))


def split(numbers: Array, turn: Turn) -> list[Bytes]:
    """As `loops_numpy.split`."""
    width = numbers.itemsize
    planes = np.empty((width, numbers.size), np.uint8)
    _kernel("split", width)(numbers.ctypes.data, numbers.size, turn, planes.ctypes.data)
    return list(planes)


def join(planes: Sequence[Bytes], turn: Turn) -> Array:
    """As `loops_numpy.join`."""
    width, length = len(planes), planes[0].size
    _need(all(plane.size == length for plane in planes))
    numbers: Array = np.empty(length, UNSIGNED[width])
    pointers = (_POINTER * width)(*(plane.ctypes.data for plane in planes))
    _kernel("join", width)(pointers, length, turn, numbers.ctypes.data)
    return numbers


def steps(new: Array, old: Array, shift: int) -> tuple[Bytes, Array]:
    """As `loops_numpy.steps`."""
    width, size = old.itemsize, old.size
    _need(new.size == size <= _MOST and new.itemsize == width and 0 <= shift < 8 * width)
    live = np.empty(_bytes_for(-(-size // BLOCK)), np.uint8)
    kept = _kernel("mark", width)(new.ctypes.data, old.ctypes.data, size, live.ctypes.data)
    found: Array = np.empty(kept, old.dtype)
    _kernel("steps", width)(new.ctypes.data, old.ctypes.data, size, live.ctypes.data, shift, found.ctypes.data)
    return live, found


def apply(old: Array, live: Bytes, shift: int, steps: Array) -> Array:
    """As `loops_numpy.apply`."""
    width, size = old.itemsize, old.size
    blocks = -(-size // BLOCK)
    missing = blocks * BLOCK - size
    kept = count(live, blocks) * BLOCK
    if missing and live[(blocks - 1) >> 3] >> (7 - (blocks - 1 & 7)) & 1:
        kept -= missing
    _need(steps.size == kept and size <= _MOST and steps.itemsize == width and 0 <= shift < 8 * width)
    numbers: Array = np.empty(size, old.dtype)
    _kernel("apply", width)(old.ctypes.data, size, live.ctypes.data, shift, steps.ctypes.data, numbers.ctypes.data)
    return numbers


@cache
def _kernel(stem: str, width: int = 0) -> Callable[..., Any]:
    found = library()
    _need(found is not None)
    kernel: Callable[..., Any] = getattr(found, f"mlv_{stem}_{8 * width}" if width else f"mlv_{stem}")
    kernel.restype, kernel.argtypes = _SIGNATURES[stem]  # type: ignore[attr-defined]
    return kernel


def _bytes_for(bits: int) -> int:
    return -(-bits // 8)


def _need(met: bool) -> None:
    if not met:
        raise ValueError("the arrays do not fit each other")
