"""A slow line: the verbs through a relay of 100 ms round trip and 100 Mbit/s each way, beside one plain HTTP transfer.

Round trips of a verb are its seconds on the slow line less those without it, in units of the round trip; the handshake
(TCP, TLS, HTTP/2) is in them, and is shown as the round trips of `mlv whoami`, which asks one thing.

The verbs, whose round trips are counted, and one pair of bulk transfers run without loss. What a loss is, says
`benchmarks.slow_relay`.

A cut of 30 s in the middle of a bulk transfer closes every connection, as a router that restarts does, and closes each
new one at once meanwhile. The command must end well by itself; the bytes it needed beyond those of a whole transfer
are shown beside the size of a pack.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.compare import noise_blocks
from benchmarks.harness import CommandFailedError, Person, place
from benchmarks.machine import RESULTS, description, markdown_table, write_results
from benchmarks.rivals.product import REPOSITORY, Mlv
from benchmarks.series import HERE
from benchmarks.slow_relay import ROUND_TRIP_SECONDS, SlowLine, slow_line
from mlv_core.packs import PACK_TARGET

LOSS = 0.005
CUT_SECONDS = 30.0
TARGET_TRIPS, TARGET_BULK = 3.0, 0.8


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        """Read what is sent, answer when all of it is there."""
        left = int(self.headers["Content-Length"])
        while left and (block := self.rfile.read(min(left, 1 << 20))):
            left -= len(block)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def plain_http(folder: Path, name: str, loss: float) -> tuple[float, float]:
    """Seconds of one plain upload and one plain download of a file over the slow line."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with slow_line(server.server_port, loss) as line:
            seconds = []
            for verb in ("PUT", "GET"):
                started = time.monotonic()
                connection = http.client.HTTPConnection("127.0.0.1", line.port)
                with (folder / name).open("rb") as body:
                    length = {"Content-Length": str((folder / name).stat().st_size)}
                    connection.request(verb, f"/{name}", *((body, length) if verb == "PUT" else ()))
                    connection.getresponse().read()
                connection.close()
                seconds.append(time.monotonic() - started)
        server.shutdown()
    return seconds[0], seconds[1]


class Session:
    """One person beside the server and the same far away, each with a workspace."""

    def __init__(self, mlv: Mlv, far: Person, rounds: int) -> None:
        """Both are signed in."""
        self.near, self.far, self.rounds = mlv.person, far, rounds
        self.trees = {mlv.person: mlv.tree, far: far.home / "tree"}
        far.run("checkout", REPOSITORY, self.trees[far])

    def seconds(self, *words: object, before: Callable[[Person], object] | None = None) -> tuple[float, float]:
        """Median seconds of a command near and far, in turn; `before` is not measured."""
        times: dict[Person, list[float]] = {self.near: [], self.far: []}
        for _ in range(self.rounds):
            for person, spent in times.items():
                if before:
                    before(person)
                spent.append(person.run(*words, at=self.trees[person]).seconds)
        return statistics.median(times[self.near]), statistics.median(times[self.far])

    def own_file(self, person: Person) -> str:
        """A name that nobody else edits."""
        return f"{person.name}.bin"

    def change(self, person: Person) -> None:
        """Bring the newest, edit and write 100 KB anew."""
        tree, name = self.trees[person], self.own_file(person)
        person.run("update", at=tree)
        fresh = not (tree / name).exists()
        if not fresh:
            person.run("edit", name, at=tree)
        (tree / name).write_bytes(next(noise_blocks(1, time.monotonic_ns()))[:100_000])
        if fresh:
            person.run("add", name, at=tree)

    def give_back(self, person: Person) -> None:
        """No lock is held."""
        person.run("unlock", "shared.bin", at=self.trees[person], expect=None)
        other = self.far if person is self.near else self.near
        other.run("unlock", "shared.bin", at=self.trees[other], expect=None)


def verbs(session: Session) -> list[tuple[str, float, float]]:
    """Each verb's seconds near and far."""
    near, far = session.near, session.far
    (session.trees[near] / "shared.bin").write_bytes(b"shared" * 1000)
    near.run("add", "shared.bin", at=session.trees[near])
    near.run("commit", "-m", "shared", at=session.trees[near])
    far.run("update", at=session.trees[far])
    rows = [("whoami", *session.seconds("whoami"))]
    rows.append(("locks", *session.seconds("locks")))
    rows.append(("log", *session.seconds("log")))
    rows.append(("lock", *session.seconds("lock", "shared.bin", before=session.give_back)))
    session.give_back(near)
    rows.append(("commit of 100 KB", *session.seconds("commit", "-m", "small", before=session.change)))
    rows.append(
        ("update, nothing new", *session.seconds("update", before=lambda p: p.run("update", at=session.trees[p])))
    )
    return rows


