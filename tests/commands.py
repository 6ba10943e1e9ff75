"""Commands as tests run them: a process each, forked from one that has imported the programs (tests/forking.py).

A test runs many commands, and most of the time of each was the import of the same modules.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import IO, Any

MESSAGE_BYTES = 1 << 20
CLIENT, SERVER, CLOCKED = "mlv.cli.main", "mlv_server.cli.main", "tests.clocked"


class Started:
    """A command that runs, with what is asked of a `subprocess.Popen`."""

    def __init__(self, arguments: tuple[str, ...], told: socket.socket) -> None:
        self.returncode: int | None = None
        self._arguments = arguments
        self._told = told
        self._lines = told.makefile("rb")
        self.pid = self._number()

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code once it has ended. Raises: subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._told.settimeout(seconds)
            try:
                self.returncode = self._number()
            except TimeoutError:
                raise subprocess.TimeoutExpired(self._arguments, seconds or 0.0) from None
            self._lines.close()
            self._told.close()
        return self.returncode

    def _number(self) -> int:
        line = self._lines.readline()
        assert line, "the process from which commands are forked has ended: its standard error says why"
        return int(line)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Commands:
    """Runs commands, each of a program given by the module of its entry point; may be used from several threads."""

    def __init__(self) -> None:
        self._sending = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # It ends when the last holder of the other end is gone.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """Let the process end from which they are forked."""
        self._control.close()
        self._process.wait()

    def start(
        self, program: str, arguments: tuple[str, ...], directory: str, environment: dict[str, str], *to: IO[Any]
    ) -> Started:
        """Start one command; `to`: its output and its errors."""
        ours, theirs = socket.socketpair()
        asked = json.dumps([program, arguments, directory, environment]).encode()
        with theirs, self._sending:
            socket.send_fds(self._control, [asked], [theirs.fileno(), *(one.fileno() for one in to)])
        return Started(arguments, ours)

    def run(
        self, program: str, arguments: tuple[str, ...], directory: str, environment: dict[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end. Raises: subprocess.TimeoutExpired, and the command is killed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
            started = self.start(program, arguments, directory, environment, out, error)
            try:
                code = started.wait(seconds)
            except subprocess.TimeoutExpired:
                os.kill(started.pid, signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(arguments, code, _text(out), _text(error))


@cache
def commands() -> Commands:
    """Those of this process."""
    return Commands()


def close() -> None:
    """At the end of all tests."""
    if commands.cache_info().currsize:
        commands().close()
        commands.cache_clear()


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()
