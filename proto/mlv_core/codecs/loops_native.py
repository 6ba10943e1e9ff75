"""The loops of the typed codecs in C: those of `loops_numpy`, function by function, without the interpreter's lock.

Every length that a kernel relies on is checked or made here. What a kernel writes is a new `bytes` object that nobody
else has seen; loops that use their steps up write into such a one again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mlv_core.codecs.numbers import BLOCK, WORD, Turn
from mlv_core.kernels import library

if TYPE_CHECKING:
    from mlv_core.codecs.numbers import Bytes

_POINTER, _SIZE, _INT, _WORD = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint16
_DOUBLE = ctypes.c_double
_COUNTS = ctypes.c_uint32 * 256
# Places in the order of steps are numbers of 32 bits.
_MOST = (1 << 32) - 1
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "count": (_SIZE, (_POINTER, _SIZE)),
    "histogram": (None, (_POINTER, _SIZE, _SIZE, _POINTER)),
    "entropy": (_DOUBLE, (_POINTER, _SIZE, _SIZE)),
    "compact": (_SIZE, (_POINTER, _SIZE, _WORD, _POINTER)),
    "expand": (_SIZE, (_POINTER, _SIZE, _WORD, _POINTER, _SIZE, _POINTER)),
    "part_signs": (None, (_POINTER, _SIZE, _POINTER)),
    "join_signs": (None, (_POINTER, _SIZE, _POINTER)),
    "weight": (_SIZE, (_POINTER, _SIZE)),
    "shift": (None, (_POINTER, _SIZE, _WORD)),
    "split": (None, (_POINTER, _SIZE, _INT, _POINTER)),
    "join": (None, (_POINTER, _SIZE, _INT, _POINTER)),
    "mark": (_SIZE, (_POINTER, _POINTER, _SIZE, _POINTER)),
    "steps": (None, (_POINTER, _POINTER, _SIZE, _POINTER, _INT, _POINTER)),
    "apply": (None, (_POINTER, _SIZE, _POINTER, _INT, _POINTER, _POINTER)),
}


class _View(ctypes.Structure):
    """The interpreter's `Py_buffer`, whose layout is part of its stable interface."""

    _fields_ = (
        ("start", ctypes.c_void_p),
        ("owner", ctypes.c_void_p),
        ("length", ctypes.c_ssize_t),
        ("item_size", ctypes.c_ssize_t),
        ("read_only", ctypes.c_int),
        ("dimensions", ctypes.c_int),
        ("format", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_look_at = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(_View), ctypes.c_int)(
    ("PyObject_GetBuffer", ctypes.pythonapi)
)
_look_away = ctypes.PYFUNCTYPE(None, ctypes.POINTER(_View))(("PyBuffer_Release", ctypes.pythonapi))
# Without a source it gives bytes that are yet to be written: that is how the interpreter's own code makes them.
_new_bytes = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)


def count(bits: Bytes, length: int) -> int:
    """As `loops_numpy.count`."""
    _need(len(bits) >= _bytes_for(length))
    return int(_kernel("count")(_at(bits), length))


def histogram(data: Bytes, stride: int, places: int) -> Sequence[int]:
    """As `loops_numpy.histogram`."""
    _need(stride > 0 and places > 0 and (places - 1) * stride < len(data))
    counts = _COUNTS()
    _kernel("histogram")(_at(data), places, stride, counts)
    return counts[:]


def entropy(data: Bytes, stride: int, places: int) -> float:
    """As `loops_numpy.entropy`."""
    _need(stride > 0 and places > 0 and (places - 1) * stride < len(data))
    return float(_kernel("entropy")(_at(data), places, stride))


def compact(steps: Bytes, limit: int) -> tuple[Bytes, Bytes]:
    """As `loops_numpy.compact`."""
    length = _words(steps)
    bits = _fresh(_bytes_for(length))
    kept = _kernel("compact")(_at(steps), length, limit, bits)
    return bits, memoryview(steps)[: kept * WORD]


def expand(bits: Bytes, length: int, below: int, above: Bytes) -> Bytes:
    """As `loops_numpy.expand`."""
    _need(len(bits) >= _bytes_for(length))
    held = _words(above)
    steps = _fresh(length * WORD)
    _need(_kernel("expand")(_at(bits), length, below, _at(above), held, steps) == held)
    return steps


