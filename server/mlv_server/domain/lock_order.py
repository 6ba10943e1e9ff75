"""The order in which locks fall to those who wait for them (L10): of files, and of folders with all below.

Those who wait stand in one line, in the order in which they came. Two of them want the same where both want a file, or
where one wants a folder and the other something at, below or above it. Each time that it matters the line is walked
from its head:

1. A request is **next** if no lock of another is in its way and nobody next ahead of it wants the same. It may take all
   that it waits for; what it wants is kept for it.
2. **Who waits holds nothing** (L6). While a lock is in its way that went before it (one that was there when it asked,
   or that somebody ahead of it in the line has taken since), anybody may take whatever else is free.
3. **Nobody is overtaken for ever.** Once all locks in its way were taken by those who came after it, a request that
   holds nothing would already have had its turn without them: what it wants is kept from then on, and it is next as
   soon as the last of those locks ends.
4. What is kept by rule 3 is kept from those who hold nothing of it. A workspace with one of the locks in the way may
   take more, else it could need what is kept to bring to an end what is waited for.
5. Who would close a circle, each waiting for a lock that the next one holds, is refused at once: none would ever go on.

So nobody starves: what went before a request is finite and ends; then only the workspaces of rule 3 are in its way, of
which none is added. And nobody waits for ever for each other: a place in the line keeps things only from those behind
it (1-3) and never from who is waited for (4), and locks in a circle do not come about by waiting (5).

Paths are those at which the files were asked for. A file that lies elsewhere on another branch is told by its lock, not
by the line: whoever takes one first has it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mlv_core.asking import LockRequest
from mlv_core.deferred import dataclass
from mlv_core.entities import Lock
from mlv_core.errors import LockHeld
from mlv_core.ids import FileId, WorkspaceId, escape, typed
from mlv_core.paths import parents, show_path
from mlv_server.domain.lock_queue import Request, Resource, in_line, is_absent

Barrier = Callable[[Request], Collection[Lock]]
"""The live locks of others that keep a request from being granted."""
_NO_FILE = FileId(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request for which is kept what it wants: from all who come later but `holders`, for whose locks it waits.

    Without holders it is next.
    """

    request: Request
    holders: frozenset[WorkspaceId]


class _Wishes:
    """Requests by what they want; `folders`: whether a folder is looked for, or wanted by any of them."""

    def __init__(self, *, folders: bool) -> None:
        self._folders = folders
        self._wanting: dict[Resource, list[Request]] = {}
        self._below: dict[str, list[Request]] = {}

    def add(self, one: Request) -> None:
        for wanted in one.resources():
            self._wanting.setdefault(wanted, []).append(one)
        if self._folders:
            above = {folder for path in one.paths() for folder in parents(path)}.union(one.folders)
            for folder in above:
                self._below.setdefault(folder, []).append(one)

    def covering(self, wanted: Resource, path: str) -> list[Request]:
        """Those that want the very same, or a folder above it."""
        found = self._wanting.get(wanted, [])
        if self._folders:
            found = found + [one for folder in parents(path) for one in self._wanting.get(folder, ())]
        return found

    def near(self, wanted: Resource, path: str) -> list[Request]:
        """Those that want the same: also what is below a folder, or above it."""
        found = self.covering(wanted, path)
        return found + self._below.get(wanted, []) if isinstance(wanted, str) else found

    def ahead(self, one: Request) -> set[int]:
        """The numbers of those that want the same as `one` somewhere."""
        return {other.number for wanted, path in one.resources().items() for other in self.near(wanted, path)}


def claims(line: Sequence[Request], barrier: Barrier) -> list[Claim]:
    """For whom of a line something is kept now, by the rules above, first come first."""
    wishes = _Wishes(folders=any(one.folders for one in line))
    found: dict[int, Claim] = {}
    for one in line:
        locks = barrier(one)
        if any(lock.token <= one.behind for lock in locks):
            continue
        if all(one.workspace in found[number].holders for number in wishes.ahead(one)):
            found[one.number] = Claim(one, frozenset(lock.workspace for lock in locks))
            wishes.add(one)
    return list(found.values())


def rightful(line: Sequence[Request], barrier: Barrier) -> list[Request]:
    """Who of a line is next, and may take the locks now."""
    return [claim.request for claim in claims(line, barrier) if not claim.holders]


def going_first(
    line: Sequence[Request], barrier: Barrier, workspace: WorkspaceId, taken: Mapping[Resource, str]
) -> dict[Resource, Request]:
    """For each of `taken` (with its path), which a workspace would take now: for whom else it is kept, if anybody."""
    folders = any(one.folders for one in line) or any(isinstance(wanted, str) for wanted in taken)
    kept, mine = _Wishes(folders=folders), _Wishes(folders=folders)
    for claim in claims(line, barrier):
        if claim.request.workspace != workspace and workspace not in claim.holders:
            kept.add(claim.request)
    for one in line:
        if one.workspace == workspace:
            mine.add(one)
    found: dict[Resource, Request] = {}
    for wanted, path in taken.items():
        place = min((one.number for one in mine.covering(wanted, path)), default=None)
        ahead = [one for one in kept.near(wanted, path) if place is None or one.number < place]
        if ahead:
            found[wanted] = min(ahead, key=lambda one: one.number)
    return found


