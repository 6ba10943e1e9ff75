"""L14 with a real server that is away and comes back: edits are noted here and locked later."""

from __future__ import annotations

from pathlib import Path

from tests.integration.test_tree_locks import Desk
from tests.servers import Team


def desk(team: Team, repository: str, tmp_path: Path) -> Desk:
    """The admin's workspace with two files of weights and one of code."""
    place = tmp_path / "admin"
    team.admin.mlv("checkout", repository, str(place))
    made = Desk(team.admin, place)
    for path in ("a.pt", "b.pt"):
        made.add(path, b"\0weights")
    made.add("train.py", b"print()\n")
    made.mlv("commit", "-m", "base")
    return made


def test_L14_an_offline_edit_is_locked_later(team: Team, repository: str, tmp_path: Path) -> None:
    mine = desk(team, repository, tmp_path)
    team.server.stop()
    opened = mine.json("edit", "--offline", "-m", "on the train", "a.pt", "b.pt", "train.py")
    assert (opened["paths"], opened["need_lock"]) == (["a.pt", "b.pt", "train.py"], ["a.pt", "b.pt"])
    (mine.folder / "a.pt").write_bytes(b"\0offline")
    shown = mine.json("status")
    assert [(file["path"], file["state"], file["lock"]) for file in shown["files"]] == [
        ("a.pt", "modified", "unlocked_edit")
    ]
    assert shown["opened"] == ["a.pt", "b.pt", "train.py"]
    team.server.start()
    refused = mine.json("commit", "-m", "too early", code=4)
    assert refused["code"] == "LOCK_NEEDED"
    assert "mlv reconcile --lock" in refused["advice"]
    assert mine.json("reconcile", "--lock", "-n")["paths"] == ["a.pt", "b.pt", "train.py"]
    assert mine.json("locks") == []
    assert mine.json("reconcile", "--lock")["locked"] == ["a.pt", "b.pt"]
    found = mine.json("locks")
    assert [(one["path"], one["mode"], one["reason"]) for one in found] == [
        ("a.pt", "exclusive", "on the train"),
        ("b.pt", "exclusive", "on the train"),
        ("train.py", "intent", "on the train"),
    ]
    assert mine.json("reconcile", "--lock")["paths"] == []
    assert mine.json("commit", "-m", "now")["changeset"] == 2


def test_L14_conflicts_show_before_anything_is_sent(team: Team, repository: str, tmp_path: Path) -> None:
    mine = desk(team, repository, tmp_path)
    other = team.member("r" + repository.rpartition("r")[2], contributor=repository.replace("/", "__"))
    other.mlv("checkout", repository, str(tmp_path / "other"))
    theirs = Desk(other, tmp_path / "other")
    mine.mlv("edit", "--offline", "a.pt", "b.pt")
    for path in ("a.pt", "b.pt"):
        (mine.folder / path).write_bytes(b"\0offline " + path.encode())
    theirs.mlv("lock", "a.pt", "-m", "tuning")
    refused = mine.json("reconcile", "--lock", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "a.pt is locked by" in refused["message"]
    assert "Nothing was sent" in refused["advice"]
    assert [one["path"] for one in theirs.json("locks")] == ["a.pt"]
    theirs.write("a.pt", b"\0theirs")
    theirs.mlv("commit", "-m", "theirs")
    stale = mine.json("reconcile", "--lock", code=3)
    assert (stale["code"], stale["items"]) == ("STALE_BASE", ["a.pt"])
    assert (mine.folder / "a.pt").read_bytes() == b"\0offline a.pt"
    assert mine.json("reconcile", "--lock", "b.pt")["locked"] == ["b.pt"]
    mine.mlv("commit", "-m", "b alone", "b.pt")
