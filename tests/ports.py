"""Ports for the servers of tests, which run in many processes at once."""

from __future__ import annotations

import contextlib
import secrets
import socket

_LOWEST, _COUNT = 12_000, 20_000
"""Below those that the system gives to connections: nobody takes one while its server is down."""


def free_port() -> int:
    """A port of the loopback that nobody listens on.

    It is drawn by the system's own chance, never by a test's seed: two tests of the same seed would draw the same port.
    """
    while True:
        port = _LOWEST + secrets.randbelow(_COUNT)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
