"""Three-way merge of text by lines."""

from __future__ import annotations

from merge3 import Merge3


def merge_text(base: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """Merge two edits of `base` line by line; None where they touch the same lines in different ways.

    A line keeps the ending it has on the side that it comes from; a side that only changed all line endings of the
    file has its way, and the other's lines get those endings. A missing newline at the end is kept if the side that
    changed the last line has none. Regions that both sides changed alike are no conflict.
    """
    mine_ending, theirs_ending, base_ending = (_ending(data) for data in (mine, theirs, base))
    ending = theirs_ending if mine_ending == base_ending else mine_ending
    if {mine_ending, theirs_ending, base_ending} <= {b"\n", b"\r\n"} and len({mine_ending, theirs_ending}) > 1:
        base, mine, theirs = (_with_ending(data, ending) for data in (base, mine, theirs))
    merge = Merge3(base.splitlines(keepends=True), mine.splitlines(keepends=True), theirs.splitlines(keepends=True))
    parts: list[bytes] = []
    for group in merge.merge_groups():
        # The last line of a side without a newline at its end, when more follows.
        parts += [ending or b"\n"] if parts and not parts[-1].endswith((b"\n", b"\r")) else []
        if group[0] == "conflict":
            return None
        parts += group[1]
    return b"".join(parts)


def _ending(data: bytes) -> bytes:
    """The one line ending of `data`; empty when it has none or mixes them."""
    total, windows = data.count(b"\n"), data.count(b"\r\n")
    if total == 0 or 0 < windows < total:
        return b""
    return b"\r\n" if windows else b"\n"


def _with_ending(data: bytes, ending: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", ending)
