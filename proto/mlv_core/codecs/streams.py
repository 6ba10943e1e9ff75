"""Byte streams inside a typed blob: each is a run, raw, or entropy coded, whichever is smallest."""

from __future__ import annotations

import struct
from math import log2
from typing import TYPE_CHECKING, TypeVar

import zstandard

from mlv_core.codecs.paths import loops
from mlv_core.errors import DamagedContent

if TYPE_CHECKING:
    from mlv_core.codecs.numbers import Bytes

# Above this zstd gains less than its frame costs in time.
NOISE_BITS = 7.8
_PROBE_WHOLE = 64 * 1024
_PROBE_STEPS = 16 * 1024
# More than what the loops' quick entropy may be wrong by.
_ENTROPY_ERROR = 1e-6

# A small window, a tiny hash table and min_match 7: zstd finds only long matches and so acts as a Huffman coder,
# smaller and faster on planes than its ordinary levels, which find false matches.
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

# Contexts that no thread uses just now, as making one costs more than a short stream does. One serves one thread at a
# time: it is taken out of its list and put back, each a single step for the interpreter.
_compressors: list[zstandard.ZstdCompressor] = []
_decompressors: list[zstandard.ZstdDecompressor] = []

_Context = TypeVar("_Context")

_RAW, _PACKED, _RUN = 0, 1, 2
_ENTRY = struct.Struct("<BI")


def entropy(data: Bytes) -> float:
    """Order-0 entropy of `data` in bits a byte (0 to 8), sampled when it is long.

    Good to 1e-9, and so near to `NOISE_BITS` that this could decide, as exact as floats are.
    """
    size = len(data)
    if size == 0:
        return 0.0
    stride, places = (1, size) if size <= _PROBE_WHOLE else (size // _PROBE_STEPS, _PROBE_STEPS)
    path = loops()
    bits = path.entropy(data, stride, places)
    if abs(bits - NOISE_BITS) > _ENTROPY_ERROR:
        return bits
    counts = path.histogram(data, stride, places)
    shares = [count / places for count in counts if count]
    return -sum(share * log2(share) for share in shares)


class StreamWriter:
    """Collects streams."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self._parts: list[Bytes] = []
        self.size = 0

    def literal(self, data: Bytes) -> None:
        """Add bytes as they are."""
        self._parts.append(data)
        self.size += len(data)

    def add(self, stream: Bytes) -> None:
        """Add a contiguous stream; its plain length is not written, as the reader knows it."""
        size = len(stream)
        if size == 0:
            return
        bits = entropy(stream)
        if bits == 0.0 and loops().histogram(stream, 1, size)[stream[0]] == size:
            self.literal(_ENTRY.pack(_RUN, 1) + bytes(stream[:1]))
            return
        if bits < NOISE_BITS:
            packed = _pack_zstd(stream)
            if len(packed) < size:
                self.literal(_ENTRY.pack(_PACKED, len(packed)))
                self.literal(packed)
                return
        self.literal(_ENTRY.pack(_RAW, size))
        self.literal(stream)

    def join(self) -> bytes:
        """The blob."""
        return b"".join(self._parts)


class StreamReader:
    """Reads what `StreamWriter` wrote; raises DamagedContent for everything else."""

    __slots__ = ("_blob", "_position")

    def __init__(self, blob: memoryview) -> None:
        self._blob = blob
        self._position = 0

    def literal(self, length: int) -> memoryview:
        """The next `length` bytes as they are."""
        end = self._position + length
        if end > len(self._blob):
            raise DamagedContent("a coded segment ends early")
        part = self._blob[self._position : end]
        self._position = end
        return part

    def take(self, size: int) -> Bytes:
        """The next stream, which has `size` bytes; never more memory than that is taken."""
        if size == 0:
            return b""
        method, stored = _ENTRY.unpack(self.literal(_ENTRY.size))
        payload = self.literal(stored)
        if method == _RAW and stored == size:
            return payload
        if method == _RUN and stored == 1:
            return bytes(payload) * size
        if method == _PACKED:
            context = _taken(_decompressors) or zstandard.ZstdDecompressor()
            plain = unpack_zstd(context, payload, size)
            _decompressors.append(context)
            return plain
        raise DamagedContent("a coded segment holds an unknown stream")

    def finish(self) -> None:
        """Insist that nothing is left over."""
        if self._position != len(self._blob):
            raise DamagedContent("a coded segment holds bytes after its end")


def unpack_zstd(context: zstandard.ZstdDecompressor, payload: memoryview, size: int) -> bytes:
    """One zstd frame of exactly `size` plain bytes; DamagedContent otherwise, before memory is taken."""
    try:
        if zstandard.frame_content_size(payload) != size:
            raise DamagedContent("a zstd frame declares another length")
        if size == 0:
            return b""
        plain = context.decompress(payload, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedContent("a zstd frame cannot be decoded") from error
    if len(plain) != size:
        raise DamagedContent("a zstd frame has another length than it declares")
    return plain


def _pack_zstd(stream: Bytes) -> bytes:
    context = _taken(_compressors) or zstandard.ZstdCompressor(compression_params=_HUFFMAN)
    packed = context.compress(stream)
    _compressors.append(context)
    return packed


def _taken(idle: list[_Context]) -> _Context | None:
    try:
        return idle.pop()
    except IndexError:
        return None
