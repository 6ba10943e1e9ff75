"""Texts that a workspace keeps as bases: packed small, found by their hashes."""

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from mlv.workspace import materialize
from mlv.workspace.journal import UpdateJournal
from mlv.workspace.state import TrackedFile
from mlv_core.errors import DamagedContent
from mlv_core.hashing import hash_content


def _put_raw(place, content, packed):
    with closing(sqlite3.connect(place.state)) as database, database:
        database.execute("INSERT INTO texts VALUES (?, ?)", (content, packed))


@pytest.mark.parametrize("data", [b"", b"a", b"alpha beta " * 500, bytes(range(256)) * 1024])
def test_a_kept_text_comes_back_as_it_was(state, data):
    state.put_texts([(b"\1" * 32, data)])
    assert state.text(b"\1" * 32) == data


def test_a_text_is_read_however_well_it_was_packed(place, state):
    _put_raw(place, b"\1" * 32, zlib.compress(b"x = 1\n" * 300, 9))
    assert state.text(b"\1" * 32) == b"x = 1\n" * 300


@pytest.mark.parametrize("packed", [b"", b"x", b"\x78\x9cdamaged", zlib.compress(b"cut short")[:-3]])
def test_F4_a_kept_text_that_is_damaged_is_told(place, state, packed):
    _put_raw(place, b"\1" * 32, packed)
    with pytest.raises(DamagedContent, match="kept text"):
        state.text(b"\1" * 32)


def test_of_many_hashes_those_are_told_whose_texts_are_not_kept(state):
    kept = [number.to_bytes(32, "big") for number in range(1200)]
    others = [number.to_bytes(32, "big") for number in range(1200, 1300)]
    assert state.lacking_texts([*kept, *others]) == {*kept, *others}
    state.put_texts((content, content) for content in kept)
    assert state.lacking_texts([*kept, *others, *kept]) == set(others)
    assert state.lacking_texts(()) == set()


def test_a_text_is_kept_from_whichever_of_equal_files_is_there(place, state):
    data = b"the same\n"
    content = hash_content(data)
    names = ("gone.txt", "changed.txt", "there.txt", "too.txt")
    for name, written in (("changed.txt", b"other\n"), ("there.txt", data), ("too.txt", data)):
        Path(place.absolute(name)).write_bytes(written)
    rows = tuple(TrackedFile(name, 1, 0, 1, len(data), content, 0, 0) for name in names)
    materialize.finish(place, state, UpdateJournal("an update", rows=rows, trusted=names))
    assert state.text(content) == data