def part_signs(steps: Bytes) -> tuple[Bytes, Bytes]:
    """As `loops_numpy.part_signs`."""
    length = _words(steps)
    bits = _fresh(_bytes_for(length))
    _kernel("part_signs")(_at(steps), length, bits)
    return bits, steps


def join_signs(bits: Bytes, sizes: Bytes) -> Bytes:
    """As `loops_numpy.join_signs`."""
    length = _words(sizes)
    _need(len(bits) >= _bytes_for(length))
    _kernel("join_signs")(_at(sizes), length, _at(bits))
    return sizes


def weight(steps: Bytes) -> int:
    """As `loops_numpy.weight`."""
    return int(_kernel("weight")(_at(steps), _words(steps)))


def shift(steps: Bytes, by: int) -> Bytes:
    """As `loops_numpy.shift`."""
    _kernel("shift")(_at(steps), _words(steps), by)
    return steps


def split(numbers: Bytes, width: int, turn: Turn) -> Sequence[Bytes]:
    """As `loops_numpy.split`."""
    length = _length(numbers, width)
    planes = _fresh(len(numbers))
    _kernel("split", width)(_at(numbers), length, turn, planes)
    whole = memoryview(planes)
    return [whole[plane * length : (plane + 1) * length] for plane in range(width)]


def join(planes: Sequence[Bytes], turn: Turn) -> Bytes:
    """As `loops_numpy.join`."""
    width, length = len(planes), len(planes[0])
    _need(all(len(plane) == length for plane in planes))
    numbers = _fresh(width * length)
    pointers = (_POINTER * width)(*map(_address, planes))
    _kernel("join", width)(pointers, length, turn, numbers)
    return numbers


def steps(new: Bytes, old: Bytes, width: int, shift: int) -> tuple[Bytes, Bytes]:
    """As `loops_numpy.steps`."""
    length = _length(old, width)
    _need(len(new) == len(old) and length <= _MOST and 0 <= shift < 8 * width)
    live = _fresh(_bytes_for(-(-length // BLOCK)))
    new_at, old_at = _at(new), _at(old)
    kept = _kernel("mark", width)(new_at, old_at, length, live)
    found = _fresh(kept * width)
    _kernel("steps", width)(new_at, old_at, length, live, shift, found)
    return live, found


def apply(old: Bytes, live: Bytes, width: int, shift: int, steps: Bytes) -> Bytes:
    """As `loops_numpy.apply`."""
    length = _length(old, width)
    blocks = -(-length // BLOCK)
    missing = blocks * BLOCK - length
    kept = count(live, blocks) * BLOCK
    if missing and live[(blocks - 1) >> 3] >> (7 - (blocks - 1 & 7)) & 1:
        kept -= missing
    _need(_length(steps, width) == kept and length <= _MOST and 0 <= shift < 8 * width)
    numbers = _fresh(len(old))
    _kernel("apply", width)(_at(old), length, _at(live), shift, _at(steps), numbers)
    return numbers


@cache
def _kernel(stem: str, width: int = 0) -> Callable[..., Any]:
    found = library()
    _need(found is not None)
    kernel: Callable[..., Any] = getattr(found, f"mlv_{stem}_{8 * width}" if width else f"mlv_{stem}")
    kernel.restype, kernel.argtypes = _SIGNATURES[stem]  # type: ignore[attr-defined]
    return kernel


def _at(data: Bytes) -> bytes | int:
    """What a kernel takes for a pointer; the caller holds `data` until it returns."""
    return data if isinstance(data, bytes) else _address(data)


def _address(data: Bytes) -> int:
    view = _View()
    _look_at(data, view, 0)
    _look_away(view)
    return int(view.start or 0)


def _fresh(size: int) -> bytes:
    made: bytes = _new_bytes(None, size)
    return made


def _words(steps: Bytes) -> int:
    return _length(steps, WORD)


def _length(numbers: Bytes, width: int) -> int:
    length, rest = divmod(len(numbers), width)
    _need(not rest)
    return length


def _bytes_for(bits: int) -> int:
    return -(-bits // 8)


def _need(met: bool) -> None:
    if not met:
        raise ValueError("the arrays do not fit each other")
