"""Keep the text of bases whose bytes do not lie in the workspace: diff, revert and merges need it (F5)."""

from __future__ import annotations

from collections.abc import Iterable

from mlv.actions.context import Context
from mlv.actions.fetching import fetch_versions
from mlv.workspace import guard, materialize, pristine
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK
from mlv.workspace.state import TrackedFile
from mlv_core.errors import NotSignedIn, Unreachable
from mlv_core.hashing import hash_content

_AWAY_SECONDS = 2.0
"""Deciding a conflict needs no server: one that is away should not keep the user waiting."""


def keep_base_texts(context: Context, paths: Iterable[str] | None = None) -> None:
    """Keep the base of each small text file at `paths` (None: of every one) that is not kept yet.

    It is read from the disk where the file is unchanged, else fetched; without the server it stays absent.
    """
    workspace = context.workspace
    files = workspace.state.files()
    chosen = [files[path] for path in (files if paths is None else paths) if path in files]
    small = [f for f in chosen if f.text and f.mode != SYMLINK and f.size <= pristine.TEXT_LIMIT_BYTES]
    contents = workspace.state.lacking_texts({file.content for file in small})
    lacking = [file for file in small if file.content in contents]
    texts = {file.content: data for file in lacking if (data := _here(workspace, file)) is not None}
    absent = [file for file in lacking if file.content not in texts]
    if absent:
        texts.update(_fetched(context, absent))
    if texts:
        with guard.writing(workspace.layout), workspace.state.transaction():
            workspace.state.put_texts(texts.items())


def _here(workspace: Workspace, file: TrackedFile) -> bytes | None:
    """The bytes at the file's path, if they are those of its base."""
    try:
        with open(workspace.layout.absolute(file.path), "rb") as stream:
            data = stream.read(pristine.TEXT_LIMIT_BYTES + 1)
    except OSError:
        return None
    return data if hash_content(data) == file.content else None


def _fetched(context: Context, files: list[TrackedFile]) -> dict[bytes, bytes]:
    """The bytes of the files' bases from the server, as far as it can be reached."""
    workspace = context.workspace
    seconds = context.timeout_seconds or _AWAY_SECONDS
    brief = Context(context.directory, seconds, context.notice, credentials=context.credentials)
    brief.use(workspace)
    texts: dict[bytes, bytes] = {}
    try:
        found = fetch_versions(brief, [(file.path, workspace.changeset_of(file)) for file in files])
        for file in files:
            with open(found[file.path], "rb") as stream:
                texts[file.content] = stream.read()
    except (Unreachable, NotSignedIn) as error:
        context.notice(f"Until an update, what your text was changed from is not at hand: {error.message}")
    finally:
        brief.hang_up()
        materialize.clear_incoming(workspace.layout)
    return texts
