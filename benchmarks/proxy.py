"""Counts the bytes on the wire: a TCP relay between a client and a server, TLS and all."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Wire:
    """A relay's address and the bytes that passed since `reset`, as the client sees them."""

    port: int
    sent: int = 0
    received: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        """Bytes of both directions."""
        return self.sent + self.received

    def reset(self) -> None:
        """Start to count anew."""
        with self._lock:
            self.sent = self.received = 0

    def count(self, *, sent: int = 0, received: int = 0) -> None:
        """Add bytes that passed."""
        with self._lock:
            self.sent += sent
            self.received += received


@contextlib.contextmanager
def counted(server_port: int) -> Iterator[Wire]:
    """A relay on loopback to `server_port` on loopback, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, server_port, wire), daemon=True).start()
        try:
            yield wire
        finally:
            # A close alone leaves the thread in `accept`, and with it the port open.
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server_port: int, wire: Wire) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(("127.0.0.1", server_port))
        except OSError as problem:
            print(f"relay: port {server_port}: {problem}", file=sys.stderr)
            client.close()
            continue
        threading.Thread(target=_relay, args=(client, server, wire, True), daemon=True).start()
        threading.Thread(target=_relay, args=(server, client, wire, False), daemon=True).start()


def _relay(source: socket.socket, sink: socket.socket, wire: Wire, outward: bool) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 18):
            wire.count(sent=len(data) if outward else 0, received=0 if outward else len(data))
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