def bulk(session: Session, line: SlowLine, megabytes: int, loss: float) -> list[tuple[str, float, float]]:
    """Seconds of one big commit and checkout on the line with `loss`, beside plain HTTP on the same."""
    far, name = session.far, f"big{megabytes}-{loss}.bin"
    source = far.home / name
    _noise(source, megabytes, seed=int(loss * 1e6) + megabytes)
    up, down = plain_http(far.home, name, loss)
    line.loss = loss
    place(source, session.trees[far] / name)
    far.run("add", name, at=session.trees[far])
    sent = far.run("commit", "-m", "big", at=session.trees[far]).seconds
    other = far.home / "other"
    received = far.run("checkout", REPOSITORY, other, "--only", name).seconds
    shutil.rmtree(other)
    line.loss = 0.0
    return [("bulk commit", sent, up), ("bulk checkout", received, down)]


def cuts(session: Session, line: SlowLine, megabytes: int) -> list[tuple[str, float, int]]:
    """A commit and a checkout, each cut in its middle: seconds, and bytes beyond the file's own size."""
    far, tree, size = session.far, session.trees[session.far], megabytes << 20
    _noise(tree / "cut.bin", megabytes, seed=5)
    far.run("add", "cut.bin", at=tree)
    other = far.home / "cut"
    rows = []
    for name, words in (
        ("commit", ("commit", "-m", "cut")),
        ("checkout", ("checkout", REPOSITORY, other, "--only", "cut.bin")),
    ):
        before = line.passed
        watch = threading.Thread(target=_cut_at, args=(line, before + size // 2), daemon=True)
        watch.start()
        seconds = far.run(*words, at=tree).seconds
        watch.join(1.0)
        rows.append((name, seconds, line.passed - before - size))
    if (other / "cut.bin").read_bytes() != (tree / "cut.bin").read_bytes():
        raise CommandFailedError("what came after the cut is not what was committed before it")
    shutil.rmtree(other)
    return rows


def _cut_at(line: SlowLine, passed: int) -> None:
    while line.passed < passed:
        time.sleep(0.01)
    line.cut(CUT_SECONDS)


def _noise(target: Path, megabytes: int, seed: int) -> None:
    with target.open("wb") as sink:
        for block in noise_blocks(megabytes, seed):
            sink.write(block)


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bulk-mb", type=int, default=100)
    parser.add_argument("--lossy-mb", type=int, default=8, help="with loss a window hardly grows: some 250 KB/s")
    parser.add_argument("--cut-mb", type=int, default=150)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    machine = description()
    mlv = Mlv(HERE / ".work" / "slowline")
    try:
        mlv.setup()
        with slow_line(mlv.server.port) as line:
            far = Person("far", mlv.home, f"mlv://127.0.0.1:{line.port}")
            token = mlv.person.run("user", "add", "far").answer["token"]
            mlv.person.run("policy", "grant", "contributor", "far", REPOSITORY)
            far.login(token, mlv.server.fingerprint)
            session = Session(mlv, far, options.rounds)
            small = verbs(session)
            big = {
                f"{options.bulk_mb} MB, no loss": bulk(session, line, options.bulk_mb, 0.0),
                f"{options.lossy_mb} MB, {LOSS:.1%} loss": bulk(session, line, options.lossy_mb, LOSS),
            }
            cut = cuts(session, line, options.cut_mb)
    finally:
        mlv.close()
    tables = _tables(small, big, cut, options.cut_mb)
    print("\n\n".join(tables))
    body: dict[str, object] = {"verbs": small, "bulk": big, "cut": cut, "round_trip_seconds": ROUND_TRIP_SECONDS}
    title = "A slow line: 100 ms round trip, 100 Mbit/s"
    print(f"\nwritten: {write_results('slowline', title, machine, tables, body, options.results).name}")
    return 0


def _tables(
    small: list[tuple[str, float, float]],
    big: dict[str, list[tuple[str, float, float]]],
    cut: list[tuple[str, float, int]],
    cut_megabytes: int,
) -> list[str]:
    handshake = (small[0][2] - small[0][1]) / ROUND_TRIP_SECONDS
    rows = [
        (name, f"{near:.3f}", f"{slow:.3f}", f"{(slow - near) / ROUND_TRIP_SECONDS:.1f}", _after(near, slow, handshake))
        for name, near, slow in small
    ]
    bulk_rows = [
        (name, of, f"{ours:.2f}", f"{plain:.2f}", f"{plain / ours:.2f}")
        for of, found in big.items()
        for name, ours, plain in found
    ]
    cut_rows = [(name, f"{seconds:.1f}", f"{beyond / 1e6:.1f}") for name, seconds, beyond in cut]
    cut_heads = (
        f"{cut_megabytes} MB, cut for {CUT_SECONDS:.0f} s",
        "s",
        f"MB beyond it (a pack: {PACK_TARGET / 1e6:.0f})",
    )
    return [
        markdown_table(("verb (median)", "near s", "far s", "round trips", "after `whoami`'s first ones"), rows),
        markdown_table(("noise", "of", "mlv s", "plain HTTP s", "plain / mlv"), bulk_rows),
        markdown_table(cut_heads, cut_rows),
        f"Targets: {TARGET_TRIPS:.0f} round trips after the handshake, {TARGET_BULK} of plain HTTP, one pack again.",
    ]


def _after(near: float, slow: float, handshake: float) -> str:
    """Round trips beyond those of a handshake, with the one that `whoami` itself asks given back."""
    return f"{(slow - near) / ROUND_TRIP_SECONDS - handshake + 1:.1f}"


if __name__ == "__main__":
    sys.exit(main())
