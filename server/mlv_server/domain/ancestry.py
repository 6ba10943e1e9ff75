"""Which changesets a version brings beyond another: what is reachable from the one and not from the other."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from mlv_core.ids import ChangesetNumber

Parents = Mapping[ChangesetNumber, tuple[ChangesetNumber, ...]]

_WANTED, _HELD = 1, 2


def brought(
    source: ChangesetNumber, target: ChangesetNumber, load: Callable[[ChangesetNumber], Parents]
) -> tuple[ChangesetNumber, ...]:
    """The changesets that `source` has and `target` has not, newest first; `target` 0 has none.

    `load` gives the parents of a changeset and of as many below it by number as it likes to. A changeset's number is
    greater than those of its parents: a walk down by number meets it after everything that leads to it.
    """
    known: dict[ChangesetNumber, tuple[ChangesetNumber, ...]] = {}
    marks: dict[ChangesetNumber, int] = {}
    waiting: list[int] = []

    def mark(number: ChangesetNumber, bits: int) -> None:
        if number not in marks:
            heapq.heappush(waiting, -number)
        marks[number] = marks.get(number, 0) | bits

    for number, bit in ((source, _WANTED), (target, _HELD)):
        if number:
            mark(number, bit)
    found: list[ChangesetNumber] = []
    while any(not marks[ChangesetNumber(-number)] & _HELD for number in waiting):
        number = ChangesetNumber(-heapq.heappop(waiting))
        if not marks[number] & _HELD:
            found.append(number)
        if number not in known:
            known.update(load(number))
        for parent in known[number]:
            mark(parent, marks[number])
    return tuple(found)
