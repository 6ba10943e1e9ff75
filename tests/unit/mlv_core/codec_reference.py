"""The measured yardstick for typed coding: what a straightforward writer of the same streams needs in bytes."""

from __future__ import annotations

import numpy as np
import zstandard

_FAST = zstandard.ZstdCompressionParameters.from_level(
    1, window_log=17, hash_log=6, chain_log=6, min_match=7, strategy=zstandard.STRATEGY_FAST
)


def _stream_size(stream: np.ndarray) -> int:
    """Nine bytes of stream header and the smallest of nothing (all zero), zstd and raw."""
    data = np.ascontiguousarray(stream).view(np.uint8).tobytes()
    if not any(data):
        return 9
    return 9 + min(len(data), len(zstandard.ZstdCompressor(compression_params=_FAST).compress(data)))


def _planes_size(numbers: np.ndarray) -> int:
    width = numbers.itemsize
    return sum(_stream_size(numbers.view(np.uint8).reshape(-1, width)[:, plane]) for plane in range(width))


def full_size(new: bytes, width: int, mantissa_bits: int) -> int:
    """Bytes of the full coding of one segment."""
    numbers = np.frombuffer(new, f"<u{width}")
    if mantissa_bits:
        kind = numbers.dtype.type
        numbers = (numbers << kind(1)) | (numbers >> kind(8 * width - 1))
    return 14 + _planes_size(numbers)


def delta_size(new: bytes, base: bytes, width: int, mantissa_bits: int) -> int:
    """Bytes of the delta coding of one segment against `base`."""
    numbers, old = np.frombuffer(new, f"<u{width}"), np.frombuffer(base, f"<u{width}")
    steps = (numbers - old).view(f"<i{width}")
    blocks = np.zeros(-(-steps.size // 128) * 128, steps.dtype)
    blocks[: steps.size] = steps
    live = blocks.reshape(-1, 128).any(axis=1)
    keep = np.repeat(live, 128)[: steps.size]
    steps, old = steps[keep], old[keep]
    total = 14 + _stream_size(np.packbits(live)) + 10
    exponents = (old >> old.dtype.type(mantissa_bits)).astype(np.uint8)
    steps = steps[np.argsort(exponents, kind="stable")] if mantissa_bits else steps
    sizes = np.abs(steps.astype(np.int64))
    if width == 2 and steps.size and np.minimum(sizes, 64).mean() < 5:
        total += _stream_size(np.packbits(sizes > 0))
        total += _stream_size(np.packbits(steps[sizes > 0] < 0))
        left = sizes[sizes > 0]
        for step in range(1, 6):
            total += _stream_size(np.packbits(left > step))
            left = left[left > step]
        return total + _planes_size((left - 6).astype(np.uint16))
    return total + _planes_size(((steps << 1) ^ (steps >> (8 * width - 1))).view(f"<u{width}"))
