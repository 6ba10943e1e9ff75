"""Where a measurement was made: a number without its machine says nothing."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.series import HERE

RESULTS = HERE / "results"
_LIBRARIES = ("numpy", "zstandard", "backports.zstd", "blake3", "pyfastcdc", "grpcio", "protobuf", "sqlalchemy")


def description() -> dict[str, str]:
    """Processor, memory, system, versions, commit and date."""
    root = HERE.parent
    commit = _output("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
    dirty = _output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": commit + (" with local changes" if dirty else ""),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load": f"{os.getloadavg()[0]:.1f} (average of the last minute)",
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version}" for name in _LIBRARIES if (version := _version(name))),
    }


def write_results(
    name: str,
    title: str,
    machine: dict[str, str],
    tables: list[str],
    body: dict[str, object],
    folder: Path = RESULTS,
) -> Path:
    """Write `NAME.json` and `NAME.md` into `folder`; returns the Markdown file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, **body}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    facts = markdown_table(("machine", ""), list(machine.items()))
    path = folder / f"{name}.md"
    path.write_text(f"# {title}\n\n" + "\n\n".join([*tables, facts]) + "\n", encoding="utf-8")
    return path


def markdown_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table: first column to the left, all others to the right."""
    rule = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join(["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)])


def megabytes(size: float) -> str:
    """Bytes as MB with what digits a reader can use."""
    return f"{size / 1e6:.3f}" if size < 10e6 else f"{size / 1e6:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
