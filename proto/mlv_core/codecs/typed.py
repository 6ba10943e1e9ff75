"""Codecs `planes` and `delta`: arrays of numbers, alone or against an array of the same shape."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlv_core.codecs.numbers import BLOCK, WIDTHS, WORD, Loops, Turn
from mlv_core.codecs.paths import loops
from mlv_core.codecs.streams import StreamReader, StreamWriter
from mlv_core.errors import DamagedContent
from mlv_core.segments.elements import ElementType

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from mlv_core.codecs.numbers import Bytes

VERSION = 1
_HEADER = struct.Struct("<BBB")

# Steps that are written as one flag each before the escape planes begin.
_UNARY = 6
# Mean size of a step (each counted as at most 64) under which flags beat planes.
_SMALL_STEP = 5
_BY_PLANES, _BY_FLAGS = 0, 1


def encode_planes(plain: Buffer, element: ElementType) -> bytes:
    """Byte planes of `plain`; floats are rotated left by one bit so that exponent and sign share no byte."""
    writer, numbers = _begin(plain, element)
    for plane in loops().split(numbers, element.width, _turn(element.mantissa_bits)):
        writer.add(plane)
    return writer.join()


def encode_delta(plain: Buffer, base: Buffer, element: ElementType) -> bytes:
    """`plain` as steps from `base`, which has the same length.

    Bit patterns are subtracted as integers; blocks without a change are dropped; the rest is ordered by the
    base's exponent, because an optimizer's step has about one absolute size, so that its size in units of the
    last place follows from the exponent.
    """
    path, width = loops(), element.width
    writer, numbers = _begin(plain, element)
    live, steps = path.steps(numbers, _numbers(base, width), width, element.mantissa_bits)
    writer.add(live)
    if not len(steps):
        return writer.join()
    # 16-bit numbers are the only ones whose steps are often a few units.
    if width == WORD and path.weight(steps) < _SMALL_STEP * (len(steps) // width):
        writer.literal(bytes([_BY_FLAGS]))
        _write_flags(writer, steps, path)
        return writer.join()
    writer.literal(bytes([_BY_PLANES]))
    for plane in path.split(steps, width, Turn.ZIGZAG):
        writer.add(plane)
    return writer.join()


def decode_planes(blob: memoryview, plain_length: int) -> bytes:
    """The plain bytes of a blob of `encode_planes`. Raises: DamagedContent."""
    reader, width, mantissa_bits, tail = _open(blob, plain_length)
    planes = [reader.take(plain_length // width) for _ in range(width)]
    reader.finish()
    return _finish(loops().join(planes, _turn(mantissa_bits)), tail)


def decode_delta(blob: memoryview, plain_length: int, base: Buffer) -> bytes:
    """The plain bytes of a blob of `encode_delta` against the same `base`. Raises: DamagedContent."""
    path = loops()
    reader, width, mantissa_bits, tail = _open(blob, plain_length)
    old = _numbers(base, width)
    length = plain_length // width
    blocks = -(-length // BLOCK)
    live = reader.take(-(-blocks // 8))
    count = path.count(live, blocks) * BLOCK
    if path.count(live, blocks) > path.count(live, length // BLOCK):
        count -= blocks * BLOCK - length  # the last block is a short one
    steps = _read_steps(reader, count, width, path)
    reader.finish()
    return _finish(path.apply(old, live, width, mantissa_bits, steps), tail)


def _turn(mantissa_bits: int) -> Turn:
    return Turn.ROTATED if mantissa_bits else Turn.PLAIN


def _begin(plain: Buffer, element: ElementType) -> tuple[StreamWriter, Bytes]:
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
    if width not in WIDTHS or mantissa_bits >= 8 * width:
        raise DamagedContent("a coded segment names no known layout of numbers")
    return reader, width, mantissa_bits, bytes(reader.literal(plain_length % width))


def _numbers(data: Buffer, width: int) -> Bytes:
    view = memoryview(data).cast("B")
    return view[: len(view) - len(view) % width]


def _finish(numbers: Bytes, tail: bytes) -> bytes:
    return b"".join((numbers, tail)) if tail else bytes(numbers)


def _write_flags(writer: StreamWriter, steps: Bytes, path: Loops) -> None:
    changed, left = path.compact(steps, 0)
    writer.add(changed)
    negative, left = path.part_signs(left)
    writer.add(negative)
    for step in range(1, _UNARY):
        further, left = path.compact(left, step)
        writer.add(further)
    for plane in path.split(path.shift(left, (1 << 8 * WORD) - _UNARY), WORD, Turn.PLAIN):
        writer.add(plane)


def _read_steps(reader: StreamReader, count: int, width: int, path: Loops) -> Bytes:
    """Steps as wrapping unsigned numbers, in the order in which they were written."""
    if count == 0:
        return b""
    mode = reader.literal(1)[0]
    if mode == _BY_FLAGS and width == WORD:
        return _read_flags(reader, count, path)
    if mode != _BY_PLANES:
        raise DamagedContent("a coded segment holds an unknown kind of steps")
    return path.join([reader.take(count) for _ in range(width)], Turn.ZIGZAG)


def _read_flags(reader: StreamReader, count: int, path: Loops) -> Bytes:
    changed, changes = reader.take(-(-count // 8)), count
    count = path.count(changed, changes)
    negative = reader.take(-(-count // 8))
    levels = []
    for _ in range(1, _UNARY):
        further = reader.take(-(-count // 8))
        levels.append((further, count))
        count = path.count(further, count)
    steps = path.shift(path.join([reader.take(count) for _ in range(WORD)], Turn.PLAIN), _UNARY)
    for step in range(_UNARY - 1, 0, -1):
        further, count = levels[step - 1]
        steps = path.expand(further, count, step, steps)
    return path.expand(changed, changes, 0, path.join_signs(negative, steps))
