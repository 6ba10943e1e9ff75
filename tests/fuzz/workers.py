"""A process for each target: what crashes or hangs in it is told by the process that watches."""

from __future__ import annotations

import json
import mmap
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.fuzz import containers, content, lists, text, wire
from tests.fuzz.engine import Failure, Fuzzer, Outcome
from tests.fuzz.mutation import LONGEST
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for part in (containers, content, lists, text, wire) for target in part.TARGETS
}
HANG_SECONDS = 120
"""Without a new input for so long the process is stuck where no signal reaches it."""
ROOT = Path(__file__).parents[2]
_CURRENT = struct.Struct("<QI")


class Current:
    """The input that runs now, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as stream:
            stream.truncate(_CURRENT.size + LONGEST + 4096)
            self._view = mmap.mmap(stream.fileno(), 0)
        self._count = 0

    def __call__(self, data: bytes) -> None:
        self._count += 1
        self._view[: _CURRENT.size] = _CURRENT.pack(self._count, len(data))
        self._view[_CURRENT.size : _CURRENT.size + len(data)] = data


def current(path: Path) -> tuple[int, bytes]:
    """How many inputs were begun, and the last of them."""
    data = path.read_bytes()
    count, length = _CURRENT.unpack_from(data)
    return count, data[_CURRENT.size : _CURRENT.size + length]


def work(name: str, inputs: int, seed: int, folder: Path) -> None:
    """The body of a worker: the outcome is left in `folder` as JSON."""
    from tests.fuzz import sanitizers  # noqa: PLC0415 - it starts workers itself

    sanitizers.choose_library()
    stem = name.replace(" ", "-")
    outcome = Fuzzer(TARGETS[name], seed).run(inputs, Current(folder / f"{stem}.current"))
    (folder / f"{stem}.json").write_text(json.dumps(asdict(outcome), default=bytes.hex))


def run_all(names: Iterable[str], inputs: int, seed: int, folder: Path, processes: int = 2) -> list[Outcome]:
    """Each target in a process of its own, so many at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(lambda name: run_one(name, inputs, seed, folder), names))


def run_one(name: str, inputs: int, seed: int, folder: Path, environment: dict[str, str] | None = None) -> Outcome:
    """One target in a process of its own; a crash or a hang of it is a failure with the input that did it."""
    stem = name.replace(" ", "-")
    place, result = folder / f"{stem}.current", folder / f"{stem}.json"
    for old in (place, result):
        old.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "--work",
        name,
        "--inputs",
        str(inputs),
        "--seed",
        str(seed),
        "--folder",
        str(folder),
    ]
    log = folder / f"{stem}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=stream, stderr=stream, env={**os.environ, **(environment or {})}
        )
        begun, seen, moved = time.monotonic(), -1, time.monotonic()
        while process.poll() is None:
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                count = current(place)[0] if place.exists() and place.stat().st_size else 0
                if count != seen:
                    seen, moved = count, time.monotonic()
                if time.monotonic() - moved > HANG_SECONDS:
                    process.kill()
    if process.returncode == 0 and result.exists():
        return read_outcome(result)
    count, data = current(place) if place.exists() else (0, b"")
    how = f"the process ended with {process.returncode}"
    failed = Failure(name, how, data, log.read_text(errors="replace")[-3000:])
    return Outcome(name, count, time.monotonic() - begun, failures=[failed])


def read_outcome(path: Path) -> Outcome:
    """An outcome as `work` left it."""
    found = json.loads(path.read_text())
    found["failures"] = [Failure(**{**f, "data": bytes.fromhex(f["data"])}) for f in found["failures"]]
    return Outcome(**found)
