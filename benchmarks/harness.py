"""Drives the real command and the real server: a server folder, people with settings of their own, and a relay."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.proxy import Wire, counted

PROGRAMS = Path(sys.executable).parent
# Without compiled modules each start would compile the sources: no installed command does that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
WAIT_SECONDS = 120.0
COMMAND_LIMIT_SECONDS = 600.0
UNLINK_AFTER_SECONDS = 2
SETTLED_SECONDS = 6.0
TICKS = 100
"""Of the kernel's clock in a second, as /proc counts."""
_CACHE_FOLDERS = ("cache",)


class CommandFailedError(Exception):
    """A command ended otherwise than the benchmark needs; the text holds what it printed."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished command: exit code, decoded answer, wall-clock seconds, peak resident bytes and CPU seconds.

    The peak is of the largest process, the CPU seconds of all that the command started and waited for.
    """

    code: int
    answer: Any
    seconds: float
    peak_bytes: int
    cpu_seconds: float


class Person:
    """Somebody with settings and credentials of their own, who reaches the server through the relay."""

    def __init__(self, name: str, home: Path, url: str) -> None:
        """No command is run yet; `url` is the relay's address."""
        self.name, self.url = name, url
        self.home = home / name
        self.home.mkdir(parents=True)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("MLV_")}
        self.environment |= {"MLV_CONFIG_DIR": str(self.home / "settings"), "NO_COLOR": "1", "CI": "1"}

    def run(self, *words: object, at: Path | None = None, expect: int | None = 0) -> Ran:
        """Run `mlv WORDS --json`. Raises CommandFailedError where the exit code is not `expect` (None: any)."""
        command = [str(PROGRAMS / "mlv"), *map(str, words), "--json"]
        ran = run_measured(command, at or self.home, self.environment)
        if expect is not None and ran.code != expect:
            raise CommandFailedError(f"{self.name}: {' '.join(command)}: exit {ran.code}, not {expect}: {ran.answer}")
        return ran

    def login(self, token: str, fingerprint: str) -> None:
        """Trust the server by its fingerprint and remember the token."""
        self.run("login", self.url, "--token", token, "--fingerprint", fingerprint)


