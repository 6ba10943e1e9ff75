"""Freeze branches, paths and labels, lift that again, see what is frozen."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from mlv.actions.context import Context
from mlv.actions.refs import repository_of
from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.errors import UsageError
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId, escape
from mlv_core.releasing import Freeze

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE_LENGTH = len("2026-12-24")


def freeze(
    context: Context,
    what: str,
    *,
    path: str = "",
    until: str = "",
    reason: str = "",
    repository: str | None = None,
    dry_run: bool = False,
) -> Freeze:
    """Freeze `what`: a branch, or `label/NAME`; with `path` only the paths of that glob, on every branch for ''.

    `until` is a date (that day included), a date and time, both UTC, or how long: 12h, 7d, 2w; '': until it is lifted.
    Raises: UsageError, InvalidRequest, NotFound, Denied.
    """
    end = end_of(until, datetime.now(UTC)) if until else None
    wanted = place(what, path, reason, end)
    return context.server().set_freeze(repository_of(context, repository), wanted, dry_run=dry_run)


def unfreeze(
    context: Context,
    what: str,
    *,
    path: str = "",
    reason: str = "",
    repository: str | None = None,
    dry_run: bool = False,
) -> Freeze:
    """Lift the freeze of the same branch, label or paths. Raises: UsageError, NotFound, Denied."""
    wanted = place(what, path, reason)
    return context.server().lift_freeze(repository_of(context, repository), wanted, dry_run=dry_run)


def list_freezes(context: Context, repository: str | None = None, *, ended: bool = False) -> tuple[Freeze, ...]:
    """What is frozen, with `ended` also what was. Raises: NotFound."""
    return context.server().list_freezes(repository_of(context, repository), ended=ended)


def place(what: str, path: str, reason: str = "", until: int | None = None) -> Freeze:
    """What a user names, as a freeze. Raises: UsageError."""
    label = what.removeprefix("label/") if what.startswith("label/") else ""
    branch = "" if label else what.removeprefix("branch/")
    if not (label or branch or path):
        raise UsageError(
            "Name a branch, label/NAME, or --path GLOB.", advice="'mlv freezes' shows what is frozen, as it is named."
        )
    if label and path:
        raise UsageError("A label has no paths.", advice="Freeze the label, or the paths of a branch.")
    return Freeze(0, branch, label, path, "", 0, until, reason)


def holds(item: Freeze) -> bool:
    """Whether it holds, by the clock of this machine."""
    return item.lifted_at is None and (item.until is None or item.until > time.time() * 1000)


def place_of(item: Freeze) -> str:
    """What is frozen, as it is typed."""
    if item.label:
        return f"label/{item.label}"
    return " ".join(part for part in (item.branch, f"--path {item.path}" if item.path else "") if part)


def reaching(found: tuple[Freeze, ...], branch: str) -> tuple[Freeze, ...]:
    """Those of `found` that hold on a branch ('': on any), or on some of its paths."""
    return tuple(item for item in found if not item.label and (not branch or item.branch in {"", branch}))


def on_branch(
    context: Context, repository: str | None = None, branch: str = "", *, all_branches: bool = False
) -> tuple[Freeze, ...]:
    """What is frozen on a branch ('': the workspace's, or any of `repository`), whole or in part. Raises: NotFound."""
    found = list_freezes(context, repository)
    here = branch or (context.workspace.branch if repository is None else "")
    return reaching(found, "" if all_branches else here)


def as_lock(item: Freeze) -> Lock:
    """A freeze of a branch or paths as the lock that it is (L2): nobody's workspace holds it, and all are stopped."""
    return Lock(
        file_id=FileId(0),
        path=item.path or "**",
        owner=item.by,
        workspace=WorkspaceId(""),
        host="",
        mode=LockMode.FREEZE,
        scope=LockScope.BRANCH if item.branch else LockScope.REPOSITORY,
        branch=item.branch,
        base=ChangesetNumber(0),
        reason=item.reason,
        acquired_at=item.at,
        lease_until=item.until,
        token=FencingToken(0),
    )


def end_of(text: str, now: datetime) -> int:
    """The end that a user names, in ms since 1970 UTC. Raises: UsageError."""
    unit, number = _UNITS.get(text[-1:]), text[:-1]
    try:
        if unit is not None:
            end = now + timedelta(**{unit: float(number)})
        else:
            end = datetime.fromisoformat(text.removesuffix("Z"))
            end = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
            end += timedelta(days=1 if len(text) == _DATE_LENGTH else 0)
        return int(end.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{escape(text)}' is no end of a freeze.",
            advice="Write 2026-12-24, 2026-12-24T18:00 (UTC), 12h, 7d or 2w.",
        ) from error
