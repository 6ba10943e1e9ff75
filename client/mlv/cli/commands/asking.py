"""What lock, unlock and locks do and show about those who ask for locks and wait for them."""

from __future__ import annotations

from collections.abc import Sequence

from mlv.actions import asking as actions
from mlv.cli.output import count, escaped, local_moment, moment, table
from mlv.cli.running import Run
from mlv.cli.values import lock_value
from mlv_core.asking import LockRequest
from mlv_core.entities import Lock, LockMode
from mlv_core.paths import glob_matches_any, is_below

_SHOWN = 20


def ask(run: Run, paths: tuple[str, ...], reason: str, *, tree: bool) -> None:
    """Ask the holders."""
    found = actions.ask(run.context, paths, reason=reason, tree=tree, dry_run=run.dry_run)
    value = {"requested": list(found.paths), "holders": list(found.holders), "dry_run": run.dry_run}
    who = ", ".join(escaped(name) for name in found.holders)
    what = count(len(found.paths), "folder" if tree else "file")
    run.done(value, [f"{run.tell_dry()}asked {who} for {what}: 'mlv locks' shows the answer."])


def deny(run: Run, paths: tuple[str, ...], user: str, reason: str) -> None:
    """Say no to who asks."""
    found = actions.deny(run.context, paths, user, reason, dry_run=run.dry_run)
    value = {"denied": list(found.paths), "user": user, "dry_run": run.dry_run}
    run.done(value, [f"{run.tell_dry()}denied {escaped(user)} {escaped(path)}" for path in found.paths[:_SHOWN]])


def give(run: Run, paths: tuple[str, ...], user: str) -> None:
    """Hand locks over."""
    found = actions.give(run.context, paths, user, dry_run=run.dry_run)
    value = {"given": [lock_value(one) for one in found.given], "user": user, "dry_run": run.dry_run}
    run.done(
        value,
        [
            f"{run.tell_dry()}gave {escaped(one.path)}{'/' if one.tree else ''} to {escaped(user)}"
            for one in found.given[:_SHOWN]
        ],
    )


def withdraw(run: Run, paths: tuple[str, ...]) -> None:
    """Take back what was asked for."""
    number = actions.withdraw(run.context, paths, dry_run=run.dry_run)
    value = {"withdrawn": number, "dry_run": run.dry_run}
    run.done(value, [f"{run.tell_dry()}took back {count(number, 'request')}"])


def request_value(request: LockRequest) -> dict[str, object]:
    """One who asks, as scripts read it; `place` 0: not in the queue."""
    return {
        "user": request.user,
        "path": request.path,
        "tree": request.tree,
        "workspace": str(request.workspace),
        "host": request.host,
        "branch": request.branch,
        "reason": request.reason,
        "waits": request.waits,
        "place": request.place,
        "absent": request.absent,
        "asked_at": moment(request.asked_at),
        "until": moment(request.until),
        "denied_by": request.denied_by or None,
        "denied_why": request.denied_why or None,
        "denied_at": moment(request.denied_at),
    }


def requests_on(lock: Lock, requests: Sequence[LockRequest]) -> list[dict[str, object]]:
    """Who asks for a lock, as scripts read it: those who wait first, by their place.

    For a lock on a folder also who asks for something in it, for one on a file also who asks for a folder above it.
    """
    if lock.mode is not LockMode.EXCLUSIVE:
        return []
    mine = [one for one in requests if _asks_for(one, lock)]
    return [request_value(one) for one in sorted(mine, key=lambda one: (not one.place, one.place, one.number))]


def _asks_for(request: LockRequest, lock: Lock) -> bool:
    if (lock.tree and is_below(request.path, lock.path)) or (request.tree and is_below(lock.path, request.path)):
        return True
    return not (lock.tree or request.tree) and request.file_id == lock.file_id


def concerning(requests: Sequence[LockRequest], globs: Sequence[str], locks: Sequence[Lock]) -> Sequence[LockRequest]:
    """Those of the requests that these globs (none: all) match, or that ask for one of the locks."""
    if not globs:
        return requests
    return [one for one in requests if glob_matches_any(globs, one.path) or any(_asks_for(one, lock) for lock in locks)]


def request_table(requests: Sequence[LockRequest]) -> list[str]:
    """Who asks for what, as people read it."""
    if not requests:
        return []
    ordered = sorted(requests, key=lambda one: (one.path, not one.place, one.place, one.number))
    rows = [
        (
            f"{one.path}{'/' if one.tree else ''}",
            _standing(one),
            one.user,
            one.host,
            local_moment(one.asked_at),
            one.reason,
        )
        for one in ordered
    ]
    return ["", *table(rows, ("path", "asked by", "user", "host", "since", "why"))]


def _standing(request: LockRequest) -> str:
    if request.denied_at is not None:
        return f"denied by {request.denied_by}: {request.denied_why}"
    if not request.waits:
        return "request"
    if request.absent:
        return "waiter, silent"
    return "waiter, next" if request.place == 1 else f"waiter {request.place}"
