"""C3, C9: an undo or merge whose answer was not heard is asked for by whatever speaks to the server next."""

from __future__ import annotations

import pytest
from tests.cli.people import Typist, changed
from tests.servers import User

from mlv.actions import journalling
from mlv.workspace.journal import RequestJournal
from mlv_core.failpoints import EXIT_CODE, VARIABLE
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import Published

LANDED = "An interrupted undo had reached the server: it is @3."
LOST = "An interrupted undo had not reached the server; nothing was changed there."
MERGED = "An interrupted merge had reached the server: it is @{}."
LOCKED = "w.safetensors"


def killed_at(user: Typist, point: str, *arguments: str) -> None:
    """Type a command as a process that dies at `point`."""
    mortal = User(user.name, user.config, user.here.parent, {VARIABLE: f"{point}=exit"})
    mortal.mlv(*arguments, cwd=user.here, code=EXIT_CODE)


def journals(user: Typist) -> list[str]:
    return [name for name in ("journal", "commit", "shelve", "request") if (user.here / ".mlv" / name).exists()]


@pytest.fixture
def locked(pair):
    """A workspace at @2, which changed weights whose lock it kept."""
    first, _ = pair
    first.mlv("edit", LOCKED)
    first.write(LOCKED, b"\0weights 2")
    first.mlv("commit", "--keep-locks", "-m", "two")
    return first


@pytest.mark.parametrize(
    ("point", "told"),
    [
        ("journal.synced", ""),
        ("request.journal", LOST),
        ("request.answered", LANDED),
        ("locks.released", LANDED),
        ("locks.forgotten", LANDED),
    ],
)
def test_C3_C9_a_client_killed_in_an_undo_hears_of_it_by_the_next_command_that_asks(locked, point, told):
    killed_at(locked, point, "undo", "@2")
    # Without the server everything goes on; what is not known yet stays as it was.
    assert locked.states() == {}
    assert journals(locked) == (["request"] if told else [])
    assert locked.noticed("log").count(told or "interrupted") == bool(told)
    assert journals(locked) == []
    assert "interrupted" not in locked.noticed("log")
    held = [] if told == LANDED else [LOCKED]
    assert [one["path"] for one in locked.json("locks")] == held
    assert locked.json("status").get("opened", []) == held
    if told != LANDED:
        assert locked.json("undo", "@2")["changeset"] == 3
    locked.mlv("update")
    assert locked.read(LOCKED) == b"\0weights 1"
    locked.mlv("edit", LOCKED)
    locked.write(LOCKED, b"\0weights 3")
    assert locked.json("commit", "-m", "three")["changeset"] == 4


def test_C3_C9_after_a_killed_undo_a_changed_file_presents_no_lock_that_is_gone(locked):
    locked.write(LOCKED, b"\0mine")
    killed_at(locked, "request.answered", "undo", "@2")
    assert [one["lock"] for one in locked.json("status")["files"]] == ["mine"]
    # A status that asks the server looks after it has heard, not before.
    assert [(one["state"], one["lock"]) for one in locked.json("status", "-u")["files"]] == [
        ("modified", "unlocked_edit")
    ]
    assert locked.json("commit", "-m", "mine", code=3)["code"] == "HEAD_MOVED"
    assert locked.read(LOCKED) == b"\0mine"


def test_C3_C9_a_commit_after_a_killed_undo_asks_first(locked):
    killed_at(locked, "request.answered", "undo", "@2")
    locked.write("data/a.txt", b"more\n")
    assert LANDED in locked.noticed("commit", "-m", "more")
    assert locked.json("status").get("opened", []) == []


def test_C9_a_refused_undo_and_a_dry_run_leave_no_journal(locked):
    locked.mlv("undo", "@2", "-n")
    assert journals(locked) == []
    locked.mlv("undo", "@1", code=3)
    assert journals(locked) == []
    locked.mlv("undo", "@2")
    assert journals(locked) == []
    assert "interrupted" not in locked.noticed("log")


def test_C3_a_dry_run_on_which_a_point_dies_has_no_point_to_die_at(locked):
    mortal = User(locked.name, locked.config, locked.here.parent, {VARIABLE: "request.journal=exit"})
    mortal.mlv("undo", "@2", "-n", cwd=locked.here)
    assert [one["changeset"] for one in locked.json("log")] == [2, 1]


