"""The reference of codec 4: zstd with the old bytes as prefix."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL_3_UNDER = 8 << 20
WINDOW_LOG_MAX = 27
_MIN_PREFIX = 8


def patch_bytes(new: bytes, old: bytes) -> int:
    """Length of the smaller of a patch of `old` and `new` alone; `old` may be empty."""
    alone = len(_compress(new, b""))
    return min(alone, len(_compress(new, old))) if len(old) >= _MIN_PREFIX else alone


def _compress(new: bytes, old: bytes) -> bytes:
    parameter = zstd.CompressionParameter
    span = len(new) + len(old)
    options: dict[int, int] = {parameter.window_log: max(10, min(WINDOW_LOG_MAX, span.bit_length()))}
    options[parameter.compression_level] = 3 if span < LEVEL_3_UNDER else 1
    if span >= LEVEL_3_UNDER:
        options[parameter.enable_long_distance_matching] = 1
    prefix = zstd.ZstdDict(old, is_raw=True).as_prefix if old else None
    compressor = zstd.ZstdCompressor(options=options, zstd_dict=prefix)
    return compressor.compress(new, compressor.FLUSH_FRAME)
