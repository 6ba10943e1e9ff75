"""Show two edits of a text in one file, with markers around what conflicts."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mlv.workspace.layout import Layout

_MINE, _BASE, _MIDDLE, _THEIRS = b"<<<<<<< ", b"||||||| ", b"=======", b">>>>>>> "


def mark(layout: Layout, path: str, base: str, mine: str, theirs: str, *, theirs_name: str) -> None:
    """Write the merge of three files into the workspace's `path`; what conflicts shows all three, diff3 style.

    The file is replaced in one step and made writable. Raises: OSError.
    """
    from merge3 import Merge3

    own = _lines(mine)
    ending = b"\r\n" if own and own[0].endswith(b"\r\n") else b"\n"
    lines: list[bytes] = []
    for group in Merge3(_lines(base), own, _lines(theirs)).merge_groups():
        if group[0] != "conflict":
            lines += group[1]
            continue
        old, ours, others = (_ended(part, ending) for part in group[1:4])
        lines += [_MINE + b"mine" + ending, *ours, _BASE + b"base" + ending, *old, _MIDDLE + ending, *others]
        lines.append(_THEIRS + theirs_name.encode() + ending)
    target = layout.absolute(path)
    beside = os.path.join(layout.incoming, "marked")
    os.makedirs(layout.incoming, exist_ok=True)
    mode = os.stat(target).st_mode | 0o200
    with open(beside, "wb") as stream:
        stream.write(b"".join(lines))
        os.fchmod(stream.fileno(), mode & 0o777)
        os.fsync(stream.fileno())
    os.replace(beside, target)


def has_markers(file: str) -> bool:
    """Whether a file still shows a conflict."""
    with open(file, "rb") as stream:
        return any(line.startswith((_MINE, _BASE, _THEIRS)) for line in stream)


def _lines(file: str) -> list[bytes]:
    with open(file, "rb") as stream:
        return stream.read().splitlines(keepends=True)


def _ended(lines: Iterable[bytes] | None, ending: bytes) -> list[bytes]:
    """Lines that end, also the last one, so that a marker after them begins a line."""
    found = list(lines or [])
    if found and not found[-1].endswith((b"\n", b"\r")):
        found[-1] += ending
    return found
