"""Decoded parts of lists are shared within a bound, and a reader with them says what one without them says."""

from __future__ import annotations

import pytest

from mlv_core.changes import ListReader, encode, rows_of
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.errors import DamagedContent
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FileId
from mlv_server.metadata.shelf import DecodedParts

CHANGES = [
    Change(
        f"d/{number:05d}",
        Operation.ADD,
        FileId(number),
        FileState(FileId(number), FileMode.REGULAR, text=False, size=number, content=hash_content(b"%d" % number)),
    )
    for number in range(3000)
]
LIST = encode(rows_of(CHANGES, ChangesetNumber(1)))


def test_a_second_reader_reads_nothing_again():
    shelf = DecodedParts()
    reads: list[int] = []

    def read(offset: int, length: int) -> bytes:
        reads.append(offset)
        return LIST.blob[offset : offset + length]

    first = list(ListReader(read, shelf, LIST.id).rows())
    count = len(reads)
    second = ListReader(read, shelf, LIST.id)
    assert list(second.rows()) == first == list(ListReader.of(LIST.blob).rows())
    assert second.lookup("d/02999") == first[-1]
    assert (len(reads), second.count, second.id) == (count, 3000, LIST.id)


def test_parts_are_forgotten_within_the_bound_the_least_lately_used_first():
    shelf = DecodedParts(limit=88)
    for number in range(8):
        shelf.keep(bytes([number]), number, 10)
    assert shelf.find(b"\0") == 0
    shelf.keep(b"new", "new", 10)
    assert (shelf.find(b"\0"), shelf.find(b"\1"), shelf.find(b"new")) == (0, None, "new")
    shelf.keep(b"huge", "huge", 12)
    assert shelf.find(b"huge") is None


def test_a_damaged_leaf_is_named_and_not_kept():
    shelf = DecodedParts()
    damaged = bytearray(LIST.blob)
    damaged[-1] ^= 1
    reader = ListReader(lambda offset, length: bytes(damaged[offset : offset + length]), shelf, LIST.id)
    with pytest.raises(DamagedContent):
        reader.lookup("d/02999")
    assert ListReader(lambda o, n: LIST.blob[o : o + n], shelf, LIST.id).lookup("d/02999") is not None
