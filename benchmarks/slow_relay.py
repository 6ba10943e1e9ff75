"""A TCP relay that is a slow line: 100 ms round trip, 100 Mbit/s each way, losses, and cuts.

A relay in user space cannot drop packets: both sides' kernels would have to take part, which needs rights over the
network that a benchmark should not ask for. What is modelled is what a loss does to a TCP stream. Each direction of a
connection has a window, from ten segments, doubled each round trip, then raised by one; it sends a window in a round
trip; of its segments one in 200 is lost, at random. A loss halves the window, and holds this and all later bytes back
for one round trip, as fast retransmission does. Timeouts, reordering and modern windows (CUBIC, BBR, which recover
sooner) are not modelled.
"""

from __future__ import annotations

import contextlib
import queue
import random
import socket
import threading
import time
from collections.abc import Iterator

ROUND_TRIP_SECONDS = 0.1
BYTES_PER_SECOND = 100e6 / 8
BLOCK = 16 << 10
# What may be under way: the line's product of rate and delay, as a router would hold it.
UNDER_WAY = int(2 * BYTES_PER_SECOND * ROUND_TRIP_SECONDS / BLOCK)
SEGMENT, FIRST_WINDOW, LEAST_WINDOW = 1448, 10 * 1448, 2 * 1448


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


class Flow:
    """One direction of one connection: its window, and what losses do to it; without loss the line alone rules."""

    def __init__(self, line: Line, loss: float, seed: int) -> None:
        """A new connection on a line that loses `loss` of its segments."""
        self._line, self._loss, self._random = line, loss, random.Random(seed)
        self._window, self._threshold = float(FIRST_WINDOW), float("inf")
        self._free = self._last = 0.0

    def arrival(self, size: int) -> float:
        """Monotonic time at which `size` bytes come out; waits until the window lets them enter."""
        if not self._loss:
            return self._line.arrival(size)
        time.sleep(max(self._free - time.monotonic(), 0.0))
        self._free = max(self._free, time.monotonic()) + size / self._window * ROUND_TRIP_SECONDS
        self._window += size if self._window < self._threshold else SEGMENT * size / self._window
        out = self._line.arrival(size)
        if any(self._random.random() < self._loss for _ in range(-(-size // SEGMENT))):
            self._window = self._threshold = max(self._window / 2, LEAST_WINDOW)
            out += ROUND_TRIP_SECONDS
        self._last = max(self._last, out)
        return self._last


class SlowLine:
    """A relay to a port on loopback; the line's rate is shared by its connections. `port` is the relay's."""

    def __init__(self, server_port: int, loss: float = 0.0) -> None:
        """Listen and relay until `close`."""
        self.loss, self.passed = loss, 0
        self._server_port, self._lines = server_port, (Line(), Line())
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut_until = 0.0
        self._seeds = iter(range(1 << 30))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Give the port back."""
        # A close alone leaves the thread in `accept`, and with it the port open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self, seconds: float) -> None:
        """Close every connection now, and each new one at once for as long."""
        with self._lock:
            self._cut_until = time.monotonic() + seconds
            broken, self._open = self._open, set()
        for end in broken:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        # The kernel has answered the client's SYN already; a far server's answer would have taken a round trip.
        time.sleep(ROUND_TRIP_SECONDS)
        if time.monotonic() < self._cut_until:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        for source, sink, line in ((client, server, self._lines[0]), (server, client, self._lines[1])):
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            blocks: queue.Queue[tuple[float, bytes]] = queue.Queue(UNDER_WAY)
            flow = Flow(line, self.loss, next(self._seeds))
            threading.Thread(target=self._enter, args=(source, flow, blocks), daemon=True).start()
            threading.Thread(target=_leave, args=(sink, blocks), daemon=True).start()

    def _enter(self, source: socket.socket, flow: Flow, blocks: queue.Queue[tuple[float, bytes]]) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(BLOCK)
            except OSError:
                data = b""
            with self._lock:
                self.passed += len(data)
            blocks.put((flow.arrival(len(data)), data))


@contextlib.contextmanager
def slow_line(server_port: int, loss: float = 0.0) -> Iterator[SlowLine]:
    """A relay until the block ends."""
    line = SlowLine(server_port, loss)
    try:
        yield line
    finally:
        line.close()


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
    while data:
        # Whoever waits to put a block is let go.
        _, data = blocks.get()
