"""Beside the rivals in one run: checkpoints, small files, tables, noise, latency of commands.

Every system plays the same history on the same machine at the same time, act by act in turn; each file that comes back
is compared. The tables show medians; a line where a rival is ahead says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import blake3

from benchmarks import emulations
from benchmarks.comparing import ALL, History, Version, available
from benchmarks.corpus import build
from benchmarks.harness import place
from benchmarks.machine import RESULTS, description, write_results
from benchmarks.measures import US, Measure, number, table
from benchmarks.rivals.base import Rival
from benchmarks.series import Series, chosen

ROWS = ("checkpoints", "small", "tables", "noise", "latency")
CHECKPOINTS = ("full_lr2e-5_bf16", "full_lr2e-5_f32")
TABLES = ("csv", "jsonl", "parquet", "arrow")
LIMITS_ONLY = ("mlv", "reference pipe")
LATENCY_ROUNDS = 15
TARGET_PIPE = 0.8


class Comparison:
    """What was measured so far."""

    def __init__(self, kinds: list[type[Rival]]) -> None:
        """Nothing yet."""
        self.kinds = kinds
        self.measures: list[Measure] = []
        self.failed: dict[str, str] = {}
        self.notes: dict[str, str] = {}

    def keep(self, path: Path, rows: list[str]) -> None:
        """Take over from earlier results what is not of `rows`."""
        document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"measures": [], "notes": {}}
        for entry in document["measures"]:
            entry.pop("ratio")
            if entry["row"].partition(",")[0] not in rows:
                self.measures.append(Measure(**entry))
        self.notes |= {name: text for name, text in document["notes"].items() if name.partition(",")[0] not in rows}
        self.failed |= document.get("left_out", {})

    def history(self, row: str, case: str, play: Callable[[History], None], kinds: list[type[Rival]]) -> list[Measure]:
        """Play one history; its measures are kept and returned."""
        history = History(row, case, kinds)
        try:
            play(history)
        finally:
            figures = history.close()
        self.failed |= {f"{row}, {case}: {name}": reason for name, reason in history.failed.items()}
        measures = figures.measures(brief=row == "latency")
        self.measures += measures
        print(table(measures, [kind.name for kind in ALL]), flush=True)
        return measures


def series_versions(series: Series, most: int) -> list[Version]:
    """A series' versions under the name that a workspace gives the file."""

    def placed(path: Path, folder: Path) -> None:
        place(path, folder / series.file_name)

    return [Version([series.file_name], partial(placed, path)) for path in series.versions()[:most]]


def checkpoints(to: Comparison, names: list[str], most: int) -> None:
    """Fine-tuned models, all weights move; the emulations of papers stand beside."""
    for series in chosen(names):
        versions = series_versions(series, most)
        measures = to.history("checkpoints", series.name, partial(History.play, versions=versions), to.kinds)
        emulated = emulations.table(series, most)
        stored = next(m.values.get(US) for m in measures if m.what == "stored, all versions")
        wire = next(m.values.get(US) for m in measures if m.what == "next commit, wire both ways")
        to.notes[f"checkpoints, {series.name}"] = (
            f"### Emulations, {series.name}\n\nBytes and speed of one core, one file after another, nothing written;"
            f" mlv put {number(wire)} MB on the wire for a next version and keeps {number(stored)} MB.\n\n{emulated}"
        )


def small_files(to: Comparison, count: int) -> None:
    """Many files of 1 to 10 KB, half text and half noise; then 1 % of them changed."""
    names = [f"d{n // 200:03}/f{n:05}.dat" for n in range(count)]
    changed = names[::100]

    def write(folder: Path, paths: list[str], salt: str) -> None:
        for name in paths:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(small_content(f"{salt}{name}"))

    versions = [
        Version([], lambda folder: write(folder, names, "")),
        *(Version(changed, partial(write, paths=changed, salt=f"{n}/")) for n in (1, 2, 3)),
    ]
    changed_bytes = sum(len(small_content(f"1/{name}")) for name in changed)
    kinds = [kind for kind in to.kinds if kind.name != "reference pipe"]
    case = f"{count:,} files of 1-10 KB"
    to.history("small", case, lambda h: h.play(versions), kinds)
    to.notes["small"] = f"### Small files\n\n1 % changed is {len(changed)} files, {changed_bytes / 1e6:.3f} MB."


