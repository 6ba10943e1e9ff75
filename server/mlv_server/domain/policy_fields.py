"""Reading the tables of a policy document: each value is checked, and every fault is kept with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidPath
from mlv_core.ids import escape
from mlv_core.paths import glob_match

TEXT_LIMIT = 300
"""Characters of one value: globs and names; longer ones are no names."""
LIST_LIMIT = 1_000
"""Values in one list."""
_HEADER = re.compile(r"\s*\[\[\s*\"?([A-Za-z0-9_-]+)\"?\s*\]\]")
_KEY = re.compile(r"\s*\"?([A-Za-z0-9_-]+)\"?\s*=")
_QUOTES = ('"""', "'''")


@dataclass(slots=True)
class Problems:
    """What is wrong with a document: lines and reasons."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Note a fault."""
        self.found.append((line, reason))

    def in_order(self) -> tuple[str, ...]:
        """All of them as 'line 3: reason', sorted by line."""
        return tuple(f"line {line}: {reason}" for line, reason in sorted(self.found))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table stands in the text, and where its keys do."""

    line: int
    keys: Mapping[str, int]

    def of(self, key: str) -> int:
        """The line of a key, or of the table."""
        return self.keys.get(key, self.line)


def places(text: str) -> tuple[Mapping[str, Sequence[Place]], Place]:
    """Where the tables of each kind begin, in order, and where the keys before the first table stand.

    `text` must be TOML. What looks like a table inside of a text over several lines is none.
    """
    found: dict[str, list[Place]] = {}
    top: dict[str, int] = {}
    keys, quote = top, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not quote:
            if header := _HEADER.match(line):
                keys = {}
                found.setdefault(header[1], []).append(Place(number, keys))
            elif key := _KEY.match(line):
                keys.setdefault(key[1], number)
        quote = _open_quote(line, quote)
    return found, Place(1, top)


def _open_quote(line: str, quote: str) -> str:
    """Which quote over several lines is open after `line`."""
    at = 0
    while True:
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return quote
            at, quote = end + 3, ""
        begins = [(start, mark) for mark in _QUOTES if (start := line.find(mark, at)) >= 0]
        if not begins or ("#" in line[at : min(begins)[0]] and not quote):
            return ""
        at, quote = min(begins)[0] + 3, min(begins)[1]


class Fields:
    """One table: its values, each of a wanted kind or its default where it is wrong."""

    def __init__(self, table: Mapping[str, object], section: str, place: Place, problems: Problems) -> None:
        self._table = table
        self._section = section
        self._place = place
        self._problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self._table

    @property
    def line(self) -> int:
        """Where the table begins."""
        return self._place.line

    def fault(self, key: str, reason: str) -> None:
        """Note that `key` is wrong; '' is the whole table."""
        where = f"[[{self._section}]] {key}:" if key else f"[[{self._section}]]"
        self._problems.add(self._place.of(key), f"{where} {reason}")

    def only(self, known: Sequence[str]) -> None:
        """Note each key that means nothing here."""
        for key in self._table:
            if key not in known:
                self.fault(escape(key)[:50], f"there is no such key; keys are {', '.join(known)}")

    def text(self, key: str, default: str = "") -> str:
        """A text that is not empty."""
        value = self._table.get(key, default)
        if value == "" and key not in self._table:
            return ""
        if not isinstance(value, str) or not value or not value.isprintable() or len(value) > TEXT_LIMIT:
            self.fault(key, f"must be a text of 1 to {TEXT_LIMIT} printable characters")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts; none if the key is absent."""
        value = self._table.get(key)
        if value is None:
            return ()
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list) or not several or len(several) > LIST_LIMIT:
            self.fault(key, f"must be a text or a list of 1 to {LIST_LIMIT} texts")
            return ()
        if not all(isinstance(one, str) and one and one.isprintable() and len(one) <= TEXT_LIMIT for one in several):
            self.fault(key, f"must hold texts of 1 to {TEXT_LIMIT} printable characters")
            return ()
        return tuple(dict.fromkeys(several))

    def number(self, key: str, low: int, high: int) -> int | None:
        """A whole number within bounds; None if the key is absent or wrong."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fault(key, f"must be a whole number from {low} to {high}")
            return None
        return value

    def moment(self, key: str) -> int | None:
        """A date (its beginning in UTC) or a time (in UTC unless it names a zone) in ms; None if absent or wrong."""
        value = self._table.get(key)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = 0
        if value is None:
            return None
        if not isinstance(value, date):
            self.fault(key, "must be a date such as 2027-01-01 or a time such as 2027-01-01T12:00:00Z")
            return None
        whole = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        zoned = whole if whole.tzinfo is not None else whole.replace(tzinfo=UTC)
        found = round(zoned.timestamp() * 1000)
        if found < 0:
            self.fault(key, "lies before 1970")
            return None
        return found

    def path(self) -> str:
        """A glob over paths; '**' if absent."""
        value = self.text("path", "**")
        try:
            glob_match(value, "a")
        except InvalidPath as error:
            self.fault("path", error.message)
            return "**"
        return value
