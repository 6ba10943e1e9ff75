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
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A server that passes over who is silent for eight seconds."""
    with running_team(tmp_path_factory.mktemp("crowd")) as made:
        made.server.environment["MLV_LOCKS_WAITER_SILENCE"] = str(SILENCE_SECONDS)
        made.server.stop()
        made.server.start()
        yield made


class Desk:
    """A user's workspace of one repository."""

    def __init__(self, user: User, folder: Path) -> None:
        self.user = user
        self.folder = folder

    def mlv(self, *arguments: str, code: int | None = 0) -> Answer:
        return self.user.mlv(*arguments, cwd=self.folder, code=code)

    def json(self, *arguments: str, code: int = 0) -> Any:
        return self.mlv(*arguments, "--json", code=code).json

    def requests(self) -> list[dict[str, Any]]:
        return [one for lock in self.json("locks") for one in lock["requests"]]

    def commit(self, path: str, data: bytes) -> None:
        (self.folder / path).write_bytes(data)
        self.mlv("commit", "-m", "new")


class House:
    """A repository with two files of weights, and desks in it."""

    def __init__(self, team: Team, folder: Path) -> None:
        self.team = team
        self.folder = folder
        self.name = f"wait/r{next(_numbers)}"
        team.admin.mlv("repo", "create", self.name)
        self.holder = self._desk(team.admin)
        for name in ("a.pt", "b.pt"):
            (self.holder.folder / name).write_bytes(b"\0weights of " + name.encode())
        self.holder.mlv("add", ".")
        self.holder.mlv("commit", "-m", "base")

    def desk(self) -> Desk:
        """A desk of a new contributor."""
        return self._desk(self.team.member(f"u{next(_numbers)}", contributor=self.name.replace("/", "__")))

    def _desk(self, user: User) -> Desk:
        place = self.folder / f"{user.name}-{next(_numbers)}"
        user.mlv("checkout", self.name, str(place))
        return Desk(user, place)


@pytest.fixture
def house(crowd: Team, tmp_path: Path) -> House:
    return House(crowd, tmp_path)


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
        if one.process.poll() is None:
            one.stop(signal.SIGKILL)


