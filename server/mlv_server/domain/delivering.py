"""What a webhook is told, how it is signed, and what follows from an attempt: go on, try again later, or give up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mlv_core.deferred import dataclass
from mlv_core.hooks import HookState
from mlv_core.ids import escape
from mlv_server.domain.signing import signature

FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 3_600_000
SHORTEST_PAUSE_MS = 500
GIVE_UP_MS = 24 * 3_600_000
"""From the first failure of an event on: a receiver that is down for a night misses nothing."""
SHOWN_BYTES = 500
"""Of an answer, in the list of deliveries."""
PING = "ping"
"""The kind of a test, which is about no event."""
_TAKEN = range(200, 300)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a webhook has come, with the fields of a Webhook; `failing_since`: its next event first failed then."""

    position: int
    state: HookState = HookState.ACTIVE
    reason: str = ""
    attempts: int = 0
    failing_since: int | None = None
    next_at: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent: event `sequence` (0: a test) as `body`, for the `attempt`-th time."""

    webhook: str
    url: str
    sequence: int
    kind: str
    body: bytes
    secrets: tuple[str, ...]
    attempt: int

    def headers(self, now: int) -> dict[str, str]:
        """What goes with the body at `now` (ms); the signature holds for this moment."""
        return {
            "X-Mlv-Webhook": self.webhook,
            "X-Mlv-Event": str(self.sequence),
            "X-Mlv-Kind": self.kind,
            "X-Mlv-Attempt": str(self.attempt),
            **signed_headers(self.secrets, now, self.body),
        }


def signed_headers(secrets: Sequence[str], now: int, body: bytes) -> dict[str, str]:
    """The headers that time and sign a body at `now` (ms)."""
    seconds = now // 1000
    return {"X-Mlv-Timestamp": str(seconds), "X-Mlv-Signature": signature(secrets, seconds, body)}


def body_of(
    repository: str, webhook: str, sequence: int, time: int, kind: str, facts: Mapping[str, str | int | bool | None]
) -> bytes:
    """The JSON of an event, with the names that `mlv watch --json` has; the same bytes at each attempt."""
    said = {
        "sequence": sequence,
        "time": moment(time),
        "kind": kind,
        "repository": repository,
        "webhook": webhook,
        "facts": dict(facts),
    }
    return json.dumps(said, separators=(",", ":")).encode("ascii")


def moment(milliseconds: int) -> str:
    """A time as ISO 8601 in UTC."""
    whole = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def fault_of(status: int, fault: str) -> str:
    """Why an answer does not take the event; '' if it does: any status 2xx."""
    return fault or ("" if status in _TAKEN else f"it answered with status {status}")


def shown_answer(body: bytes) -> str:
    """The first bytes of an answer, harmless on a terminal."""
    return escape(body[:SHOWN_BYTES].decode("utf-8", "replace"))


def after_attempt(before: Progress, sequence: int, fault: str, now: int, jitter: float) -> Progress:
    """What follows from an attempt at `now` (ms) to tell event `sequence`; `fault` '': it was taken.

    The n-th pause lies between nothing and 5 s x 2^(n-1), at most an hour: `jitter` (0 to 1) says where, so that those
    who failed together do not come back together. After a day of failures the webhook waits for a person.
    """
    if not fault:
        return Progress(sequence)
    since = now if before.failing_since is None else before.failing_since
    attempts = before.attempts + 1
    if now - since >= GIVE_UP_MS:
        return Progress(before.position, HookState.FAILING, fault, attempts, since)
    longest = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(attempts - 1, 20))
    pause = max(SHORTEST_PAUSE_MS, round(jitter * longest))
    return Progress(before.position, HookState.ACTIVE, "", attempts, since, now + pause)
