"""Versioned properties: recorded here, part of the next commit."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv.actions.sparse import explained
from mlv.workspace import guard
from mlv.workspace.opened import Workspace
from mlv.workspace.state import decode_properties
from mlv_core.entities import VERSION_PATH
from mlv_core.errors import InvalidName, NotFound, UsageError
from mlv_core.ids import escape

KEY_LIMIT = 128
"""Characters of a key: one line of a terminal."""
VALUE_LIMIT_BYTES = 64 * 1024
"""A property is a note, not a file."""


def edit(
    context: Context, path: str, changes: tuple[tuple[str, str | None], ...], *, dry_run: bool = False
) -> tuple[str, dict[str, str]]:
    """Record new values of properties (None: unset) of a tracked file, or of the version when `path` is '.'.

    Gives the version's path and all its properties as they will be. Raises: NotFound, InvalidName, UsageError.
    """
    workspace = context.workspace
    with guard.writing(workspace.layout):
        target = _target(context, path)
        before = _of(workspace, target)
        after = dict(before)
        for key, value in changes:
            _check(key, value)
            if value is not None:
                after[key] = value
            elif key not in after:
                raise NotFound(
                    f"'{escape(target)}' has no property '{escape(key)}'.", advice="'mlv meta show' lists them."
                )
            else:
                del after[key]
        if not dry_run:
            with workspace.state.transaction():
                for key, value in changes:
                    workspace.state.edit_property(target, key, value)
    return target, after


def show(context: Context, path: str) -> tuple[str, dict[str, str]]:
    """The properties of a tracked file or of the version, local edits included.

    Raises: NotFound.
    """
    target = _target(context, path)
    return target, _of(context.workspace, target)


def effective(stored: dict[str, str], edits: dict[str, str | None]) -> dict[str, str]:
    """Stored properties with local edits."""
    merged: dict[str, str | None] = {**stored, **edits}
    return {key: value for key, value in sorted(merged.items()) if value is not None}


def _target(context: Context, path: str) -> str:
    target = context.paths((path,))[0] if path != VERSION_PATH else ""
    if not target:
        return VERSION_PATH
    state = context.workspace.state
    act = state.pending().get(target)
    if state.file(target) is None and (act is None or act.kind == "delete"):
        error = NotFound(
            f"'{escape(target)}' is not tracked.", advice="'mlv add' it first; '.' means the version itself."
        )
        raise explained(context.workspace, (target,), error)
    return target


def _of(workspace: Workspace, target: str) -> dict[str, str]:
    edits = workspace.state.property_edits().get(target, {})
    if target == VERSION_PATH:
        return effective(workspace.properties, edits)
    act = workspace.state.pending().get(target)
    file = workspace.state.file(act.source if act is not None and act.source else target)
    return effective(dict(decode_properties(file.properties)) if file is not None else {}, edits)


def _check(key: str, value: str | None) -> None:
    if not key or len(key) > KEY_LIMIT or not key.isprintable() or "=" in key or key != key.strip():
        raise InvalidName(
            f"'{escape(key[:KEY_LIMIT])}' cannot name a property.",
            advice="Use 1 to 128 printable characters without '='.",
        )
    if value is not None and len(value.encode("utf-8", "surrogatepass")) > VALUE_LIMIT_BYTES:
        raise UsageError(
            f"The value of '{escape(key)}' is longer than {VALUE_LIMIT_BYTES} bytes.", advice="Use a file."
        )