def test_L10_three_waiters_are_served_in_their_order_and_a_killed_one_is_passed_over(
    house: House, waiting: Any
) -> None:
    first, second, third = house.desk(), house.desk(), house.desk()
    house.holder.mlv("lock", "a.pt", "-m", "training")
    waiters = [waiting(desk, "edit", "a.pt", "--wait=110s", "-m", "mine") for desk in (first, second, third)]
    assert [one["place"] for one in house.holder.requests()] == [1, 2, 3]
    assert [one["user"] for one in house.holder.requests()] == [first.user.name, second.user.name, third.user.name]
    assert "1 before you" in waiters[1].told
    waiters[0].process.kill()
    jumping = house.desk()
    house.holder.mlv("unlock", "a.pt")
    refused = jumping.json("lock", "a.pt", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "is kept for" in refused["message"] or "is locked by" in refused["message"]
    assert waiters[1].end()[0] == 0
    assert [lock["owner"] for lock in house.holder.json("locks")] == [second.user.name]
    second.commit("a.pt", b"\0the second's")
    code, said = waiters[2].end()
    assert code == 0, said
    assert (third.folder / "a.pt").read_bytes() == b"\0the second's"
    assert [lock["owner"] for lock in house.holder.json("locks")] == [third.user.name]
    third.commit("a.pt", b"\0the third's")


def test_L6_who_waits_for_two_files_keeps_nobody_from_the_free_one(house: House, waiting: Any) -> None:
    both, one = house.desk(), house.desk()
    house.holder.mlv("lock", "a.pt")
    waiter = waiting(both, "lock", "a.pt", "b.pt", "--wait=110s")
    one.mlv("lock", "b.pt")
    house.holder.mlv("unlock", "a.pt")
    assert {lock["path"] for lock in house.holder.json("locks")} == {"b.pt"}
    one.mlv("unlock", "b.pt")
    assert waiter.end()[0] == 0
    assert {(lock["path"], lock["owner"]) for lock in house.holder.json("locks")} == {
        ("a.pt", both.user.name),
        ("b.pt", both.user.name),
    }


def test_L10_a_wait_ends_in_time_with_exit_4_and_leaves_the_queue(house: House) -> None:
    desk = house.desk()
    house.holder.mlv("lock", "a.pt", "-m", "long training")
    refused = desk.json("edit", "a.pt", "--wait=1s", code=4)
    assert refused["code"] == "LOCK_HELD"
    assert "Waited 1 s" in refused["message"]
    assert "long training" in refused["message"]
    assert house.holder.requests() == []


def test_L10_ctrl_c_leaves_the_queue(house: House, waiting: Any) -> None:
    desk = house.desk()
    house.holder.mlv("lock", "a.pt")
    waiter = waiting(desk, "edit", "a.pt", "--wait")
    assert [one["waits"] for one in house.holder.requests()] == [True]
    assert waiter.stop(signal.SIGINT)[0] == 130
    assert house.holder.requests() == []


def test_L10_a_waiter_survives_a_server_that_is_killed(house: House, waiting: Any) -> None:
    first, second = house.desk(), house.desk()
    house.holder.mlv("lock", "a.pt")
    waiters = [waiting(desk, "edit", "a.pt", "--wait=100s") for desk in (first, second)]
    house.team.server.crash()
    house.team.server.start()
    assert [one["user"] for one in house.holder.requests()] == [first.user.name, second.user.name]
    house.holder.mlv("unlock", "a.pt")
    assert waiters[0].end()[0] == 0
    first.mlv("unlock", "a.pt")
    assert waiters[1].end()[0] == 0


def test_L10_the_holder_is_asked_and_gives(house: House) -> None:
    desk = house.desk()
    token = house.holder.json("lock", "a.pt")["locks"][0]["fencing_token"]
    asked = desk.json("lock", "a.pt", "--request", "-m", "fix the head")
    assert asked["holders"] == ["admin"]
    told = house.holder.requests()
    assert [(one["user"], one["waits"], one["reason"]) for one in told] == [(desk.user.name, False, "fix the head")]
    assert f"{desk.user.name} asks for a.pt" in house.holder.mlv("status", "-u").out
    given = house.holder.json("unlock", "a.pt", "--give", desk.user.name)["given"]
    assert [(one["owner"], one["fencing_token"] > token) for one in given] == [(desk.user.name, True)]
    assert house.holder.requests() == []
    desk.mlv("edit", "a.pt")
    desk.commit("a.pt", b"\0given")
    kinds = [event["kind"] for event in events(house)]
    assert kinds[-4:] == ["lock.given", "lock.acquired", "commit.published", "lock.released"]


def test_L10_the_giver_can_commit_no_more_and_nobody_gives_what_was_not_asked_for(house: House) -> None:
    desk = house.desk()
    house.holder.mlv("lock", "a.pt")
    assert house.holder.json("unlock", "a.pt", "--give", desk.user.name, code=9)["code"] == "NOT_FOUND"
    desk.mlv("lock", "a.pt", "--request")
    other = house.desk()
    refused = other.json("unlock", "a.pt", "--give", desk.user.name, code=4)
    assert refused["code"] == "LOCK_HELD"
    house.holder.mlv("unlock", "a.pt", "--give", desk.user.name)
    (house.holder.folder / "a.pt").chmod(0o644)
    (house.holder.folder / "a.pt").write_bytes(b"\0too late")
    assert house.holder.json("commit", "-m", "late", code=4)["code"] in {"LOCK_HELD", "LOCK_LOST"}


def test_L10_who_waits_is_given_the_lock_before_those_ahead(house: House, waiting: Any) -> None:
    first, second = house.desk(), house.desk()
    house.holder.mlv("lock", "a.pt")
    waiters = [waiting(desk, "edit", "a.pt", "--wait=110s") for desk in (first, second)]
    house.holder.mlv("unlock", "a.pt", "--give", second.user.name)
    assert waiters[1].end()[0] == 0
    second.commit("a.pt", b"\0by the second")
    assert waiters[0].end()[0] == 0
    assert (first.folder / "a.pt").read_bytes() == b"\0by the second"


def test_L10_a_denial_reaches_who_waits_and_who_asked(house: House, waiting: Any) -> None:
    waiter_desk, asker = house.desk(), house.desk()
    house.holder.mlv("lock", "a.pt")
    waiter = waiting(waiter_desk, "edit", "a.pt", "--wait=110s")
    asker.mlv("lock", "a.pt", "--request")
    assert house.holder.json("lock", "a.pt", "--deny", asker.user.name, code=2)["code"] == "INVALID_REQUEST"
    stranger = house.desk()
    denied = stranger.json("lock", "a.pt", "--deny", asker.user.name, "-m", "no", code=5)
    assert denied["code"] == "DENIED"
    for desk in (waiter_desk, asker):
        house.holder.mlv("lock", "a.pt", "--deny", desk.user.name, "-m", "release week")
    code, said = waiter.end()
    assert code == 4
    assert "admin denied you the lock of 'a.pt': release week" in said
    shown = {one["user"]: (one["denied_by"], one["denied_why"], one["place"]) for one in asker.requests()}
    assert shown == dict.fromkeys([waiter_desk.user.name, asker.user.name], ("admin", "release week", 0))
    assert "denied by admin: release week" in asker.mlv("locks").out
    house.holder.mlv("unlock", "a.pt")
    asker.mlv("edit", "a.pt")


def test_a_request_can_be_taken_back(house: House) -> None:
    desk = house.desk()
    house.holder.mlv("lock", "a.pt")
    assert desk.json("lock", "b.pt", "--request", code=9)["code"] == "NOT_FOUND"
    desk.mlv("lock", "a.pt", "--request", "-n")
    assert house.holder.requests() == []
    desk.mlv("lock", "a.pt", "--request")
    desk.mlv("lock", "a.pt", "--request")
    assert len(house.holder.requests()) == 1
    assert desk.json("unlock", "--request")["withdrawn"] == 1
    assert house.holder.requests() == []


def events(house: House) -> list[dict[str, Any]]:
    lines = house.holder.mlv("watch", "--once", "--json").out.splitlines()
    return [json.loads(line) for line in lines]