@pytest.mark.parametrize("name", ["journal", "commit", "shelve", "request"])
def test_a_damaged_journal_is_told_and_set_aside_by_the_command_that_is_advised(locked, name):
    (locked.here / ".mlv" / name).write_text("{")
    if name != "journal":
        assert locked.states() == {}
    told = locked.json("log", code=7)
    assert (told["code"], "journal" in told["message"]) == ("DAMAGED_CONTENT", True)
    assert "mlv update --verify" in told["advice"]
    assert f".mlv/{name}" in locked.noticed("update", "--verify")
    assert (locked.here / ".mlv" / f"{name}.damaged").read_text() == "{"
    assert [one["changeset"] for one in locked.json("log")] == [2, 1]


def test_C3_a_lock_that_was_taken_since_is_not_forgotten(desk):
    """While another command held the workspace, `edit` could not ask; it took the lock anew."""
    desk.track({"old.bin": b"\0one", "new.bin": b"\0two"}, need=3)
    state = desk.workspace.state
    with state.transaction():
        state.put_files([state.file("old.bin")._replace(token=5), state.file("new.bin")._replace(token=9)])
    plan = RequestJournal("r", "undo", (("old.bin", 5), ("new.bin", 6)))
    published = Published(ChangesetNumber(3), ChangesetNumber(2), b"", "main", 0, ("old.bin", "new.bin"), (), 0)
    journalling.note(desk.workspace, plan, published)
    assert {path: file.token for path, file in state.files().items()} == {"old.bin": 0, "new.bin": 9}


# --- merge ------------------------------------------------------------------------------------------------------------


def test_C3_B4_a_client_killed_in_a_merge_hears_of_the_lock_that_it_released(pair):
    main, dev = pair
    dev.mlv("branch", "dev")
    dev.mlv("switch", "dev")
    dev.mlv("edit", LOCKED)
    dev.write(LOCKED, b"\0dev")
    dev.mlv("commit", "-m", "weights")
    main.mlv("lock", "--scope", "branch", LOCKED)
    killed_at(main, "request.answered", "merge", "dev")
    assert main.json("status")["opened"] == [LOCKED]
    assert main.noticed("log").count(MERGED.format(3)) == 1
    assert main.json("status").get("opened", []) == []
    assert main.json("locks") == []
    main.mlv("update")
    assert main.read(LOCKED) == b"\0dev"


@pytest.fixture
def decided(pair):
    """A workspace in which a merge waits, whose only conflict is decided."""
    main, dev = pair
    dev.mlv("branch", "dev")
    dev.mlv("switch", "dev")
    for person, line in ((main, b"mine"), (dev, b"theirs")):
        person.write("train.py", changed(3, line))
        person.mlv("commit", "-m", "work")
    main.mlv("merge", "dev", code=3)
    main.write("train.py", changed(3, b"both"))
    main.mlv("resolve", "--accept", "edited", "train.py")
    return main


@pytest.mark.parametrize("point", ["request.journal", "request.answered"])
def test_C3_B3_a_killed_end_of_a_merge_is_ended_by_the_same_command(decided, point):
    killed_at(decided, point, "merge", "--continue")
    assert decided.json("merge", "--continue", "-m", "another text")["changeset"] == 4
    assert decided.states() == {}
    assert decided.read("train.py") == changed(3, b"both")
    assert [one["changeset"] for one in decided.json("log")] == [4, 3, 2, 1]
    assert journals(decided) == []


@pytest.mark.parametrize("point", ["request.journal", "request.answered"])
def test_C3_B3_whatever_speaks_to_the_server_ends_a_merge_that_had_landed(decided, point):
    killed_at(decided, point, "merge", "--continue")
    landed = point == "request.answered"
    assert decided.noticed("log").count(MERGED.format(4)) == landed
    assert ("merge" in decided.json("status")) == (not landed)
    if landed:
        decided.mlv("update")
    else:
        assert decided.json("merge", "--continue")["changeset"] == 4
    assert decided.states() == {}
    assert decided.read("train.py") == changed(3, b"both")


def test_B3_a_dry_run_of_the_end_of_a_merge_leaves_it_open(decided):
    decided.mlv("merge", "--continue", "-n")
    assert "merge" in decided.json("status")
    assert journals(decided) == []
    assert decided.json("merge", "--continue")["changeset"] == 4