class Server:
    """A server folder on loopback with TLS; started and stopped as often as a benchmark likes."""

    def __init__(self, folder: Path) -> None:
        """Run `mlv-server init`. Raises CommandFailedError."""
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        ran = self._command("init", folder, "--listen", f"127.0.0.1:{self.port}", "--json")
        self.admin_token: str = ran.answer["admin_token"]
        self.fingerprint: str = ran.answer["fingerprint"]

    def start(self) -> None:
        """Run the server; returns when it says `listening`. Raises CommandFailedError."""
        log = self.folder.with_suffix(".log")
        ready = threading.Event()
        self.process = subprocess.Popen(
            [PROGRAMS / "mlv-server", "start", self.folder],
            env={**os.environ, "MLV_STORAGE_UNLINK_AFTER": str(UNLINK_AFTER_SECONDS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=_follow, args=(self.process, log, ready), daemon=True).start()
        if not ready.wait(WAIT_SECONDS) or self.process.poll() is not None:
            raise CommandFailedError(f"the server does not listen: {log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Stop it as an init system does. Raises CommandFailedError where it does not end cleanly."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT_SECONDS)
        self.process = None
        if code:
            raise CommandFailedError(f"the server ended with exit code {code}")

    def verify(self) -> dict[str, Any]:
        """What `mlv-server verify --json` reports of the stopped server. Raises CommandFailedError on damage."""
        report: dict[str, Any] = self._command("verify", self.folder, "--json").answer
        return report

    def peak_bytes(self) -> int:
        """Peak resident bytes since the start or `reset_peak`."""
        status = Path(f"/proc/{self._pid()}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10

    def reset_peak(self) -> None:
        """Let `peak_bytes` count from now."""
        Path(f"/proc/{self._pid()}/clear_refs").write_text("5", encoding="ascii")

    def caches(self) -> list[Path]:
        """The folders whose loss loses nothing."""
        return [path for name in _CACHE_FOLDERS for path in self.folder.rglob(name) if path.is_dir()]

    def drop_caches(self) -> None:
        """Delete every cache of the stopped server."""
        for folder in self.caches():
            shutil.rmtree(folder)

    def disk_bytes(self) -> int:
        """Disk of the folder without caches."""
        return disk_bytes(self.folder) - sum(disk_bytes(folder) for folder in self.caches())

    def _pid(self) -> int:
        if self.process is None:
            raise CommandFailedError("the server does not run")
        return self.process.pid

    def _command(self, *words: object) -> Ran:
        ran = run_measured([str(PROGRAMS / "mlv-server"), *map(str, words)], self.folder.parent, dict(os.environ))
        if ran.code:
            raise CommandFailedError(f"mlv-server {words[0]}: exit {ran.code}: {ran.answer}")
        return ran


def server_cpu(server: Server) -> float:
    """CPU seconds that the running server has used. Raises ValueError where it does not run."""
    if server.process is None:
        raise ValueError("the server does not run")
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True, slots=True)
class Site:
    """A running server, the relay before it, and its admin, who is signed in."""

    home: Path
    server: Server
    wire: Wire
    admin: Person

    def person(self, name: str, *grants: tuple[str, str]) -> Person:
        """A new user, signed in, with (role, repository) grants."""
        token = self.admin.run("user", "add", name).answer["token"]
        for role, repository in grants:
            self.admin.run("policy", "grant", role, name, repository)
        person = Person(name, self.home, self.admin.url)
        person.login(token, self.server.fingerprint)
        return person

    def settle(self, repository: str) -> dict[str, Any]:
        """`repo show` once the background work has not changed it for some seconds."""
        shown: dict[str, Any] = self.admin.run("repo", "show", repository).answer
        since = time.monotonic()
        while time.monotonic() - since < SETTLED_SECONDS:
            time.sleep(0.5)
            again = self.admin.run("repo", "show", repository).answer
            if again["stored_bytes"] != shown["stored_bytes"]:
                since = time.monotonic()
            shown = again
        return shown


@contextlib.contextmanager
def site(home: Path) -> Iterator[Site]:
    """A fresh server under `home` (which is emptied), running until the block ends."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    server = Server(home / "server")
    with counted(server.port) as wire:
        server.start()
        try:
            admin = Person("admin", home, f"mlv://127.0.0.1:{wire.port}")
            admin.login(server.admin_token, server.fingerprint)
            yield Site(home, server, wire, admin)
        finally:
            if server.process is not None:
                server.process.terminate()
                server.process.wait(WAIT_SECONDS)


def run_measured(command: list[str], at: Path, environment: dict[str, str]) -> Ran:
    """Run `command`, ten minutes at most: then it is killed, with exit code -9.

    The answer is decoded JSON where it is JSON, else the text of both outputs.
    The peak is what the kernel saw; it is at least this process' own size, which forks it.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, cwd=at, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
        )
        limit = threading.Timer(COMMAND_LIMIT_SECONDS, process.kill)
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        limit.cancel()
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        text, complaint = out.read().decode("utf-8", "replace"), errors.read().decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text + complaint
    return Ran(process.returncode, answer, seconds, usage.ru_maxrss << 10, usage.ru_utime + usage.ru_stime)


def disk_bytes(folder: Path) -> int:
    """Blocks that the files of `folder` take, each inode once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        info = path.lstat()
        if not path.is_dir():
            seen[info.st_dev, info.st_ino] = info.st_blocks * 512
    return sum(seen.values())


def place(source: Path, target: Path) -> None:
    """Put a version's file where the workspace wants it, as a training run would write it."""
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 8 << 20)


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _follow(process: subprocess.Popen[bytes], log: Path, ready: threading.Event) -> None:
    with log.open("ab") as sink:
        for line in process.stdout or ():
            sink.write(line)
            sink.flush()
            if b"listening" in line:
                ready.set()
    ready.set()