def check_turn(
    line: Sequence[Request],
    barrier: Barrier,
    workspace: WorkspaceId,
    taken: Mapping[Resource, str],
    now: int,
    hidden: Collection[int] = (),
) -> None:
    """Refuse who would jump the queue; `taken` has the path of each file and folder that is taken.

    Whose requests of these numbers (`hidden`) are is not told (P4). Raises: LockHeld.
    """
    first = going_first(line, barrier, workspace, taken)
    if not first:
        return
    items = tuple(
        f"{show_path(taken[wanted])} is kept for {_who(one, hidden)}, who has waited for {_span(now - one.asked_at)}"
        for wanted, one in sorted(first.items(), key=lambda pair: taken[pair[0]])
    )
    text = f"{items[0]}." if len(items) == 1 else f"{len(items)} files are kept for others who wait for them."
    raise LockHeld(text, advice="'--wait' stands in the queue behind them.", items=items)


def overtaken(requests: Iterable[Request], workspace: WorkspaceId, taken: Mapping[Resource, str]) -> list[Request]:
    """Those who wait for what a workspace takes now (`taken` has the paths) after having stood ahead of them.

    Its locks went before them (rule 2).
    """
    waiting = [one for one in requests if one.waits]
    wishes = _Wishes(folders=True)
    for one in waiting:
        wishes.add(one)
    found: dict[int, Request] = {}
    for wanted, path in taken.items():
        mine = [one.number for one in wishes.covering(wanted, path) if one.workspace == workspace]
        later = (one for one in wishes.near(wanted, path) if mine and one.number > min(mine))
        found.update({one.number: one for one in later if one.workspace != workspace})
    return list(found.values())


def check_circle(request: Request, line: Sequence[Request], barrier: Barrier, hidden: Collection[int] = ()) -> None:
    """Refuse who would wait for somebody who waits, over others or not, for what this workspace holds (rule 5).

    Of a circle the last who came is refused. Whose requests of the numbers in `hidden` are is not told (P4).
    Raises: LockHeld.
    """
    kept = {claim.request.number: claim for claim in claims(line, barrier) if claim.holders}
    wishes = _Wishes(folders=any(one.folders for one in line))
    for claim in kept.values():
        wishes.add(claim.request)
    earlier: dict[WorkspaceId, list[Request]] = {}
    for one in line:
        if one.number < request.number and one.workspace != request.workspace:
            earlier.setdefault(one.workspace, []).append(one)

    def waited_for(one: Request) -> set[WorkspaceId]:
        ahead = (kept[number] for number in wishes.ahead(one) if number < one.number)
        places = {claim.request.workspace for claim in ahead if one.workspace not in claim.holders}
        return places | {lock.workspace for lock in barrier(one)}

    known = waited_for(request)
    ways = list(known)
    while ways:
        for one in earlier.get(ways.pop(), ()):
            mine = next((lock for lock in barrier(one) if lock.workspace == request.workspace), None)
            if mine is not None:
                raise _circle(one, mine.path, hidden)
            new = waited_for(one) - known
            known |= new
            ways.extend(new)


def _circle(one: Request, held: str, hidden: Collection[int]) -> LockHeld:
    return LockHeld(
        f"{_who(one, hidden)} waits for {show_path(held)}, which you hold, and would wait for you while you wait for "
        "them.",
        advice=f"Commit it or 'mlv unlock {typed(held)}' first; 'mlv locks' shows who waits for what.",
    )


def ahead_of(line: Sequence[Request], number: int) -> int:
    """How many others want the same as the request of this number, and came before it."""
    mine = next((one for one in line if one.number == number), None)
    if mine is None:
        return 0
    wishes = _Wishes(folders=any(one.folders for one in line))
    for one in line:
        if one.number < number:
            wishes.add(one)
    return len(wishes.ahead(mine))


def listed(requests: Sequence[Request], silence_ms: int, now: int) -> tuple[LockRequest, ...]:
    """The requests as they are shown, one row for each file and folder, with the place in the queue for it."""
    line = in_line(requests, silence_ms, now)
    wishes = _Wishes(folders=any(one.folders for one in line))
    places: dict[tuple[int, Resource], int] = {}
    for one in line:
        for wanted, path in one.resources().items():
            places[one.number, wanted] = 1 + len({other.number for other in wishes.near(wanted, path)})
        wishes.add(one)
    rows = [
        LockRequest(
            number=one.number,
            file_id=_NO_FILE if isinstance(wanted, str) else wanted,
            path=path,
            user=one.user,
            workspace=one.workspace,
            host=one.host,
            branch=one.branch,
            reason=one.reason,
            waits=one.waits,
            place=places.get((one.number, wanted), 0),
            absent=is_absent(one, silence_ms, now),
            asked_at=one.asked_at,
            until=one.until,
            denied_by=one.denied_by,
            denied_why=one.denied_why,
            denied_at=one.denied_at,
            tree=isinstance(wanted, str),
        )
        for one in requests
        for wanted, path in one.resources().items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.path, row.number)))


def _who(one: Request, hidden: Collection[int]) -> str:
    return "somebody" if one.number in hidden else f"{escape(one.user)} on {escape(one.host)}"


def _span(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    if minutes < 1:
        return f"{max(0, milliseconds) // 1000} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours
