"""What is said to whom a lock is refused: whose it is, since when, until when and why."""

from __future__ import annotations

from collections.abc import Sequence

from mlv_core.deferred import dataclass
from mlv_core.entities import Lock
from mlv_core.errors import LockHeld, LockLost
from mlv_core.ids import escape
from mlv_core.paths import show_path
from mlv_server.domain.lock_ends import EndedLock, moment, told
from mlv_server.domain.lock_reach import Holder

_OF_FOLDERS = (
    "'mlv lock --tree --wait DIR' waits for the folder, 'mlv lock --tree --request DIR' asks the holders; a maintainer "
    "can take it with 'mlv lock --tree --steal -m WHY DIR'."
)


def held(conflicts: Sequence[tuple[str, Lock]], holder: Holder, *, tree: bool = False) -> LockHeld:
    """The refusal that names every lock of others in the way of `holder`, by the path that was asked for.

    `tree`: folders were asked for.
    """
    lines = tuple(line(path, lock, holder) for path, lock in conflicts)
    only_mine = all(lock.owner == holder.user for _, lock in conflicts)
    advice = "'mlv unlock PATH' gives up your lock from here too." if only_mine else _OF_FOLDERS if tree else None
    if len(lines) == 1:
        return LockHeld(f"{lines[0]}.", advice=advice, items=lines)
    return LockHeld(f"{len(lines)} files are locked elsewhere.", advice=advice, items=lines)


@dataclass(frozen=True, slots=True)
class Lost:
    """A path whose lock the holder believes to have, who has it now, and how the holder's ended, as far as known."""

    path: str
    now: Lock | None
    ended: EndedLock | None


def lost(losses: Sequence[Lost], holder: Holder) -> LockLost:
    """The refusal that names every path whose lock `holder` no longer has: who took it, when, why (L9)."""
    lines = tuple(_loss(one, holder) for one in losses)
    if len(lines) == 1:
        return LockLost(f"Your lock is lost: {lines[0]}.", items=lines)
    return LockLost(f"Your locks on {len(lines)} files are lost.", items=lines)


def _loss(one: Lost, holder: Holder) -> str:
    parts = [] if one.ended is None else [told(one.path, one.ended)]
    if one.now is not None:
        parts.append(line(one.path, one.now, holder))
    return "; ".join(parts) or f"{show_path(one.path)} is no longer locked"


def line(path: str, lock: Lock, holder: Holder) -> str:
    """One lock in words: whose, since when, until when and why; of a hidden one only that it is there (P4)."""
    if lock.token in holder.hidden:
        return f"{show_path(path)} is locked where you may not look"
    who = f"you in another workspace on {lock.host}" if lock.owner == holder.user else f"{lock.owner} on {lock.host}"
    until = "no end" if lock.lease_until is None else f"until {moment(lock.lease_until)}"
    why = f": {escape(lock.reason)}" if lock.reason else ""
    return f"{show_path(path)} is locked by {escape(who)} since {moment(lock.acquired_at)} ({until}){why}"


def counted(paths: Sequence[str], one: str, many: str) -> str:
    """The only path with the word for `one`, or how many there are with the words for `many`."""
    return f"'{show_path(paths[0])}' {one}" if len(paths) == 1 else f"{len(paths)} files {many}"


def shown(paths: Sequence[str]) -> tuple[str, ...]:
    """Paths as a refusal lists them."""
    return tuple(show_path(path) for path in paths)
