"""Fuzz the parsers and the server: `python -m tests.fuzz --inputs N --messages M --seed S --report FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz import report, workers
from tests.fuzz.engine import Outcome

FOLDER = workers.ROOT / ".cache" / "fuzz"


def main() -> int:
    """Run what was asked for; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="inputs over all parsers together")
    parser.add_argument("--messages", type=int, default=100_000, help="messages over all RPCs together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="write FILE (Markdown) and the same as JSON beside it")
    parser.add_argument("--only", action="append", default=[], metavar="TARGET", help="these targets (repeatable)")
    parser.add_argument("--sanitize", action="store_true", help="the codecs again on kernels built with sanitizers")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where workers leave their files")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        workers.work(asked.work, asked.inputs, asked.seed, asked.folder)
        return 0
    names = asked.only or list(workers.TARGETS)
    outcomes: list[Outcome] = []
    if asked.inputs:
        each = -(-asked.inputs // len(names))
        outcomes = workers.run_all(names, each, asked.seed, asked.folder, asked.processes)
    sanitized: list[Outcome] = []
    if asked.sanitize:
        from tests.fuzz import sanitizers  # noqa: PLC0415 - needs a compiler

        sanitized = sanitizers.run(max(1, asked.inputs // 20), asked.seed, asked.folder)
    session = None
    if asked.messages:
        from tests.fuzz import session as calls  # noqa: PLC0415 - starts a server

        session = calls.run(asked.messages, asked.seed, asked.folder)
    found = report.Report(asked.seed, outcomes, sanitized, session)
    sys.stdout.write(found.markdown())
    if asked.report:
        found.write(asked.report)
    return 1 if found.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
