"""The other promises: peak memory, client disk, ranged reads, start-up, refusals, undo. One row each.

`--rows` picks some of: memory memory-opaque disk read startup refused undo.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpus import build
from benchmarks.harness import PROGRAMS, CommandFailedError, Person, Site, disk_bytes, place, site
from benchmarks.large_files import write_model, write_opaque
from benchmarks.machine import description, markdown_table, write_results
from benchmarks.series import HERE, SERIES

MEMORY_TARGET = 400e6
LARGE_BYTES = 3 << 30
READ_FILE_BYTES = 1 << 30
STARTUP_RUNS = 20
MODEL = "model.safetensors"
TABLE = "events.csv"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured promise; `value` and `target` share `unit`, smaller is better."""

    what: str
    value: float
    target: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.target


def _fresh(person: Person, name: str) -> tuple[str, Path]:
    repository = f"bench/{name}"
    person.run("repo", "create", repository)
    workspace = person.home / name
    person.run("checkout", repository, workspace)
    return repository, workspace


def _measured_memory(at: Site, name: str, file_name: str, write: Callable[..., None], size: int) -> list[Row]:
    """Peak memory of both sides while a large file is committed, changed, checked out and updated."""
    rows = []
    repository, workspace = _fresh(at.admin, name)
    other = at.home / f"{name}-other"

    def step(what: str, *words: object, folder: Path) -> None:
        at.server.reset_peak()
        ran = at.admin.run(*words, at=folder)
        rows.append(Row(f"{what}: client's peak memory", ran.peak_bytes / 1e6, MEMORY_TARGET / 1e6, "MB"))
        rows.append(Row(f"{what}: server's peak memory", at.server.peak_bytes() / 1e6, MEMORY_TARGET / 1e6, "MB"))
        print(f"  {what}: {ran.seconds:.1f} s", file=sys.stderr)

    label = f"{size / 2**30:.0f} GiB {file_name.rpartition('.')[2]}"
    write(workspace / file_name, size, version=0)
    at.admin.run("add", file_name, at=workspace)
    step(f"first commit, {label}", "commit", "-m", "first", folder=workspace)
    step(f"checkout, {label}", "checkout", repository, other, folder=at.home)
    at.admin.run("edit", file_name, at=workspace)
    write(workspace / file_name, size, version=1)
    step(f"next commit, {label}", "commit", "-m", "next", folder=workspace)
    at.server.reset_peak()
    at.settle(repository)
    rows.append(
        Row(f"background work, {label}: server's peak memory", at.server.peak_bytes() / 1e6, MEMORY_TARGET / 1e6, "MB")
    )
    step(f"update, {label}", "update", folder=other)
    write(at.home / "expected", size, version=1)
    if not filecmp.cmp(at.home / "expected", other / file_name, shallow=False):
        raise ValueError(f"{file_name} came back with other bytes")
    for path in (workspace, other):
        shutil.rmtree(path)
    (at.home / "expected").unlink()
    return rows


def memory(at: Site) -> list[Row]:
    """Peak memory with a model in a container."""
    return _measured_memory(at, "memory", MODEL, write_model, LARGE_BYTES)


def memory_opaque(at: Site) -> list[Row]:
    """Peak memory with bytes that no segmenter knows."""
    return _measured_memory(at, "memory-opaque", "blob.bin", write_opaque, LARGE_BYTES)


def disk(at: Site) -> list[Row]:
    """Disk of a workspace beyond its files, and beyond files and base while one is open for edit."""
    versions = SERIES["full_lr2e-5_f32"].versions()
    _, workspace = _fresh(at.admin, "disk")
    place(versions[0], workspace / MODEL)
    at.admin.run("add", MODEL, at=workspace)
    at.admin.run("commit", "-m", "first", at=workspace)
    size = versions[0].stat().st_size

    def beyond(copies: int) -> float:
        return (disk_bytes(workspace) / (copies * size) - 1) * 100

    rows = [Row("client's disk beyond the files", beyond(1), 1.0, "%")]
    at.admin.run("edit", MODEL, at=workspace)
    place(versions[1], workspace / MODEL)
    rows.append(Row("client's disk beyond files and bases, one open for edit", beyond(2), 1.0, "%"))
    at.admin.run("commit", "-m", "next", at=workspace)
    rows.append(Row("client's disk beyond the files, after commit", beyond(1), 1.0, "%"))
    return rows


_READ = """
import sys
import mlv
with mlv.connect(sys.argv[1]) as client:
    version = client.repository(sys.argv[2]).version(int(sys.argv[3]))
    sys.stdout.buffer.write(version.read_range(sys.argv[4], int(sys.argv[5]), 1 << 20))
"""


def read(at: Site) -> list[Row]:
    """Bytes on the wire for 1 MiB out of 1 GiB through the Python SDK, of a full and of a delta-stored version."""
    repository, workspace = _fresh(at.admin, "read")
    write_model(workspace / MODEL, READ_FILE_BYTES, version=0)
    at.admin.run("add", MODEL, at=workspace)
    at.admin.run("commit", "-m", "first", at=workspace)
    at.admin.run("edit", MODEL, at=workspace)
    write_model(workspace / MODEL, READ_FILE_BYTES, version=1)
    at.admin.run("commit", "-m", "next", at=workspace)
    offset = 700_000_001
    rows = []
    for number in (2, 1):
        write_model(workspace.parent / "expected", READ_FILE_BYTES, version=number - 1)
        with (workspace.parent / "expected").open("rb") as file:
            file.seek(offset)
            expected = file.read(1 << 20)
        at.wire.reset()
        command = [sys.executable, "-c", _READ, at.admin.url, repository, str(number), MODEL, str(offset)]
        done = subprocess.run(command, env=at.admin.environment, capture_output=True, check=False)
        if done.stdout != expected:
            raise CommandFailedError(f"the SDK read other bytes: {done.stderr.decode()[-2000:]}")
        rows.append(Row(f"SDK read of 1 MiB in 1 GiB @{number}, on the wire", at.wire.total / 2**20, 8, "MiB"))
    shutil.rmtree(workspace)
    return rows


