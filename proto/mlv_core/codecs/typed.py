"""Codecs `planes` and `delta`: arrays of numbers, alone or against an array of the same shape."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from mlv_core.codecs.streams import StreamReader, StreamWriter
from mlv_core.errors import DamagedContent
from mlv_core.segments.elements import ElementType

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    Array = NDArray[Any]
    Bytes = NDArray[np.uint8]

VERSION = 1
_HEADER = struct.Struct("<BBB")
_UNSIGNED: dict[int, type[np.unsignedinteger[Any]]] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_SIGNED: dict[int, type[np.signedinteger[Any]]] = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}

# Elements in a block of which one bit says whether anything in it changed.
_BLOCK = 128
# Steps that are written as one flag each before the escape planes begin.
_UNARY = 6
# Mean size of a step (each counted as at most 64) under which flags beat planes.
_SMALL_STEP = 5
_BY_PLANES, _BY_FLAGS = 0, 1


def encode_planes(plain: Buffer, element: ElementType) -> bytes:
    """Byte planes of `plain`; floats are rotated left by one bit so that exponent and sign share no byte."""
    writer, numbers = _begin(plain, element)
    if element.mantissa_bits:
        numbers = _rotate(numbers, element.width, 1)
    _write_planes(writer, numbers, element.width)
    return writer.join()


def encode_delta(plain: Buffer, base: Buffer, element: ElementType) -> bytes:
    """`plain` as steps from `base`, which has the same length.

    Bit patterns are subtracted as integers; blocks without a change are dropped; the rest is ordered by the
    base's exponent, because an optimizer's step has about one absolute size, so that its size in units of the
    last place follows from the exponent.
    """
    writer, numbers = _begin(plain, element)
    width, old = element.width, _numbers(base, element.width)
    steps = numbers - old
    live = _live_blocks(steps)
    writer.add(np.packbits(live))
    if not live.all():
        kept = _elements_of(live, steps.size)
        steps, old = steps.take(kept), old.take(kept)
    if steps.size == 0:
        return writer.join()
    if element.mantissa_bits:
        steps = steps.take(_order(old, element.mantissa_bits))
    signed = steps.view(_SIGNED[width])
    if width == 2:  # noqa: PLR2004 - the only width whose steps are often a few units
        sizes = np.abs(signed).view(np.uint16)
        if np.minimum(sizes, 64).sum(dtype=np.uint32) < _SMALL_STEP * sizes.size:
            writer.literal(bytes([_BY_FLAGS]))
            _write_flags(writer, signed, sizes)
            return writer.join()
    writer.literal(bytes([_BY_PLANES]))
    _write_planes(writer, ((signed << 1) ^ (signed >> (8 * width - 1))).view(_UNSIGNED[width]), width)
    return writer.join()


def decode_planes(blob: memoryview, plain_length: int) -> bytes:
    """The plain bytes of a blob of `encode_planes`. Raises: DamagedContent."""
    reader, width, mantissa_bits, tail = _open(blob, plain_length)
    numbers = _read_planes(reader, plain_length // width, width)
    reader.finish()
    if mantissa_bits:
        numbers = _rotate(numbers, width, 8 * width - 1)
    return _finish(numbers, tail)


def decode_delta(blob: memoryview, plain_length: int, base: Buffer) -> bytes:
    """The plain bytes of a blob of `encode_delta` against the same `base`. Raises: DamagedContent."""
    reader, width, mantissa_bits, tail = _open(blob, plain_length)
    old = _numbers(base, width)
    live = np.unpackbits(reader.take(-(-_blocks(old.size) // 8)), count=_blocks(old.size)).view(np.bool_)
    kept = None if live.all() else _elements_of(live, old.size)
    near = old if kept is None else old.take(kept)
    steps = _read_steps(reader, near.size, width)
    reader.finish()
    if mantissa_bits and near.size:
        placed = np.empty_like(steps)
        placed[_order(near, mantissa_bits)] = steps
        steps = placed
    steps += near
    if kept is None:
        return _finish(steps, tail)
    numbers = old.copy()
    numbers[kept] = steps
    return _finish(numbers, tail)


def _begin(plain: Buffer, element: ElementType) -> tuple[StreamWriter, Array]:
    view = memoryview(plain).cast("B")
    writer = StreamWriter()
    writer.literal(_HEADER.pack(VERSION, element.width, element.mantissa_bits))
    writer.literal(bytes(view[len(view) - len(view) % element.width :]))
    return writer, _numbers(view, element.width)


def _open(blob: memoryview, plain_length: int) -> tuple[StreamReader, int, int, bytes]:
    reader = StreamReader(blob)
    version, width, mantissa_bits = _HEADER.unpack(reader.literal(_HEADER.size))
    if version != VERSION:
        raise DamagedContent(f"a coded segment has format version {version}; version {VERSION} is known")
    if width not in _UNSIGNED or mantissa_bits >= 8 * width:
        raise DamagedContent("a coded segment names no known layout of numbers")
    return reader, width, mantissa_bits, bytes(reader.literal(plain_length % width))


def _numbers(data: Buffer, width: int) -> Array:
    view = memoryview(data).cast("B")
    numbers: Array = np.frombuffer(view, _UNSIGNED[width], count=len(view) // width)
    return numbers


def _finish(numbers: Array, tail: bytes) -> bytes:
    return numbers.tobytes() + tail if tail else numbers.tobytes()


def _rotate(numbers: Array, width: int, bits: int) -> Array:
    kind = _UNSIGNED[width]
    turned: Array = numbers << kind(bits)
    turned |= numbers >> kind(8 * width - bits)
    return turned


def _blocks(count: int) -> int:
    return -(-count // _BLOCK)


def _live_blocks(steps: Array) -> NDArray[np.bool_]:
    whole = steps.size // _BLOCK * _BLOCK
    live = np.empty(_blocks(steps.size), np.bool_)
    # Whole words are tested, not elements: the bytes of a block are a multiple of eight.
    words = steps[:whole].view(np.uint64).reshape(-1, _BLOCK * steps.itemsize // 8)
    live[: whole // _BLOCK] = words.any(axis=1)
    if whole < steps.size:
        live[-1] = steps[whole:].any()
    return live


def _elements_of(live: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """Places of the elements in live blocks. Taking by place is several times as fast as by a mask."""
    return np.flatnonzero(np.repeat(live, _BLOCK)[:count])


def _order(base: Array, mantissa_bits: int) -> NDArray[np.intp]:
    """The stable order of elements by the exponent byte of their base; both sides compute it alike."""
    keys = (base >> base.dtype.type(mantissa_bits)).astype(np.uint8)
    return np.argsort(keys, kind="stable")


def _write_planes(writer: StreamWriter, numbers: Array, width: int) -> None:
    if width == 1:
        writer.add(numbers)
        return
    table = numbers.view(np.uint8).reshape(-1, width)
    for plane in range(width):
        writer.add(np.ascontiguousarray(table[:, plane]))


def _read_planes(reader: StreamReader, count: int, width: int) -> Array:
    if width == 1:
        return reader.take(count)
    table = np.empty((count, width), np.uint8)
    for plane in range(width):
        table[:, plane] = reader.take(count)
    return table.reshape(-1).view(_UNSIGNED[width])


def _write_flags(writer: StreamWriter, signed: Array, sizes: NDArray[np.uint16]) -> None:
    changed = sizes > 0
    writer.add(np.packbits(changed))
    places = np.flatnonzero(changed)
    writer.add(np.packbits(signed.take(places) < 0))
    left = sizes.take(places)
    for step in range(1, _UNARY):
        further = left > step
        writer.add(np.packbits(further))
        left = left.take(np.flatnonzero(further))
    _write_planes(writer, left - np.uint16(_UNARY), 2)


def _read_steps(reader: StreamReader, count: int, width: int) -> Array:
    """Steps as wrapping unsigned numbers, in the order in which they were written."""
    if count == 0:
        return np.empty(0, _UNSIGNED[width])
    mode = reader.literal(1)[0]
    if mode == _BY_FLAGS and width == 2:  # noqa: PLR2004 - flags exist for 16-bit numbers only
        return _read_flags(reader, count)
    if mode != _BY_PLANES:
        raise DamagedContent("a coded segment holds an unknown kind of steps")
    zigzag = _read_planes(reader, count, width)
    one = _UNSIGNED[width](1)
    negative: Array = np.negative(zigzag & one)
    negative ^= zigzag >> one
    return negative


def _read_flags(reader: StreamReader, count: int) -> Array:
    changed = np.flatnonzero(_read_bits(reader, count))
    negative = _read_bits(reader, changed.size)
    sizes = np.ones(changed.size, np.uint16)
    places = np.flatnonzero(_read_bits(reader, changed.size))
    sizes[places] = 2
    for step in range(2, _UNARY):
        places = places.take(np.flatnonzero(_read_bits(reader, places.size)))
        sizes[places] = step + 1
    sizes[places] += _read_planes(reader, places.size, 2)
    steps = np.zeros(count, np.uint16)
    sign = negative.astype(np.uint16)
    # Two's complement without a mask: invert and add one where the sign is set.
    steps[changed] = (sizes ^ np.negative(sign)) + sign
    return steps


def _read_bits(reader: StreamReader, count: int) -> NDArray[np.bool_]:
    return np.unpackbits(reader.take(-(-count // 8)), count=count).view(np.bool_)