def small_content(name: str) -> bytes:
    """1 to 10 KB that the name decides: JSON-like text, or noise."""
    seed = blake3.blake3(name.encode())
    head = seed.digest(length=4)
    size = 1000 + int.from_bytes(head[:3], "big") % 9000
    if head[3] & 1:
        return seed.digest(length=size)
    words = seed.hexdigest(length=size // 8)
    return "".join(f'{{"id": {i}, "v": "{words[i : i + 4]}"}}\n' for i in range(0, size // 5, 4)).encode()[:size]


def tables(to: Comparison, names: list[str], most: int) -> None:
    """One table of 900,000 rows: appended, inserted, corrected, deleted and with a new column, in four formats."""
    for series in chosen(names):
        versions = series_versions(series, most)
        to.history("tables", series.name, partial(History.play, versions=versions), to.kinds)


def noise(to: Comparison, megabytes: int, pairs: int) -> None:
    """One big file that nothing can shrink: everyone once, then we and the pipe in turn."""

    def write(folder: Path) -> None:
        with (folder / "noise.bin").open("wb") as sink:
            for block in noise_blocks(megabytes, 0):
                sink.write(block)

    once = [Version([], write)]
    case = f"{megabytes} MB"
    to.history("noise", case, lambda h: h.play(once), to.kinds)
    kinds = [kind for kind in to.kinds if kind.name in LIMITS_ONLY]
    ratios: dict[str, list[float]] = {}
    for pair in range(pairs):
        measures = to.history("noise, pairs", f"{case}, pair {pair + 1}", lambda h: h.play(once), kinds)
        for m in measures:
            ours, pipe = m.values.get(US), m.values.get("reference pipe")
            if ours and pipe and m.what in ("first commit", "first checkout", "first commit, own clock"):
                ratios.setdefault(m.what, []).append(pipe / ours)
    lines = [
        f"- {what}: {sorted(values)[len(values) // 2]:.2f} of the pipe's speed (pairs: "
        f"{', '.join(f'{v:.2f}' for v in values)}); target {TARGET_PIPE}"
        for what, values in ratios.items()
    ]
    if lines:
        to.notes["noise"] = "### The reference pipe in pairs\n\n" + "\n".join(lines)


def noise_blocks(megabytes: int, salt: int) -> Iterator[bytes]:
    """Blocks of 1 MB from BLAKE3's output."""
    state = blake3.blake3(f"noise {salt}".encode())
    for n in range(megabytes):
        yield state.digest(length=1_000_000, seek=n * 1_000_000)


def latency(to: Comparison, rounds: int) -> None:
    """Commands from process start in a small repository of 100 files and 5 versions; the server is warm."""

    def write(folder: Path, n: int) -> None:
        for i in range(100):
            (folder / f"f{i:03}.bin").write_bytes(small_content(f"{i}" if i else f"{n}/{i}"))

    def play(history: History) -> None:
        for n in range(5):
            if n:
                history.each(lambda r: r.prepare(["f000.bin"]) if "prepare" in r.verbs else None)
            history.each(lambda r: write(r.content(r.tree), n))  # noqa: B023 - done at once
            history.each(lambda r: r.commit(n))  # noqa: B023 - done at once
        for _ in range(rounds):
            history.act("status", "status")
            history.act("locks", "locks")
            history.act("edit / lock", "lock", lambda _: "f001.bin")
            history.each(lambda r: r.unlock("f001.bin") if "lock" in r.verbs else None)
            history.act("log", "log")

    kinds = [kind for kind in to.kinds if "status" in kind.verbs]
    to.history("latency", "from process start", play, kinds)


def report(to: Comparison, reasons: dict[str, str]) -> list[str]:
    """The parts of the Markdown page."""
    order = [kind.name for kind in ALL]
    to.measures.sort(key=lambda m: ROWS.index(m.row.partition(",")[0]))
    parts = []
    for row, case in dict.fromkeys((m.row, m.case) for m in to.measures):
        if row != "noise, pairs":
            measures = [m for m in to.measures if (m.row, m.case) == (row, case)]
            parts.append(f"## {row}: {case}\n\n{table(measures, order)}")
    behind = [m for m in to.measures if m.behind]
    lines = [
        f"- {m.row}, {m.case}: {m.what}: {number(m.values[US])} {m.unit}, {m.best_rival} "
        f"{number(m.values[m.best_rival or US])} ({m.ratio:.2f} x)"
        for m in behind
    ]
    parts.append("## Where a rival is ahead\n\n" + ("\n".join(lines) or "nowhere"))
    parts += to.notes.values()
    about = [f"- {kind.name}: {kind.note}" for kind in ALL if kind.note]
    about += [f"- left out: {name}: {reason}" for name, reason in (reasons | to.failed).items()]
    return [*parts, "## About the systems\n\n" + "\n".join(about)]


def save(to: Comparison, reasons: dict[str, str], machine: dict[str, str], folder: Path) -> None:
    """Write `compare.md` and `compare.json`."""
    page = report(to, reasons)
    measures = [asdict(m) | {"ratio": m.ratio} for m in to.measures]
    body: dict[str, object] = {"measures": measures, "notes": to.notes, "left_out": to.failed}
    path = write_results("compare", "Beside the rivals", machine, page, body, folder)
    print(f"\nwritten: {path.name}", flush=True)


def main() -> int:
    """Measure the chosen rows, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=ROWS)
    parser.add_argument("--rivals", nargs="*", help="mlv svn git-lfs dvc hf-xet restic rsync cp 'reference pipe'")
    parser.add_argument("--checkpoints", nargs="*", default=list(CHECKPOINTS), help="series of models")
    parser.add_argument("--tables", nargs="*", default=list(TABLES), help="series of tables")
    parser.add_argument("--versions", type=int, default=20, help="at most so many versions of each series")
    parser.add_argument("--table-versions", type=int, default=5, help="the same for tables")
    parser.add_argument("--small-files", type=int, default=20_000)
    parser.add_argument("--noise-mb", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=5, help="interleaved pairs of mlv and the pipe on noise")
    parser.add_argument("--rounds", type=int, default=LATENCY_ROUNDS, help="rounds of the latency row")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for compare.md and compare.json")
    parser.add_argument("--keep", action="store_true", help="keep the other rows of the results that are there")
    options = parser.parse_args()
    build.build(chosen([*options.checkpoints, *options.tables]))
    kinds, reasons = available(options.rivals)
    machine = description()
    to = Comparison(kinds)
    if options.keep:
        to.keep(options.results / "compare.json", options.rows)
    rows: dict[str, Callable[[], None]] = {
        "checkpoints": lambda: checkpoints(to, options.checkpoints, options.versions),
        "small": lambda: small_files(to, options.small_files),
        "tables": lambda: tables(to, options.tables, options.table_versions),
        "noise": lambda: noise(to, options.noise_mb, options.pairs),
        "latency": lambda: latency(to, options.rounds),
    }
    for row in ROWS:
        if row in options.rows:
            print(f"{row}:", file=sys.stderr)
            rows[row]()
            # After each row, so that a run which is stopped has not been for nothing.
            machine["load at the end"] = description()["load"]
            save(to, reasons, machine, options.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
