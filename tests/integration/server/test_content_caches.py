"""Caches on disk: bounded, checked on every read, and never needed."""

from __future__ import annotations

import os
from pathlib import Path

from mlv_core.hashing import hash_content
from mlv_server.content import spill
from mlv_server.content.spill import Spill

SIZE = spill.SMALLEST


def test_a_spilled_segment_is_read_back_and_leaves_no_file(tmp_path: Path):
    kept = Spill(tmp_path, 100 * SIZE)
    plain = os.urandom(SIZE)
    kept.put(1, hash_content(plain), plain)
    assert kept.get(1, hash_content(plain)) == plain
    assert kept.get(2, hash_content(plain)) is None
    assert list(tmp_path.iterdir()) == []
    kept.close()
    assert kept.get(1, hash_content(plain)) is None


def test_small_segments_are_not_spilled(tmp_path: Path):
    kept = Spill(tmp_path, 100 * SIZE)
    kept.put(1, hash_content(b"small"), b"small")
    assert kept.get(1, hash_content(b"small")) is None
    kept.close()


def test_the_oldest_go_when_there_is_no_room(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(spill, "FILE_BYTES", 2 * SIZE)
    kept = Spill(tmp_path, 6 * SIZE)
    plains = [os.urandom(SIZE) for _ in range(12)]
    for plain in plains:
        kept.put(1, hash_content(plain), plain)
    found = [kept.get(1, hash_content(plain)) is not None for plain in plains]
    assert found == sorted(found)
    assert 2 <= sum(found) <= 6
    kept.close()


def test_without_a_disk_nothing_is_kept(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    kept = Spill(tmp_path / "file" / "folder", 100 * SIZE)
    plain = os.urandom(SIZE)
    kept.put(1, hash_content(plain), plain)
    assert kept.get(1, hash_content(plain)) is None
    kept.close()
