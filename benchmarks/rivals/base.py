"""What every rival can do, and how an act of it is measured: wall clock, CPU and memory of both sides, wire."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from benchmarks.harness import CommandFailedError, disk_bytes, run_measured
from benchmarks.proxy import Wire, counted
from benchmarks.rivals import setup

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.05
QUIET_SECONDS = 0.4
QUIET_AT_MOST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an act took: seconds of wall clock and CPU, peak bytes of memory, bytes on the wire (None: no wire).

    `inside` is the tool's own clock for the work itself, where it has one. `background_cpu` is what the server went
    on doing after the answer.
    """

    seconds: float
    client_cpu: float
    server_cpu: float
    client_peak: int
    server_peak: int
    sent: int | None
    received: int | None
    inside: float | None = None
    background_cpu: float = 0.0


@dataclass(slots=True)
class Tally:
    """Sums over the commands of one act."""

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    inside: float | None = None
    answers: list[object] = field(default_factory=list)


class Rival(ABC):
    """One system: a store, a working folder `tree` in which the benchmark writes, versions counted from 0.

    A verb that is not in `verbs` is not measured; calling it raises NotImplementedError. All lies below `home`.
    """

    name: ClassVar[str]
    verbs: ClassVar[frozenset[str]] = frozenset({"commit", "checkout", "update", "status"})
    note: ClassVar[str] = ""

    def __init__(self, home: Path) -> None:
        """`home` is emptied; `setup` makes the store."""
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.home = home
        self.tree = home / "tree"
        self.store = home / "store"
        self.wires: list[Wire] = []
        self.servers: list[subprocess.Popen[bytes]] = []
        self.closing = ExitStack()
        self.tally = Tally()
        self.empty_store = 0

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """Why it cannot run here, None where it can."""

    @abstractmethod
    def setup(self) -> None:
        """Make an empty store, its server, and the empty working folder."""

    @abstractmethod
    def commit(self, number: int) -> None:
        """Store everything in `tree` as version `number`, durable as far as the system can."""

    @abstractmethod
    def checkout(self, number: int, folder: Path) -> None:
        """Bring version `number` into the new folder `folder`."""

    @abstractmethod
    def update(self, number: int, folder: Path) -> None:
        """Bring a folder that `checkout` made to version `number`."""

    @abstractmethod
    def status(self) -> None:
        """Say what differs in `tree`."""

    def prepare(self, paths: list[str]) -> None:
        """What the system wants done before the files are written over; only for who has the verb."""
        raise NotImplementedError(self.name)

    def lock(self, path: str) -> None:
        """Take the lock of `path`."""
        raise NotImplementedError(self.name)

    def unlock(self, path: str) -> None:
        """Give it back."""
        raise NotImplementedError(self.name)

    def locks(self) -> None:
        """Ask the server who holds which lock."""
        raise NotImplementedError(self.name)

    def log(self) -> None:
        """Show the last versions."""
        raise NotImplementedError(self.name)

    def content(self, folder: Path) -> Path:
        """Where a checked-out folder holds the benchmark's files."""
        return folder

    def forget_caches(self) -> None:
        """Let the server lose what it keeps for speed only; most keep nothing."""
        return

    def server_cache_bytes(self) -> int:
        """Disk of what the server keeps for speed only."""
        return 0

    def server_bytes(self) -> int:
        """Disk of the store since `setup`."""
        return disk_bytes(self.store) - self.empty_store

    def client_disk(self) -> int:
        """Disk that the client keeps in `tree` beside the files themselves."""
        return disk_bytes(self.tree) - sum(disk_of(path) for path in files_of(self.content(self.tree)))

    def wire_bytes(self) -> tuple[int, int] | None:
        """Bytes (sent, received) since the start, None where no wire is between the two sides."""
        return (sum(w.sent for w in self.wires), sum(w.received for w in self.wires)) if self.wires else None

    def close(self) -> None:
        """Stop the servers."""
        self.closing.close()
        for server in self.servers:
            server.terminate()
            server.wait()

    # --- for the classes of the rivals

    def environment(self) -> dict[str, str]:
        """The environment of its commands: unpacked programs first, a home of its own."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MLV_", "GIT_", "RESTIC_"))}
        path = f"{setup.programs()}:{setup.PYTHON.parent}:{clean.get('PATH', '')}"
        return clean | {"PATH": path, "LD_LIBRARY_PATH": setup.libraries(), "HOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def run(self, *words: object, at: Path | None = None) -> object:
        """Run a command, add it to the tally, return what it printed. Raises CommandFailedError."""
        command = [str(word) for word in words]
        ran = run_measured(command, at or self.home, self.environment())
        if ran.code:
            raise CommandFailedError(
                f"{self.name}: {' '.join(command)[:300]}: exit {ran.code}: {str(ran.answer)[-1500:]}"
            )
        self.tally.seconds += ran.seconds
        self.tally.cpu += ran.cpu_seconds
        self.tally.peak = max(self.tally.peak, ran.peak_bytes)
        self.tally.answers.append(ran.answer)
        return ran.answer

    def serve(self, *words: object, port: int) -> None:
        """Start a server that will listen on loopback `port`, with its output in a file."""
        with (self.home / "servers.log").open("ab") as log:
            environment = self.environment()
            server = subprocess.Popen(
                [str(word) for word in words], cwd=self.home, env=environment, stdout=log, stderr=log
            )
        self.servers.append(server)
        wait_for(port, server)

    def relay(self, port: int) -> int:
        """Put a counting relay before a server; returns the relay's port."""
        wire = self.closing.enter_context(counted(port))
        self.wires.append(wire)
        return wire.port

    def server_pids(self) -> list[int]:
        """The servers' processes."""
        return [server.pid for server in self.servers]


