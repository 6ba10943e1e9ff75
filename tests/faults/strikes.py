"""Who dies where: the points of each verb, a kill as a value, and the tally of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHARE_KILLED = 0.9
SHARE_NAMED = 0.7
"""Of the kills where there are named points, those at one; the others come at any instant."""
SHARE_LOOKED = 0.2
"""Of the acts of which nobody died, those after which everything is compared."""
SHARE_REFUSED = 0.4
"""Of the acts that the model foresees refused, those that are done nevertheless."""
JOURNAL = ("journal.written", "journal.synced")
SWITCH = (
    "update.staged", "update.synced", "update.switching", "update.placed", "update.renamed", "update.recorded",
    "update.finished", *JOURNAL,
)  # fmt: skip
TAKEN = ("locks.taken", "locks.opened")
RELEASED = ("locks.released", "locks.forgotten")
CLIENT = {
    "commit": ("commit.sent", "commit.journal", "commit.published", "commit.recorded", "commit.finished", *JOURNAL),
    "update": SWITCH,
    "checkout": ("workspace.tables", "workspace.written", "workspace.made", *SWITCH),
    "revert": (*SWITCH, *RELEASED),
    "resolve": SWITCH,
    "edit": TAKEN,
    "lock": TAKEN,
    "unlock": RELEASED,
    "break": RELEASED,
    "undo": ("request.journal", "request.answered", *RELEASED, *JOURNAL),
}
DATABASE = ("database.committing", "database.committed")
PACK = (
    "content.pack.written",
    "content.pack.synced",
    "content.pack.renamed",
    "content.pack.sealed",
    "content.pack.indexed",
)
SERVER = {"commit": (*PACK, "publish.proved", "publish.written", "publish.committed", *DATABASE)}
DONE_ALREADY = {
    "commit": "NOTHING_TO_COMMIT",
    "delete": "NOT_FOUND",
    "move": "NOT_FOUND",
    "revert": "NOT_FOUND",
    "resolve": "NOT_FOUND",
    "unlock": "NOT_FOUND",
    "break": "NOT_FOUND",
    "undo": "HEAD_MOVED",
    "label": "ALREADY_EXISTS",
    "branch": "ALREADY_EXISTS",
    "checkout": "LOCAL_CHANGES",
}
"""What the same command answers again when the first one had done all of it."""
ONCE = frozenset({"undo", "label", "branch"})
"""Not typed again when they have landed."""
AWAY = frozenset({"UNREACHABLE"})
ALONE = frozenset({"revert"})
"""Needs no server: without one it succeeds, and says that a lock stays until it is given back (L11)."""


class Found(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Who dies and when: at a named point, or after a delay; `victim` '' for nobody."""

    victim: str = ""
    point: str = ""
    hit: int = 1
    delay: float = 0.0


@dataclass
class Tally:
    """What a run did: kills by victim, place and verb; answers by verb and code; what was checked."""

    kills: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Kills in all."""
        return sum(self.kills.values())


@dataclass
class Struck:
    """What became of a command: its code, None when it was killed itself; whether the server died meanwhile."""

    code: str | None
    server_died: bool
    text: str
