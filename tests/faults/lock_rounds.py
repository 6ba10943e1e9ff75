"""Tens of clients at locks and commits while the server is killed, its clock is moved and clients are halted.

    python -m tests.faults.recorded --operations 100000 --clients 64 --seed 1 --report histories.md

Clients are threads of a few processes, with a connection, a workspace and a token each; each user has two of them.
What they asked and were answered is checked by `tests.faults.lock_history`.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sqlite3
import struct
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import lock_breaches, zygote
from tests.faults.house import House, name_of
from tests.faults.lock_client import COUNTED, Client, Place
from tests.faults.lock_judge import History, World, counted, judge, read_lines

import mlv
from mlv.remote.trust import fetch_authority
from mlv_core.ids import ChangesetNumber, RemoteAddress, RepositoryName, WorkspaceId
from mlv_core.requests import HistoryFilter

ROOT = Path(__file__).parents[2]
REPOSITORY = "test/locks"
HISTORY = "history.json"
PROCESSES = 4
FILES = 96
FORCEFUL = 4
"""Of so many users one may break locks."""
PAUSES = (0.3, 9.0)
LONG_PAUSE = 14.0
"""Now and then nothing happens for so long: signs of life are written down, and expired locks are noted."""
HOURS = (1.0, 7.0, 13.0, 20.0)
"""How far the server's clock is moved: less than a lease, and more."""
SHARE_MOVED = 0.4
SHARE_HALTED = 0.3
"""Of what happens: the clock is moved; of the rest, clients are halted; else the server is killed."""
HALT_SECONDS = (0.5, 3.0)
POLL_SECONDS = 0.05
LEAST_KILLS = 3
"""Of the server while clients work: a quick machine ends its operations before, and goes on until they came."""
END_SECONDS = 300.0
"""What clients may take to end: each finishes the call at hand."""
SLOT = struct.Struct("<q")
SET_CLOCK_SECONDS = 1.0


class Page:
    """Memory that all processes share: whether to stop, and how much each client did."""

    def __init__(self, clients: int) -> None:
        self._clients = clients
        self._page = mmap.mmap(-1, SLOT.size * (clients + 1))

    def stop(self) -> None:
        """Let all clients end."""
        SLOT.pack_into(self._page, 0, 1)

    @property
    def stopped(self) -> bool:
        """Whether all clients shall end."""
        return bool(SLOT.unpack_from(self._page, 0)[0])

    def add(self, client: int) -> None:
        """One more operation of one client, from its own thread."""
        at = SLOT.size * (client + 1)
        SLOT.pack_into(self._page, at, SLOT.unpack_from(self._page, at)[0] + 1)

    def total(self) -> int:
        """The operations of all."""
        return sum(SLOT.unpack_from(self._page, SLOT.size * (at + 1))[0] for at in range(self._clients))


@dataclass(frozen=True, slots=True)
class Site:
    """What the clients are told: their places, and what the files held at first; `head` was the newest version then."""

    places: list[Place]
    contents: dict[str, str]
    head: int


