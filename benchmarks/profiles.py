"""Where the time goes: both sides of row 1 sampled with py-spy, top functions by CPU seconds.

Samples are taken 200 times a second of threads that run. A line's seconds are its own and those of the native code that
it calls: codecs, hashes, system calls. Lines that wait in native code, or run the event loop or gRPC there, cannot be
told apart and are one line of the table; threads that never run Python, as gRPC's own for TLS, are not seen.
Needs `python -m benchmarks.rivals.setup`.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
from collections import defaultdict
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
OPAQUE = "waiting, or in the C code of gRPC and of the event loop"
_OPAQUE_FRAMES = (
    "Condition.wait ",
    "_worker (concurrent",
    "Runner.run (asyncio",
    "Thread.run ",
    "_blocking (grpc",
    "channel_spin (grpc",
)
Profile = dict[str, float]


def sampled(folded: Path) -> Profile:
    """CPU seconds by innermost Python frame, of py-spy's folded stacks."""
    profile: Profile = defaultdict(float)
    for line in folded.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        frame = stack.rpartition(";")[2]
        opaque = not frame or any(waits in frame for waits in _OPAQUE_FRAMES)
        profile[OPAQUE if opaque else frame] += int(count) / RATE
    return profile


@contextlib.contextmanager
def watching(pid: int, folded: Path) -> Iterator[None]:
    """Sample a process while the block runs."""
    command = [str(SPY), "record", "--rate", str(RATE), "--format", "raw", "--output", str(folded), "--pid", str(pid)]
    spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if spy.stdout is None or not spy.stdout.readline():
        raise CommandFailedError("py-spy did not begin")
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        spy.communicate()


def act(mlv: Mlv, name: str, at: Path, *words: object) -> list[tuple[str, Profile]]:
    """Run one command of the client under py-spy while another py-spy watches the server."""
    client, server = mlv.home / "client.folded", mlv.home / "server.folded"
    options = ("--rate", RATE, "--format", "raw", "--output", client)
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


def ranked(profile: Profile) -> list[tuple[str, float]]:
    """The dearest first."""
    return sorted(profile.items(), key=lambda item: -item[1])


def table(profile: Profile) -> str:
    """The top functions."""
    known = {name: seconds for name, seconds in ranked(profile) if name != OPAQUE}
    total = max(sum(known.values()), 1 / RATE)
    rows = [(f"`{name}`", f"{seconds:.2f}", f"{seconds / total:.0%}") for name, seconds in list(known.items())[:TOP]]
    rows += [("all that is known", f"{total:.2f}", "100%"), (OPAQUE, f"{profile.get(OPAQUE, 0.0):.2f}", "")]
    return markdown_table(("own time", "CPU s", "share"), rows)


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
            body[f"{name}, {side}"] = dict(ranked(profile)[:40])
    print("\n\n".join(parts))
    title = "Where the time goes (CPU seconds, sampled)"
    print(f"\nwritten: {write_results('profiles', title, machine, parts, body, options.results).name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
