"""Find what was done without mlv and record it."""

from __future__ import annotations

from mlv.actions import tracking
from mlv.actions.context import Context
from mlv.actions.naming import check_named
from mlv.actions.status import REQUIRED, scan_and_refresh
from mlv.workspace import guard
from mlv.workspace.state import Pending
from mlv_core.deferred import dataclass


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found, and the paths that were locked."""

    added: tuple[str, ...]
    edited: tuple[str, ...]
    deleted: tuple[str, ...]
    locked: tuple[str, ...]


def reconcile(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    adds: bool = True,
    edits: bool = True,
    deletes: bool = True,
    dry_run: bool = False,
) -> Reconciled:
    """Record new and missing files under the paths; take the locks that edited ones need.

    Raises: InvalidPath, PathClash, UnsupportedFile; where locks are needed those of `lock`.
    """
    workspace, roots = context.workspace, context.paths(arguments)
    check_named(workspace, roots)
    found = scan_and_refresh(context, roots).found
    new = tuple(item.path for item in found if item.state == "?") if adds else ()
    edited = tuple(item.path for item in found if item.state in {"M", "R"}) if edits else ()
    missing = tuple(item for item in found if item.state == "!") if deletes else ()
    if new:
        absolute = tuple(workspace.layout.absolute(path) for path in new)
        new = tracking.add(context, absolute, dry_run=dry_run).paths
    if missing and not dry_run:
        with guard.writing(workspace.layout), workspace.state.transaction():
            workspace.state.drop_pending(item.path for item in missing)
            workspace.state.put_pending(Pending(i.base.path, "delete", "") for i in missing if i.base is not None)
    needing = [
        item.base.path
        for item in found
        if item.base is not None
        and item.base.need == REQUIRED
        and not item.base.token
        and ((edits and item.state in {"M", "R"}) or (deletes and item.state == "!"))
    ]
    if needing:
        from mlv.actions import locks

        locks.lock(context, paths=tuple(needing), dry_run=dry_run)
    return Reconciled(new, edited, tuple(item.path for item in missing), tuple(needing))
