"""Paths that name nothing are told: an act on the others alone would hide a slip of the pen."""

from __future__ import annotations

import os

from mlv.actions.sparse import explained
from mlv.workspace import merging
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv.workspace.state import State
from mlv_core.errors import NotFound
from mlv_core.ids import escape

_SHOWN = 5
_ADVICE = "Check the path, which is told from the top of the workspace; 'mlv ls' lists the files."


def check_named(workspace: Workspace, roots: tuple[str, ...], *, advice: str = "") -> None:
    """Refuse the version's paths `roots` if one is neither on the disk nor known to the workspace, nor a folder there.

    `advice` is told where nothing better is known. Raises: NotFound, which names all that are not there.
    """
    missing = [root for root in roots if root and not os.path.lexists(workspace.layout.absolute(root))]
    if not missing:
        return
    known = _known(workspace.state)
    absent = tuple(root for root in missing if root not in known and not any(under(path, (root,)) for path in known))
    if not absent:
        return
    names = ", ".join(f"'{escape(path)}'" for path in absent[:_SHOWN])
    more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
    meant = _from_root(workspace, absent[0], known)
    if meant:
        advice = f"Paths are meant from the folder you are in; '{escape(meant)}' is at the top of the workspace."
    error = NotFound(f"There is no {names}{more} in this workspace.", advice=advice or _ADVICE)
    raise explained(workspace, absent, error)


def _known(state: State) -> set[str]:
    """Every path that the workspace has something to tell of."""
    known = set(state.files()) | set(state.conflicts())
    for act in state.pending().values():
        known.update(path for path in (act.path, act.source) if path)
    merge = merging.read(state)
    if merge is not None:
        known.update(merge.waiting)
    return known


def _from_root(workspace: Workspace, path: str, known: set[str]) -> str:
    """The end of `path` that is something from the workspace's root, as `status` shows paths; '' if none is."""
    rest = path
    while "/" in rest:
        rest = rest.split("/", 1)[1]
        if rest in known or os.path.lexists(workspace.layout.absolute(rest)):
            return rest
    return ""
