"""Named points between durable steps, at which a test lets a process die or fail; idle, each is one dictionary look-up.

A point is one line, `failpoint("content.pack.sealed")`. Only the two commands arm points, from `MLV_FAILPOINTS`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from itertools import count

from mlv_core.errors import InvalidSettings

VARIABLE = "MLV_FAILPOINTS"
"""The environment variable that arms points: `NAME=ACT,NAME=ACT@HIT`."""

POINTS = frozenset(
    {
        # server: a pack on its way to the disk, then into the index
        "content.pack.written",
        "content.pack.synced",
        "content.pack.renamed",
        "content.pack.sealed",
        "content.pack.indexed",
        # server: the one transaction of a commit
        "publish.proved",
        "publish.written",
        "publish.committed",
        # server: a merge, before its transaction and inside of it
        "merge.proved",
        "merge.written",
        # server: a shelf, before its transaction, inside of it and after it
        "shelve.proved",
        "shelve.written",
        "shelve.committed",
        # server: an event on its way to a webhook
        "webhook.sending",
        "webhook.sent",
        "webhook.noted",
        # server: any transaction of the database
        "database.committing",
        "database.committed",
        # server: a backup
        "backup.begun",
        "backup.snapshot",
        "backup.pack",
        "backup.packs",
        "backup.database",
        "backup.files",
        "backup.finished",
        # server: old snapshots dropped
        "thin.dropped",
        "thin.removed",
        # server: a restore
        "restore.begun",
        "restore.pack",
        "restore.packs",
        "restore.database",
        "restore.files",
        "restore.verified",
        "restore.finished",
        # server: removing what no version needs
        "gc.marked",
        "gc.dropping",
        "gc.dropped",
        "gc.unlinking",
        "gc.unlinked",
        "gc.cleared",
        # client: a commit
        "commit.sent",
        "commit.journal",
        "commit.published",
        "commit.recorded",
        "commit.finished",
        # client: a shelve
        "shelve.sent",
        "shelve.journal",
        "shelve.answered",
        "shelve.acknowledged",
        # client: an undo or a merge
        "request.journal",
        "request.answered",
        # client: what the server said of locks, on its way into the workspace
        "locks.taken",
        "locks.opened",
        "locks.released",
        "locks.forgotten",
        # client: every journal
        "journal.written",
        "journal.synced",
        # client: an update
        "update.staged",
        "update.synced",
        "update.switching",
        "update.placed",
        "update.renamed",
        "update.recorded",
        "update.finished",
        "workspace.tables",
        "workspace.written",
        "workspace.made",
    }
)
"""Every point there is; a test compares them with the code and dies at each."""

EXIT_CODE = 86
"""Of a process that a point ended: no other failure has it."""
DELAY_SECONDS = 1.0
"""Long enough for another process to come in between."""

_armed: dict[str, Callable[[], object]] = {}


def failpoint(name: str) -> None:
    """Do what the point `name` is armed with; nothing, unless a test armed it."""
    act = _armed.get(name)
    if act is not None:
        act()


def arm_every(act: Callable[[str], object]) -> None:
    """Call `act` with the name of each point that is passed: for a harness that decides there who dies."""
    _armed.clear()
    _armed.update({name: partial(act, name) for name in POINTS})


def arm(text: str, leave: Callable[[int], object], sleep: Callable[[float], object]) -> None:
    """Arm the points that `text` (`NAME=ACT,NAME=ACT@HIT`) names, and no others.

    `exit` ends the process at once by `leave`, `error` and `full` raise what a broken and a full disk raise, `delay`
    waits by `sleep`; with `@HIT` only when the point is passed for the HIT-th time. Raises: InvalidSettings for a
    point, an act or a hit that is unknown.
    """
    acts: dict[str, Callable[[], object]] = {
        "exit": lambda: leave(EXIT_CODE),
        "error": lambda: _refuse(errno.EIO),
        "full": lambda: _refuse(errno.ENOSPC),
        "delay": lambda: sleep(DELAY_SECONDS),
    }
    table: dict[str, Callable[[], object]] = {}
    for item in filter(None, text.split(",")):
        name, _, told = item.partition("=")
        act, at, hit = told.partition("@")
        if name not in POINTS or act not in acts or (at and not (hit.isascii() and hit.isdigit() and int(hit))):
            known = ", ".join(acts)
            raise InvalidSettings(f"{VARIABLE}: '{item}' names no point, or none of the acts {known}.")
        table[name] = _at_hit(acts[act], int(hit or 1)) if at else acts[act]
    _armed.clear()
    _armed.update(table)


def _at_hit(act: Callable[[], object], hit: int) -> Callable[[], object]:
    """`act`, done when it is called for the `hit`-th time alone."""
    calls = count(1)
    return lambda: act() if next(calls) == hit else None


def _refuse(number: int) -> None:
    raise OSError(number, "a failpoint")
