"""Time to check out each of 40 versions of a 45 MB model when the server's cache is lost.

Every version is committed through the real client; the server settles, stops and is verified. Then, version by version:
the cache is deleted, the server started, the version checked out into an empty folder and compared bit for bit.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.bytes import commit_series, repository_of
from benchmarks.corpus import build
from benchmarks.harness import Site, site
from benchmarks.machine import description, markdown_table, write_results
from benchmarks.series import HERE, SERIES, Series

TARGET_RATIO = 4.0
TARGET_DEPTH = 9


def checkout_seconds(at: Site, series: Series, number: int, expected: Path) -> float:
    """Wall-clock seconds of a checkout of changeset `number` with the cache dropped.

    Raises: CommandFailedError; ValueError where the file is not the version's.
    """
    at.server.stop()
    at.server.drop_caches()
    at.server.start()
    at.admin.run("repo", "show", repository_of(series))
    folder = at.admin.home / "chain"
    ran = at.admin.run("checkout", f"{repository_of(series)}@{number}", folder)
    if not filecmp.cmp(folder / series.file_name, expected, shallow=False):
        raise ValueError(f"version {number} came back with other bytes")
    shutil.rmtree(folder)
    return ran.seconds


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", default="chain40", help="the series whose versions are checked out")
    parser.add_argument("--repeat", type=int, default=3, help="checkouts of each version; the median counts")
    parser.add_argument("--work", type=Path, default=HERE / ".work" / "chain", help="emptied first")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    series = SERIES[options.series]
    build.build([series])
    machine = description()
    with site(options.work) as at:
        measured = commit_series(at, at.admin, series)
        at.server.stop()
        report = at.server.verify()
        at.server.start()
        seconds = [
            statistics.median(checkout_seconds(at, series, number, path) for _ in range(options.repeat))
            for number, path in enumerate(series.versions(), start=1)
        ]
    ratio = max(seconds) / min(seconds)
    rows = [
        ("versions", str(len(seconds)), ""),
        ("fastest checkout (s)", f"{min(seconds):.3f}", f"@{seconds.index(min(seconds)) + 1}"),
        ("median checkout (s)", f"{statistics.median(seconds):.3f}", ""),
        ("slowest checkout (s)", f"{max(seconds):.3f}", f"@{seconds.index(max(seconds)) + 1}"),
        ("slowest / fastest", f"{ratio:.2f}", f"target: at most {TARGET_RATIO:.0f}"),
        ("deepest chain", str(report["max_depth"]), f"target: at most {TARGET_DEPTH}"),
        ("stored, next versions / reference", f"{measured.totals['stored_ratio']:.3f}", "target: at most 1.05"),
        ("sent, next versions / reference", f"{measured.totals['sent_ratio']:.3f}", "target: at most 1.05"),
    ]
    tables = [markdown_table(("chain", "", ""), rows)]
    print(tables[0])
    if not options.no_write:
        body: dict[str, object] = {"seconds": seconds, "ratio": ratio, "max_depth": report["max_depth"]}
        body["totals"] = measured.totals
        print(f"\nwritten: {write_results('chain', 'A chain of 40 versions', machine, tables, body).name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
