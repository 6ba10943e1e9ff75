"""Servers and commands as forks of this process, in which everything is imported: a restart costs some 30 ms.

Only a process of one thread that has not used gRPC may fork so: the drivers run as processes of their own.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import mmap
import os
import random
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clocked import ahead

from mlv.cli.main import run
from mlv.cli.verbs import VERBS
from mlv_core import failpoints
from mlv_server import app
from mlv_server.settings import SETTINGS_FILE, load_settings

POINTS = tuple(sorted(failpoints.POINTS))
BROKEN = 99
"""Exit code of a fork whose work raised what it should not."""
WAIT_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
FIELDS = struct.Struct("<iii")


WARM = (
    *(f"mlv.actions.{name}" for name in ("basetexts", "commit", "connecting", "environment", "landing", "merging")),
    *(f"mlv.actions.{name}" for name in ("rebuilding", "undo", "update")),
    *(f"mlv.transfer.{name}" for name in ("download", "progress", "upload")),
    *("mlv.sdk", "mlv_server.cli.main", "mlv_server.services.verification", "uvloop", "pathspec", "alembic.command"),
)
"""What commands and servers import only when they need it."""


class Trap:
    """A page that this process shares with its forks: at which point, and at which passing of it, one of them dies."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, FIELDS.size + len(POINTS))

    def set(self, point: str = "", hit: int = 1) -> None:
        """Let the next fork that passes `point` for the `hit`-th time from now die; '' nobody."""
        index = POINTS.index(point) if point else -1
        FIELDS.pack_into(self._page, 0, index, hit, 0)

    def disarm(self) -> bool:
        """Let nobody die any more; whether a fork has died in it, or is about to."""
        FIELDS.pack_into(self._page, 0, -1, 0, int(self.sprung))
        return self.sprung

    @property
    def sprung(self) -> bool:
        """Whether a fork has died in it since it was set."""
        return bool(FIELDS.unpack_from(self._page)[2])

    def passed(self) -> set[str]:
        """Every point that any fork has passed since the beginning."""
        return {name for place, name in enumerate(POINTS) if self._page[FIELDS.size + place]}

    def arm(self) -> None:
        """In a fork: look at the page at every point from now on."""
        failpoints.arm_every(self._pass)

    def _pass(self, name: str) -> None:
        place = POINTS.index(name)
        self._page[FIELDS.size + place] = 1
        index, left, _ = FIELDS.unpack_from(self._page)
        if index == place:
            FIELDS.pack_into(self._page, 0, index if left > 1 else -1, left - 1, int(left == 1))
            if left == 1:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fork ended: its exit code, negative for a signal, and what it printed."""

    code: int
    out: str
    err: str


class Fork:
    """A forked process that does `work` and then ends with the code that it gives."""

    def __init__(self, work: Callable[[], int], trap: Trap | None = None) -> None:
        self._files = (os.memfd_create("out"), os.memfd_create("err"))
        self.ended: Ended | None = None
        self.pid = os.fork()
        if not self.pid:
            self._be(work, trap)
        self.handle = os.pidfd_open(self.pid)

    def wait(self, seconds: float = WAIT_SECONDS) -> Ended | None:
        """How it ended; None when it has not within `seconds`."""
        if self.ended is None:
            poll = select.poll()
            poll.register(self.handle, select.POLLIN)
            if poll.poll(seconds * 1000):
                self._reap()
        return self.ended

    def kill(self) -> bool:
        """SIGKILL; False when it had ended by itself."""
        if self.wait(0.0) is not None:
            return False
        os.kill(self.pid, signal.SIGKILL)
        self._reap()
        assert self.ended is not None
        return self.ended.code == -signal.SIGKILL

    def finish(self) -> Ended:
        """Wait for the end. Raises: AssertionError when it hangs (N7) or broke."""
        ended = self.wait()
        if ended is None:
            self.kill()
            assert self.ended is not None
            raise AssertionError(f"a command did not end within {WAIT_SECONDS} s\n{self.ended.out}\n{self.ended.err}")
        assert ended.code != BROKEN, ended.err
        return ended

    def _reap(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        os.close(self.handle)
        texts = []
        for file in self._files:
            size = os.fstat(file).st_size
            texts.append(os.pread(file, size, 0).decode(errors="replace"))
            os.close(file)
        self.ended = Ended(os.waitstatus_to_exitcode(status), texts[0], texts[1])

    def _be(self, work: Callable[[], int], trap: Trap | None) -> None:
        code = BROKEN
        try:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            random.seed()
            os.dup2(self._files[0], 1)
            os.dup2(self._files[1], 2)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            if trap is not None:
                trap.arm()
            code = work()
        except BaseException:  # noqa: BLE001 - nothing of a fork may run on in the parent's code
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def command(config: Path, directory: Path, arguments: tuple[str, ...], trap: Trap | None = None) -> Fork:
    """`mlv` with these arguments, as the user of `config`, typed in `directory`."""

    def work() -> int:
        os.environ["MLV_CONFIG_DIR"] = str(config)
        os.chdir(directory)
        return run(arguments)

    return Fork(work, trap)


class Server:
    """The server of a folder as a fork; it can be killed and started again at the same address.

    Its time can be moved where `clock` names a file (`tests.clocked`); each start does `prepare` first, in the fork.
    """

    def __init__(self, folder: Path, trap: Trap) -> None:
        self.folder = folder
        self.trap = trap
        self.fork: Fork | None = None
        self.starts = 0
        self.start_seconds = 0.0
        self.clock: Path | None = None
        self.prepare: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Start it and wait until it listens. Raises: AssertionError when it does not."""
        began = time.monotonic()
        reading, writing = os.pipe()

        def ready(_url: str, _fingerprint: str) -> None:
            os.write(writing, b"!")

        def work() -> int:
            self.prepare()
            clock = None if self.clock is None else ahead(self.clock)
            app.run(load_settings(self.folder / SETTINGS_FILE), ready, clock)
            return 0

        self.fork = Fork(work, self.trap)
        os.close(writing)
        said = os.read(reading, 1)
        os.close(reading)
        if not said:
            ended = self.fork.finish()
            raise AssertionError(f"the server did not start ({ended.code})\n{ended.out}\n{ended.err}")
        self.starts += 1
        self.start_seconds += time.monotonic() - began

    @property
    def running(self) -> bool:
        """Whether it has not died yet."""
        return self.fork is not None and self.fork.wait(0.0) is None

    def kill(self) -> bool:
        """SIGKILL; False when it had died before."""
        assert self.fork is not None
        return self.fork.kill()

    def stop(self) -> None:
        """SIGTERM, as an init system does."""
        if self.running:
            assert self.fork is not None
            os.kill(self.fork.pid, signal.SIGTERM)
            assert self.fork.finish().code == 0, self.fork.finish()


def warm() -> None:
    """Import everything that a server and a command may need, so that no fork does."""
    for verb in VERBS:
        importlib.import_module(f"mlv.cli.commands.{verb.module}")
    for name in WARM:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