def measure(rival: Rival, verb: str, *words: object) -> Cost:
    """Do `verb` once and say what it cost, once the server has come to rest. Raises what the verb raises."""
    pids = rival.server_pids()
    rival.tally = Tally()
    wire, store = rival.wire_bytes(), 0 if rival.wires else disk_bytes(rival.store)
    cpu = cpu_of(pids)
    with Sampler(pids) as sampler:
        getattr(rival, verb)(*words)
        spent = cpu_of(pids) - cpu
    background = quiet(pids) - cpu - spent
    sent: int | None = None
    received: int | None = None
    if wire is not None and (now := rival.wire_bytes()) is not None:
        sent, received = now[0] - wire[0], now[1] - wire[1]
    elif verb == "commit":
        sent = disk_bytes(rival.store) - store
    tally = rival.tally
    return Cost(
        tally.seconds, tally.cpu, spent, tally.peak, sampler.peak, sent, received, tally.inside, max(background, 0.0)
    )


class Sampler:
    """Looks at the resident memory of process trees while a block runs."""

    def __init__(self, pids: list[int]) -> None:
        """Nothing is looked at before the block."""
        self.pids, self.peak = pids, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        if self.pids:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self.pids:
            self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(resident(pid) for pid in trees(self.pids)))


def trees(pids: list[int]) -> Iterator[int]:
    """The processes and all below them that live now."""
    for pid in pids:
        yield pid
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            below = [int(child) for task in tasks for child in (task / "children").read_text("ascii").split()]
        except OSError:
            continue
        yield from trees(below)


def resident(pid: int) -> int:
    """Resident bytes of a process, 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE
    except OSError:
        return 0


def cpu_of(pids: list[int]) -> float:
    """CPU seconds of the processes, of those below them, and of those below them that have ended."""
    return sum(_cpu(pid) for pid in trees(pids))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(value) for value in fields[11:15]) / TICK


def quiet(pids: list[int]) -> float:
    """Wait until the processes rest (at most half a minute); returns their CPU seconds."""
    now = cpu_of(pids)
    deadline = time.monotonic() + QUIET_AT_MOST_SECONDS
    while pids and time.monotonic() < deadline:
        time.sleep(QUIET_SECONDS)
        before, now = now, cpu_of(pids)
        if now - before <= 2 / TICK:
            break
    return now


def files_of(folder: Path) -> list[Path]:
    """The files below `folder`, without the folders of version control at its top."""
    hidden = {".svn", ".git", ".dvc", ".mlv", ".gitattributes", ".dvcignore", ".gitignore"}
    found: list[Path] = []
    for top in sorted(folder.iterdir()):
        if top.name not in hidden:
            found += sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]
    return found


def disk_of(path: Path) -> int:
    """Disk of one file."""
    return path.stat().st_blocks * 512


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until something listens on loopback `port`. Raises CommandFailedError when its process ends first."""
    for _ in range(400):
        if server.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise CommandFailedError(f"nothing listens on port {port}")


def needs(*programs: str) -> str | None:
    """Why a rival that needs these commands cannot run, None where all are there."""
    gone = [name for name in programs if not shutil.which(name, path=f"{setup.programs()}:{setup.PYTHON.parent}")]
    return f"{', '.join(gone)} not installed: python -m benchmarks.rivals.setup" if gone else None
