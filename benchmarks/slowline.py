"""A slow line: the verbs through a relay of 100 ms round trip and 100 Mbit/s each way, beside one plain HTTP transfer.

Round trips of a verb are its seconds on the slow line less those without it, in units of the round trip; the handshake
(TCP, TLS, HTTP/2) is in them, and is shown as the round trips of `mlv whoami`, which asks one thing. The relay delays
and paces bytes; it loses none, which would need rights over the network that a benchmark should not ask for.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import queue
import shutil
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.compare import noise_blocks
from benchmarks.harness import Person, place
from benchmarks.machine import RESULTS, description, markdown_table, write_results
from benchmarks.rivals.product import REPOSITORY, Mlv
from benchmarks.series import HERE

ROUND_TRIP_SECONDS = 0.1
BYTES_PER_SECOND = 100e6 / 8
BLOCK = 16 << 10
# What may be under way: the line's product of rate and delay, as a router would hold it.
UNDER_WAY = int(2 * BYTES_PER_SECOND * ROUND_TRIP_SECONDS / BLOCK)
TARGET_TRIPS, TARGET_BULK = 3.0, 0.8


@contextlib.contextmanager
def slow_line(server_port: int) -> Iterator[int]:
    """A relay to a port on loopback; the line's rate is shared by its connections. Yields the relay's port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        lines = (Line(), Line())
        threading.Thread(target=_accept, args=(listener, server_port, lines), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


class Line:
    """One direction: says when a block that enters now comes out."""

    def __init__(self) -> None:
        """An idle line."""
        self._free = 0.0
        self._lock = threading.Lock()

    def arrival(self, size: int) -> float:
        """Monotonic time at which `size` bytes are there, after all that entered before."""
        with self._lock:
            self._free = max(self._free, time.monotonic()) + size / BYTES_PER_SECOND
            return self._free + ROUND_TRIP_SECONDS / 2


def _accept(listener: socket.socket, server_port: int, lines: tuple[Line, Line]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_connect, args=(client, server_port, lines), daemon=True).start()


def _connect(client: socket.socket, server_port: int, lines: tuple[Line, Line]) -> None:
    # The kernel has answered the client's SYN already; a far server's answer would have taken a round trip.
    time.sleep(ROUND_TRIP_SECONDS)
    try:
        server = socket.create_connection(("127.0.0.1", server_port))
    except OSError:
        client.close()
        return
    for source, sink, line in ((client, server, lines[0]), (server, client, lines[1])):
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        blocks: queue.Queue[tuple[float, bytes]] = queue.Queue(UNDER_WAY)
        threading.Thread(target=_enter, args=(source, line, blocks), daemon=True).start()
        threading.Thread(target=_leave, args=(sink, blocks), daemon=True).start()


def _enter(source: socket.socket, line: Line, blocks: queue.Queue[tuple[float, bytes]]) -> None:
    data = b"-"
    while data:
        try:
            data = source.recv(BLOCK)
        except OSError:
            data = b""
        blocks.put((line.arrival(len(data)), data))


def _leave(sink: socket.socket, blocks: queue.Queue[tuple[float, bytes]]) -> None:
    with contextlib.suppress(OSError):
        while True:
            when, data = blocks.get()
            time.sleep(max(when - time.monotonic(), 0.0))
            if not data:
                break
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


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


def plain_http(folder: Path, name: str) -> tuple[float, float]:
    """Seconds of one plain upload and one plain download of a file over the slow line."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with slow_line(server.server_port) as port:
            seconds = []
            for verb in ("PUT", "GET"):
                started = time.monotonic()
                connection = http.client.HTTPConnection("127.0.0.1", port)
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


def bulk(session: Session, megabytes: int) -> list[tuple[str, float, float]]:
    """Seconds of one big commit and checkout on the slow line beside plain HTTP."""
    far, tree = session.far, session.trees[session.far]
    source = far.home / "big.bin"
    with source.open("wb") as sink:
        for block in noise_blocks(megabytes, 7):
            sink.write(block)
    up, down = plain_http(far.home, source.name)
    place(source, tree / "big.bin")
    far.run("add", "big.bin", at=tree)
    sent = far.run("commit", "-m", "big", at=tree).seconds
    other = far.home / "other"
    received = far.run("checkout", REPOSITORY, other).seconds
    shutil.rmtree(other)
    return [("bulk commit", sent, up), ("bulk checkout", received, down)]


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bulk-mb", type=int, default=100)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    machine = description()
    mlv = Mlv(HERE / ".work" / "slowline")
    try:
        mlv.setup()
        with slow_line(mlv.server.port) as port:
            far = Person("far", mlv.home, f"mlv://127.0.0.1:{port}")
            token = mlv.person.run("user", "add", "far").answer["token"]
            mlv.person.run("policy", "grant", "contributor", "far", REPOSITORY)
            far.login(token, mlv.server.fingerprint)
            session = Session(mlv, far, options.rounds)
            small, big = verbs(session), bulk(session, options.bulk_mb)
    finally:
        mlv.close()
    handshake = (small[0][2] - small[0][1]) / ROUND_TRIP_SECONDS
    rows = [
        (name, f"{near:.3f}", f"{slow:.3f}", f"{(slow - near) / ROUND_TRIP_SECONDS:.1f}", _after(near, slow, handshake))
        for name, near, slow in small
    ]
    bulk_rows = [(name, f"{ours:.2f}", f"{plain:.2f}", f"{plain / ours:.2f}") for name, ours, plain in big]
    tables = [
        markdown_table(("verb (median)", "near s", "far s", "round trips", "after `whoami`'s first ones"), rows),
        markdown_table((f"{options.bulk_mb} MB of noise", "mlv s", "plain HTTP s", "plain / mlv"), bulk_rows),
        f"Targets: {TARGET_TRIPS:.0f} round trips after the handshake, {TARGET_BULK} of plain HTTP.",
    ]
    print("\n\n".join(tables))
    body: dict[str, object] = {"verbs": small, "bulk": big, "round_trip_seconds": ROUND_TRIP_SECONDS}
    title = "A slow line: 100 ms round trip, 100 Mbit/s, no loss"
    print(f"\nwritten: {write_results('slowline', title, machine, tables, body, options.results).name}")
    return 0


def _after(near: float, slow: float, handshake: float) -> str:
    """Round trips beyond those of a handshake, with the one that `whoami` itself asks given back."""
    return f"{(slow - near) / ROUND_TRIP_SECONDS - handshake + 1:.1f}"


if __name__ == "__main__":
    sys.exit(main())
