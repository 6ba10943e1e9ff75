"""Three-way merge of text by lines."""

from __future__ import annotations

from dataclasses import dataclass

from merge3 import Merge3

MARKER_BASE = b"|||||||"
"""Between the two sides of a conflict stands the base, so that a reader sees what each side changed."""


@dataclass(frozen=True, slots=True)
class MergedText:
    """The merged bytes; with `conflicts` > 0 they hold that many marked regions and must not be taken as they are."""

    data: bytes
    conflicts: int


def merge_text(
    base: bytes, mine: bytes, theirs: bytes, *, mine_name: str = "mine", theirs_name: str = "theirs"
) -> MergedText:
    """Merge two edits of `base` line by line.

    A line keeps the ending it has on the side that it comes from; a side that only changed all line endings of the
    file has its way, and the other's lines get those endings. A missing newline at the end is kept if the side that
    changed the last line has none. Regions that both sides changed alike are no conflict.
    """
    mine_ending, theirs_ending, base_ending = (_ending(data) for data in (mine, theirs, base))
    ending = theirs_ending if mine_ending == base_ending else mine_ending
    if {mine_ending, theirs_ending, base_ending} <= {b"\n", b"\r\n"} and len({mine_ending, theirs_ending}) > 1:
        base, mine, theirs = (_with_ending(data, ending) for data in (base, mine, theirs))
    merge = Merge3(base.splitlines(keepends=True), mine.splitlines(keepends=True), theirs.splitlines(keepends=True))
    newline = ending or b"\n"
    parts: list[bytes] = []
    conflicts = 0
    for group in merge.merge_groups():
        if group[0] != "conflict":
            parts += _closed(parts, newline)
            parts += group[1]
            continue
        old, one, other = group[1], group[2], group[3]
        if one == other:
            parts += _closed(parts, newline)
            parts += one
            continue
        conflicts += 1
        for marker, lines in (
            (f"<<<<<<< {mine_name}".encode(), one),
            (MARKER_BASE + b" base", old),
            (b"=======", other),
        ):
            parts += _closed(parts, newline)
            parts.append(marker + newline)
            parts += lines
        parts += _closed(parts, newline)
        parts.append(f">>>>>>> {theirs_name}".encode() + newline)
    return MergedText(b"".join(parts), conflicts)


def _closed(parts: list[bytes], newline: bytes) -> list[bytes]:
    """What ends the last line, if it was the last of a side without a newline at its end."""
    return [newline] if parts and not parts[-1].endswith((b"\n", b"\r")) else []


def _ending(data: bytes) -> bytes:
    """The one line ending of `data`; empty when it has none or mixes them."""
    total, windows = data.count(b"\n"), data.count(b"\r\n")
    if total == 0 or 0 < windows < total:
        return b""
    return b"\r\n" if windows else b"\n"


def _with_ending(data: bytes, ending: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", ending)
