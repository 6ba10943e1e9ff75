"""Real servers and real users for tests: processes on the loopback, each user with settings of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.commands import CLIENT, CLOCKED, SERVER, Started, commands
from tests.ports import free_port

START_SECONDS = 60
COMMAND_SECONDS = 120
STARTS, IN_USE = 3, "Address already in use"


@dataclass
class RunningServer:
    """An mlv server in a process of its own; `crash` kills it as a power cut would, `start` brings it back."""

    directory: Path
    url: str = ""
    fingerprint: str = ""
    admin_token: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    process: Started | None = None
    log: list[str] = field(default_factory=list)
    clock: Path | None = None
    drain: threading.Thread | None = None

    @classmethod
    def create(cls, directory: Path, *options: str) -> RunningServer:
        """Make a server's folder; it listens on a port that was free, the same at each start."""
        done = run_server_command("init", str(directory), "--listen", f"127.0.0.1:{free_port()}", "--json", *options)
        made = json.loads(done.stdout)
        return cls(directory, made["url"], made["fingerprint"], made["admin_token"])

    def start(self) -> RunningServer:
        """Start the process and wait until it listens; again where somebody else took its port meanwhile."""
        for left in reversed(range(STARTS)):
            try:
                return self._start()
            except AssertionError:
                if not left or not any(IN_USE in line for line in self.log):
                    raise
                self._end(signal.SIGKILL)
                self.log.clear()
        raise AssertionError

    def _start(self) -> RunningServer:
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as sink:
            environment = {**os.environ, **self.environment}
            self.process = commands().start(*self._program(), str(Path.cwd()), environment, sink, sink)
        output = os.fdopen(reading, encoding="utf-8")
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        try:
            for line in output:
                self.log.append(line)
                if line.startswith("listening on "):
                    self.url = line.split()[2]
                    break
            else:
                raise AssertionError("the server did not start:\n" + "".join(self.log))
        finally:
            watchdog.cancel()
        self.drain = threading.Thread(target=self._drain, args=(output,), daemon=True)
        self.drain.start()
        return self

    def later(self, hours: float) -> None:
        """Let so many hours more pass for the server, which was given a clock; they pass at once."""
        assert self.clock is not None
        before = int(self.clock.read_text())
        beside = self.clock.with_suffix(".new")
        beside.write_text(str(before + round(hours * 3_600_000)))
        beside.replace(self.clock)

    def _program(self) -> tuple[str, tuple[str, ...]]:
        if self.clock is None:
            return SERVER, ("start", str(self.directory))
        if not self.clock.exists():
            self.clock.write_text("0")
        return CLOCKED, (str(self.directory), str(self.clock))

    def stop(self) -> int:
        """Ask the process to end as an init system does; its exit code."""
        return self._end(signal.SIGTERM)

    def crash(self) -> None:
        """Kill the process at once."""
        self._end(signal.SIGKILL)

    def verify(self) -> dict[str, Any]:
        """What `mlv-server verify` says of the folder."""
        done = run_server_command("verify", str(self.directory), "--json", check=False)
        assert done.returncode in {0, 7}, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(COMMAND_SECONDS)
        self.process = None
        if self.drain is not None:
            self.drain.join(COMMAND_SECONDS)
        return code

    def _drain(self, output: IO[str]) -> None:
        with output, contextlib.suppress(ValueError):
            self.log.extend(output)


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)


@dataclass
class User:
    """A person with a settings folder of their own, working in one directory at a time."""

    name: str
    config: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def mlv(self, *arguments: str, cwd: Path | None = None, code: int | None = 0) -> Answer:
        """Run the real command; `code` None takes any exit code."""
        environment = {**os.environ, "MLV_CONFIG_DIR": str(self.config), **self.environment}
        done = commands().run(CLIENT, arguments, str(cwd or self.home), environment, COMMAND_SECONDS)
        answer = Answer(done.returncode, done.stdout, done.stderr)
        if code is not None:
            shown = f"mlv {' '.join(arguments)} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == code, shown
        return answer

    def popen(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start the real command and give its process, to be killed or waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "mlv.cli.main", *arguments],
            cwd=cwd or self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MLV_CONFIG_DIR": str(self.config), **self.environment},
        )


def run_server_command(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `mlv-server` with these arguments."""
    done = commands().run(SERVER, arguments, str(Path.cwd()), dict(os.environ), COMMAND_SECONDS)
    assert not check or done.returncode == 0, f"mlv-server {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done


class Team:
    """One server and the people who use it."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self.admin = self.sign_in("admin", server.admin_token)

    def sign_in(self, name: str, token: str) -> User:
        """A user who has signed in with `token`."""
        home = self._folder / name
        home.mkdir(parents=True)
        user = User(name, self._folder / f"{name}-config", home)
        user.mlv("login", self.server.url, "--token", token, "--fingerprint", self.server.fingerprint)
        return user

    def member(self, name: str, **roles: str) -> User:
        """A new user; `roles` maps a role to a repository, with '__' for '/'."""
        token = self.admin.mlv("user", "add", name, "--json").json["token"]
        for role, repository in roles.items():
            self.admin.mlv("policy", "grant", role, name, repository.replace("__", "/"))
        return self.sign_in(name, token)


@contextlib.contextmanager
def running_team(folder: Path, *options: str, clock: bool = False) -> Iterator[Team]:
    """A started server with its admin signed in; stopped at the end. With `clock` its time can be moved (`later`)."""
    server = RunningServer.create(folder / "server", *options)
    server.clock = folder / "clock" if clock else None
    server.start()
    try:
        yield Team(server, folder / "people")
    finally:
        server.stop()
