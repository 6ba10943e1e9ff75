"""A table that is drawn again in its place on a terminal, and line by line where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from mlv.cli.output import emit, write

_MARGIN_LINES = 2
"""Left free for the prompt and for a notice."""


class LiveTable:
    """Draws lines over those that it drew before."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = 0
        self._last: tuple[str, ...] | None = None

    def draw(self, lines: Sequence[str]) -> None:
        """Show `lines` (escaped) instead of the last ones; without a terminal below them, if they differ."""
        if not self._terminal:
            if tuple(lines) != self._last:
                emit([*([""] if self._last is not None else []), *lines])
            self._last = tuple(lines)
            return
        size = shutil.get_terminal_size()
        shown = [_cut(line, size.columns) for line in lines]
        room = max(1, size.lines - _MARGIN_LINES)
        if len(shown) > room:
            shown = [*shown[: room - 1], f"... and {len(shown) - room + 1} more lines"]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        write(sys.stdout, f"{up}\r\x1b[J" + "".join(f"{line}\n" for line in shown))
        self._drawn = len(shown)


def _cut(line: str, columns: int) -> str:
    """At most one row of the terminal; what colors it takes no room."""
    if len(line) <= columns or "\x1b" in line:
        return line
    return line[: max(1, columns - 1)] + "~"
