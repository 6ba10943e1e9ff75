"""What a shelf may hold, what it is called and who sees it: decided from values alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mlv_core.changes import Row
from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH, FileState, Operation
from mlv_core.errors import AlreadyExists, InvalidName, InvalidRequest, LimitExceeded
from mlv_core.ids import ChangesetNumber, check_name, escape, fold
from mlv_core.paths import show_path
from mlv_core.requests import ProposedChange
from mlv_core.shelving import Shelf, ShelvedChange, origin_of

Bases = Mapping[tuple[ChangesetNumber, str], FileState]
"""What stands at a path of a version, for the paths that hold something."""

_FOUND = re.compile(r"shelf-([1-9]\d{0,8})")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see: their own shelves, those of readable branches; with `admin` that private ones exist."""

    user: str
    readable: frozenset[str]
    admin: bool = False

    def lists(self, shelf: Shelf) -> bool:
        """Whether the caller is told that the shelf exists (P4)."""
        return self.reads(shelf) or (self.admin and shelf.branch in self.readable)

    def reads(self, shelf: Shelf) -> bool:
        """Whether the caller may see and take what is on it: a private shelf is its owner's alone."""
        return shelf.owner == self.user or (not shelf.private and shelf.branch in self.readable)


def check_shelf_name(name: str) -> str:
    """`name` itself if it may name a shelf: as a branch's, but without '/', which stands after an owner.

    Raises: InvalidName.
    """
    check_name(name, "shelf")
    if "/" in name:
        raise InvalidName(f"'{escape(name)}' cannot name a shelf: '/' stands between an owner and the name.")
    return name


def name_for(wanted: str, own: Sequence[Shelf]) -> str:
    """The name of a new shelf: the one that is wanted, '' for the next of shelf-1, shelf-2, ... among the caller's own.

    Raises: InvalidName.
    """
    if wanted:
        return check_shelf_name(wanted)
    numbers = [int(found[1]) for shelf in own if (found := _FOUND.fullmatch(fold(shelf.name)))]
    return f"shelf-{max(numbers, default=0) + 1}"


def decide_place(name: str, own: Sequence[Shelf], limit: int, *, replace: bool) -> Shelf | None:
    """The shelf that a new one of this name takes the place of; None for none.

    Raises: AlreadyExists, LimitExceeded.
    """
    known = next((shelf for shelf in own if fold(shelf.name) == fold(name)), None)
    if known is not None and not replace:
        raise AlreadyExists(
            f"You have a shelf '{escape(known.name)}' already.",
            advice="Give another --name, or replace it with -f.",
        )
    if known is None and len(own) >= limit:
        raise LimitExceeded(
            f"You have {len(own)} shelves in this repository; this server allows {limit}.",
            advice="'mlv shelves delete NAME' drops one; an admin can raise limits.shelves.",
        )
    return known


def check_changes(changes: Iterable[ProposedChange], bases: Bases) -> None:
    """Check that each change fits the version that it was made from, so that it can be brought back on any other.

    Raises: InvalidRequest.
    """
    for proposed in changes:
        change, origin = proposed.change, origin_of(proposed.change)
        if change.path == VERSION_PATH:
            continue
        before = bases.get((proposed.base, origin))
        if change.operation is Operation.ADD:
            if change.file_id:
                raise InvalidRequest(f"'{show_path(change.path)}' is added and has a file id already.")
        elif before is None or change.file_id not in {0, before.file_id}:
            raise InvalidRequest(f"@{proposed.base} has no such file at '{show_path(origin)}'.")
        elif change.operation is Operation.META and _bytes(change.state) != _bytes(before):
            raise InvalidRequest(f"The properties of '{show_path(change.path)}' change, but its content as well.")


def raw_bytes_of(changes: Iterable[ProposedChange], bases: Bases) -> int:
    """Plain bytes of the files whose content a shelf brings."""
    total = 0
    for proposed in changes:
        state = proposed.change.state
        before = bases.get((proposed.base, origin_of(proposed.change)))
        if state is not None and (before is None or before.content != state.content):
            total += state.size
    return total


def rows_of(changes: Iterable[ProposedChange], bases: Bases) -> list[Row]:
    """The sorted rows of a shelf's list: each names the changeset it was made from, and the file that it changes."""
    rows = []
    for proposed in changes:
        row = Row.of(proposed.change, proposed.base)
        before = bases.get((proposed.base, origin_of(proposed.change)))
        if before is not None and proposed.change.operation is not Operation.ADD:
            row = row._replace(file_id=before.file_id)
        rows.append(row)
    return sorted(rows)


def changes_of(rows: Iterable[Row], bases: Bases) -> tuple[ShelvedChange, ...]:
    """What the rows of a shelf's list say."""
    found = []
    for row in rows:
        change, base = row.change, ChangesetNumber(row.changed_in)
        found.append(ShelvedChange(change, base, bases.get((base, origin_of(change)))))
    return tuple(found)


def _bytes(state: FileState | None) -> tuple[object, ...] | None:
    return None if state is None else (state.mode, state.text, state.size, state.content)
