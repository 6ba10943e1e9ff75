"""One call as a service sees it: who asks, when, under which request id, and the parts of the server it may use."""

from __future__ import annotations

import secrets
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from mlv_core.deferred import dataclass
from mlv_server.services.memory import Memory

if TYPE_CHECKING:
    from mlv_server.content.store import ContentStore
    from mlv_server.domain.policy import Principal
    from mlv_server.metadata.engine import Database
    from mlv_server.outgoing.caller import Caller
    from mlv_server.services.background import Background
    from mlv_server.settings import Settings


FRESH_BYTES = 32
"""Of randomness for one call: a token's secret, or two ids."""
_DRAWN_BYTES = 128 * FRESH_BYTES


class Randomness:
    """Random bytes for one call after the other, each given out once; for the event loop alone.

    They are drawn from the system for many calls at a time: whoever asks it lets go of the interpreter, and waits for
    the database's threads to get it back.
    """

    def __init__(self) -> None:
        self._left = b""

    def fresh(self) -> bytes:
        """`FRESH_BYTES` of them."""
        if not self._left:
            self._left = secrets.token_bytes(_DRAWN_BYTES)
        given, self._left = self._left[:FRESH_BYTES], self._left[FRESH_BYTES:]
        return given


class Asker(Protocol):
    """Whoever looks at something, at a moment: what a decision about sight needs of a call."""

    @property
    def principal(self) -> Principal:
        """Who looks."""

    @property
    def now(self) -> int:
        """When, in ms."""


@dataclass(frozen=True, slots=True)
class Call:
    """Time (`now`, milliseconds since 1970 UTC), identity and randomness (`fresh`) enter the server here.

    `named`: the caller chose the request id and will use it again when the answer gets lost (C3). `approvals`: what
    checks outside of the server allowed in the course of it, by the check's id and the digest of what it was asked.
    """

    principal: Principal
    request_id: str
    now: int
    fresh: bytes
    peer: str
    db: Database
    store: ContentStore
    background: Background
    settings: Settings
    outgoing: Caller
    named: bool = False
    approvals: set[tuple[str, bytes]] = field(default_factory=set)
    memory: Memory = field(default_factory=Memory)
