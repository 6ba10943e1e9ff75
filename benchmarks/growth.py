"""How the cost of a commit of 100 files grows with the number of files and with the length of history.

The same commits at 1x, 10x and 100x of each; the exponent is the slope of a line through the logarithms of the CPU
milliseconds, which other work on the machine moves less than the clock's. 0: no growth, 1: in proportion.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import statistics
import sys
from typing import Any

from benchmarks.machine import description, markdown_table, write_results
from benchmarks.metadata import CHANGED
from benchmarks.metadata_site import Bench, Clock, opened
from mlv_core.requests import HistoryFilter
from mlv_server.services import logs

FILES = (3_000, 30_000, 300_000)
HISTORY_FILES = 10_000
COMMITS = (10, 100, 1_000)
WINDOW = 32
"""Commits of which the mean is told: the folds of 16 lists come twice."""
Row = dict[str, Any]


async def by_files() -> list[Row]:
    """Repositories of more and more files, each with the same history."""
    rows = []
    async with opened() as parts:
        for files in FILES:
            bench = Bench(parts, f"files-{files}", files)
            await bench.create()
            await bench.commit(bench.first(), Clock(), Clock())
            await _commits(bench, 16)
            rows.append({"files": files, **await _commits(bench, WINDOW)})
    return rows


async def by_history() -> list[Row]:
    """One repository, at more and more commits."""
    rows = []
    async with opened() as parts:
        bench = Bench(parts, "history", HISTORY_FILES)
        await bench.create()
        await bench.commit(bench.first(), Clock(), Clock())
        for commits in COMMITS:
            await _commits(bench, max(commits - bench.head, 0))
            rows.append({"commits": commits, **await _commits(bench, WINDOW)})
    return rows


async def _commits(bench: Bench, count: int) -> Row:
    begin, publish, fold, log = Clock(), Clock(), Clock(), Clock()
    wanted = HistoryFilter(branch="main", path=bench.path(7), page_size=50)
    for _ in range(count):
        await bench.commit(bench.some(CHANGED), begin, publish)
        with fold.timed():
            bench.fold()
        with log.timed():
            await logs.list_changesets(bench.call(), bench.name, wanted)
    if not count:
        return {}
    # The least disturbed half: a busy machine makes CPU time longer, never shorter.
    return {
        "commit_cpu_ms": begin.calm_cpu_ms() + publish.calm_cpu_ms(),
        "fold_cpu_ms": fold.cpu_ms(),
        "log_cpu_ms": log.calm_cpu_ms(),
    }


def exponent(sizes: list[float], costs: list[float]) -> float:
    """The slope of the line through the logarithms."""
    return statistics.linear_regression([math.log(s) for s in sizes], [math.log(c) for c in costs]).slope


def _table(rows: list[Row], what: str) -> tuple[str, Row]:
    measures = {
        "commit of 100 files, CPU ms": "commit_cpu_ms",
        "folding afterwards, CPU ms": "fold_cpu_ms",
        "log of a path, CPU ms": "log_cpu_ms",
    }
    sizes = [row[what] for row in rows]
    fitted = {key: exponent(sizes, [row[key] for row in rows]) for key in measures.values()}
    lines = [(name, *(f"{row[key]:.2f}" for row in rows), f"{fitted[key]:.2f}") for name, key in measures.items()]
    return markdown_table((what, *(f"{size:,}" for size in sizes), "exponent"), lines), fitted


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    machine = description()
    files, past = asyncio.run(by_files()), asyncio.run(by_history())
    (files_table, files_fit), (past_table, past_fit) = _table(files, "files"), _table(past, "commits")
    print(files_table, past_table, sep="\n\n")
    if not options.no_write:
        body: dict[str, object] = {
            "by_files": files,
            "by_history": past,
            "exponents": {"files": files_fit, "commits": past_fit},
            "load": os.getloadavg()[0],
        }
        path = write_results("growth", "Growth", machine, [files_table, past_table], body)
        print(f"\nwritten: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
