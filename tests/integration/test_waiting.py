"""L10 with a real server and real clients: asking for locks, waiting for them, giving and denying them."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers import COMMAND_SECONDS, Answer, Team, User, running_team

SILENCE_SECONDS = 8
FILES = 16


class Desk:
    """A user's workspace of one repository."""

    def __init__(self, user: User, folder: Path) -> None:
        self.user = user
        self.folder = folder

    def mlv(self, *arguments: str, code: int | None = 0) -> Answer:
        return self.user.mlv(*arguments, cwd=self.folder, code=code)

    def json(self, *arguments: str, code: int = 0) -> Any:
        return self.mlv(*arguments, "--json", code=code).json

    def locks(self, *paths: str) -> list[dict[str, Any]]:
        return [lock for lock in self.json("locks", *paths) if lock["path"] in paths]

    def requests(self, path: str) -> list[dict[str, Any]]:
        return [one for lock in self.locks(path) for one in lock["requests"]]

    def commit(self, path: str, data: bytes) -> None:
        (self.folder / path).write_bytes(data)
        self.mlv("commit", "-m", "new", path)


class House:
    """A server with one repository of weights, the desk of its admin, who holds locks, and four of contributors.

    Each test takes files of its own.
    """

    def __init__(self, team: Team, folder: Path) -> None:
        self.team = team
        self._numbers = itertools.count()
        team.admin.mlv("repo", "create", "wait/all")
        self.holder = self._desk(team.admin, folder)
        for number in range(FILES):
            (self.holder.folder / f"f{number}.pt").write_bytes(b"\0weights %d" % number)
        self.holder.mlv("add", ".")
        self.holder.mlv("commit", "-m", "base")
        self.desks = [self._desk(team.member(f"u{number}", contributor="wait__all"), folder) for number in range(4)]

    def file(self) -> str:
        """A path that no other test uses."""
        return f"f{next(self._numbers)}.pt"

    def _desk(self, user: User, folder: Path) -> Desk:
        place = folder / user.name
        user.mlv("checkout", "wait/all", str(place))
        return Desk(user, place)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that passes over who is silent for eight seconds."""
    folder = tmp_path_factory.mktemp("crowd")
    with running_team(folder) as team:
        team.server.environment["MLV_LOCKS_WAITER_SILENCE"] = str(SILENCE_SECONDS)
        team.server.stop()
        team.server.start()
        yield House(team, folder)


class Waiter:
    """A running command that waits; it tells on standard error when it stands in the queue."""

    def __init__(self, desk: Desk, *arguments: str) -> None:
        # Whoever runs the tests in the background of a shell has it ignore Ctrl-C, and that is handed down.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process: subprocess.Popen[str] = desk.user.popen(*arguments, cwd=desk.folder)
        signal.signal(signal.SIGINT, before)
        self._limit = threading.Timer(COMMAND_SECONDS, self.process.kill)
        self._limit.start()
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("mlv: Waiting for "), line + self.process.stderr.read()
        self.told = line

    def end(self) -> tuple[int, str]:
        """Its exit code and all that it said since."""
        out, err = self.process.communicate(timeout=COMMAND_SECONDS)
        self._limit.cancel()
        return self.process.returncode, out + err

    def close(self) -> None:
        """Leave nothing of it behind, also where the test killed it: its process, pipes and time limit."""
        self.process.kill()
        self._limit.cancel()
        with self.process:
            pass

    def stop(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.end()


@pytest.fixture
def waiting() -> Iterator[Any]:
    made: list[Waiter] = []

    def make(desk: Desk, *arguments: str) -> Waiter:
        made.append(Waiter(desk, *arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_L10_three_waiters_are_served_in_their_order_and_a_killed_one_is_passed_over(
    house: House, waiting: Any
) -> None:
    path, (first, second, third, jumping) = house.file(), house.desks
    house.holder.mlv("lock", path, "-m", "training")
    waiters = [waiting(desk, "edit", path, "--wait=110s", "-m", "mine") for desk in (first, second, third)]
    asked = house.holder.requests(path)
    assert [one["user"] for one in asked] == [first.user.name, second.user.name, third.user.name]
    assert "before you" in waiters[2].told
    waiters[0].process.kill()
    house.holder.mlv("unlock", path)
    refused = jumping.json("lock", path, code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "is kept for" in refused["message"] or "is locked by" in refused["message"]
    assert waiters[1].end()[0] == 0
    second.commit(path, b"\0the second's")
    code, said = waiters[2].end()
    assert code == 0, said
    assert (third.folder / path).read_bytes() == b"\0the second's"
    assert [lock["owner"] for lock in house.holder.locks(path)] == [third.user.name]
    third.mlv("unlock", path)


def test_L6_who_waits_for_two_files_keeps_nobody_from_the_free_one(house: House, waiting: Any) -> None:
    path, free, (both, one, *_) = house.file(), house.file(), house.desks
    house.holder.mlv("lock", path)
    waiter = waiting(both, "lock", path, free, "--wait=110s")
    one.mlv("lock", free)
    house.holder.mlv("unlock", path)
    assert [lock["path"] for lock in house.holder.locks(path, free)] == [free]
    one.mlv("unlock", free)
    assert waiter.end()[0] == 0
    assert {lock["owner"] for lock in house.holder.locks(path, free)} == {both.user.name}
    both.mlv("unlock", path, free)


def test_L10_a_wait_ends_in_time_with_exit_4_and_leaves_the_queue(house: House) -> None:
    path, desk = house.file(), house.desks[0]
    house.holder.mlv("lock", path, "-m", "long training")
    refused = desk.json("edit", path, "--wait=1s", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "Waited 1 s" in refused["message"]
    assert "long training" in refused["message"]
    assert house.holder.requests(path) == []


def test_L10_ctrl_c_leaves_the_queue(house: House, waiting: Any) -> None:
    path, desk = house.file(), house.desks[0]
    house.holder.mlv("lock", path)
    waiter = waiting(desk, "edit", path, "--wait")
    assert [one["waits"] for one in house.holder.requests(path)] == [True]
    assert waiter.stop(signal.SIGINT)[0] == 130
    assert house.holder.requests(path) == []


def test_L10_a_waiter_survives_a_server_that_is_killed(house: House, waiting: Any) -> None:
    path, (first, second, *_) = house.file(), house.desks
    house.holder.mlv("lock", path)
    waiters = [waiting(desk, "edit", path, "--wait=110s") for desk in (first, second)]
    house.team.server.crash()
    house.team.server.start()
    assert [one["user"] for one in house.holder.requests(path)] == [first.user.name, second.user.name]
    house.holder.mlv("unlock", path)
    assert waiters[0].end()[0] == 0
    first.mlv("unlock", path)
    assert waiters[1].end()[0] == 0
    second.mlv("unlock", path)


def test_L10_the_holder_is_asked_and_gives_and_can_commit_no_more(house: House) -> None:
    path, (desk, other, *_) = house.file(), house.desks
    token = house.holder.json("lock", path)["locks"][0]["fencing_token"]
    assert house.holder.json("unlock", path, "--give", desk.user.name, code=9)["code"] == "NOT_FOUND"
    asked = desk.json("lock", path, "--request", "-m", "fix the head")
    assert asked["holders"] == ["admin"]
    told = house.holder.requests(path)
    assert [(one["user"], one["waits"], one["reason"]) for one in told] == [(desk.user.name, False, "fix the head")]
    assert f"{desk.user.name} asks for {path}" in house.holder.mlv("status", "-u").out
    assert other.json("unlock", path, "--give", desk.user.name, code=4)["code"] == "LOCK_HELD"
    given = house.holder.json("unlock", path, "--give", desk.user.name)["given"]
    assert [(one["owner"], one["fencing_token"] > token) for one in given] == [(desk.user.name, True)]
    (house.holder.folder / path).chmod(0o644)
    (house.holder.folder / path).write_bytes(b"\0too late")
    assert house.holder.json("commit", "-m", "late", path, code=4)["code"] in {"LOCK_HELD", "LOCK_LOST"}
    house.holder.mlv("revert", path)
    desk.mlv("edit", path)
    desk.commit(path, b"\0given")
    lines = house.holder.mlv("watch", "--once", "--json", "--path", path).out.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["lock.acquired", "lock.requested", "lock.given", "lock.acquired", "lock.released"]


def test_L10_who_waits_is_given_the_lock_before_those_ahead(house: House, waiting: Any) -> None:
    path, (first, second, *_) = house.file(), house.desks
    house.holder.mlv("lock", path)
    waiters = [waiting(desk, "edit", path, "--wait=110s") for desk in (first, second)]
    house.holder.mlv("unlock", path, "--give", second.user.name)
    assert waiters[1].end()[0] == 0
    second.commit(path, b"\0by the second")
    assert waiters[0].end()[0] == 0
    assert (first.folder / path).read_bytes() == b"\0by the second"
    first.mlv("unlock", path)


def test_L10_a_denial_reaches_who_waits_and_who_asked(house: House, waiting: Any) -> None:
    path, (waiting_desk, asker, stranger, _) = house.file(), house.desks
    house.holder.mlv("lock", path)
    waiter = waiting(waiting_desk, "edit", path, "--wait=110s")
    asker.mlv("lock", path, "--request")
    assert house.holder.json("lock", path, "--deny", asker.user.name, code=2)["code"] == "INVALID_REQUEST"
    assert stranger.json("lock", path, "--deny", asker.user.name, "-m", "no", code=5)["code"] == "DENIED"
    for desk in (waiting_desk, asker):
        house.holder.mlv("lock", path, "--deny", desk.user.name, "-m", "release week")
    code, said = waiter.end()
    assert code == 4
    assert f"admin denied you the lock of '{path}': release week" in said
    shown = {one["user"]: (one["denied_by"], one["denied_why"], one["place"]) for one in asker.requests(path)}
    assert shown == dict.fromkeys([waiting_desk.user.name, asker.user.name], ("admin", "release week", 0))
    assert "denied by admin: release week" in asker.mlv("locks", path).out


def test_a_request_can_be_taken_back(house: House) -> None:
    path, free, desk = house.file(), house.file(), house.desks[0]
    house.holder.mlv("lock", path)
    assert desk.json("lock", free, "--request", code=9)["code"] == "NOT_FOUND"
    desk.mlv("lock", path, "--request", "-n")
    assert house.holder.requests(path) == []
    desk.mlv("lock", path, "--request")
    desk.mlv("lock", path, "--request")
    assert len(house.holder.requests(path)) == 1
    assert desk.json("unlock", "--request", path)["withdrawn"] == 1
    assert house.holder.requests(path) == []
