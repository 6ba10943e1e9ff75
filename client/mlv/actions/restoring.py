"""Bring the bytes of tracked files back into their places, from kept bases where there are any."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mlv.actions.context import Context
from mlv.actions.status import REQUIRED
from mlv.workspace import materialize, pristine
from mlv.workspace.journal import Step
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK
from mlv.workspace.state import TrackedFile


def stage_bases(context: Context, files: Iterable[tuple[TrackedFile, str]]) -> list[Step]:
    """Steps that put the base of each file to the path beside it; what is not kept here comes from the server.

    Local bytes at the path are not expected: they move to the rescue folder. Raises: those of the connection.
    """
    workspace = context.workspace
    mask = materialize.umask()
    steps: list[Step] = []
    absent: list[tuple[TrackedFile, str]] = []
    for number, (file, path) in enumerate(files):
        base = pristine.base_of(workspace.layout, workspace.state, file)
        if base is None:
            absent.append((file, path))
            continue
        name = f"base-{number}"
        beside = os.path.join(workspace.layout.incoming, f"{name}.bytes")
        if isinstance(base, str):
            pristine.clone(base, beside)
        else:
            with open(beside, "wb") as stream:
                stream.write(base)
        steps.append(_staged(workspace, beside, name, file, path, mask))
    if absent:
        steps.extend(_fetch_bases(context, absent, mask))
    return steps


def _fetch_bases(context: Context, files: list[tuple[TrackedFile, str]], mask: int) -> list[Step]:
    """The same from the server, one request for each changeset that the files stand at."""
    from mlv.actions.fetching import fetch_versions

    workspace = context.workspace
    fetched = fetch_versions(context, [(file.path, workspace.changeset_of(file)) for file, _ in files])
    steps = []
    for number, (file, path) in enumerate(files):
        beside = os.path.join(workspace.layout.incoming, f"fetched-{number}.bytes")
        source = fetched[file.path]
        if os.path.lexists(beside):
            os.unlink(beside)
        pristine.clone(source, beside)
        steps.append(_staged(workspace, beside, f"fetched-{number}", file, path, mask))
    for source in set(fetched.values()):
        os.unlink(source)
    return steps


def _staged(workspace: Workspace, beside: str, name: str, file: TrackedFile, path: str, mask: int) -> Step:
    read_only = file.need == REQUIRED and file.mode != SYMLINK
    materialize.stage(workspace.layout, beside, name, path, file.mode, read_only=read_only, mask=mask)
    return Step(path, name, None)
