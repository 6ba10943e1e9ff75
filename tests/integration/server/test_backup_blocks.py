"""The database of a backup: every snapshot reads back, and none stands on more patches than the bound says."""

from __future__ import annotations

import random

import pytest

from mlv_core.errors import DamagedContent
from mlv_server.content.archive import Archive
from mlv_server.content.blocks import PARTS_LIMIT, PATCHES_SHARE, read_block, store_database


def test_every_state_of_many_reads_back_within_bounded_parts(tmp_path):
    random_bytes = random.Random(7)
    file = tmp_path / "database"
    data = bytearray(random_bytes.randbytes(20_000))
    states, blocks, written = [], (), []
    with Archive.writing(tmp_path / "backup") as archive:
        for ordinal in range(1, 150):
            at = random_bytes.randrange(len(data))
            data[at : at + 20] = random_bytes.randbytes(20)
            data += random_bytes.randbytes(ordinal % 3)
            file.write_bytes(data)
            blocks, size = store_database(archive, f"s{ordinal}", ordinal, file, blocks)
            states.append((blocks, bytes(data)))
            written.append(size)
        for stored, plain in states:
            assert b"".join(read_block(archive, block, 0) for block in stored) == plain
            assert all(len(block.parts) <= PARTS_LIMIT for block in stored)
        assert store_database(archive, "same", 150, file, blocks) == (blocks, 0)
    assert sorted(written)[len(written) // 2] < 200
    assert sum(size > 10_000 for size in written) <= 150 // 32 + 1


def test_a_block_that_changes_wholly_is_stored_anew(tmp_path):
    file = tmp_path / "database"
    blocks = ()
    with Archive.writing(tmp_path / "backup") as archive:
        for ordinal in range(1, 20):
            file.write_bytes(random.Random(ordinal).randbytes(10_000))
            blocks, _ = store_database(archive, f"s{ordinal}", ordinal, file, blocks)
            (block,) = blocks
            assert sum(part.length for part in block.parts[1:]) <= (PATCHES_SHARE + 1) * block.parts[0].length
            assert read_block(archive, block, 0) == file.read_bytes()


def test_F4_a_damaged_patch_is_not_built_upon(tmp_path):
    file = tmp_path / "database"
    file.write_bytes(random.Random(1).randbytes(10_000))
    with Archive.writing(tmp_path / "backup") as archive:
        first, _ = store_database(archive, "a", 1, file, ())
        archive.block_path("a").write_bytes(bytes(10_000))
        file.write_bytes(file.read_bytes() + b"more")
        second, _ = store_database(archive, "b", 2, file, first)
        assert read_block(archive, second[0], 0) == file.read_bytes()
        with pytest.raises(DamagedContent):
            read_block(archive, first[0], 0)
