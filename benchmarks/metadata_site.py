"""A server's services in this process over a real database: versions of many files and long histories, made quickly."""

from __future__ import annotations

import contextlib
import random
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.harness import Server
from benchmarks.series import HERE
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.hashing import ContentHash
from mlv_core.heap import keep_buffers
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, RequestId, WorkspaceId
from mlv_core.requests import BeginRequest, ProposedChange, Published, PublishRequest
from mlv_server.app import open_parts, tune_collector
from mlv_server.domain.policy import Principal
from mlv_server.metadata.folding import fold_pending
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.rpc.chain import Parts
from mlv_server.services import commits, repositories
from mlv_server.services.call import Call
from mlv_server.settings import SETTINGS_FILE, load_settings

T = TypeVar("T")

WORK = HERE / ".work" / "metadata"
CONTENTS = 4096
"""Contents that all files share: enough that a file seldom gets one again."""
FOLDER_FILES = 200
FILES_LIMIT = 1_000_000
NOBODY = WorkspaceId("")


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock and of this process' CPU, all threads."""

    wall: float
    cpu: float


class Clock:
    """Times blocks."""

    def __init__(self) -> None:
        self.taken: list[Took] = []

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Note what the block took."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.taken.append(Took(time.perf_counter() - wall, time.process_time() - cpu))

    def last(self, count: int) -> Clock:
        """The last blocks."""
        clock = Clock()
        clock.taken = self.taken[-count:]
        return clock

    def calm_cpu_ms(self) -> float:
        """The mean of the CPU over the cheaper half: a busy machine only ever adds to it."""
        cheap = sorted(took.cpu for took in self.taken)[: -(-len(self.taken) // 2)]
        return 1000 * statistics.mean(cheap)

    def median_ms(self) -> float:
        """The median by the clock."""
        return 1000 * statistics.median(took.wall for took in self.taken)

    def cpu_ms(self) -> float:
        """The mean of the CPU."""
        return 1000 * statistics.mean(took.cpu for took in self.taken)


class Bench:
    """A repository of `files` files in the making; the seed is fixed."""

    def __init__(self, parts: Parts, name: str, files: int) -> None:
        self._parts = parts
        self._random = random.Random(files)
        self.name = RepositoryName("bench", name)
        self.files = files
        self.id = 0
        self.head = ChangesetNumber(0)
        self._domain = 0
        self._pool = [
            (ContentHash(self._random.randbytes(32)), self._random.randrange(200, 20_000)) for _ in range(CONTENTS)
        ]

    async def create(self) -> None:
        """Make the repository; its content domain is said to have the contents."""
        await repositories.create(self.call(), self.name, "", dry_run=False)

        def known(tx: Transaction) -> tuple[int, int]:
            row = tx.repositories.get(self.name)
            tx.contents.record(row.domain_id, [(name, size, None) for name, size in self._pool])
            return row.id, row.domain_id

        self.id, self._domain = await self._parts.db.write(known)

    def call(self) -> Call:
        """A call of the server's admin, who may do everything."""
        principal = Principal(user_id=1, user="admin", server_admin=True, token_id="bench")
        parts = self._parts
        return Call(
            principal=principal,
            request_id=self._random.randbytes(16).hex(),
            now=time.time_ns() // 1_000_000,
            fresh=self._random.randbytes(32),
            peer="bench",
            db=parts.db,
            store=parts.store,
            background=parts.background,
            settings=parts.settings,
            outgoing=parts.outgoing,
        )

    @staticmethod
    def path(number: int) -> str:
        """The path of a file."""
        return f"data/{number // FOLDER_FILES:05d}/sample-{number:07d}.json"

    def first(self) -> tuple[ProposedChange, ...]:
        """The change list that adds all files."""
        return tuple(self._proposed(number, Operation.ADD) for number in range(self.files))

    def some(self, count: int) -> tuple[ProposedChange, ...]:
        """A change list that gives `count` files other contents."""
        return tuple(self._proposed(n, Operation.MODIFY) for n in sorted(self._random.sample(range(self.files), count)))

    async def commit(self, changes: tuple[ProposedChange, ...], begin: Clock, publish: Clock) -> Published:
        """Begin and Publish, each timed, and what the re-basing would note; returns what Publish answers."""
        with begin.timed():
            await commits.begin(self.call(), BeginRequest(self.name, "main", NOBODY, changes, frozenset()))
        call = self.call()
        request = PublishRequest(
            repository=self.name,
            request_id=RequestId(call.request_id),
            branch="main",
            workspace=NOBODY,
            message="Next",
            changes=changes,
            prepared_min=self.head,
            prepared_max=self.head,
        )
        with publish.timed():
            done = await commits.publish(call, request)
        self.head = done.changeset
        # There is no content to re-base, and whoever lags behind with that is made to wait.
        await self._parts.db.write(lambda tx: tx.contents.set_rebased(self.id, done.changeset))
        return done

    def fold(self) -> None:
        """Do what the server does in the background after a commit."""
        fold_pending(self._parts.db, self.id)

    def read(self, fn: Callable[[Transaction], T]) -> T:
        """The result of a read."""
        return self._parts.db.read_now(fn)

    def list_bytes(self) -> int:
        """Stored bytes of all lists."""
        return self.read(lambda tx: tx.versions.lists(self.id).total_bytes())

    def _proposed(self, number: int, operation: Operation) -> ProposedChange:
        content, size = self._random.choice(self._pool)
        state = FileState(FileId(0), FileMode.REGULAR, text=True, size=size, content=content)
        return ProposedChange(Change(self.path(number), operation, FileId(0), state), self.head, FencingToken(0))


@asynccontextmanager
async def opened() -> AsyncIterator[Parts]:
    """The parts of a fresh server, without its background work; the folder is emptied before.

    The allocator and the garbage collector are set as a server sets them.
    """
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    folder: Path = Server(WORK / "server").folder
    settings = replace(load_settings(folder / SETTINGS_FILE), files_per_commit=FILES_LIMIT)
    async with open_parts(settings, background=False) as parts:
        keep_buffers()
        tune_collector()
        yield parts
