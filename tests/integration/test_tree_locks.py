"""L1 and L2 with a real server: locks on folders, and intents that are seen and block nobody."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Answer, Team, User

_numbers = itertools.count(1)


class Desk:
    """A user's workspace of one repository."""

    def __init__(self, user: User, folder: Path) -> None:
        self.user = user
        self.folder = folder

    def mlv(self, *arguments: str, code: int | None = 0) -> Answer:
        return self.user.mlv(*arguments, cwd=self.folder, code=code)

    def json(self, *arguments: str, code: int = 0) -> Any:
        return self.mlv(*arguments, "--json", code=code).json

    def write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.chmod(0o644)
        target.write_bytes(data)

    def add(self, path: str, data: bytes) -> None:
        self.write(path, data)
        self.mlv("add", path)


@pytest.fixture
def desks(team: Team, repository: str, tmp_path: Path) -> tuple[Desk, Desk]:
    """The admin's and a contributor's workspace of a repository with code and weights in folders."""
    other = team.member(f"t{next(_numbers)}", contributor=repository.replace("/", "__"))
    made = []
    for user in (team.admin, other):
        place = tmp_path / user.name
        user.mlv("checkout", repository, str(place))
        made.append(Desk(user, place))
        if user is team.admin:
            for path in ("model/a.pt", "model/deep/b.pt", "outside.pt"):
                made[0].write(path, b"\0weights")
            made[0].write("model/train.py", b"print()\n")
            made[0].mlv("add", ".")
            made[0].mlv("commit", "-m", "base")
    return made[0], made[1]


