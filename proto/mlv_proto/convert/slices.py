"""Requests and answers with long lists: cut into messages of bounded size, and put together again as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileState
from mlv_core.errors import InvalidRequest, LimitExceeded
from mlv_core.merging import Conflict
from mlv_core.requests import ProposedChange
from mlv_proto.convert import commits, content, locks

SLICE_ROWS = 5_000
"""Entries of one message: read or written in some 20 ms."""
SLICE_BYTES = 1 << 20
"""About the bytes of a message's entries, far below the limit of 8 MiB, where paths are long or properties many."""
ROW_BYTES = 64
"""What an entry takes besides its texts: a hash or two, numbers and tags."""

V = TypeVar("V")
M = TypeVar("M", bound=Message)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sliced(Generic[V, M]):
    """How a value travels in several messages of one type.

    `lists` are the value's long lists; those in one group are columns of equal length, of which the first is told by
    its size. `columns` are the message's fields that hold them. `light` leaves out what only the first message says
    and is costly to write.
    """

    to_wire: Callable[[V], M]
    from_wire: Callable[[M], V]
    lists: tuple[tuple[str, ...], ...]
    columns: frozenset[str]
    light: Callable[[V], V] = lambda value: value
    heavy: tuple[str, ...] = ()

    def cut(self, value: V) -> Iterator[M]:
        """The messages of `value`; the first one says how many entries they hold, if there are several."""
        parts = self._parts(value)
        first = next(parts)
        second = next(parts, None)
        message = self.to_wire(_with(value, first))
        if second is not None and "rows" in message.DESCRIPTOR.fields_by_name:
            message.rows = sum(len(getattr(value, group[0])) for group in self.lists)  # type: ignore[attr-defined]
        yield message
        light = self.light(value)
        while second is not None:
            message = self.to_wire(_with(light, second))
            for known, _ in message.ListFields():
                if known.name not in self.columns:
                    message.ClearField(known.name)
            yield message
            second = next(parts, None)

    def _parts(self, value: V) -> Iterator[dict[str, tuple[Any, ...]]]:
        """The lists by field, in as many parts as messages are needed; at least one."""
        part: dict[str, tuple[Any, ...]] = {name: () for group in self.lists for name in group}
        rows = total = 0
        for group in self.lists:
            column = getattr(value, group[0])
            start = 0
            for at, entry in enumerate(column):
                weight = ROW_BYTES + _text_bytes(entry)
                if rows and (rows == SLICE_ROWS or total + weight > SLICE_BYTES):
                    yield part | {name: getattr(value, name)[start:at] for name in group}
                    part = dict.fromkeys(part, ())
                    start, rows, total = at, 0, 0
                rows += 1
                total += weight
            part = part | {name: getattr(value, name)[start:] for name in group}
        yield part


BEGIN = Sliced(
    commits.begin_request_to_wire,
    commits.begin_request_from_wire,
    (("changes",),),
    frozenset({"changes", "bases", "tokens"}),
)
PUBLISH = Sliced(
    commits.publish_request_to_wire,
    commits.publish_request_from_wire,
    (("changes",), ("recipes",)),
    frozenset({"changes", "bases", "tokens", "content_hashes", "recipe_hashes"}),
    lambda request: replace(request, records=type(request.records)(), inline_pack=b"", message=""),
    ("records", "inline_pack", "message"),
)
PUBLISHED = Sliced(
    commits.published_to_wire,
    commits.published_from_wire,
    (("changes",), ("released",)),
    frozenset({"changes", "released"}),
)
UNDO = Sliced(
    commits.undo_request_to_wire,
    commits.undo_request_from_wire,
    (("paths",), ("tokens",)),
    frozenset({"paths", "token_paths", "tokens"}),
)
ACQUIRE = Sliced(
    locks.acquire_request_to_wire,
    locks.acquire_request_from_wire,
    (("paths", "have", "bases"),),
    frozenset({"paths", "hashes", "bases"}),
)
ACQUIRED = Sliced(
    locks.acquire_outcome_to_wire,
    locks.acquire_outcome_from_wire,
    (("locks",), ("needs",)),
    frozenset({"locks", "needs"}),
)
RELEASE = Sliced(
    locks.release_request_to_wire,
    locks.release_request_from_wire,
    (("paths",), ("tokens",)),
    frozenset({"paths", "tokens"}),
)
PLAN = Sliced(
    content.plan_request_to_wire,
    content.plan_request_from_wire,
    (("paths",), ("others",), ("without_old",)),
    frozenset({"paths", "other_paths", "other_bases", "without_old"}),
)


