"""The measured reference of codecs 2 and 3, kept apart from the product so that the product has something to meet.

A segment is a run of at most 2 MiB of one tensor: one element `width` in bytes, one float layout with `mantissa`
bits (float32: 4 and 23; bfloat16: 2 and 7; float16: 2 and 10; float64: 8 and 52; integers: mantissa 0).

Planes ("P"): floats rotated left by one, so that exponent and sign stop sharing bytes; byte planes; each plane
    stored as a run, raw, or entropy coded.
Delta ("D"): new - base on the bit patterns as wrapping integers, zigzag; all-zero blocks of 128 elements dropped;
    elements ordered by the exponent byte of the base with a stable sort that the decoder can repeat: an AdamW step
    has about the same absolute size for every weight, so in units of the last place it is a function of the
    exponent. Small steps of 2-byte floats go through packed unary flags, all others through byte planes.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

BLOCK = 128
UNARY_STEPS = 6
ESCAPE_MEAN = 5
DELTA_PAYS = 0.6
NOISE_BITS = 7.8
PROBE = 16_384
_HEAD = struct.Struct("<cBBQB")
_STREAM = struct.Struct("<BII")
_RAW, _ZSTD, _ZEROS = 0, 1, 2
_UINT: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_INT: dict[int, Any] = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}
# Only long matches are found with this table and window, so that zstd acts as a Huffman coder: the Python bindings
# have no switch for "literals only".
_HUFFMAN = zstandard.ZstdCompressionParameters.from_level(
    1,
    window_log=17,
    hash_log=6,
    chain_log=6,
    min_match=7,
    strategy=zstandard.STRATEGY_FAST,
    write_content_size=1,
    write_checksum=0,
)
Array = npt.NDArray[Any]


def encode(new: bytes, width: int, mantissa: int, base: bytes | None = None) -> bytes:
    """The smaller of delta (against a `base` of equal length) and planes, with a header of 12 bytes."""
    compressor = zstandard.ZstdCompressor(compression_params=_HUFFMAN)
    whole = np.frombuffer(new, np.uint8)
    tail = whole.size % width
    elements = whole[: whole.size - tail].view(_UINT[width])

    def blob(kind: bytes, streams: list[Array]) -> bytes:
        head = _HEAD.pack(kind, width, mantissa, whole.size, tail) + whole[whole.size - tail :].tobytes()
        return head + _pack(streams, compressor)

    def planes() -> bytes:
        return blob(b"P", _planes(_rotate(elements, width, 1) if mantissa else elements, width))

    if base is None or len(base) != whole.size:
        return planes()
    old = np.frombuffer(base, np.uint8)[: whole.size - tail].view(_UINT[width])
    delta = blob(b"D", _delta_streams(elements, old, width, mantissa))
    return delta if len(delta) < DELTA_PAYS * whole.size else min(delta, planes(), key=len)


def decode(blob: bytes, base: bytes | None = None) -> bytes:
    """The plain bytes of an encoded segment; a delta needs the base it was made against."""
    kind, width, mantissa, size, tail = _HEAD.unpack_from(blob)
    payload = _HEAD.size + tail
    streams = _unpack(memoryview(blob)[payload:])
    if kind == b"P":
        elements = _join_planes(streams, width)
        elements = _rotate(elements, width, 8 * width - 1) if mantissa else elements
    else:
        if base is None:
            raise ValueError("a delta needs its base")
        old = np.frombuffer(base, np.uint8)[: size - tail].view(_UINT[width])
        elements = _apply_delta(streams, old, width, mantissa)
    return elements.tobytes() + bytes(blob[payload - tail : payload])


def _pack(streams: list[Array], compressor: zstandard.ZstdCompressor) -> bytes:
    return struct.pack("<H", len(streams)) + b"".join(_stream(np.ascontiguousarray(s), compressor) for s in streams)


def _stream(stream: Array, compressor: zstandard.ZstdCompressor) -> bytes:
    size = stream.size
    if size == 0:
        return _STREAM.pack(_RAW, 0, 0)
    probe = stream if size <= 4 * PROBE else stream[:: size // PROBE][:PROBE]
    counts = np.bincount(probe, minlength=256)
    shares = counts[counts > 0] / probe.size
    entropy = float(-(shares * np.log2(shares)).sum())
    if entropy == 0.0 and not stream.any():
        return _STREAM.pack(_ZEROS, size, 0)
    if entropy < NOISE_BITS:
        packed = compressor.compress(stream.data)
        if len(packed) < size:
            return _STREAM.pack(_ZSTD, size, len(packed)) + packed
    return _STREAM.pack(_RAW, size, size) + stream.tobytes()


def _unpack(payload: memoryview) -> list[Array]:
    decompressor = zstandard.ZstdDecompressor()
    (count,), at, streams = struct.unpack_from("<H", payload), 2, []
    for _ in range(count):
        method, size, stored = _STREAM.unpack_from(payload, at)
        at += _STREAM.size
        if method == _ZEROS:
            streams.append(np.zeros(size, np.uint8))
            continue
        data: Any = payload[at : at + stored]
        at += stored
        plain = decompressor.decompress(data, max_output_size=size) if method == _ZSTD else data
        streams.append(np.frombuffer(plain, np.uint8))
    return streams


def _planes(elements: Array, width: int) -> list[Array]:
    octets = elements.view(np.uint8).reshape(-1, width)
    return [np.ascontiguousarray(octets[:, i]) for i in range(width)]


def _join_planes(planes: list[Array], width: int) -> Array:
    octets = np.empty((planes[0].size, width), np.uint8)
    for i in range(width):
        octets[:, i] = planes[i]
    return octets.reshape(-1).view(_UINT[width])


def _rotate(elements: Array, width: int, left: int) -> Array:
    of_type = elements.dtype.type
    rotated: Array = (elements << of_type(left)) | (elements >> of_type(8 * width - left))
    return rotated


def _order(base: Array, mantissa: int) -> Array:
    key = (base >> base.dtype.type(mantissa)).astype(np.uint8)
    return np.argsort(key, kind="stable")


def _delta_streams(new: Array, base: Array, width: int, mantissa: int) -> list[Array]:
    delta = (new - base).view(_INT[width])
    count = delta.size
    blocks = -(-count // BLOCK)
    padded = np.zeros(blocks * BLOCK, delta.dtype)
    padded[:count] = delta
    live = padded.reshape(blocks, BLOCK).any(1)
    if not live.all():
        keep = np.repeat(live, BLOCK)[:count]
        delta, base = delta[keep], base[keep]
    if mantissa and delta.size:
        delta = delta[_order(base, mantissa)]
    if width == 2 and delta.size:
        sizes = np.abs(delta.astype(np.int32)).astype(np.uint16)
        if np.minimum(sizes, 64).mean() < ESCAPE_MEAN:
            return [np.packbits(live), np.array([1], np.uint8), *_unary(delta, sizes)]
    zigzag = ((delta << 1) ^ (delta >> (8 * width - 1))).view(_UINT[width])
    return [np.packbits(live), np.array([0], np.uint8), *_planes(zigzag, width)]


def _unary(delta: Array, sizes: Array) -> list[Array]:
    moved = sizes > 0
    streams = [np.packbits(moved), np.packbits(delta[moved] < 0)]
    sizes = sizes[moved]
    for step in range(1, UNARY_STEPS):
        more = sizes > step
        streams.append(np.packbits(more))
        sizes = sizes[more]
    return streams + _planes(sizes - np.uint16(UNARY_STEPS), 2)


def _undo_unary(streams: list[Array], count: int) -> Array:
    moved = np.unpackbits(streams[0], count=count).view(bool)
    counts = [int(np.count_nonzero(moved))]
    negative = np.unpackbits(streams[1], count=counts[0]).view(bool)
    ladder = []
    for step in range(1, UNARY_STEPS):
        more = np.unpackbits(streams[1 + step], count=counts[-1]).view(bool)
        ladder.append(more)
        counts.append(int(np.count_nonzero(more)))
    sizes = _join_planes(streams[-2:], 2) + np.uint16(UNARY_STEPS)
    for step in range(UNARY_STEPS - 1, 0, -1):
        below = np.full(counts[step - 1], step, np.uint16)
        below[ladder[step - 1]] = sizes
        sizes = below
    steps = sizes.astype(np.int32)
    steps[negative] *= -1
    delta = np.zeros(count, np.int16)
    delta[moved] = steps.astype(np.int16)
    return delta


def _apply_delta(streams: list[Array], base: Array, width: int, mantissa: int) -> Array:
    count = base.size
    live = np.unpackbits(streams[0], count=-(-count // BLOCK)).astype(bool)
    keep = None if live.all() else np.repeat(live, BLOCK)[:count]
    old = base if keep is None else base[keep]
    if streams[1][0]:
        delta = _undo_unary(streams[2:], old.size)
    else:
        zigzag = _join_planes(streams[2:], width)
        one = zigzag.dtype.type(1)
        delta = (zigzag >> one).view(_INT[width]) ^ -(zigzag & one).view(_INT[width])
    if mantissa and delta.size:
        unsorted = np.empty_like(delta)
        unsorted[_order(old, mantissa)] = delta
        delta = unsorted
    if keep is not None:
        full = np.zeros(count, delta.dtype)
        full[keep] = delta
        delta = full
    new: Array = base + delta.view(_UINT[width])
    return new
