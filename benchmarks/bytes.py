"""Bytes of each series' next versions through the real client and server, beside the reference codec and zstd -3.

One repository a series. Each version is copied over the file of a workspace and committed. `sent` is what the commit
says it sent, `wire` what a relay between client and server counted on the way up (TLS included); both are compared
with the reference against the parent. `stored` is the growth of what the repository keeps, packs and metadata,
after the background work is done; it is compared with the reference under the chain rule.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpus import build
from benchmarks.harness import Person, Site, place, site
from benchmarks.machine import description, markdown_table, megabytes, write_results
from benchmarks.reference import Figures, figures_of, next_versions
from benchmarks.series import HERE, Series, chosen

WORK = HERE / ".work"
TARGET = 1.05


@dataclass(frozen=True, slots=True)
class Version:
    """One commit as the client reported it, with what the relay counted upwards."""

    raw_bytes: int
    sent_bytes: int
    stored_bytes: int
    wire_bytes: int
    seconds: float
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A series' versions; `first_stored` and `stored` are what the repository kept after the first and last version."""

    name: str
    versions: list[Version]
    reference: list[Figures]
    first_stored: int
    stored: int
    cache: int

    @property
    def totals(self) -> dict[str, float]:
        """Sums over the next versions, and ratios to the reference."""
        reference = next_versions(self.reference)
        later = self.versions[1:]
        sent = sum(version.sent_bytes for version in later)
        stored = self.stored - self.first_stored
        return {
            "raw": reference.plain,
            "zstd3": reference.zstd3,
            "reference_parent": reference.parent,
            "sent": sent,
            "sent_ratio": sent / reference.parent,
            "wire": sum(version.wire_bytes for version in later),
            "reference_chain": reference.chain,
            "stored": stored,
            "stored_ratio": stored / reference.chain,
            "seconds": sum(version.seconds for version in later),
        }


def repository_of(series: Series) -> str:
    """The series' repository; names of repositories are lower case letters, digits and dashes."""
    return f"bench/{series.name.replace('_', '-').replace('.', '-')}"


def commit_series(at: Site, person: Person, series: Series) -> Measured:
    """Commit every version of `series` into a repository of its own."""
    repository = repository_of(series)
    person.run("repo", "create", repository)
    workspace = person.home / series.name
    person.run("checkout", repository, workspace)
    versions, first_stored = [], 0
    for number, path in enumerate(series.versions()):
        target = workspace / series.file_name
        if number:
            person.run("edit", series.file_name, at=workspace)
        place(path, target)
        if not number:
            person.run("add", series.file_name, at=workspace)
        at.wire.reset()
        ran = person.run("commit", "-m", f"version {number}", at=workspace)
        said = ran.answer
        versions.append(
            Version(
                said["raw_bytes"],
                said["sent_bytes"],
                said["stored_bytes"],
                at.wire.sent,
                said["seconds"],
                ran.seconds,
            )
        )
        if not number:
            first_stored = at.settle(repository)["stored_bytes"]
        print(f"  {series.name} {number}: sent {said['sent_bytes']:,} in {ran.seconds:.1f} s", file=sys.stderr)
    shown = at.settle(repository)
    return Measured(
        series.name, versions, figures_of(series), first_stored, shown["stored_bytes"], shown["cache_bytes"]
    )


def table(measured: list[Measured]) -> str:
    """The figures in MB, one row a series."""
    head: tuple[str, ...] = (
        "series (next versions)",
        "raw",
        "zstd -3",
        "reference, parent",
        "sent",
        "ratio",
        "on the wire",
    )
    head += ("reference, chain rule", "stored", "ratio", "s")
    rows = []
    for series in measured:
        t = series.totals
        name = f"{series.name} ({len(series.versions) - 1})"
        sizes = [megabytes(t[key]) for key in ("raw", "zstd3", "reference_parent", "sent")]
        stored = [megabytes(t[key]) for key in ("wire", "reference_chain", "stored")]
        sent_ratio, stored_ratio = f"{t['sent_ratio']:.3f}", f"{t['stored_ratio']:.3f}"
        rows.append((name, *sizes, sent_ratio, *stored, stored_ratio, f"{t['seconds']:.1f}"))
    return markdown_table(head, rows)


def main() -> int:
    """Build what is missing, measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", nargs="*", help="series to measure (default: all)")
    parser.add_argument(
        "--work",
        type=lambda text: Path(text).absolute(),
        default=WORK / "bytes",
        help="folder for server and workspaces; emptied",
    )
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    wanted = chosen(options.series)
    build.build(wanted)
    machine = description()
    with site(options.work) as at:
        measured = [commit_series(at, at.admin, series) for series in wanted]
        at.server.stop()
        report = at.server.verify()
        disk = at.server.disk_bytes()
    stored = sum(series.stored for series in measured)
    server_rows = [
        ("stored by all repositories (MB)", megabytes(stored)),
        ("du of the server folder without cache (MB)", megabytes(disk)),
        ("difference", f"{disk / stored - 1:+.1%}"),
        ("cache of the whole server (MB)", megabytes(max(series.cache for series in measured))),
        ("deepest chain", str(report["max_depth"])),
        ("damaged", str(len(report["damaged"]))),
    ]
    tables = [table(measured), markdown_table(("server folder", ""), server_rows)]
    print("\n\n".join(tables))
    if not options.no_write:
        body: dict[str, object] = {
            "series": [{**asdict(series), "totals": series.totals} for series in measured],
            "server": {"stored_bytes": stored, "disk_bytes": disk, "max_depth": report["max_depth"]},
        }
        title = "Bytes of the next versions, real client and server (MB)"
        print(f"\nwritten: {write_results('bytes', title, machine, tables, body).relative_to(HERE.parent)}")
    missed = [s.name for s in measured if max(s.totals["sent_ratio"], s.totals["stored_ratio"]) > TARGET]
    if missed:
        print(f"above {TARGET} x the reference: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
