"""One logical table of user events and its five versions: appended, inserted, corrected, deleted rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

SEED = 20240613
SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ter",
    "ra",
    "ve",
    "no",
    "shi",
    "pan",
    "der",
    "ul",
    "em",
    "ost",
    "ing",
    "qua",
    "bel",
    "dor",
    "fen",
    "gri",
    "hal",
    "jun",
    "kol",
    "lar",
    "mor",
    "nev",
)
_COUNTRIES = np.array(["DE", "FR", "US", "IN", "BR", "JP", "GB"])
_SHARES = [0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05]
_VOCABULARY = 5000
_PRICE_COLUMN = 4


def _words(rng: np.random.Generator, count: int) -> np.ndarray:
    lengths = rng.integers(1, 4, count)
    return np.array(["".join(SYLLABLES[j] for j in rng.integers(0, len(SYLLABLES), n)) for n in lengths])


def base_table(rows: int) -> pa.Table:
    """`rows` events: ids, times, categories, floats, short English-like text, a label."""
    rng = np.random.default_rng(SEED)
    vocabulary = _words(rng, _VOCABULARY)
    ranks = np.minimum(rng.zipf(1.3, rows * 9) - 1, _VOCABULARY - 1)
    text = [" ".join(row) for row in vocabulary[ranks.reshape(rows, 9)]]
    price = np.round(rng.lognormal(3, 1, rows), 2)
    return pa.table(
        {
            "id": np.arange(rows, dtype=np.int64) + 10_000_000,
            "ts": (1_700_000_000_000 + np.cumsum(rng.integers(1, 5000, rows))).astype(np.int64),
            "user": rng.integers(0, rows // 8 + 1, rows).astype(np.int32),
            "country": pa.array(_COUNTRIES[rng.choice(len(_COUNTRIES), rows, p=_SHARES)]),
            "price": price,
            "score": rng.normal(0, 1, rows).astype(np.float32),
            "text": text,
            "label": rng.integers(0, 5, rows).astype(np.int8),
        }
    )


def table_versions(rows: int) -> Iterator[pa.Table]:
    """Base; 2 % rows appended; 500 rows inserted; 0.5 % of prices corrected; 1 % of rows deleted and a column added."""
    rng = np.random.default_rng(SEED + 1)
    table = base_table(int(rows * 1.03))
    kept_back = table.slice(rows)
    table = table.slice(0, rows)
    yield table

    appended = rows // 50
    table = pa.concat_tables([table, kept_back.slice(0, appended)]).combine_chunks()
    yield table

    inserted = kept_back.slice(appended, min(500, kept_back.num_rows - appended))
    places = np.sort(rng.integers(0, table.num_rows, inserted.num_rows))
    order = np.insert(np.arange(table.num_rows), places, table.num_rows + np.arange(inserted.num_rows))
    table = pa.concat_tables([table, inserted]).combine_chunks().take(pa.array(order)).combine_chunks()
    yield table

    price = table["price"].to_numpy().copy()
    hit = rng.choice(len(price), len(price) // 200, replace=False)
    price[hit] = np.round(price[hit] * 1.1 + 0.01, 2)
    table = table.set_column(_PRICE_COLUMN, "price", pa.array(price))
    yield table

    keep = rng.random(table.num_rows) > 0.01
    table = table.filter(pa.array(keep)).combine_chunks()
    yield table.append_column("margin", pa.array(np.round(table["price"].to_numpy() * 0.2, 2)))
