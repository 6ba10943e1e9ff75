"""Metadata of large versions and long histories at the server: first commit, next commits, list, log, diff, branch.

No wire and no content: the services are called as a call over gRPC would call them, on a real database that syncs every
transaction. Files share some contents that the server is said to have; their hashes cannot be shrunk.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import time
from typing import Any

from benchmarks.machine import description, markdown_table, write_results
from benchmarks.metadata_site import Bench, Clock, opened
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import HistoryFilter
from mlv_server.services import branches, history, logs

CASES = {"100k": (100_000, 1_000), "1m": (1_000_000, 300)}
CHANGED = 100
LAST = 50
"""Commits at the end of a history that are told."""
LOOKS = 20
LUCKY = 5
"""Files of a commit that may have got the content they had: contents are few."""
Row = dict[str, Any]


async def measure(name: str, files: int, most: int, minutes: float) -> Row:
    """One case: all files in the first commit, then as many commits of 100 files as `most` and `minutes` allow."""
    async with opened() as parts:
        bench = Bench(parts, name, files)
        await bench.create()
        begin, publish, fold = Clock(), Clock(), Clock()
        await bench.commit(bench.first(), begin, publish)
        row: Row = {
            "case": name,
            "files": files,
            "first_begin_s": begin.taken[0].wall,
            "first_begin_cpu_s": begin.taken[0].cpu,
            "first_publish_s": publish.taken[0].wall,
            "first_publish_cpu_s": publish.taken[0].cpu,
            "list_bytes_a_file": bench.list_bytes() / files,
        }
        begin, publish = Clock(), Clock()
        end = time.monotonic() + 60 * minutes
        for _ in range(most):
            await bench.commit(bench.some(CHANGED), begin, publish)
            with fold.timed():
                bench.fold()
            if time.monotonic() > end:
                break
        row |= {
            "commits": len(publish.taken),
            "begin_ms": begin.last(LAST).median_ms(),
            "begin_cpu_ms": begin.last(LAST).cpu_ms(),
            "publish_ms": publish.last(LAST).median_ms(),
            "publish_cpu_ms": publish.last(LAST).cpu_ms(),
            "fold_cpu_ms": fold.cpu_ms(),
            "history_bytes_a_commit": (bench.list_bytes() - row["list_bytes_a_file"] * files) / len(publish.taken),
        }
        row |= await reads(bench)
    row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    row["load"] = os.getloadavg()[0]
    return row


async def reads(bench: Bench) -> Row:
    """What is asked of the newest versions."""
    listing, log, diff, branch = Clock(), Clock(), Clock(), Clock()
    with listing.timed():
        count = 0
        async for rows in history.list_files(bench.call(), bench.name, bench.head, ()):
            count += len(rows)
    if count != bench.files:
        raise ValueError(f"{count} files are listed")
    for number in range(LOOKS):
        wanted = HistoryFilter(branch="main", path=bench.path(number * bench.files // LOOKS), page_size=50)
        with log.timed():
            await logs.list_changesets(bench.call(), bench.name, wanted)
        with diff.timed():
            first, second = ChangesetNumber(bench.head - 1 - number), ChangesetNumber(bench.head - number)
            found = [one async for one in history.diff_versions(bench.call(), bench.name, first, second, ())]
        if not CHANGED - LUCKY <= sum(map(len, found)) <= CHANGED:
            raise ValueError("neighbours differ by other files than were changed")
        with branch.timed():
            await branches.create(bench.call(), bench.name, f"b{number}", None, f"@{bench.head}", "", dry_run=False)
    return {
        "list_s": listing.taken[0].wall,
        "list_cpu_s": listing.taken[0].cpu,
        "log_ms": log.median_ms(),
        "log_cpu_ms": log.cpu_ms(),
        "diff_ms": diff.median_ms(),
        "diff_cpu_ms": diff.cpu_ms(),
        "branch_ms": branch.median_ms(),
        "branch_cpu_ms": branch.cpu_ms(),
    }


def table(rows: list[Row]) -> str:
    """One column a case, seconds by the clock and of CPU."""

    def both(row: Row, name: str, unit: str) -> str:
        return f"{row[f'{name}_{unit}']:.1f} / {row[f'{name}_cpu_{unit}']:.1f}"

    lines = [
        ("first commit: Begin, s (clock / CPU)", [both(row, "first_begin", "s") for row in rows]),
        ("first commit: Publish, s", [both(row, "first_publish", "s") for row in rows]),
        ("stored list and snapshot, bytes a file", [f"{row['list_bytes_a_file']:.1f}" for row in rows]),
        ("commits of 100 files after it", [f"{row['commits']:,}" for row in rows]),
        (f"last {LAST}: Begin, ms", [both(row, "begin", "ms") for row in rows]),
        (f"last {LAST}: Publish, ms", [both(row, "publish", "ms") for row in rows]),
        ("folding in the background, ms of CPU a commit", [f"{row['fold_cpu_ms']:.1f}" for row in rows]),
        ("lists and folds, bytes a commit", [f"{row['history_bytes_a_commit']:,.0f}" for row in rows]),
        ("list of all, s", [both(row, "list", "s") for row in rows]),
        ("log of a path, ms", [both(row, "log", "ms") for row in rows]),
        ("diff of neighbours, ms", [both(row, "diff", "ms") for row in rows]),
        ("branch, ms", [both(row, "branch", "ms") for row in rows]),
        ("peak memory with the benchmark's own lists, MB", [f"{row['peak_mb']:,.0f}" for row in rows]),
        ("load", [f"{row['load']:.1f}" for row in rows]),
    ]
    head = ("at the server", *(f"{row['files']:,} files" for row in rows))
    return markdown_table(head, [(name, *cells) for name, cells in lines])


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--commits", type=int, help="instead of the case's own number")
    parser.add_argument("--minutes", type=float, default=10.0, help="at most, for the commits of a case")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    machine = description()
    rows = []
    for case in options.cases:
        files, commits = CASES[case]
        rows.append(asyncio.run(measure(case, files, options.commits or commits, options.minutes)))
    text = table(rows)
    print(text)
    if not options.no_write:
        path = write_results("metadata", "Metadata of large versions", machine, [text], {"cases": rows})
        print(f"\nwritten: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
