"""How long one caller waits for one lock: on an idle server, and while two uploads saturate it.

The caller is a process with the client's own connection, and waits for each answer. So are the uploads: each commits
one new file of noise after the other.

    python -m benchmarks.lock_latency call | upload < SPEC
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mlv
from benchmarks.harness import Server, server_cpu
from benchmarks.machine import markdown_table
from benchmarks.series import HERE
from mlv.remote import connect
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, RemoteAddress, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, ReleaseRequest

UPLOADS = 2
UPLOAD_BYTES = 96 << 20
START_SECONDS = 120.0
"""What an upload may take to begin."""
FIGURES = ("lock", "unlock", "both")
PARTS = ("p50", "p99")
Row = dict[str, Any]


def measured(server: Server, spec: Row, folder: Path, seconds: float, *, uploads: int) -> Row:
    """Figures of one caller for `seconds` beside so many `uploads`. Raises ValueError when an upload fails."""
    senders = [_started("upload", {**spec, "folder": str(folder / f"upload{number}")}) for number in range(uploads)]
    try:
        for sender in senders:
            _expect(sender, "committed")
        before = server_cpu(server)
        caller = _started("call", {**spec, "seconds": seconds})
        answer = json.loads(_expect(caller, "{"))
        caller.wait(START_SECONDS)
        spent = server_cpu(server) - before
    finally:
        sent = [_stopped(sender) for sender in senders]
        for number in range(uploads):
            shutil.rmtree(folder / f"upload{number}", ignore_errors=True)
    told = {"server_cores": spent / answer["seconds"], "upload_mb_per_second": sum(sent), "load": os.getloadavg()[0]}
    return {"uploads": uploads, **answer, **told}


def _started(what: str, spec: Row) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.lock_latency", what],
        cwd=HERE.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(spec) + "\n")
    process.stdin.flush()
    return process


def _expect(process: subprocess.Popen[str], beginning: str) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith(beginning):
        raise ValueError(f"a caller or an upload said {line!r}")
    return line


def _stopped(process: subprocess.Popen[str]) -> float:
    """End an upload after the commit at hand; its MB a second."""
    assert process.stdin is not None
    process.stdin.close()
    told: Row = json.loads(_expect(process, "{"))
    process.wait(START_SECONDS)
    return float(told["mb_per_second"])


def call(spec: Row) -> Row:
    """Lock and unlock one file again and again; percentiles in ms of what each took."""
    name, workspace = RepositoryName.parse(spec["repository"]), WorkspaceId(spec["workspace"])
    server = connect(RemoteAddress.parse(spec["url"]).server, spec["token"], spec["authority"].encode())
    server.register_workspace(name, workspace, "bench", "/bench/latency", "main", ChangesetNumber(1))
    have = ContentHash(bytes.fromhex(spec["hash"]))
    acquire = AcquireRequest(name, "main", workspace, (spec["path"],), (have,), (ChangesetNumber(1),))
    release = ReleaseRequest(name, workspace, "main", (spec["path"],))
    locks: list[float] = []
    unlocks: list[float] = []
    for _ in range(spec["warm"]):
        server.acquire_locks(acquire)
        server.release_locks(release)
    began = time.perf_counter()
    while time.perf_counter() - began < spec["seconds"]:
        at = time.perf_counter()
        server.acquire_locks(acquire)
        between = time.perf_counter()
        server.release_locks(release)
        locks.append(1000 * (between - at))
        unlocks.append(1000 * (time.perf_counter() - between))
    took = time.perf_counter() - began
    server.close()
    both = [one + other for one, other in zip(locks, unlocks, strict=True)]
    figures = {"lock": locks, "unlock": unlocks, "both": both}
    found = {
        name: {"p50": _part(some, 0.5), "p99": _part(some, 0.99), "max": max(some)} for name, some in figures.items()
    }
    return {"pairs": len(both), "seconds": took, **found}


def _part(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def upload(spec: Row) -> Row:
    """Commit new noise until standard input is closed; says `committed` after the first, MB a second at the end."""
    noise = np.random.default_rng().integers(0, 256, UPLOAD_BYTES, dtype=np.uint8)
    folder = Path(spec["folder"])
    closed = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        closed.set()

    threading.Thread(target=watch, daemon=True).start()
    sent, began = 0, 0.0
    with (
        mlv.connect(spec["url"], spec["token"], spec["fingerprint"]) as client,
        client.repository(spec["repository"]).checkout(folder) as workspace,
    ):
        while not closed.is_set():
            file = folder / f"noise-{folder.name}-{time.time_ns()}.bin"
            # Other bytes throughout: nothing of it is there already.
            file.write_bytes(np.bitwise_xor(noise, np.uint8(1 + sent % 255)).tobytes())
            workspace.add([file.name])
            workspace.commit("noise")
            if not sent:
                print("committed", flush=True)
                began = time.perf_counter()
            sent += 1
    took = time.perf_counter() - began
    return {"mb_per_second": (sent - 1) * UPLOAD_BYTES / 1e6 / took, "commits": sent}


def table(rows: Sequence[Row]) -> str:
    """Both situations below each other."""
    head = (
        "one caller beside",
        "pairs",
        *(f"{name} {part} ms" for name in FIGURES for part in PARTS),
        "server cores",
        "MB/s sent",
        "load",
    )
    body = [
        (
            f"{row['uploads']} uploads" if row["uploads"] else "nobody",
            f"{row['pairs']:,}",
            *(f"{row[name][part]:.1f}" for name in FIGURES for part in PARTS),
            f"{row['server_cores']:.2f}",
            f"{row['upload_mb_per_second']:.0f}",
            f"{row['load']:.1f}",
        )
        for row in rows
    ]
    return markdown_table(head, body)


def main() -> int:
    """Do what the first argument says with the specification from standard input."""
    spec = json.loads(sys.stdin.readline())
    print(json.dumps({"call": call, "upload": upload}[sys.argv[1]](spec)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
