"""Speed of cutting, coding and decoding on one core, without client, server and network; and how small it gets.

The frames are those that a commit of a next version would send: planned, coded and decoded by the product's own code.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpus import build
from benchmarks.machine import description, markdown_table, megabytes, write_results
from benchmarks.reference import figures_of
from benchmarks.series import Series, chosen
from mlv.transfer.reading import CutContent, FileSource, cut_content, read_extents
from mlv_core.codecs import decode, encode_patch
from mlv_core.framing import encode_plan, plan_frames

DEFAULT = ("full_lr2e-5_bf16", "full_lr2e-5_f32", "pure_bf16", "lastlayer_f32", "csv", "npy", "tar")
DECODE_LIMIT = 1 << 30


@dataclass(slots=True)
class Speed:
    """Sums over a series' next versions; the three times are seconds of one core for `plain` bytes."""

    name: str
    plain: int = 0
    reference: int = 0
    frames: int = 0
    recipes: int = 0
    cut: float = 0.0
    encode: float = 0.0
    decode: float = 0.0

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the block's seconds to `what`."""
        started = time.perf_counter()
        yield
        setattr(self, what, getattr(self, what) + time.perf_counter() - started)


def measure(series: Series, most: int) -> Speed:
    """Cut, code and decode at most `most` next versions of `series`. Raises ValueError where bytes come back wrong."""
    speed = Speed(series.name)
    known: set[bytes] = set()
    old: tuple[CutContent, FileSource] | None = None
    figures = figures_of(series)
    for number, path in enumerate(series.versions()[: most + 1]):
        source = FileSource(str(path), series.file_name)
        started = time.perf_counter()
        cut = cut_content(source, series.file_name)
        speed.cut += time.perf_counter() - started if number else 0.0
        if old is not None:
            speed.plain += figures[number].plain
            _code(speed, (cut, source), old, known)
            old[1].close()
        known |= {bytes(segment.hash) for segment in cut.recipe.segments()}
        old = (cut, source)
    speed.reference = sum(figure.parent for figure in figures[1 : most + 1])
    return speed


def _code(
    speed: Speed, new: tuple[CutContent, FileSource], old: tuple[CutContent, FileSource], known: set[bytes]
) -> None:
    (cut, source), (old_cut, old_source) = new, old
    missing = {segment.hash for segment in cut.recipe.segments() if bytes(segment.hash) not in known}
    for plan in plan_frames(cut.recipe, old_cut.recipe, missing):
        plain = b"".join(bytes(read_extents(source, cut.extents[index])) for index in plan.members)
        base = b"".join(bytes(read_extents(old_source, old_cut.extents[index])) for index in plan.bases) or None
        with speed.timed("encode"):
            frame = encode_plan(plan, cut.recipe, old_cut.recipe, plain, base)
        speed.frames += len(frame.blob)
        with speed.timed("decode"):
            back = decode(frame.codec, frame.blob, len(plain), base if frame.bases else None, DECODE_LIMIT)
        if back != plain:
            raise ValueError(f"{speed.name}: a frame came back with other bytes")
    speed.recipes += len(encode_patch(cut.recipe.encode(), old_cut.recipe.encode()).blob)


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", nargs="*", default=list(DEFAULT))
    parser.add_argument("--versions", type=int, default=2, help="next versions of each series")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    wanted = chosen(options.series)
    build.build(wanted)
    machine = description()
    speeds = []
    for series in wanted:
        speeds.append(measure(series, options.versions))
        print(f"  {series.name}", file=sys.stderr)
    head = (
        "series",
        "raw MB",
        "cut MB/s",
        "encode MB/s",
        "decode MB/s",
        "frames MB",
        "recipes kB",
        "frames / reference",
    )
    rows = [
        (
            s.name,
            megabytes(s.plain),
            *(f"{s.plain / 1e6 / max(seconds, 1e-9):,.0f}" for seconds in (s.cut, s.encode, s.decode)),
            megabytes(s.frames),
            f"{s.recipes / 1e3:.1f}",
            f"{s.frames / s.reference:.3f}",
        )
        for s in speeds
    ]
    tables = [markdown_table(head, rows)]
    print(tables[0])
    if not options.no_write:
        path: Path = write_results(
            "speed", "Speed of the codecs", machine, tables, {"series": [asdict(s) for s in speeds]}
        )
        print(f"\nwritten: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
