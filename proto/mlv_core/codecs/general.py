"""Codecs `zstd` and `patch`: bytes of any kind, alone or against older bytes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import zstandard

from mlv_core.codecs.streams import unpack_zstd
from mlv_core.errors import DamagedContent

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from typing_extensions import Buffer

_LEVEL = 3
# docs/decisions/0012: a table with a new column costs 7.6 MB instead of 27.6, three times the CPU of level 3.
_PATCH_LEVEL = 9
# A window over base and plain together; decoders refuse larger ones, which bounds their memory.
_WINDOW_LOG_MAX = 27
_WINDOW_LOG_MIN = 10
# Level 3's hash table forgets the start of a longer base: without long matching 4 MB of a CSV with 300 changed
# rows cost 1.9 MB, with it 6 KB.
_LONG_FROM = 256 * 1024
_FAST_FROM = 8 * 1024 * 1024


def encode_zstd(plain: memoryview) -> bytes:
    """One zstd frame that declares its plain length."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(plain)


def decode_zstd(blob: memoryview, plain_length: int) -> bytes:
    """The `plain_length` bytes of a frame of `encode_zstd`. Raises: DamagedContent."""
    return unpack_zstd(zstandard.ZstdDecompressor(), blob, plain_length)


def encode_patch(plain: memoryview, base: Buffer) -> bytes:
    """One zstd frame with `base` as its prefix: what both share costs a few bytes."""
    prefix = memoryview(base).cast("B")
    total = len(plain) + len(prefix)
    parameter = zstd.CompressionParameter
    options: dict[int, int] = {
        parameter.compression_level: 1 if total >= 2 * _FAST_FROM else _PATCH_LEVEL,
        parameter.window_log: min(_WINDOW_LOG_MAX, max(_WINDOW_LOG_MIN, total.bit_length())),
        parameter.content_size_flag: 1,
        parameter.checksum_flag: 0,
        parameter.dict_id_flag: 0,
        parameter.enable_long_distance_matching: int(total >= _LONG_FROM),
    }
    context = zstd.ZstdCompressor(options=options, zstd_dict=_prefix(prefix))
    return context.compress(plain, zstd.ZstdCompressor.FLUSH_FRAME)


def decode_patch(blob: memoryview, plain_length: int, base: Buffer) -> bytes:
    """The `plain_length` bytes of a frame of `encode_patch` against the same `base`. Raises: DamagedContent."""
    try:
        if zstandard.frame_content_size(blob) != plain_length:
            raise DamagedContent("a zstd frame declares another length")
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        context = zstd.ZstdDecompressor(zstd_dict=_prefix(memoryview(base).cast("B")), options=options)
        plain = context.decompress(blob, max_length=plain_length + 1)
    except (zstd.ZstdError, zstandard.ZstdError, ValueError) as error:
        raise DamagedContent("a patch cannot be decoded") from error
    if len(plain) != plain_length or not context.eof or context.unused_data:
        raise DamagedContent("a patch has another length than it declares")
    return plain


def _prefix(base: memoryview) -> tuple[zstd.ZstdDict, int]:
    # A dictionary of fewer than eight bytes is refused by the library; padding both sides alike is harmless.
    content = bytes(base) if len(base) >= 8 else bytes(base).ljust(8, b"\0")  # noqa: PLR2004 - the library's minimum
    prefix: tuple[zstd.ZstdDict, int] = zstd.ZstdDict(content, is_raw=True).as_prefix
    return prefix
