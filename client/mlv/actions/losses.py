"""What a workspace remembers of its locks when the server tells which of them still stand."""

from __future__ import annotations

import json

from mlv.workspace import guard
from mlv.workspace.opened import BROKEN, TREES, Workspace
from mlv.workspace.state import TrackedFile
from mlv_core.entities import Lock


def note_dead(workspace: Workspace, held: tuple[Lock, ...]) -> None:
    """Remember which locks of the workspace are not among `held`, all that the server has of the repository.

    `status` shows them as broken until the file is reverted, unlocked or locked anew.
    """
    forget_folders(workspace, {int(item.token) for item in held})
    dead = {str(file.file_id): file.token for file in dead_files(workspace, held)}
    told = json.dumps(dead, sort_keys=True) if dead else ""
    if told != workspace.settings.get(BROKEN, ""):
        with guard.writing(workspace.layout), workspace.state.transaction():
            workspace.state.set_settings({BROKEN: told})
        workspace.reload()


def dead_files(workspace: Workspace, held: tuple[Lock, ...]) -> list[TrackedFile]:
    """The files whose lock the workspace believes to hold, and does not."""
    live = {(item.workspace, int(item.file_id), int(item.token)) for item in held}
    files = workspace.state.files().values()
    return [file for file in files if file.token and (workspace.id, file.file_id, file.token) not in live]


def forget_folders(workspace: Workspace, living: set[int]) -> None:
    """Forget the locks on folders whose tokens are not among the `living`."""
    kept = {path: token for path, token in workspace.trees.items() if token in living}
    if kept != workspace.trees:
        remember_folders(workspace, kept)


def remember_folders(workspace: Workspace, trees: dict[str, int]) -> None:
    """Keep the tokens of the workspace's locks on folders, by their paths."""
    with guard.writing(workspace.layout), workspace.state.transaction():
        workspace.state.set_settings({TREES: json.dumps(trees, sort_keys=True) if trees else ""})
    workspace.reload()
