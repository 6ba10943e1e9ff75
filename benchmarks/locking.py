"""Locks: transactions a second from many callers, the time of a batch, one caller's wait; all durable when answered.

The server is the real one with its own settings; callers sign in over TLS and wait for each answer. Generators and
server share the machine, so the CPU seconds of each stand beside the figure.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlv
from benchmarks import lock_latency
from benchmarks.harness import Server, server_cpu
from benchmarks.machine import description, markdown_table, write_results
from benchmarks.series import HERE
from mlv.remote import Server as Remote
from mlv.remote import connect
from mlv.remote.trust import fetch_authority
from mlv_core.ids import ChangesetNumber, RemoteAddress, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, FileRow, ReleaseRequest

WORK = HERE / ".work" / "locking"
REPOSITORY = "bench/locks"
FILES = 1000
USERS = 8
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A running server with a version of many files, its admin, users' tokens, and what every file holds."""

    server: Server
    authority: bytes
    admin: Remote
    admin_token: str
    tokens: list[str]
    files: list[FileRow]

    @property
    def target(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server.port}"


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A fresh server below `folder`, running until the block ends."""
    server = Server(folder / "server")
    server.start()
    try:
        url = f"mlv://127.0.0.1:{server.port}"
        address = RemoteAddress.parse(url).server
        authority = fetch_authority(address, 10.0).pem
        first = connect(address, server.admin_token, authority)
        token, _ = first.exchange_token()
        first.close()
        admin = connect(address, token, authority)
        files = _first_version(folder, url, token, server.fingerprint)
        tokens = []
        for number in range(USERS):
            tokens.append(admin.add_user(f"user{number}")[1])
            admin.grant_role(REPOSITORY, "contributor", f"user{number}")
        yield Site(server, authority, admin, token, tokens, files)
        admin.close()
    finally:
        server.stop()


def _first_version(folder: Path, url: str, token: str, fingerprint: str) -> list[FileRow]:
    with mlv.connect(url, token, fingerprint) as client:
        repository = client.create_repository(REPOSITORY)
        with repository.checkout(folder / "workspace") as workspace:
            for number in range(FILES):
                path = Path(workspace.directory) / f"weights/{number // 100:02d}/{number:04d}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"weights %d" % number)
            workspace.add(["."])
            workspace.commit("Weights")
        return list(repository.version().files())


def transactions(at: Site, callers: int, processes: int, seconds: float, warm: float) -> Row:
    """Lock and unlock from `callers` for `seconds`; transactions a second, latencies, CPU of both sides."""
    name = RepositoryName.parse(REPOSITORY)
    clients = [_signed_in(at, token) for token in at.tokens]
    everybody = []
    for number in range(callers):
        workspace = WorkspaceId(f"{number:032x}")
        clients[number % USERS].register_workspace(
            name, workspace, "bench", f"/bench/{number}", "main", ChangesetNumber(1)
        )
        everybody.append(_caller(at, number, workspace))
    for client in clients:
        client.close()
    common: dict[str, Any] = {"target": at.target, "authority": at.authority.decode(), "repository": REPOSITORY}
    common |= {"seconds": seconds, "warm_seconds": warm}
    specs = [{**common, "callers": everybody[part::processes]} for part in range(processes)]
    before = server_cpu(at.server)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.lock_load"],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in specs
    ]
    for process, spec in zip(running, specs, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(spec))
        process.stdin.close()
    answers = []
    for process in running:
        assert process.stdout is not None
        answers.append(json.loads(process.stdout.read()))
        process.wait()
    spent = server_cpu(at.server) - before
    every = sum(answer["all_transactions"] for answer in answers)
    done = sum(answer["transactions"] for answer in answers)
    return {
        "callers": callers,
        "processes": processes,
        "transactions": done,
        "per_second": done / seconds,
        "median_ms": statistics.median(answer["median_ms"] for answer in answers),
        "slowest_percent_ms": max(answer["slowest_percent_ms"] for answer in answers),
        "server_cpu_ms": 1000 * spent / every,
        "callers_cpu_ms": 1000 * sum(answer["cpu_seconds"] for answer in answers) / every,
        "load": os.getloadavg()[0],
    }


def batches(at: Site, runs: int) -> Row:
    """Lock all files in one call and give them up in one, `runs` times; milliseconds at the caller."""
    name = RepositoryName.parse(REPOSITORY)
    client = _signed_in(at, at.tokens[0])
    workspace = WorkspaceId("f" * 32)
    client.register_workspace(name, workspace, "bench", "/bench", "main", ChangesetNumber(1))
    paths = tuple(row.path for row in at.files)
    have = tuple(row.state.content for row in at.files)
    acquire = AcquireRequest(name, "main", workspace, paths, have, (ChangesetNumber(1),) * len(paths))
    release = ReleaseRequest(name, workspace, "main", paths)
    taken, given, cpu = [], [], []
    for _ in range(runs):
        before = server_cpu(at.server)
        started = time.perf_counter()
        if len(client.acquire_locks(acquire).locks) != len(paths):
            raise ValueError("not all locks were given")
        taken.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        client.release_locks(release)
        given.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (server_cpu(at.server) - before))
    client.close()
    return {
        "files": len(paths),
        "runs": runs,
        "lock_ms": statistics.median(taken),
        "lock_fastest_ms": min(taken),
        "unlock_ms": statistics.median(given),
        "unlock_fastest_ms": min(given),
        "server_cpu_both_ms": statistics.mean(cpu),
    }


def _signed_in(at: Site, token: str) -> Remote:
    address = RemoteAddress.parse(f"mlv://{at.target}").server
    return connect(address, token, at.authority)


def _caller(at: Site, number: int, workspace: WorkspaceId) -> dict[str, Any]:
    row = at.files[number]
    return {
        "token": at.tokens[number % USERS],
        "workspace": workspace,
        "path": row.path,
        "hash": row.state.content.hex(),
        "base": 1,
    }


def latencies(at: Site, folder: Path, seconds: float) -> list[Row]:
    """One caller's waits: on the idle server, then beside two uploads."""
    row = at.files[0]
    spec: Row = {
        "url": f"mlv://{at.target}",
        "fingerprint": at.server.fingerprint,
        "authority": at.authority.decode(),
        "token": at.admin_token,
        "repository": REPOSITORY,
        "workspace": "e" * 32,
        "path": row.path,
        "hash": row.state.content.hex(),
        "warm": 50,
    }
    return [
        lock_latency.measured(at.server, spec, folder, seconds * more, uploads=uploads)
        for uploads, more in ((0, 1), (lock_latency.UPLOADS, 2))
    ]


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--processes", type=int, default=1, help="load generators")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--warm", type=float, default=2.0, help="seconds before counting begins")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-latency", action="store_true", help="leave out one caller's waits")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    machine = description()
    with site(_emptied(WORK)) as at:
        together = [
            transactions(at, options.callers, options.processes, options.seconds, options.warm)
            for _ in range(options.runs)
        ]
        batch = batches(at, max(5, options.runs))
        waits = [] if options.no_latency else latencies(at, WORK, options.seconds)
    if damaged := at.server.verify()["damaged"]:
        raise ValueError(f"the server's data is damaged afterwards: {damaged}")
    tables = [_transactions_table(together), _batch_table(batch), *([lock_latency.table(waits)] if waits else [])]
    print("\n\n".join(tables))
    if not options.no_write:
        body: dict[str, object] = {"transactions": together, "batch": batch, "latency": waits}
        path = write_results("locking", "Locks", machine, tables, body)
        print(f"\nwritten: {path.name}")
    return 0


def _emptied(folder: Path) -> Path:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _transactions_table(rows: list[Row]) -> str:
    head = ("callers", "transactions/s", "median ms", "slowest 1 % ms", "server CPU", "callers' CPU", "load")
    body = [
        (
            str(row["callers"]),
            f"{row['per_second']:,.0f}",
            f"{row['median_ms']:.1f}",
            f"{row['slowest_percent_ms']:.1f}",
            f"{row['server_cpu_ms']:.2f} ms",
            f"{row['callers_cpu_ms']:.2f} ms",
            f"{row['load']:.1f}",
        )
        for row in rows
    ]
    return markdown_table(head, body)


def _batch_table(row: Row) -> str:
    head = (f"{row['files']:,} files in one call", "median ms", "fastest ms")
    return markdown_table(
        head,
        [
            ("lock", f"{row['lock_ms']:.1f}", f"{row['lock_fastest_ms']:.1f}"),
            ("unlock", f"{row['unlock_ms']:.1f}", f"{row['unlock_fastest_ms']:.1f}"),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
