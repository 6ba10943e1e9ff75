"""What a change did: a fresh comparison beside the committed one.

Machines are shared and noisy, so each time is also shown in units of the reference pipe of the same run and case where
there is one; sizes need no such help.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import markdown_table
from benchmarks.measures import US, number
from benchmarks.series import HERE

COMMITTED = "benchmarks/results/compare.json"
FRESH = HERE / ".work" / "results" / "compare.json"
WORTH_A_LINE = 0.05
Key = tuple[str, str, str, str]


def figures(document: dict[str, Any]) -> dict[Key, tuple[float, float | None, float | None]]:
    """Of each measure: ours, in units of the best rival, in units of the pipe."""
    found = {}
    for m in document["measures"]:
        ours, pipe = m["values"].get(US), m["values"].get("reference pipe")
        if ours is not None:
            in_pipes = ours / pipe if pipe and m["unit"] == "s" else None
            found[m["row"], m["case"], m["what"], m["unit"]] = (ours, m["ratio"], in_pipes)
    return found


def committed() -> dict[str, Any]:
    """The comparison in the newest commit. Raises CalledProcessError where there is none."""
    shown = subprocess.run(
        ["git", "-C", HERE.parent, "show", f"HEAD:{COMMITTED}"], check=True, capture_output=True, text=True
    )
    document: dict[str, Any] = json.loads(shown.stdout)
    return document


def main() -> int:
    """Print what differs by more than 5 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fresh", nargs="?", type=Path, default=FRESH)
    parser.add_argument("--all", action="store_true", help="also what is the same")
    options = parser.parse_args()
    old_document, new_document = committed(), json.loads(options.fresh.read_text(encoding="utf-8"))
    old, new = figures(old_document), figures(new_document)
    rows = []
    for key in [key for key in new if key in old]:
        (before, before_rival, before_pipe), (after, after_rival, after_pipe) = old[key], new[key]
        change = after / before - 1 if before else 0.0
        if options.all or abs(change) > WORTH_A_LINE:
            row, case, what, unit = key
            cells = (
                number(before),
                number(after),
                f"{change:+.0%}",
                _pair(before_rival, after_rival),
                _pair(before_pipe, after_pipe),
            )
            rows.append((f"{row}, {case}: {what} ({unit})", *cells))
    print(f"committed: {old_document['machine']['commit']}, load {old_document['machine']['load']}")
    print(f"fresh:     {new_document['machine']['commit']}, load {new_document['machine']['load']}\n")
    print(markdown_table(("mlv", "committed", "fresh", "change", "/ best rival", "/ pipe"), rows))
    gone = [key for key in old if key not in new]
    print(f"\n{len(gone)} measures of the committed run are not in the fresh one" if gone else "")
    return 0


def _pair(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{before:.2f} -> {after:.2f}"


if __name__ == "__main__":
    sys.exit(main())