def test_L1_a_locked_folder_covers_new_files_and_files_that_need_no_lock(desks: tuple[Desk, Desk]) -> None:
    holder, other = desks
    lock = holder.json("lock", "--tree", "model", "-m", "new layout")["locks"][0]
    assert (lock["path"], lock["tree"], lock["mode"]) == ("model", True, "exclusive")
    other.add("model/new.txt", b"new\n")
    refused = other.json("commit", "-m", "new", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "model/new.txt" in refused["message"]
    assert "new layout" in refused["message"]
    other.mlv("revert", "model/new.txt")
    other.write("model/train.py", b"print(2)\n")
    assert other.json("commit", "-m", "code", code=4)["code"] == "LOCK_HELD"
    other.mlv("revert", "model/train.py")
    assert other.json("edit", "model/a.pt", code=4)["code"] == "LOCK_HELD"
    assert other.json("edit", "model/train.py", code=4)["code"] == "LOCK_HELD"
    other.add("elsewhere.txt", b"fine\n")
    other.mlv("commit", "-m", "elsewhere")
    assert "model/" in other.mlv("locks").out


def test_L1_the_holder_of_a_folder_needs_no_other_lock_below_it(desks: tuple[Desk, Desk]) -> None:
    holder, _ = desks
    holder.mlv("lock", "--tree", "model")
    holder.write("model/a.pt", b"\0changed")
    assert [(file["path"], file["lock"]) for file in holder.json("status")["files"]] == [("model/a.pt", "mine")]
    holder.add("model/c.pt", b"\0new")
    holder.mlv("commit", "-m", "under my folder")
    assert [lock["path"] for lock in holder.json("locks")] == ["model"]
    holder.write("outside.pt", b"\0changed")
    assert holder.json("commit", "-m", "outside", code=4)["code"] == "LOCK_NEEDED"
    holder.mlv("unlock", "model")
    assert holder.json("locks") == []
    holder.mlv("revert", "outside.pt")
    holder.write("model/a.pt", b"\0again")
    assert holder.json("commit", "-m", "no more", code=4)["code"] == "LOCK_NEEDED"


def test_L1_folders_and_files_in_them_exclude_each_other(desks: tuple[Desk, Desk]) -> None:
    holder, other = desks
    other.mlv("lock", "model/deep/b.pt")
    refused = holder.json("lock", "--tree", "model", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "model/deep/b.pt" in refused["message"]
    other.mlv("unlock", "model/deep/b.pt")
    holder.mlv("lock", "--tree", "model/deep")
    assert other.json("lock", "--tree", "model", code=4)["code"] == "LOCK_HELD"
    other.mlv("lock", "model/a.pt")
    holder.mlv("lock", "model/deep/b.pt")
    assert holder.json("lock", "--tree", "model/a.pt", code=2)["code"] == "INVALID_REQUEST"
    assert holder.json("lock", "--tree", ".", code=2)["code"] == "INVALID_REQUEST"
    assert holder.json("lock", "--tree", "nowhere", code=9)["code"] == "NOT_FOUND"


def test_L1_a_move_into_or_out_of_a_locked_folder_is_checked_at_both_ends(desks: tuple[Desk, Desk]) -> None:
    holder, other = desks
    holder.mlv("lock", "--tree", "model")
    other.add("notes.txt", b"notes\n")
    other.mlv("commit", "-m", "notes")
    other.mlv("move", "notes.txt", "model/notes.txt")
    assert other.json("commit", "-m", "in", code=4)["code"] == "LOCK_HELD"
    other.mlv("revert", ".")
    other.mlv("move", "model/train.py", "train.py")
    assert other.json("commit", "-m", "out", code=4)["code"] == "LOCK_HELD"


def test_L5_a_folder_is_locked_only_with_its_newest_files(desks: tuple[Desk, Desk]) -> None:
    holder, other = desks
    other.add("model/new.txt", b"new\n")
    other.mlv("commit", "-m", "new")
    refused = holder.json("lock", "--tree", "model", code=3)
    assert refused["code"] == "STALE_BASE"
    assert refused["items"] == ["model/new.txt"]
    holder.mlv("update")
    holder.mlv("lock", "--tree", "model")


def test_L12_undo_and_merge_stop_at_a_locked_folder_and_a_broken_one_is_lost(desks: tuple[Desk, Desk]) -> None:
    holder, other = desks
    other.add("model/new.txt", b"new\n")
    other.mlv("commit", "-m", "new")
    holder.mlv("update")
    holder.mlv("branch", "feature", "--kind", "experiment")
    other.mlv("switch", "feature")
    other.add("model/feature.txt", b"feature\n")
    other.mlv("commit", "-m", "feature")
    holder.mlv("lock", "--tree", "model")
    other.mlv("switch", "main")
    assert other.json("undo", "@2", code=4)["code"] == "LOCK_HELD"
    assert other.json("merge", "feature", code=4)["code"] in {"LOCK_HELD", "DENIED"}
    holder.write("model/a.pt", b"\0changed")
    holder.user.mlv("checkout", holder.json("status")["repository"], str(holder.folder) + "-2")
    Desk(holder.user, Path(str(holder.folder) + "-2")).mlv("unlock", "model")
    assert holder.json("commit", "-m", "late", code=4)["code"] in {"LOCK_LOST", "LOCK_NEEDED"}
    other.mlv("undo", "@2")


def test_L2_an_intent_is_seen_blocks_nobody_and_ends_with_the_commit(desks: tuple[Desk, Desk]) -> None:
    holder, other = desks
    holder.mlv("edit", "model/train.py", "-m", "new loop")
    seen = other.json("locks")
    assert [(one["path"], one["mode"], one["owner"], one["reason"]) for one in seen] == [
        ("model/train.py", "intent", "admin", "new loop")
    ]
    other.mlv("edit", "model/train.py")
    assert len(other.json("locks")) == 2
    other.mlv("lock", "model/train.py")
    assert holder.json("edit", "model/train.py", code=4)["code"] == "LOCK_HELD"
    other.mlv("unlock", "model/train.py")
    other.write("model/train.py", b"print(3)\n")
    done = other.json("commit", "-m", "mine")
    assert done["changeset"] == 2
    assert [one["owner"] for one in other.json("locks")] == ["admin"]
    holder.mlv("revert", "model/train.py")
    assert other.json("locks") == []
