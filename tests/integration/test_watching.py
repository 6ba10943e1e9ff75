"""Events as a watcher gets them from a real server: each once and in order, whatever happens to the line."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import COMMAND_SECONDS, Team, User

from mlv_core.errors import NotSignedIn


def branches(user: User, repository: str, *names: str) -> None:
    for name in names:
        user.mlv("branch", name, "--repo", repository)


class Watch:
    """A running `mlv watch --json`."""

    def __init__(self, user: User, *arguments: str) -> None:
        # Whoever runs the tests in the background of a shell has it ignore Ctrl-C, and that is handed down.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process: subprocess.Popen[str] = user.popen("watch", *arguments, "--json")
        signal.signal(signal.SIGINT, before)
        self._limit = threading.Timer(COMMAND_SECONDS, self.process.kill)
        self._limit.start()

    def next(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr and self.process.stderr.read()
        return json.loads(line)

    def end(self) -> int:
        """The exit code after Ctrl-C, unless it has ended by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(COMMAND_SECONDS)
        self._limit.cancel()
        self.process.communicate()
        return code


@pytest.fixture
def watching() -> Iterator[Any]:
    made: list[Watch] = []

    def make(user: User, *arguments: str) -> Watch:
        made.append(Watch(user, *arguments))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_L17_events_are_told_as_they_happen_and_ctrl_c_ends_it(team: Team, repository: str, watching: Any) -> None:
    branches(team.admin, repository, "one")
    watch = watching(team.admin, repository, "--after", "0")
    first = watch.next()
    assert (first["sequence"], first["kind"], first["facts"]["branch"]) == (1, "branch.created", "one")
    branches(team.admin, repository, "two")
    second = watch.next()
    assert (second["sequence"], second["facts"]["by"]) == (2, "admin")
    assert watch.end() == 130


def test_a_killed_server_loses_no_event_to_a_watcher(team: Team, repository: str, watching: Any) -> None:
    branches(team.admin, repository, "b1", "b2")
    watch = watching(team.admin, repository, "--after", "0")
    found = [watch.next() for _ in range(2)]
    team.server.crash()
    team.server.start()
    branches(team.admin, repository, "b3")
    team.server.stop()
    team.server.start()
    branches(team.admin, repository, "b4", "b5")
    found += [watch.next() for _ in range(3)]
    assert [(one["sequence"], one["facts"]["branch"]) for one in found] == [(n, f"b{n}") for n in range(1, 6)]


def test_filters_narrow_and_once_ends(team: Team, repository: str) -> None:
    folder = team.admin.home / repository.replace("/", "-")
    team.admin.mlv("checkout", repository, str(folder))
    (folder / "w.bin").write_bytes(b"\0\1")
    team.admin.mlv("add", ".", cwd=folder)
    team.admin.mlv("commit", "-m", "one", cwd=folder)
    team.admin.mlv("lock", "w.bin", cwd=folder)
    team.admin.mlv("label", "v1", "@1", "-m", "first", cwd=folder)

    def kinds(*arguments: str) -> list[str]:
        lines = team.admin.mlv("watch", "--once", "--json", *arguments, cwd=folder).out.splitlines()
        return [json.loads(line)["kind"] for line in lines]

    assert kinds() == ["commit.published", "lock.acquired", "label.created"]
    assert kinds("--after", "1") == ["lock.acquired", "label.created"]
    assert kinds("--kind", "commit,label") == ["commit.published", "label.created"]
    assert kinds("--kind", "lock.broken") == []
    assert kinds("--path", "*.bin") == ["lock.acquired"]
    shown = team.admin.mlv("watch", "--once", cwd=folder).out.splitlines()
    assert "commit.published  admin  @1  main" in shown[0]
    assert "lock.acquired  admin  w.bin  main" in shown[1]
    refused = team.admin.mlv("watch", "--once", "--kind", "comit", "--json", cwd=folder, code=2).json
    assert refused["code"] == "INVALID_REQUEST"
    beyond = team.admin.mlv("watch", "--once", "--after", "99", "--json", cwd=folder, code=2).json
    assert "end at 3" in beyond["message"]
    branches(team.admin, repository, "other")
    assert kinds("--branch", "other") == ["branch.created"]


def test_P4_a_hidden_repository_is_not_found(team: Team, repository: str) -> None:
    stranger = team.member(f"s{repository.rpartition('/')[2]}")
    hidden = stranger.mlv("watch", repository, "--json", code=9).json
    assert hidden["code"] == "NOT_FOUND"
    absent = stranger.mlv("watch", "no/where", "--json", code=9).json
    assert absent["message"].replace("no/where", repository) == hidden["message"]


def test_P4_a_right_that_ends_takes_the_rest_of_the_stream(
    team: Team, repository: str, member: Any, watching: Any
) -> None:
    reader = member("reader", repository)
    watch = watching(reader, repository, "--after", "0")
    branches(team.admin, repository, "seen")
    assert watch.next()["facts"]["branch"] == "seen"
    team.admin.mlv("policy", "revoke", "reader", reader.name, repository)
    branches(team.admin, repository, "unseen")
    assert watch.next()["code"] == "NOT_FOUND"
    assert watch.process.wait(COMMAND_SECONDS) == 9


def test_P8_a_revoked_token_ends_the_stream(team: Team, repository: str, member: Any, watching: Any) -> None:
    reader = member("reader", repository)
    watch = watching(reader, repository, "--after", "0")
    branches(team.admin, repository, "seen")
    assert watch.next()["facts"]["branch"] == "seen"
    (token,) = reader.mlv("token", "list", "--json").json
    reader.mlv("token", "revoke", token["id"])
    branches(team.admin, repository, "unseen")
    assert watch.next()["code"] == NotSignedIn.code
    assert watch.process.wait(COMMAND_SECONDS) == NotSignedIn.exit_code
