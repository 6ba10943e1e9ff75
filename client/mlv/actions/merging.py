"""Bring two sides of a locally changed file together: equal, merged by lines, or a conflict (F5)."""

from __future__ import annotations

import os

from mlv.actions.texts import is_text
from mlv.workspace import pristine
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, hash_file, kind_of
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.merges import merge_text

MERGE_LIMIT_BYTES = 16 << 20
"""A text of more is data, not code; merging it by lines costs minutes and gigabytes."""


@dataclass(frozen=True, slots=True)
class Compared:
    """`equal`: both sides have the same bytes. `merged`: the text of both. Neither: a conflict."""

    equal: bool = False
    merged: bytes | None = None


def compare(workspace: Workspace, place: str, base: TrackedFile | None, row: TrackedFile, theirs: str) -> Compared:
    """Compare the local file at `place` with the file `theirs`, which holds the bytes of `row`."""
    local = workspace.layout.absolute(place)
    kind = kind_of(os.lstat(local))
    if kind is None:
        return Compared()
    if os.lstat(local).st_size == row.size and hash_file(local, kind) == row.content:
        return Compared(equal=kind == row.mode)
    if base is None or SYMLINK in {kind, row.mode, base.mode} or not (row.text and base.text):
        return Compared()
    if max(row.size, base.size, os.lstat(local).st_size) > MERGE_LIMIT_BYTES:
        return Compared()
    kept = pristine.base_of(workspace.layout, workspace.state, base)
    old = _read(kept) if isinstance(kept, str) else kept
    mine = _read(local)
    if old is None or not is_text(mine):
        return Compared()
    return Compared(merged=merge_text(old, mine, _read(theirs)))


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()