@dataclass(slots=True)
class Gathering(Generic[V, M]):
    """A value whose messages come one after the other. `limit`: most entries of each of its lists; 0: any."""

    kind: Sliced[V, M]
    limit: int = 0
    _head: M | None = None
    _value: V | None = None
    _rows: int = 0
    _declared: int = 0
    _more_came: bool = False
    _found: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, message: M) -> None:
        """Take the next message. Raises: InvalidRequest, LimitExceeded; then nothing more is to be added."""
        before = self._rows
        if self._head is None:
            self._declared = int(getattr(message, "rows", 0))
            if self.limit and self._declared > self.limit * len(self.kind.lists):
                raise self._too_many(self._declared)
            value = self._value = self.kind.from_wire(message)
            self._keep_head(message)
        else:
            value = self._more(message, self._head)
        for group in self.kind.lists:
            self._rows += len(getattr(value, group[0]))
            for name in group:
                self._found.setdefault(name, []).extend(getattr(value, name))
            if self.limit and len(self._found[group[0]]) > self.limit:
                raise self._too_many(len(self._found[group[0]]))
        if self._declared and self._rows > self._declared:
            raise InvalidRequest(f"rows is {self._declared}, but {self._rows} entries came.")
        if self._rows == before and self._more_came:
            raise InvalidRequest("A message after the first one holds no entry of a list.")

    def whole(self) -> V:
        """The value, after the last message. Raises: InvalidRequest when it is not whole."""
        if self._value is None:
            raise InvalidRequest("The stream ended before its first message.")
        if self._declared and self._rows != self._declared:
            raise InvalidRequest(f"rows is {self._declared}, but the stream ended after {self._rows} entries.")
        return _with(self._value, {name: tuple(entries) for name, entries in self._found.items()})

    def _more(self, message: M, head: M) -> V:
        """A further message, which holds entries of lists alone, with what the first one said."""
        if "rows" in message.DESCRIPTOR.fields_by_name and self._rows >= self._declared:
            raise InvalidRequest(
                f"rows is {self._declared}, but a message came after {self._rows} entries.",
                advice="The first of several messages says how many entries all of them hold.",
            )
        for known, _ in message.ListFields():
            if known.name not in self.kind.columns:
                raise InvalidRequest(f"{known.name} stands in a message after the first one.")
        message.MergeFrom(head)
        self._more_came = True
        return self.kind.from_wire(message)

    def _keep_head(self, message: M) -> None:
        for name in (*self.kind.columns, *self.kind.heavy):
            message.ClearField(name)
        self._head = message

    def _too_many(self, count: int) -> LimitExceeded:
        return LimitExceeded(
            f"{count:,} files in one request; this server allows {self.limit:,}.",
            advice="Do it in parts: name folders or files.",
        )


def batches(rows: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """`rows` in groups for one message each; at least one, which may be empty."""
    start = held = total = 0
    for at, row in enumerate(rows):
        weight = ROW_BYTES + _text_bytes(row)
        if held and (held == SLICE_ROWS or total + weight > SLICE_BYTES):
            yield tuple(rows[start:at])
            start, held, total = at, 0, 0
        held += 1
        total += weight
    yield tuple(rows[start:])


def _with(value: V, lists: dict[str, tuple[Any, ...]]) -> V:
    return replace(value, **lists)  # type: ignore[type-var]


def _text_bytes(entry: object) -> int:
    """About the bytes of an entry's texts."""
    if isinstance(entry, ProposedChange):
        entry = entry.change
    if isinstance(entry, Change):
        texts = len(entry.path) + len(entry.source)
        return texts + _property_bytes(entry.state) if entry.state is not None and entry.state.properties else texts
    if isinstance(entry, str):
        return len(entry)
    if isinstance(entry, Conflict):
        places = [place for place in (entry.base, entry.mine, entry.theirs) if place is not None]
        return sum(ROW_BYTES + len(place.path) + _property_bytes(place.state) for place in places) + len(entry.path)
    if isinstance(entry, tuple):
        return sum(len(part) for part in entry if isinstance(part, (str, bytes)))
    told = (getattr(entry, name, "") for name in ("path", "reason", "message", "description", "directory", "host"))
    return sum(map(len, told)) + 3 * ROW_BYTES


def _property_bytes(state: FileState | None) -> int:
    return sum(len(key) + len(value) + 8 for key, value in state.properties) if state is not None else 0