class Run:
    """One history, from an empty server to the verdict."""

    def __init__(self, folder: Path, seed: int, clients: int, breach: str = "") -> None:
        self.rng = random.Random(seed)
        self.folder, self.seed, self.clients = folder, seed, clients
        self.counts: Counter[str] = Counter()
        self.house = House.build(folder / "house", zygote.Trap())
        server = self.house.server
        server.stop()
        server.clock = folder / "clock"
        server.clock.write_text("0", encoding="utf-8")
        offset = _offset()
        self.world = World(offset, {}, frozenset())
        self._start()
        self.site = self._furnish()
        self.world.workspaces = {place.workspace: place.name for place in self.site.places}
        self.world.force = frozenset(place.name for place in self.site.places if place.force)
        server.prepare = lock_breaches.BREACHES[breach](server.folder) if breach else server.prepare
        self._kill()
        self._start()

    def work(self, operations: int) -> None:
        """Let the clients do so many operations, with everything that happens meanwhile; SIGTERM ends it earlier."""
        enough = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: enough.set())
        page = Page(self.clients)
        parts = [self.site.places[at : self.clients : PROCESSES] for at in range(min(PROCESSES, self.clients))]
        numbers = [range(self.clients)[at::PROCESSES] for at in range(len(parts))]
        crews = [
            zygote.Fork(lambda at=at, part=part, ids=ids: self._crew(at, part, ids, page))  # type: ignore[misc]
            for at, (part, ids) in enumerate(zip(parts, numbers, strict=True))
        ]
        try:
            last_kill = self.counts["server kills"] + LEAST_KILLS
            while (page.total() < operations or self.counts["server kills"] < last_kill) and not enough.is_set():
                idle = LONG_PAUSE if self.rng.random() < 0.1 else self.rng.uniform(*PAUSES)
                ended = self.rng.choice(crews).wait(idle)
                assert ended is None, f"a crew ended: {ended}"
                self._happen(crews)
            page.stop()
            for crew in crews:
                last = crew.wait(END_SECONDS)
                assert last is not None, f"a crew did not end within {END_SECONDS} s (N7)"
                assert last.code == 0, last
        finally:
            for crew in crews:
                crew.kill()
        self._kill()
        self._start()
        last = zygote.Fork(lambda: self._look(page))
        assert last.finish().code == 0, last.ended

    def verdict(self) -> list[str]:
        """What is wrong; the server is stopped for good."""
        assert abs(_offset() - self.world.offset_ms) < SET_CLOCK_SECONDS * 1000, "the machine's clock was set"
        lines = read_lines(sorted(self.folder.glob("crew*.jsonl")))
        log = self.house.told(self._landed)
        self.house.server.stop()
        self.world.lives[-1] = (self.world.lives[-1][0], time.monotonic())
        report = self.house.verify()
        assert (report["damaged"], report["foreign"]) == ([], []), report
        self.counts["operations"] = sum(line["verb"] in COUNTED for line in lines) + len(self.world.moves)
        self.counts["calls"] = len(lines)
        self.counts["clock moves"] = len(self.world.moves)
        self.counts.update(counted(lines))
        self.counts.update({f"told of {kind}": count for kind, count in self._events().items()})
        began = time.process_time()
        landed = [(number, content) for number, content in log]
        history = History(lines, self.world, self.site.contents, landed, self.site.head)
        history.save(self.folder / HISTORY)
        found = judge(history)
        self.counts["checker CPU ms"] = round(1000 * (time.process_time() - began))
        return found

    # --- what happens -------------------------------------------------------------------------------------------------

    def _happen(self, crews: list[zygote.Fork]) -> None:
        if self.rng.random() < SHARE_MOVED:
            self._move(self.rng.choice(HOURS))
        elif self.rng.random() < SHARE_HALTED:
            self._halt(self.rng.choice(crews))
        else:
            self._kill()
            self._start()

    def _kill(self) -> None:
        self.counts["server kills"] += self.house.server.kill()
        self.world.lives[-1] = (self.world.lives[-1][0], time.monotonic())

    def _start(self) -> None:
        self.world.lives.append((time.monotonic(), float("inf")))
        self.house.server.start()

    def _move(self, hours: float) -> None:
        clock = self.house.server.clock
        assert clock is not None
        start, far = time.monotonic(), round(hours * 3_600_000)
        beside = clock.with_suffix(".new")
        beside.write_text(str(int(clock.read_text(encoding="utf-8")) + far), encoding="utf-8")
        beside.replace(clock)
        self.world.moves.append((start, time.monotonic(), float(far)))

    def _halt(self, crew: zygote.Fork) -> None:
        """Halt a process of many clients, wherever they are, let more time pass than a lease has, and let it go on."""
        os.kill(crew.pid, signal.SIGSTOP)
        try:
            crew.wait(self.rng.uniform(*HALT_SECONDS))
            if self.rng.random() < 0.7:
                self._move(13.0)
            crew.wait(self.rng.uniform(*HALT_SECONDS))
        finally:
            os.kill(crew.pid, signal.SIGCONT)
        self.counts["halted crews"] += 1

    # --- in forks -----------------------------------------------------------------------------------------------------

    def _crew(self, number: int, places: list[Place], ids: range, page: Page) -> int:
        """Some of the clients, a thread each, until they are told to stop."""
        stopping = threading.Event()
        log = os.open(self.folder / f"crew{number}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        clients = [self._client(place, log, stopping, page, at) for at, place in zip(ids, places, strict=True)]
        with ThreadPoolExecutor(len(clients)) as pool:
            running = {pool.submit(client.work) for client in clients}
            try:
                while not page.stopped and not any(one.done() for one in running):
                    wait(running, POLL_SECONDS, FIRST_EXCEPTION)
            finally:
                stopping.set()
            for one in running:
                one.result()
        return 0

    def _look(self, page: Page) -> int:
        log = os.open(self.folder / "crew-end.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._client(self.site.places[0], log, threading.Event(), page, 0).look()
        return 0

    def _client(self, place: Place, log: int, stopping: threading.Event, page: Page, at: int) -> Client:
        def tell(line: dict[str, Any]) -> None:
            os.write(log, json.dumps(line).encode() + b"\n")

        rng = random.Random(f"{self.seed}:{place.name}")
        return Client(place, rng, tell, stopping, lambda: page.add(at))

    def _furnish(self) -> Site:
        """A repository with files that need locks, and users with two workspaces each."""
        house, users = self.house, -(-self.clients // 2)
        names = tuple(f"w/{number:03}.bin" for number in range(FILES))

        def work() -> dict[str, Any]:
            os.environ["MLV_CONFIG_DIR"] = str(house.config("admin"))
            with mlv.connect() as client:
                repository = client.create_repository(REPOSITORY)
                with repository.checkout(self.folder / "first") as workspace:
                    for name in names:
                        path = self.folder / "first" / name
                        path.parent.mkdir(exist_ok=True)
                        path.write_bytes(b"\0" + name.encode())
                    workspace.add(["."])
                    workspace.commit("first")
                rows = {row.path: row.state.content.hex() for row in repository.version().files()}
                server, at = repository._server, repository.version().number
                tokens = {}
                for number in range(users):
                    tokens[f"u{number}"] = server.add_user(f"u{number}")[1]
                    role = "contributor" if number % FORCEFUL else "maintainer"
                    server.grant_role(REPOSITORY, role, f"u{number}")
                authority = fetch_authority(server.address, 10.0).pem.decode()
            return {
                "contents": {name: rows[name] for name in names},
                "tokens": tokens,
                "authority": authority,
                "head": int(at),
                "url": str(server.address),
            }

        told = house.told(work)
        places = [
            Place(
                name=f"u{number // 2}/{'ab'[number % 2]}",
                workspace=f"{number + 1:032x}",
                token=told["tokens"][f"u{number // 2}"],
                force=not number // 2 % FORCEFUL,
                url=told["url"],
                authority=told["authority"],
                repository=REPOSITORY,
                paths=names,
            )
            for number in range(self.clients)
        ]
        registered = zygote.Fork(lambda: _register(places, told["head"])).finish()
        assert registered.code == 0, registered
        return Site(places, told["contents"], told["head"])

    def _landed(self) -> list[tuple[int, str]]:
        """Every changeset after the first ones: number and content. What files hold in the end is read."""
        os.environ["MLV_CONFIG_DIR"] = str(self.house.config("admin"))
        found: list[tuple[int, str]] = []
        before = 0
        with mlv.connect() as client:
            server = client.repository(REPOSITORY)._server
            while True:
                wanted = HistoryFilter(branch="main", page_size=1000, before=before)
                page, before = server.list_changesets(RepositoryName.parse(REPOSITORY), wanted)
                found += [(int(one.number), one.message) for one in page if one.number > self.site.head]
                if not before:
                    break
            newest = client.repository(REPOSITORY).version("main")
            for row in newest.files():
                assert name_of(newest.read(row.path)) == row.state.content.hex(), row.path
        return found

    def _events(self) -> Counter[str]:
        """What the server wrote into its audit trail of locks, by kind."""
        with sqlite3.connect(self.house.server.folder / "mlv.db") as database:
            rows = database.execute("select action, count(*) from audit where action like 'lock.%' group by action")
            return Counter(dict(rows.fetchall()))


def _register(places: list[Place], head: int) -> int:
    from mlv.remote import connect  # noqa: PLC0415 - in a fork

    for place in places:
        address = RemoteAddress.parse(place.url).server
        server = connect(address, place.token, place.authority.encode())
        name, workspace = RepositoryName.parse(place.repository), WorkspaceId(place.workspace)
        server.register_workspace(name, workspace, "host", f"/w/{place.name}", "main", ChangesetNumber(head))
        server.close()
    return 0


def _offset() -> float:
    """What the wall clock is ahead of the steady one, in ms."""
    return (time.time_ns() - time.monotonic_ns()) / 1e6


def report(path: Path, told: dict[str, Any]) -> None:
    """Write what a run came to: Markdown for people where that is asked for, and always JSON beside it."""
    path.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if path.suffix != ".md":
        return
    counts = Counter(told["counts"])
    rows = [f"| {name} | {counts[name]:,} |" for name in sorted(counts)]
    verdict = told["failure"] or "No violation: every file's history, the tokens and the order of commits are sound."
    lines = [
        "# Histories of locks",
        "",
        f"`{told['replay']}` at commit {told['commit']}: {told['seconds']:.0f} s on two cores shared with other work.",
        "",
        f"**{verdict}**",
        "",
        f"{counts['operations']:,} operations of {told['clients']} clients on {FILES} files: locks taken, renewed,",
        "stolen, given, given up and broken, commits, and moves of the server's clock that let locks expire. With what",
        f"only looks, {counts['calls']:,} calls, over {counts['server kills']} kills of the server and",
        f"{counts['halted crews']} halts of a quarter of the clients.",
        f"The checker took {told['checker_cpu_seconds']:.1f} s of CPU.",
        "What is written down, and what the checker holds against it, stands in `tests/faults/lock_history.py`.",
        "",
        "| what | times |",
        "|---|---:|",
        *rows,
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def run(operations: int, clients: int, seed: int, folder: Path, breach: str = "") -> dict[str, Any]:
    """One history of so many operations; what it came to, with `failure` '' where nothing was wrong."""
    began = time.monotonic()
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    rounds = Run(folder, seed, clients, breach)
    try:
        rounds.work(operations)
        found = rounds.verdict()
    except AssertionError as error:
        found = [f"{error}"]
    counts = dict(sorted(rounds.counts.items()))
    checker = counts.pop("checker CPU ms", 0) / 1000
    return {
        "commit": commit.stdout.strip(),
        "seed": seed,
        "clients": clients,
        "seconds": round(time.monotonic() - began, 1),
        "checker_cpu_seconds": checker,
        "violations": len(found),
        "counts": counts,
        "failure": "\n".join(found),
        "replay": f"python -m tests.faults.recorded --operations {operations} --clients {clients} --seed {seed}",
    }
