"""What a sparse workspace leaves out, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable

from mlv.workspace.opened import Workspace
from mlv_core.errors import MlvError, NotFound, UsageError
from mlv_core.ids import escape, typed


def left_out(workspace: Workspace, paths: Iterable[str]) -> tuple[str, ...]:
    """Those of the version's paths that the workspace's globs leave out; '' (everything) is none."""
    if not (workspace.only or workspace.exclude):
        return ()
    from mlv_core.paths import glob_matches_any

    only, exclude = workspace.only, workspace.exclude
    return tuple(
        path
        for path in paths
        if path and ((only and not glob_matches_any(only, path)) or glob_matches_any(exclude, path))
    )


def explained(workspace: Workspace, paths: Iterable[str], otherwise: MlvError) -> MlvError:
    """Why nothing is tracked at `paths`: the workspace leaves one out, else `otherwise`."""
    absent = left_out(workspace, paths)
    if not absent:
        return otherwise
    return NotFound(f"This sparse workspace leaves out {_shown(absent)}.", advice=_advice(workspace, absent[0]))


def refuse_outside(workspace: Workspace, paths: Iterable[str]) -> None:
    """Refuse new files where the workspace leaves files out: no update would ever bring their changes (F3).

    Raises: UsageError.
    """
    outside = left_out(workspace, paths)
    if outside:
        raise UsageError(
            f"This sparse workspace leaves out {_shown(outside)}: the version may have another file there, and updates "
            "would not bring its changes.",
            items=outside,
            advice=_advice(workspace, outside[0]),
        )


def _shown(paths: tuple[str, ...]) -> str:
    return f"'{escape(paths[0])}'" if len(paths) == 1 else f"{len(paths)} of these paths"


def _advice(workspace: Workspace, path: str) -> str:
    return f"'mlv checkout {workspace.repository} DIR --only {typed(path)}' makes a workspace that holds it."
