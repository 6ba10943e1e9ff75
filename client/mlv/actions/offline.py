"""Editing without the server (L14): what is meant to be edited is noted here, and locked when the server is there."""

from __future__ import annotations

import json

from mlv.actions.context import Context
from mlv.actions.naming import check_named
from mlv.actions.opening import OPENED, chosen, open_files, places_of
from mlv.actions.status import REQUIRED, scan_and_refresh
from mlv.workspace import guard
from mlv.workspace.layout import under
from mlv.workspace.opened import OFFLINE, Workspace
from mlv.workspace.scan import Found
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.entities import LockNeed
from mlv_core.errors import LockHeld, StaleBase
from mlv_core.requests import AcquireOutcome

_CHANGED = frozenset("MDRPC!")


@dataclass(frozen=True, slots=True)
class OpenedOffline:
    """The paths that are open for edit now, and those of them that will need a lock before they are committed."""

    paths: tuple[str, ...]
    need_lock: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LockedLater:
    """The paths that were open or changed without a lock, and those that have one now."""

    paths: tuple[str, ...]
    locked: tuple[str, ...]


def edit_offline(
    context: Context, arguments: tuple[str, ...], *, reason: str = "", dry_run: bool = False
) -> OpenedOffline:
    """Keep the bases of files, make them writable and note why; no server is asked, and nobody else sees it.

    Raises: NotFound.
    """
    workspace, roots = context.workspace, context.paths(arguments)
    files, places = chosen(workspace, roots), places_of(workspace)
    needs = tuple(LockNeed(file.need) for file in files)
    if not dry_run:
        with guard.writing(workspace.layout):
            open_files(workspace, files, AcquireOutcome((), needs), places, told=False)
            noted = {**_noted(workspace), **{file.path: reason for file in files if not file.token}}
            _note(workspace, noted)
    paths = tuple(places.get(file.path, file.path) for file in files)
    lacking = tuple(file.path for file in files if file.need == REQUIRED and not file.token)
    return OpenedOffline(paths, lacking)


def lock_later(
    context: Context, arguments: tuple[str, ...] = (), *, reason: str = "", dry_run: bool = False
) -> LockedLater:
    """Take the locks of all files under the paths that were opened or changed without them, all or none.

    What stands in the way is told before any content is sent. Raises: LockHeld, StaleBase, and those of the connection.
    """
    from mlv.actions import locks

    workspace, roots = context.workspace, context.paths(arguments)
    check_named(workspace, roots)
    found = scan_and_refresh(context, roots, untracked=False).found
    paths = _without_lock(workspace, roots, found)
    if not paths:
        return LockedLater((), ())
    noted = _noted(workspace)
    why = reason or "; ".join(dict.fromkeys(noted[path] for path in paths if noted.get(path)))
    try:
        places = tuple(map(workspace.layout.absolute, paths))
        opened = locks.edit(context, places, reason=why, many=True, dry_run=dry_run)
    except LockHeld as error:
        raise LockHeld(
            error.message,
            advice="Nothing was sent, and your changes stay. 'mlv lock --request PATH' asks the holder for it.",
            items=error.items,
        ) from error
    except StaleBase as error:
        raise StaleBase(
            error.message,
            advice="Nothing was sent, and your changes stay. 'mlv update' brings the newest or marks conflicts.",
            items=error.items,
        ) from error
    if not dry_run:
        with guard.writing(workspace.layout):
            _note(workspace, {path: why for path, why in noted.items() if path not in paths})
    return LockedLater(paths, tuple(lock.path for lock in opened.locks))


def _without_lock(workspace: Workspace, roots: tuple[str, ...], found: tuple[Found, ...]) -> tuple[str, ...]:
    """The version's paths of files that are open here alone, or that changed and need a lock."""
    changed = {item.base.path for item in found if item.base is not None and item.state in _CHANGED}
    trees = tuple(workspace.trees)

    def lacks(file: TrackedFile) -> bool:
        if file.token or (trees and under(file.path, trees)):
            return False
        return file.opened == OPENED or (file.need == REQUIRED and file.path in changed)

    places = places_of(workspace)
    files = workspace.state.files().values()
    here = (file for file in files if under(file.path, roots) or under(places.get(file.path, file.path), roots))
    return tuple(file.path for file in here if lacks(file))


def _noted(workspace: Workspace) -> dict[str, str]:
    told = workspace.settings.get(OFFLINE, "")
    return {str(path): str(why) for path, why in json.loads(told).items()} if told else {}


def _note(workspace: Workspace, noted: dict[str, str]) -> None:
    """Keep the notes of files that are still open without a lock."""
    files = workspace.state.files()
    kept = {path: why for path, why in noted.items() if path in files and files[path].opened and not files[path].token}
    with workspace.state.transaction():
        workspace.state.set_settings({OFFLINE: json.dumps(kept, sort_keys=True) if kept else ""})
    workspace.reload()
