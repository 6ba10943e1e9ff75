"""Where the time goes: both sides of row 1 sampled with py-spy, top functions by CPU seconds.

Samples are taken 200 times a second of threads that run, native code included; a function's seconds are its own, not
those of what it calls. Needs `python -m benchmarks.rivals.setup`.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.corpus import build
from benchmarks.harness import PROGRAMS, CommandFailedError, place
from benchmarks.machine import RESULTS, description, markdown_table, write_results
from benchmarks.rivals import setup
from benchmarks.rivals.product import REPOSITORY, Mlv
from benchmarks.series import HERE, SERIES

SPY = setup.PYTHON.with_name("py-spy")
RATE = 200
TOP = 12
Profile = Counter[str]


def sampled(folded: Path) -> Profile:
    """CPU seconds by innermost frame that is worth naming, of py-spy's folded stacks."""
    profile: Profile = Counter()
    for line in folded.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        profile[leaf(stack.split(";"))] += int(count) / RATE
    return profile


def leaf(stack: list[str]) -> str:
    """The innermost frame, and for code outside of Python's sources the Python line that called it."""
    caller = next((frame for frame in reversed(stack) if ".py:" in frame), "")
    inner = stack[-1]
    return inner if inner == caller or not caller else f"{inner.split(' (')[0]} < {caller}"


@contextlib.contextmanager
def watching(pid: int, folded: Path) -> Iterator[None]:
    """Sample a process while the block runs."""
    command = [SPY, "record", "--native", "--rate", str(RATE), "--format", "raw", "--output", folded, "--pid", str(pid)]
    spy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if spy.stderr is None or not spy.stderr.readline():
        raise CommandFailedError("py-spy did not begin")
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        spy.communicate()


def act(mlv: Mlv, name: str, at: Path, *words: object) -> list[tuple[str, Profile]]:
    """Run one command of the client under py-spy while another py-spy watches the server."""
    client, server = mlv.home / "client.folded", mlv.home / "server.folded"
    options = ("--native", "--rate", RATE, "--format", "raw", "--output", client)
    with watching(mlv.server_pids()[0], server):
        mlv.run(SPY, "record", *options, "--", sys.executable, PROGRAMS / "mlv", *words, at=at)
    return [(f"{name}: client", sampled(client)), (f"{name}: server", sampled(server))]


def profiles(series_name: str) -> list[tuple[str, Profile]]:
    """First commit, next commit, first checkout and update of a series, each with both sides."""
    series = SERIES[series_name]
    first, second = series.versions()[:2]
    mlv = Mlv(HERE / ".work" / "profiles")
    try:
        mlv.setup()
        place(first, mlv.tree / series.file_name)
        mlv.mlv("add", ".")
        found = act(mlv, "first commit", mlv.tree, "commit", "-m", "first")
        other = mlv.home / "b"
        found += act(mlv, "first checkout", mlv.home, "checkout", REPOSITORY, other)
        mlv.prepare([series.file_name])
        place(second, mlv.tree / series.file_name)
        found += act(mlv, "next commit", mlv.tree, "commit", "-m", "second")
        found += act(mlv, "update one on", other, "update")
    finally:
        mlv.close()
    return found


def table(profile: Profile) -> str:
    """The top functions."""
    total = sum(profile.values())
    rows = [(f"`{name}`", f"{seconds:.2f}", f"{seconds / total:.0%}") for name, seconds in profile.most_common(TOP)]
    return markdown_table(("own time", "CPU s", "share"), [*rows, ("all", f"{total:.2f}", "100%")])


def main() -> int:
    """Profile, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", nargs="*", default=["full_lr2e-5_bf16", "full_lr2e-5_f32"])
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if not SPY.exists():
        print("profiles are left out: py-spy not installed: python -m benchmarks.rivals.setup")
        return 0
    build.build([SERIES[name] for name in options.series])
    machine = description()
    parts: list[str] = []
    body: dict[str, object] = {}
    for name in options.series:
        for side, profile in profiles(name):
            parts.append(f"## {name}, {side}\n\n{table(profile)}")
            body[f"{name}, {side}"] = dict(profile.most_common(40))
    print("\n\n".join(parts))
    title = "Where the time goes (CPU seconds, sampled)"
    print(f"\nwritten: {write_results('profiles', title, machine, parts, body, options.results).name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
