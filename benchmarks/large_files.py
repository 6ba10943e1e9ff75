"""Writes files of any size in little memory: a model in bf16 and its next version, and bytes without a container."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

BLOCK = 8 << 20
TENSOR = 128 << 20
MOVED = 0.3


def write_model(path: Path, size_bytes: int, *, version: int) -> None:
    """A safetensors file of about `size_bytes` of normal bf16 weights; each version moves 30 % by one last place."""
    count = max(1, size_bytes // TENSOR)
    each = size_bytes // count // BLOCK * BLOCK or size_bytes // count // 2 * 2
    header = {
        f"layer.{i}.weight": {"dtype": "BF16", "shape": [each // 2], "data_offsets": [i * each, (i + 1) * each]}
        for i in range(count)
    }
    text = json.dumps(header).encode("ascii")
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for number, at in enumerate(range(0, count * each, BLOCK)):
            out.write(_weights(number, min(BLOCK, count * each - at) // 2, version).tobytes())


def _weights(number: int, count: int, version: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    weights = (rng.standard_normal(count, dtype=np.float32) * np.float32(0.05)).view(np.uint32) >> np.uint32(16)
    bits = weights.astype(np.uint16)
    for step in range(version):
        moving = np.random.default_rng((number, step)).random(count, dtype=np.float32)
        bits += (moving < MOVED).astype(np.uint16)
    return bits


def write_opaque(path: Path, size_bytes: int, *, version: int) -> None:
    """`size_bytes` of noise without a container; each version overwrites 4 KiB in each 8 MiB."""
    with path.open("wb") as out:
        for number, at in enumerate(range(0, size_bytes, BLOCK)):
            block = bytearray(np.random.default_rng(number).bytes(min(BLOCK, size_bytes - at)))
            for step in range(version):
                place = 8192 * (step + 1)
                block[place : place + 4096] = np.random.default_rng((number, step)).bytes(4096)
            out.write(block)
