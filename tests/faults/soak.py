"""The long form of the fault harness: model, kills, histories, power cuts and fuzzers for so many minutes, one report.

    make soak MINUTES=60 SEED=1 KILLS=10000 REPORT=benchmarks/results/soak.md

Two lanes run beside each other, one a core: in the first only kills, in the second everything else and then kills
again; the one that is done first helps the other. The end is exit 1 when anything failed; the report says with which
seed, at which step, and what replays it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TICK_SECONDS = 2.0
GRACE_SECONDS = 1800.0
"""Longer than its share a part may take; then it hangs, and that is a failure (N7)."""
FIRST_SHARE = 0.6
"""Of all kills, those of the first lane."""
OTHERS = {"power": "--prefixes", "flips": "--flips"}
"""Drivers in tests/faults, each run where there is one, and how many of what they are told to do."""


@dataclass
class Part:
    """One driver: its name in the report, its arguments, and how it went."""

    name: str
    arguments: tuple[str, ...]
    seconds: float
    report: Path
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    took: float = 0.0
    code: int | None = None
    told: dict[str, Any] = field(default_factory=dict)

    def start(self, log: Path) -> None:
        """Start its process."""
        self.began = time.monotonic()
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments, "--report", str(self.report)],
                cwd=ROOT,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
            )

    def look(self, log: Path) -> bool:
        """Whether it has ended; what it told is read then."""
        assert self.process is not None
        self.code = self.process.poll()
        self.took = time.monotonic() - self.began
        if self.code is None and self.took > self.seconds + GRACE_SECONDS:
            self.process.kill()
            self.code = self.process.wait()
            self.told = {"failure": f"did not end within {self.took:.0f} s"}
        if self.code is None:
            return False
        told = self.report.with_suffix(".json")
        if told.exists():
            self.told.update(json.loads(told.read_text(encoding="utf-8")))
        if failures := self.told.get("failures"):
            self.told["failure"] = "\n".join(map(str, failures))
        if self.code and not self.told.get("failure"):
            self.told["failure"] = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        return True


def plan(given: argparse.Namespace, folder: Path) -> tuple[list[Part], list[Part]]:
    """What runs in either lane, in this order."""
    total = given.minutes * 60.0
    first = round(given.kills * FIRST_SHARE)

    def part(name: str, module: str, seconds: float, seed: int, *more: object, ending: str = "json") -> Part:
        arguments = (module, "--seed", str(seed), *map(str, more))
        return Part(name, arguments, seconds, folder / f"{name.replace(' ', '-')}.{ending}")

    kills = part("kills 1", "tests.faults.kills", total, given.seed, "--kills", first, "--seconds", total)
    model, recorded = 0.12 * total, 0.12 * total
    second = [
        part("histories", "tests.faults.recorded", recorded, given.seed, "--rounds", 3, "--seconds", recorded),
        *(
            [part("locks", "tests.faults.recorded", total, given.seed, "--operations", given.locks)]
            if given.locks
            else []
        ),
        part("model", "tests.faults.machine", model, given.seed, "--examples", 40, "--seconds", model),
    ]
    second.extend(
        part(name, f"tests.faults.{name}", total, given.seed, count, getattr(given, count[2:]))
        for name, count in OTHERS.items()
        if getattr(given, count[2:]) and find_spec(f"tests.faults.{name}")
    )
    if given.inputs and find_spec("tests.fuzz"):
        counts = ("--inputs", given.inputs, "--messages", given.messages, "--processes", 1)
        second.append(part("fuzz", "tests.fuzz", total, given.seed, *counts, ending="md"))
    rest = max(0.0, total - model - recorded)
    seed = given.seed + 1_000_000
    second.append(part("kills 2", "tests.faults.kills", rest, seed, "--kills", given.kills - first))
    return [kills], second


def run(lanes: tuple[list[Part], list[Part]], folder: Path) -> None:
    """Run both lanes to their ends, and say how far they are."""
    running: list[Part | None] = [None, None]
    waiting = [list(lane) for lane in lanes]
    while any(waiting) or any(running):
        for place, part in enumerate(running):
            log = folder / f"{part.name}.log" if part else folder
            if part is not None and part.look(log):
                say(f"{part.name}: {'failed' if part.code else 'done'} after {part.took:.0f} s")
                running[place] = None
            if running[place] is None and any(waiting):
                # A lane that is done takes over what the other would come to last.
                started = running[place] = waiting[place].pop(0) if waiting[place] else waiting[1 - place].pop()
                say(f"{started.name}: python -m {' '.join(started.arguments)}")
                started.start(folder / f"{started.name}.log")
        for part in filter(None, running):
            assert part.process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.process.wait(TICK_SECONDS)


def say(text: str) -> None:
    """A line of progress."""
    print(time.strftime("%H:%M:%S"), text, flush=True)  # noqa: T201 - for whoever watches


def rendered(given: argparse.Namespace, parts: list[Part], seconds: float) -> tuple[str, dict[str, Any]]:
    """The report: for people, and as JSON."""
    failed = [part for part in parts if part.code]
    kills = [part for part in parts if part.name.startswith("kills")]
    places: Counter[str] = Counter()
    verbs: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    for part in kills:
        places.update(part.told.get("kills_by_place", {}))
        checks.update(part.told.get("checks", {}))
        for kind, count in part.told.get("kills_by_kind", {}).items():
            verbs[kind.rpartition(" / ")[2]] += count
    total = sum(places.values())
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    value = {
        "commit": commit.stdout.strip(),
        "seed": given.seed,
        "minutes": round(seconds / 60, 1),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "kills": total,
        "kills_by_place": dict(places),
        "kills_by_verb": dict(verbs),
        "checks": dict(checks),
        "parts": {part.name: {**part.told, "exit": part.code, "seconds": round(part.took, 1)} for part in parts},
        "failed": [part.name for part in failed],
    }
    ran = f"`make soak MINUTES={given.minutes:g} SEED={given.seed} KILLS={given.kills}` at commit {value['commit']}"
    where = f"{value['minutes']} minutes, Python {value['python']}, {value['cores']} cores shared with other work"
    verdict = f"FAILED: {', '.join(value['failed'])}." if failed else "Every invariant held."
    lines = [
        "# Soak",
        "",
        f"{ran}: {where}.",
        "",
        f"**{verdict}** {total:,} processes were killed.",
        "",
        *_table("kills at", places),
        *_table("kills while doing", verbs),
        *_table("checked after them", checks),
    ]
    for part in parts:
        lines += [
            f"## {part.name}",
            "",
            f"`python -m {' '.join(part.arguments)}`: {part.took:.0f} s, exit {part.code}.",
            "",
        ]
        if failure := part.told.get("failure"):
            lines += ["```", str(failure), "```", "", f"Again: `{part.told.get('replay') or 'the same command'}`", ""]
        counts = part.told.get("counts", part.told.get("answers", {}))
        lines += _table("what", {name: count for name, count in counts.items() if isinstance(count, int)})
    return "\n".join(lines), value


def _table(what: str, counts: dict[str, int] | Counter[str]) -> list[str]:
    if not counts:
        return []
    rows = [f"| {name} | {count:,} |" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    return [f"| {what} | times |", "|---|---:|", *rows, ""]


def main() -> int:
    """Run everything; 1 when anything failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--seed", type=int, default=int(time.time()), help="else the time")
    options.add_argument("--kills", type=int, default=10_000, help="at least so many, however long it takes")
    options.add_argument("--prefixes", type=int, default=2_000, help="power cuts; 0 leaves them out")
    options.add_argument("--flips", type=int, default=1_000, help="flipped bits; 0 leaves them out")
    options.add_argument("--locks", type=int, default=20_000, help="operations of a history of locks; 0 leaves it out")
    options.add_argument("--inputs", type=int, default=100_000, help="fuzzed inputs over all parsers; 0 leaves it out")
    options.add_argument("--messages", type=int, default=10_000, help="fuzzed messages over all calls")
    options.add_argument("--report", type=Path, default=Path("soak.md"), help="Markdown; JSON beside it")
    given = options.parse_args()
    given.report = given.report.absolute()
    folder = Path(tempfile.mkdtemp(prefix="mlv-soak-"))
    lanes, began = plan(given, folder), time.monotonic()
    say(f"seed {given.seed}, logs in {folder}")
    run(lanes, folder)
    parts = [*lanes[0], *lanes[1]]
    text, value = rendered(given, parts, time.monotonic() - began)
    given.report.write_text(text, encoding="utf-8")
    given.report.with_suffix(".json").write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    say(f"{value['kills']:,} kills; {'failed: ' + ', '.join(value['failed']) if value['failed'] else 'all is well'}")
    return 1 if value["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
