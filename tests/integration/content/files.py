"""Files of every format in versions that differ a little, as training and editing make them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

Make = Callable[[Path, int], None]


def weights(version: int, *shape: int) -> np.ndarray:
    """Numbers of which a version changes one in fifty a little."""
    base = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    moves = np.random.default_rng(version)
    return base + (moves.random(shape) < 0.02) * np.float32(1e-3) * version


def make_safetensors(file: Path, version: int) -> None:
    tensors = {"embed": weights(version, 2000, 300), "bias": weights(version, 300), "scale": weights(version, 1)}
    save_file(tensors, file)


def make_npy(file: Path, version: int) -> None:
    np.save(file, weights(version, 3000, 300))


def make_npz(file: Path, version: int) -> None:
    np.savez(file, a=weights(version, 1000, 300), b=weights(version, 10))


def make_torch_like_zip(file: Path, version: int) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x02}q\x00.")
        archive.writestr(zipfile.ZipInfo("archive/data/0"), weights(version, 1000, 400).tobytes())


def make_csv(file: Path, version: int) -> None:
    rows = [f"{i},{i * 7919 % 10007},row {i}" for i in range(60_000)]
    for row in range(version * 100, version * 100 + 50):
        rows[row] = f"changed in {version}"
    file.write_text("\n".join(rows) + "\n")


def make_noise(file: Path, version: int) -> None:
    data = bytearray(np.random.default_rng(2).bytes(2_500_000))
    data[version * 1000 : version * 1000] = b"inserted" * version
    file.write_bytes(data)


def make_empty(file: Path, version: int) -> None:
    file.write_bytes(b"" if version % 2 else b"x")


MAKERS: dict[str, Make] = {
    "model.safetensors": make_safetensors,
    "rows.npy": make_npy,
    "arrays.npz": make_npz,
    "checkpoint.pt": make_torch_like_zip,
    "rows.csv": make_csv,
    "noise.dat": make_noise,
    "empty": make_empty,
}
