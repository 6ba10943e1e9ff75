"""What rules about paths cost: a listing, a plan and the decision about a commit, all of 100,000 files.

Once with no rule that speaks of less than the repository, and with 1 and 20 that forbid a part of it. `asked` counts
how often a path was looked at for the policy's sake; CPU is of the whole process, the least of a few runs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import patch

from benchmarks.machine import description, markdown_table, write_results
from benchmarks.metadata_site import NOBODY, Bench, Clock, opened
from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import BeginRequest, PlanRequest
from mlv_server.domain.sight import Sight
from mlv_server.rpc.chain import Parts
from mlv_server.services import commits, content, history

FILES = 100_000
RUNS = 2
RULES = (0, 1, 20)
FORBIDDEN_FOLDER = 10_000
"""The rules speak of folders from here on, where no file lies: the same work is done on the same files."""
Row = dict[str, Any]


async def measure() -> list[Row]:
    """One row for each number of rules and each act."""
    rows: list[Row] = []
    async with opened() as parts:
        bench = Bench(parts, "narrow", FILES)
        await bench.create()
        await bench.commit(bench.first(), Clock(), Clock())
        there = 0
        for count in RULES:
            for number in range(there, count):
                await _forbid(parts, bench, number)
            there = count
            for name, act in _acts(bench).items():
                rows.append({"rules": count, "act": name, **await _one(act)})
    return rows


async def _one(act: Callable[[], Awaitable[int]]) -> Row:
    clock, asked = Clock(), 0
    for _ in range(RUNS):
        with clock.timed():
            files = await act()
    plain = Sight.decision

    def counted(sight: Sight, *values: str) -> Any:  # noqa: ANN401 - whatever the real one gives
        nonlocal asked
        asked += 1
        return plain(sight, *values)

    with patch.object(Sight, "decision", counted):
        await act()
    return {"files": files, "cpu_ms": 1000 * min(took.cpu for took in clock.taken), "asked": asked}


def _acts(bench: Bench) -> dict[str, Callable[[], Awaitable[int]]]:
    codecs = frozenset(range(8))

    async def listing() -> int:
        found = history.list_files(bench.call(), bench.name, bench.head, ())
        return sum([len(rows) async for rows in found])

    async def planning() -> int:
        asked = PlanRequest(bench.name, ChangesetNumber(0), bench.head, codecs, without_content=True)
        parts = content.plan_download(bench.call(), bench.name, asked)
        return sum([len(part.changes) async for part in parts])

    async def beginning() -> int:
        changes = bench.some(FILES)
        await commits.begin(bench.call(), BeginRequest(bench.name, "main", NOBODY, changes, codecs))
        return len(changes)

    return {"listing": listing, "plan": planning, "begin of a commit": beginning}


async def _forbid(parts: Parts, bench: Bench, number: int) -> None:
    actions = ("list", "meta.read", "read", "write")
    path = f"data/{FORBIDDEN_FOLDER + number}/**"
    rule = Rule(0, Effect.DENY, SubjectKind.USER, "admin", "", actions, str(bench.name), "*", path)
    await parts.db.write(lambda tx: tx.rules.change((rule,), (), "bench", 0))


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    machine = description()
    rows = asyncio.run(measure())
    lines = [(row["act"], str(row["rules"]), f"{row['cpu_ms']:.0f}", f"{row['asked']:,}") for row in rows]
    table = markdown_table(("act on 100,000 files", "rules about paths", "CPU ms", "asked"), lines)
    print(table)
    if not options.no_write:
        path = write_results("narrow_rules", "Rules about paths", machine, [table], {"rows": rows})
        print(f"\nwritten: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