def startup(at: Site) -> list[Row]:
    """Median wall-clock of a command above `python -c pass`, runs interleaved."""
    _, workspace = _fresh(at.admin, "startup")
    place(SERIES["pure_bf16"].versions()[0], workspace / MODEL)
    at.admin.run("add", MODEL, at=workspace)
    at.admin.run("commit", "-m", "first", at=workspace)
    commands: dict[str, list[str | Path]] = {
        "bare": [sys.executable, "-c", "pass"],
        "mlv --help": [PROGRAMS / "mlv", "--help"],
        "mlv status": [PROGRAMS / "mlv", "status"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTUP_RUNS + 1):
        for name, command in commands.items():
            started = time.monotonic()
            subprocess.run(command, cwd=workspace, env=at.admin.environment, capture_output=True, check=True)
            seconds[name].append(time.monotonic() - started)
    median = {name: statistics.median(values[1:]) * 1000 for name, values in seconds.items()}
    return [Row(f"{name} above bare Python", median[name] - median["bare"], 80, "ms") for name in list(commands)[1:]]


def refused(at: Site) -> list[Row]:
    """Bytes on the wire where a change of 45 MB (a model) or 96 MB (a table) is refused.

    The table is text, which needs no lock: its refusals are the server's at commit. The model's come at `edit`, and
    for those who changed it without, at commit.
    """
    contents = {MODEL: SERIES["full_lr2e-5_bf16"].versions(), TABLE: SERIES["csv"].versions()}
    repository, workspace = _fresh(at.admin, "refused")
    for name, versions in contents.items():
        place(versions[0], workspace / name)
        at.admin.run("add", name, at=workspace)
    at.admin.run("commit", "-m", "first", at=workspace)
    rows = []

    def attempt(what: str, person: Person, code: int, name: str, *words: str) -> None:
        folder = person.home / "refused"
        (folder / name).chmod(0o644)
        place(contents[name][2], folder / name)
        at.wire.reset()
        person.run(*words, name, at=folder, expect=code)
        rows.append(Row(f"refused: {words[0]} {what}: on the wire", at.wire.total / 1e3, 200, "kB"))

    writer = at.person("writer", ("contributor", repository))
    reader = at.person("reader", ("reader", repository))
    for person in (writer, reader):
        person.run("checkout", repository, person.home / "refused")
    commit = ("commit", "-m", "mine")
    attempt("of a model without the right", reader, 5, MODEL, "edit")
    attempt("of a table without the right", reader, 5, TABLE, *commit)
    at.admin.run("lock", TABLE, MODEL, at=workspace)
    attempt("of a model under a foreign lock", writer, 4, MODEL, "edit")
    attempt("of a model without its lock", writer, 4, MODEL, *commit)
    attempt("of a table under a foreign lock", writer, 4, TABLE, *commit)
    for name, versions in contents.items():
        (workspace / name).chmod(0o644)
        place(versions[1], workspace / name)
    at.admin.run("commit", "-m", "next", at=workspace)
    attempt("of a model on a stale base", writer, 3, MODEL, "edit")
    attempt("of a table on a stale base", writer, 3, TABLE, *commit)
    return rows


def undo(at: Site) -> list[Row]:
    """Bytes on the wire of `undo --to @1` over two later versions of 45 MB."""
    versions = SERIES["full_lr2e-5_bf16"].versions()
    repository, workspace = _fresh(at.admin, "undo")
    for number, path in enumerate(versions[:3]):
        if number:
            at.admin.run("edit", MODEL, at=workspace)
        place(path, workspace / MODEL)
        if not number:
            at.admin.run("add", MODEL, at=workspace)
        at.admin.run("commit", "-m", f"version {number}", at=workspace)
    at.wire.reset()
    at.admin.run("undo", "--to", "@1", "-m", "back to the first", at=workspace)
    moved = at.wire.total
    back = at.home / "undone"
    at.admin.run("checkout", repository, back)
    if not filecmp.cmp(back / MODEL, versions[0], shallow=False):
        raise ValueError("undo did not bring the first version back")
    return [Row("undo --to @1 of 45 MB: on the wire", moved / 1024, 64, "KiB")]


ROWS: dict[str, Callable[[Site], list[Row]]] = {
    "startup": startup,
    "refused": refused,
    "undo": undo,
    "disk": disk,
    "read": read,
    "memory": memory,
    "memory-opaque": memory_opaque,
}


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    parser.add_argument("--work", type=Path, default=HERE / ".work" / "limits", help="emptied first")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    build.build([SERIES[name] for name in ("full_lr2e-5_bf16", "full_lr2e-5_f32", "pure_bf16", "csv")])
    machine = description()
    rows: list[Row] = []
    with site(options.work) as at:
        for name in options.rows:
            print(name, file=sys.stderr, flush=True)
            rows += ROWS[name](at)
    cells = [(r.what, f"{r.value:.1f}", f"{r.target:.0f}", r.unit, "yes" if r.kept else "NO") for r in rows]
    tables = [markdown_table(("what", "measured", "at most", "unit", "kept"), cells)]
    print(tables[0])
    if not options.no_write:
        body: dict[str, object] = {"rows": [asdict(row) for row in rows]}
        print(f"\nwritten: {write_results('limits', 'Limits', machine, tables, body).name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
