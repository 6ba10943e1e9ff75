"""`make bench`: everything that measures speed, one part after another, each with its own page in `results/`.

Options after the name of a part go to it: `python -m benchmarks.bench compare --rows noise`.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.series import HERE

PARTS = ("speed", "compare", "metadata", "growth", "locking", "policy", "profiles", "slowline")


def run(part: str, options: list[str]) -> int:
    """Run one part in a process of its own, so that none starts with the memory of another."""
    print(f"\n--- {part}", file=sys.stderr, flush=True)
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{part}", *options], cwd=HERE.parent, check=False
    ).returncode


def main() -> int:
    """Run the named part with its options, or all; returns the worst exit code."""
    words = sys.argv[1:]
    if words and words[0] in PARTS:
        return run(words[0], words[1:])
    if words:
        print(f"usage: python -m benchmarks.bench [{' | '.join(PARTS)}] [options of the part]", file=sys.stderr)
        return 2
    return max(run(part, []) for part in PARTS)


if __name__ == "__main__":
    sys.exit(main())
