"""How results and errors look: short text for people, one documented JSON value for scripts."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from mlv_core.errors import MlvError

_COLORS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1"}
_KILO = 1000.0
_ITEMS_SHOWN = 20


def emit_json(value: object) -> None:
    """Print one JSON value on a line of its own."""
    print(json.dumps(value, ensure_ascii=True), flush=True)  # noqa: T201 - this is where the command prints


def emit(lines: Iterable[str]) -> None:
    """Print lines of text; they must be escaped already."""
    text = "".join(f"{line}\n" for line in lines)
    if text:
        write(sys.stdout, text)


def note(text: str) -> None:
    """One line on stderr about what the user should know besides the result."""
    write(sys.stderr, f"mlv: {text}\n")


def note_json(value: object) -> None:
    """One JSON value on a line of stderr about what a script should know besides the result."""
    write(sys.stderr, f"{json.dumps(value, ensure_ascii=True)}\n")


def write(stream: TextIO, text: str) -> None:
    """Write text to a stream whatever its encoding can hold."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding or "ascii", "backslashreplace").decode(stream.encoding or "ascii"))
    stream.flush()


def error_value(error: MlvError) -> dict[str, object]:
    """An error as scripts read it: code, message, advice, exit, items."""
    return {
        "code": error.code,
        "message": error.message,
        "advice": error.advice,
        "exit": error.exit_code,
        "items": list(error.items),
    }


def show_error(error: MlvError, *, as_json: bool) -> None:
    """Tell what happened, why, and what to type next."""
    if as_json:
        emit_json(error_value(error))
        return
    lines = [f"mlv: {escaped(error.message)}"]
    if len(error.items) > 1 or any(item not in error.message for item in error.items):
        lines.extend(f"  {escaped(item)}" for item in error.items[:_ITEMS_SHOWN])
        if len(error.items) > _ITEMS_SHOWN:
            lines.append(f"  ... and {len(error.items) - _ITEMS_SHOWN:,} more")
    if error.advice:
        lines.append(escaped(error.advice))
    write(sys.stderr, "".join(f"{line}\n" for line in lines))


def escaped(text: str) -> str:
    """`text` without anything that a terminal would act on."""
    if text.isprintable():
        return text
    from mlv_core.ids import escape

    return escape(text)


def colored(text: str, color: str) -> str:
    """`text` in a color on a terminal that wants one (NO_COLOR, CI and pipes do not)."""
    if os.environ.get("NO_COLOR") or os.environ.get("CI") or not sys.stdout.isatty():
        return text
    return f"\x1b[{_COLORS[color]}m{text}\x1b[0m"


def size(count: int) -> str:
    """A number of bytes as people read it: 45.4 MB."""
    if count < _KILO:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= _KILO
        if value < _KILO or unit == "TB":
            break
    return f"{value:.1f} {unit}"


def percent(part: int, whole: int) -> str:
    """`part` of `whole` in percent, without decimals."""
    return f"{round(100 * part / whole)} %" if whole else "0 %"


def count(number: int, noun: str) -> str:
    """'1 file', '2 files'."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def moment(milliseconds: int | None) -> str | None:
    """A time as ISO 8601 in UTC; None stays None."""
    if milliseconds is None:
        return None
    whole, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{rest:03d}Z"


def local_moment(milliseconds: int | None) -> str:
    """A time as people read it, in their zone."""
    if not milliseconds:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(milliseconds // 1000))


def span(milliseconds: int) -> str:
    """A length of time in its two largest units: 11h 59m, 13d 4h, 0m."""
    minutes = max(0, milliseconds) // 60_000
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if number]
    return " ".join(parts[:2]) or "0m"


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """Rows in aligned columns, the last one free; every cell is escaped."""
    cells = [[escaped(cell) for cell in row] for row in ([header, *rows] if header else rows)]
    if not cells:
        return []
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    lines = []
    for row in cells:
        parts = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        lines.append("  ".join([*parts, row[-1]]).rstrip())
    if header:
        lines[0] = colored(lines[0], "bold")
    return lines
