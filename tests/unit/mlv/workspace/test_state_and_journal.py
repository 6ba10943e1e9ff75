"""What a workspace remembers survives being closed, interrupted and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlv.workspace import journal, layout, pristine
from mlv.workspace.journal import CommitJournal, CommittedFile, RequestJournal, ShelveJournal, Step, UpdateJournal
from mlv.workspace.state import Pending, State, TrackedFile, decode_properties, encode_properties
from mlv_core.errors import DamagedContent, InvalidPath, NotAWorkspace, UsageError, VersionSkew

FILE = TrackedFile("a/b.txt", 7, 1, 1, 3, bytes(32), 4, 3, 1, 2, 3, 0, 1, 99, '{"k": "v"}')


@pytest.fixture
def place(tmp_path):
    return layout.create(str(tmp_path))


@pytest.fixture
def state(place):
    made = State.create(place.state, {"base": "1"})
    yield made
    made.close()


def test_all_of_a_state_is_read_back_by_the_next_process(place, state):
    with state.transaction():
        state.put_files([FILE])
        state.put_pending([Pending("n.txt", "move", "a/b.txt")])
        state.edit_property(".", "stage", None)
        state.put_conflict("c.txt", "null")
        state.put_texts([(FILE.content, b"text" * 100)])
    state.close()
    again = State.open(place.state)
    assert again.settings() == {"base": "1"}
    assert again.files() == {"a/b.txt": FILE}
    assert again.file("a/b.txt") == FILE
    assert again.pending() == {"n.txt": Pending("n.txt", "move", "a/b.txt")}
    assert again.property_edits() == {".": {"stage": None}}
    assert again.conflicts() == {"c.txt": "null"}
    assert again.text(FILE.content) == b"text" * 100
    again.close()


def test_a_failed_transaction_leaves_nothing(state):
    def fail():
        with state.transaction():
            state.put_files([FILE])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert state.files() == {}


def test_text_bases_that_no_file_has_are_dropped(state):
    with state.transaction():
        state.put_files([FILE])
        state.put_texts([(FILE.content, b"kept")])
        state.put_texts([(b"\1" * 32, b"stale")])
        state.drop_stale_texts()
    assert state.text(FILE.content) == b"kept"
    assert state.text(b"\1" * 32) is None


def test_joining_the_base_leaves_named_paths_where_they_stand(state):
    other = FILE._replace(path="z.txt", changeset=2)
    with state.transaction():
        state.put_files([FILE, other])
        state.join_base(keep=["z.txt"])
    assert {f.path: f.changeset for f in state.files().values()} == {"a/b.txt": 0, "z.txt": 2}


def test_a_damaged_or_newer_database_is_named(place, state):
    state.close()
    with Path(place.state).open("r+b") as stream:
        stream.write(b"not a database at all")
    with pytest.raises(DamagedContent):
        State.open(place.state)


def test_a_newer_database_is_refused(place, state):
    state._db.execute("PRAGMA user_version = 99")
    state.close()
    with pytest.raises(VersionSkew):
        State.open(place.state)


def test_properties_are_sorted_pairs():
    assert decode_properties(encode_properties([("b", "2"), ("a", "1")])) == (("a", "1"), ("b", "2"))
    assert encode_properties(()) == "{}"


def test_both_journals_come_back_as_they_were_written(place):
    update = UpdateJournal(
        "an update",
        steps=(Step("p", "f", (1, 2, 3, 4)), Step("gone"), Step("new", source="old")),
        rows=(FILE,),
        trusted=("a/b.txt",),
        dropped=("x",),
        pending_dropped=("y",),
        pending_added=(("n", "move", "o"),),
        conflicts=(("c", "null"),),
        conflicts_dropped=("d",),
        edits_dropped=("e",),
        join=True,
        settings={"base": "2"},
    )
    commit = CommitJournal("r-1", "main", keep_locks=True, files=(CommittedFile("p", (1, 2, 3, 4), 3),))
    journal.write(place, update)
    journal.write(place, commit)
    assert journal.read(place) == update
    assert journal.read_commit(place) == commit
    journal.remove(place)
    journal.drop(place, commit)
    assert journal.read(place) is None
    assert journal.read_commit(place) is None


def test_C3_the_journals_of_what_is_on_the_server_alone_come_back_as_they_were_written(place):
    shelve = ShelveJournal("r-2", "mine")
    request = RequestJournal("r-3", "undo", (("a.bin", 7), ("b/c.bin", 2**63)))
    journal.write(place, shelve)
    journal.write(place, request)
    assert (journal.read_shelve(place), journal.read_request(place)) == (shelve, request)
    journal.drop(place, request)
    assert (journal.read_shelve(place), journal.read_request(place)) == (shelve, None)
    journal.drop(place, request)
    journal.drop(place, shelve)
    assert journal.read_shelve(place) is None


@pytest.mark.parametrize("text", ["{", "[]", "null", "{}", '"x"'])
def test_a_damaged_journal_is_named(place, text):
    for file, read in (
        (place.journal, journal.read),
        (place.commit_journal, journal.read_commit),
        (place.shelve_journal, journal.read_shelve),
        (place.request_journal, journal.read_request),
    ):
        Path(file).write_text(text)
        with pytest.raises(DamagedContent):
            read(place)


@pytest.mark.parametrize("tokens", ["7", "[7]", '[["a"]]', '[["a", "7"]]', '[["a", 1e999]]', "null"])
def test_a_journal_of_a_request_with_tokens_that_are_none_is_damaged(place, tokens):
    Path(place.request_journal).write_text(f'{{"request_id": "r", "verb": "undo", "tokens": {tokens}}}')
    with pytest.raises(DamagedContent):
        journal.read_request(place)


def test_a_row_of_a_conflict_is_read_back():
    assert journal.decode_row(journal.encode_row(FILE)) == FILE
    assert journal.decode_row(journal.encode_row(None)) is None


def test_paths_of_users_become_paths_of_versions(place, state, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("sub")
    here = str(tmp_path)
    assert layout.to_version_path(place, here, ".") == ""
    assert layout.to_version_path(place, str(tmp_path / "sub"), "../a.txt") == "a.txt"
    assert layout.to_version_path(place, here, "link") == "link"
    assert layout.to_version_path(place, here, str(tmp_path / "sub" / "x")) == "sub/x"
    for outside in ("..", "/etc/hostname", ".mlv/state.db"):
        with pytest.raises(InvalidPath):
            layout.to_version_path(place, here, outside)
    assert layout.find(str(tmp_path / "sub")) == place
    with pytest.raises(NotAWorkspace):
        layout.find("/")
    with pytest.raises(UsageError):
        layout.create(here)


def test_bases_of_open_files_are_kept_and_dropped_when_they_are_closed(place, state, tmp_path):
    file = FILE._replace(path="w.bin", text=0, opened=1)
    (tmp_path / "w.bin").write_bytes(b"\0base")
    pristine.keep(place, file, str(tmp_path / "w.bin"))
    with state.transaction():
        state.put_files([file])
    pristine.drop_unused(place, state)
    kept = pristine.base_of(place, state, file)
    assert kept is not None
    assert Path(kept).read_bytes() == b"\0base"
    with state.transaction():
        state.put_files([file._replace(opened=0)])
    pristine.drop_unused(place, state)
    assert pristine.base_of(place, state, file) is None
