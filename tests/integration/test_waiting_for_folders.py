"""L10 with a real server and real clients: folders are waited for, asked for, given and denied."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.test_waiting import Desk, House, Waiter
from tests.servers import running_team

FOLDERS = 12
UNHEARD_SECONDS = 3600
"""So long may a waiter be silent that it asks again after twenty minutes: before, only events wake it."""


class Rooms:
    """A house with folders of two files each, of which each test takes its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.holder, self.desks = house.holder, house.desks
        self._numbers = itertools.count()
        for number in range(FOLDERS):
            folder = self.holder.folder / f"d{number}"
            folder.mkdir()
            for name in "ab":
                (folder / f"{name}.pt").write_bytes(b"\0weights %d" % number)
        self.holder.mlv("add", ".")
        self.holder.mlv("commit", "-m", "folders")
        for desk in self.desks:
            desk.mlv("update")

    def folder(self) -> str:
        return f"d{next(self._numbers)}"


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("rooms")
    with running_team(folder) as team:
        team.server.environment["MLV_LOCKS_WAITER_SILENCE"] = str(UNHEARD_SECONDS)
        team.server.stop()
        team.server.start()
        yield Rooms(House(team, folder))


@pytest.fixture
def waiting() -> Iterator[Any]:
    made: list[Waiter] = []

    def make(desk: Desk, *arguments: str) -> Waiter:
        made.append(Waiter(desk, *arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def owners(desk: Desk, *paths: str) -> list[tuple[str, str]]:
    return [(lock["path"], lock["owner"]) for lock in desk.locks(*paths)]


def change(desk: Desk, path: str, data: bytes) -> None:
    """Below one's own folder a file is changed without being opened."""
    (desk.folder / path).chmod(0o644)
    (desk.folder / path).write_bytes(data)


def test_L5_L10_a_folder_is_waited_for_and_what_was_committed_in_it_is_brought(rooms: Rooms, waiting: Any) -> None:
    folder, (first, second, *_) = rooms.folder(), rooms.desks
    rooms.holder.mlv("edit", f"{folder}/a.pt")
    whole = waiting(first, "lock", "--tree", folder, "--wait=110s", "-m", "new layout")
    asked = rooms.holder.requests(f"{folder}/a.pt")
    assert [(one["user"], one["path"], one["tree"], one["place"]) for one in asked] == [
        (first.user.name, folder, True, 1)
    ]
    assert f"{first.user.name} waits for {folder}: new layout" in rooms.holder.mlv("status", "-u").out
    rooms.holder.commit(f"{folder}/a.pt", b"\0by the holder")
    code, said = whole.end()
    assert code == 0, said
    assert (first.folder / folder / "a.pt").read_bytes() == b"\0by the holder"
    assert owners(second, folder) == [(folder, first.user.name)]
    change(first, f"{folder}/b.pt", b"\0by the first")
    first.mlv("commit", "-m", "all mine", folder)
    first.mlv("unlock", folder)


def test_L10_folders_and_files_are_served_in_one_order(rooms: Rooms, waiting: Any) -> None:
    folder, (first, second, third, jumping) = rooms.folder(), rooms.desks
    rooms.holder.mlv("lock", "--tree", folder)
    waiters = [
        waiting(first, "edit", f"{folder}/a.pt", "--wait=110s"),
        waiting(second, "lock", "--tree", folder, "--wait=110s"),
        waiting(third, "edit", f"{folder}/b.pt", "--wait=110s"),
    ]
    places = {one["path"]: one["place"] for one in rooms.holder.requests(folder)}
    assert places == {f"{folder}/a.pt": 1, folder: 2, f"{folder}/b.pt": 2}
    shown = rooms.holder.mlv("locks", folder, f"{folder}/*").out
    assert f"{folder}/ " in shown
    assert "waiter 2" in shown
    rooms.holder.mlv("unlock", folder)
    assert [one.end()[0] for one in (waiters[0], waiters[2])] == [0, 0]
    assert jumping.json("lock", "--tree", folder, code=4)["code"] == "LOCK_HELD"
    for desk, name in ((first, "a"), (third, "b")):
        desk.mlv("unlock", f"{folder}/{name}.pt")
    code, said = waiters[1].end()
    assert code == 0, said
    assert owners(jumping, folder) == [(folder, second.user.name)]
    second.mlv("unlock", folder)


def test_L10_a_folder_is_given_whole_and_the_giver_can_commit_nothing_in_it(rooms: Rooms, waiting: Any) -> None:
    folder, (desk, other, *_) = rooms.folder(), rooms.desks
    rooms.holder.mlv("lock", "--tree", folder)
    rooms.holder.mlv("edit", f"{folder}/a.pt")
    waiter = waiting(desk, "lock", "--tree", folder, "--wait=110s")
    assert other.json("unlock", folder, "--give", desk.user.name, code=4)["code"] == "LOCK_HELD"
    given = rooms.holder.json("unlock", folder, "--give", desk.user.name)["given"]
    assert [(one["path"], one["owner"], one["tree"]) for one in given] == [(folder, desk.user.name, True)]
    assert waiter.end()[0] == 0
    change(rooms.holder, f"{folder}/a.pt", b"\0too late")
    assert rooms.holder.json("commit", "-m", "late", folder, code=4)["code"] in {"LOCK_HELD", "LOCK_LOST"}
    rooms.holder.mlv("revert", folder)
    change(desk, f"{folder}/a.pt", b"\0in time")
    desk.mlv("commit", "-m", "given", folder)
    lines = rooms.holder.mlv("watch", "--once", "--json", "--path", f"{folder}/**").out.splitlines()
    kinds = [(event["kind"], event["facts"]["path"]) for event in map(json.loads, lines) if "path" in event["facts"]]
    given_up = kinds.index(("lock.given", folder))
    assert sorted(kinds[given_up - 1 : given_up + 3])[:3] == [
        ("lock.acquired", folder),
        ("lock.given", folder),
        ("lock.given", f"{folder}/a.pt"),
    ]
    desk.mlv("unlock", folder)


def test_L10_a_folder_is_asked_for_denied_and_taken_back(rooms: Rooms, waiting: Any) -> None:
    folder, (waits, asks, stranger, _) = rooms.folder(), rooms.desks
    rooms.holder.mlv("lock", f"{folder}/a.pt")
    waiter = waiting(waits, "lock", "--tree", folder, "--wait=110s")
    assert asks.json("lock", "--tree", folder, "--request", "-m", "please")["requested"] == [folder]
    assert stranger.json("lock", folder, "--deny", asks.user.name, "-m", "no", code=5)["code"] == "DENIED"
    rooms.holder.mlv("lock", folder, "--deny", waits.user.name, "-m", "release week")
    code, said = waiter.end()
    assert code == 4
    assert f"admin denied you the lock of '{folder}': release week" in said
    assert asks.json("unlock", "--request", folder)["withdrawn"] == 1
    left = rooms.holder.requests(f"{folder}/a.pt")
    assert [(one["user"], one["denied_by"]) for one in left] == [(waits.user.name, "admin")]
    rooms.holder.mlv("unlock", f"{folder}/a.pt")


def test_L10_a_place_for_a_folder_outlives_a_server_that_is_killed_and_ends_by_ctrl_c(
    rooms: Rooms, waiting: Any
) -> None:
    folder, (first, second, *_) = rooms.folder(), rooms.desks
    rooms.holder.mlv("lock", f"{folder}/a.pt")
    waiters = [waiting(desk, "lock", "--tree", folder, "--wait=110s") for desk in (first, second)]
    rooms.house.team.server.crash()
    rooms.house.team.server.start()
    assert [one["place"] for one in rooms.holder.requests(f"{folder}/a.pt")] == [1, 2]
    assert waiters[0].stop(signal.SIGINT)[0] == 130
    assert [one["user"] for one in rooms.holder.requests(f"{folder}/a.pt")] == [second.user.name]
    rooms.holder.mlv("unlock", f"{folder}/a.pt")
    assert waiters[1].end()[0] == 0
    second.mlv("unlock", folder)


def test_L10_two_who_would_wait_for_each_other_are_told_at_once(rooms: Rooms, waiting: Any) -> None:
    folder, (first, second, *_) = rooms.folder(), rooms.desks
    first.mlv("lock", f"{folder}/a.pt")
    second.mlv("lock", f"{folder}/b.pt")
    waiter = waiting(first, "lock", "--tree", folder, "--wait=110s")
    refused = second.json("lock", "--tree", folder, "--wait=110s", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert f"waits for {folder}/b.pt, which you hold" in refused["message"]
    second.mlv("unlock", f"{folder}/b.pt")
    assert waiter.end()[0] == 0
    first.mlv("unlock", folder, f"{folder}/a.pt")


def test_L10_what_a_folder_cannot_be_asked_is_refused_with_what_to_type(rooms: Rooms) -> None:
    folder, desk = rooms.folder(), rooms.desks[0]
    rooms.holder.mlv("lock", "--tree", folder)
    assert desk.json("lock", "--tree", folder, "--wait=1s", code=4)["message"].startswith("Waited 1 s in vain")
    assert rooms.holder.requests(folder) == []
    assert desk.json("lock", "--tree", f"{folder}/nowhere", "--request", code=9)["code"] == "NOT_FOUND"
    assert desk.json("lock", "--tree", f"{folder}/a.pt", "--request", code=2)["code"] == "INVALID_REQUEST"
    rooms.holder.mlv("unlock", folder)
