"""Which versions a three-way merge starts from: the best common ancestors in a history with merges (B1, B5).

A changeset's number is greater than those of its parents, so that walking down by number meets every descendant of a
version before the version itself. Method: the marking walk of `git merge-base --all`, with numbers for dates.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from mlv_core.ids import ChangesetNumber

Parents = Mapping[ChangesetNumber, tuple[ChangesetNumber, ...]]

_FIRST, _SECOND, _BELOW = 1, 2, 4
_BOTH = _FIRST | _SECOND


def merge_bases(
    first: ChangesetNumber, second: ChangesetNumber, load: Callable[[ChangesetNumber], Parents]
) -> tuple[ChangesetNumber, ...]:
    """The common ancestors of two versions that are below no other common ancestor, newest first; (0,) if none is.

    A version is an ancestor of itself; several come from criss-cross merges. `load` gives the parents of a changeset
    and of as many below it by number as it likes to; at most about the changesets since the oldest base are asked for.
    """
    known: dict[ChangesetNumber, tuple[ChangesetNumber, ...]] = {ChangesetNumber(0): ()}
    marks: dict[ChangesetNumber, int] = {}
    waiting: list[int] = []

    def mark(number: ChangesetNumber, bits: int) -> None:
        if number not in marks:
            heapq.heappush(waiting, -number)
        marks[number] = marks.get(number, 0) | bits

    mark(first, _FIRST)
    mark(second, _SECOND)
    found: list[ChangesetNumber] = []
    while any(not marks[ChangesetNumber(-number)] & _BELOW for number in waiting):
        number = ChangesetNumber(-heapq.heappop(waiting))
        bits = marks[number]
        if bits & _BOTH == _BOTH and not bits & _BELOW:
            found.append(number)
            bits |= _BELOW
        if number not in known:
            known.update(load(number))
        for parent in known[number]:
            mark(parent, bits)
    return tuple(found) or (ChangesetNumber(0),)


def is_merged(source: ChangesetNumber, target: ChangesetNumber, bases: tuple[ChangesetNumber, ...]) -> bool:
    """Whether `target` holds all of `source` already."""
    return source == target or bases == (source,)
