"""Change lists: size, look-ups, what an index promises."""

from __future__ import annotations

from random import Random

import pytest

from mlv_core.changes import LEAF_ROWS, ListKind, ListReader, Row, encode, rows_of
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.errors import DamagedContent
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FileId


def files(count: int) -> list[Row]:
    random = Random(7)
    return [
        Row(
            f"data/{i // 100:03d}/img_{i:06d}.jpg",
            1,
            i + 1,
            0,
            False,
            random.randrange(20_000, 200_000),
            random.randbytes(32),
            (),
            "",
            random.randrange(1, 50),
        )
        for i in range(count)
    ]


def test_a_snapshot_costs_at_most_45_bytes_a_file():
    rows = files(5000)
    assert len(encode(rows, ListKind.SNAPSHOT).blob) <= 45 * len(rows)


def test_a_look_up_reads_the_index_and_one_leaf():
    rows = files(5 * LEAF_ROWS)
    blob = encode(rows).blob
    read: list[int] = []

    def read_range(offset: int, length: int) -> bytes:
        read.append(length)
        return blob[offset : offset + length]

    reader = ListReader(read_range)
    read.clear()
    assert reader.lookup(rows[2 * LEAF_ROWS + 9].path) == rows[2 * LEAF_ROWS + 9]
    assert reader.lookup("data/zzz") is None
    assert reader.lookup("a") is None
    assert len(read) == 2


def test_files_below_a_folder_are_found_across_leaves():
    rows = files(3000)
    reader = ListReader.of(encode(rows).blob)
    assert list(reader.below("data/011")) == rows[1100:1200]
    assert list(reader.below("data/01")) == []
    assert list(reader.below(rows[5].path)) == [rows[5]]
    assert list(reader.below("")) == rows


def test_an_unknown_format_version_is_refused_by_name():
    blob = bytearray(encode(files(3)).blob)
    blob[4] = 9
    with pytest.raises(DamagedContent, match="version 9"):
        ListReader.of(bytes(blob))


def test_a_claim_of_a_huge_leaf_allocates_nothing():
    blob = bytearray(encode([]).blob)
    blob[12:16] = b"\xff\xff\xff\x7f"
    with pytest.raises(DamagedContent, match="limit"):
        ListReader.of(bytes(blob))


def test_a_change_and_its_row_are_the_same():
    state = FileState(FileId(4), FileMode.EXECUTABLE, True, 9, ContentHash(b"h" * 32), (("k", "v"),))
    moved = Change("new", Operation.MOVE, FileId(4), state, "old")
    gone = Change("old", Operation.DELETE, FileId(4), None)
    rows = rows_of([gone, moved], ChangesetNumber(8))
    assert [row.change for row in rows] == [moved, gone]
    assert {row.changed_in for row in rows} == {8}
