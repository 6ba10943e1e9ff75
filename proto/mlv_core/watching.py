"""The events of a repository as both sides speak of them."""

from __future__ import annotations

from collections.abc import Mapping

from mlv_core.deferred import dataclass

FactValue = str | int | bool | None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened: the `sequence`-th in its repository, `time` in ms since 1970 UTC, flat `facts`.

    `kind` is such as commit.published; kinds that are not known here may come from a newer server.
    """

    sequence: int
    time: int
    kind: str
    facts: Mapping[str, FactValue]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What is asked for: events with numbers above `after` (None: only those to come). Empty does not narrow.

    `kinds` are whole kinds or their first words; `paths` are globs, and leave only events that are about a path.
    Without `follow` the stream ends with the newest event.
    """

    repository: str
    after: int | None = None
    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    branch: str = ""
    follow: bool = False


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order; everything up to the number `sequence` was told or did not match."""

    events: tuple[EventRecord, ...]
    sequence: int
