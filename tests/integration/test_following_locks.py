"""`mlv locks --follow` as a script and a terminal see it, over restarts of the server."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_tree_locks import Desk
from tests.servers import COMMAND_SECONDS, Team


@pytest.fixture
def desk(team: Team, repository: str, tmp_path: Path) -> Desk:
    """The admin's workspace with a file of weights."""
    place = tmp_path / "admin"
    team.admin.mlv("checkout", repository, str(place))
    made = Desk(team.admin, place)
    made.add("a.pt", b"\0weights")
    made.mlv("commit", "-m", "base")
    return made


@pytest.fixture
def follower(desk: Desk) -> Iterator[Any]:
    """A running `mlv locks -f --json`, to be read line by line."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = desk.user.popen("locks", "-f", "--json", cwd=desk.folder)
    signal.signal(signal.SIGINT, before)
    limit = threading.Timer(COMMAND_SECONDS, process.kill)
    limit.start()

    def paths_until(wanted: list[str]) -> None:
        """Read until a line shows exactly these locks."""
        assert process.stdout is not None
        for line in process.stdout:
            if [one["path"] for one in json.loads(line)["locks"]] == wanted:
                return
        raise AssertionError(process.stderr.read() if process.stderr else "")

    yield process, paths_until
    if process.poll() is None:
        process.kill()
    limit.cancel()
    process.communicate()


def test_follow_shows_each_change_over_a_restart_and_ends_with_ctrl_c(team: Team, desk: Desk, follower: Any) -> None:
    process, paths_until = follower
    paths_until([])
    desk.mlv("lock", "a.pt")
    paths_until(["a.pt"])
    team.server.crash()
    team.server.start()
    desk.mlv("unlock", "a.pt")
    paths_until([])
    process.send_signal(signal.SIGINT)
    assert process.wait(COMMAND_SECONDS) == 130


def test_follow_draws_over_the_old_table_on_a_terminal(desk: Desk) -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "MLV_CONFIG_DIR": str(desk.user.config), "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlv.cli.main", "locks", "--follow"],
        cwd=desk.folder, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    said = b""

    def read_until(text: bytes) -> None:
        nonlocal said
        end = time.monotonic() + COMMAND_SECONDS
        while text not in said:
            ready, _, _ = select.select([master], [], [], max(0.0, end - time.monotonic()))
            assert ready, said
            said += os.read(master, 65536)

    try:
        read_until(b"No locks.")
        desk.mlv("lock", "a.pt", "-m", "tuning")
        read_until(b"tuning")
        assert b"\x1b[1A\r\x1b[J" in said
    finally:
        process.kill()
        process.wait()
        os.close(master)
