"""Who goes first when a lock becomes free (L10): the queue of those who wait, and the requests that only ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mlv_core.asking import LockRequest
from mlv_core.deferred import dataclass
from mlv_core.errors import LimitExceeded, LockDenied, LockHeld
from mlv_core.ids import ChangesetNumber, FileId, WorkspaceId, escape
from mlv_core.paths import show_path

QUEUE_LIMIT = 100
"""Requests for one file: whoever stands behind a hundred others does not wait for the file, but for a decision."""
WORKSPACE_LIMIT = 100
"""Requests of one workspace: more is a script that forgot to take back what it asked for."""
FILES_LIMIT = 1_000
"""Files in one request: as many as one request for locks may name without saying so (L15)."""
LONGEST_WAIT_MS = 7 * 24 * 3600 * 1000
"""A week: nobody watches a command for longer."""
ASKED_MS = 14 * 24 * 3600 * 1000
"""How long a request stands that nobody waits for: the longest lease, so that it outlives every lock."""
UNWRITTEN_MS = 60_000
"""A sign of life is written down within a minute: a holder may have been heard that much later than it seems."""
DENIED_MS = 24 * 3600 * 1000
"""How long a denial shows in `locks`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one workspace asked for, all of it or nothing; lower numbers came first.

    `files` has the path and the fencing token of the lock at the time of asking (0: it was free) by file, `bases` the
    changeset at which the workspace has each. `seen` is its last sign of life, `counted_from` the time from which the
    silence of a holder counts against him: he had to be asked first, and the server to run.
    """

    number: int
    user: str
    owner_id: int
    workspace: WorkspaceId
    host: str
    branch: str
    reason: str
    waits: bool
    files: Mapping[FileId, tuple[str, int]]
    bases: Mapping[FileId, ChangesetNumber]
    asked_at: int
    seen: int
    until: int
    counted_from: int
    denied_by: str = ""
    denied_why: str = ""
    denied_at: int | None = None


Blocked = Callable[[Request], bool]
"""Whether a lock of somebody else keeps a request from being granted."""


def in_line(requests: Iterable[Request], silence_ms: int, now: int) -> list[Request]:
    """Those who wait and count at `now` (ms), first come first: not denied, in time, heard within `silence_ms`."""
    return sorted(
        (one for one in requests if one.waits and one.denied_at is None and not is_absent(one, silence_ms, now)),
        key=lambda one: one.number,
    )


def is_absent(request: Request, silence_ms: int, now: int) -> bool:
    """Whether who waits gave no sign of life for so long that others go first, or has come to the end of its time."""
    return request.waits and (request.until <= now or now - request.seen > silence_ms)


def rightful(line: Sequence[Request], blocked: Blocked) -> list[Request]:
    """Who of a line may take the locks now: nothing blocks them, and no earlier one who may wants the same file.

    A waiter holds nothing (L6): who waits for two files keeps nobody from the one that is free.
    """
    taken: set[FileId] = set()
    found = []
    for one in line:
        if not blocked(one) and taken.isdisjoint(one.files):
            taken.update(one.files)
            found.append(one)
    return found


def going_first(
    line: Sequence[Request], blocked: Blocked, workspace: WorkspaceId, files: Iterable[FileId]
) -> dict[FileId, Request]:
    """For each of `files` that a workspace would take now: who else has the right to it and was there before."""
    turns = {file: one for one in rightful(line, blocked) for file in one.files}
    mine: dict[FileId, int] = {}
    for one in line:
        if one.workspace == workspace:
            for file in one.files:
                mine.setdefault(file, one.number)
    return {
        file: first
        for file in files
        if (first := turns.get(file)) is not None
        and first.workspace != workspace
        and mine.get(file, first.number + 1) > first.number
    }


def check_turn(
    line: Sequence[Request],
    blocked: Blocked,
    workspace: WorkspaceId,
    files: Mapping[FileId, str],
    now: int,
    hidden: Collection[int] = (),
) -> None:
    """Refuse who would jump the queue; `files` has the path of each file that is taken.

    Whose requests of these numbers (`hidden`) are is not told (P4). Raises: LockHeld.
    """
    first = going_first(line, blocked, workspace, files)
    if not first:
        return
    items = tuple(
        f"{show_path(files[file])} is kept for "
        f"{'somebody' if one.number in hidden else f'{escape(one.user)} on {escape(one.host)}'}, who has waited for "
        f"{_span(now - one.asked_at)}"
        for file, one in sorted(first.items(), key=lambda pair: files[pair[0]])
    )
    text = f"{items[0]}." if len(items) == 1 else f"{len(items)} files are kept for others who wait for them."
    raise LockHeld(text, advice="'--wait' stands in the queue behind them.", items=items)


def ahead_of(line: Sequence[Request], number: int) -> int:
    """How many others wait for a file of the request of this number and came before it."""
    mine = next((one for one in line if one.number == number), None)
    if mine is None:
        return 0
    return sum(1 for one in line if one.number < number and not mine.files.keys().isdisjoint(one.files))


def may_take_from_silent(request: Request, last_contact: int, grant_after_ms: int | None, now: int) -> bool:
    """Whether who waits may take a lock whose holder has been silent, by policy, for long enough after being asked."""
    if grant_after_ms is None:
        return False
    return now - max(last_contact + UNWRITTEN_MS, request.counted_from) >= grant_after_ms


def same(
    requests: Iterable[Request], workspace: WorkspaceId, files: Iterable[FileId], *, waits: bool
) -> Request | None:
    """What the workspace has asked for already in the same way: exactly these files."""
    wanted = frozenset(files)
    for one in requests:
        if (one.workspace, one.waits) == (workspace, waits) and frozenset(one.files) == wanted:
            return one
    return None


def check_room(requests: Iterable[Request], workspace: WorkspaceId, files: Mapping[FileId, tuple[str, int]]) -> None:
    """Check that one more request for these files may be kept. Raises: LimitExceeded."""
    crowd = dict.fromkeys(files, 0)
    mine = 0
    for one in requests:
        mine += one.workspace == workspace
        for file in one.files:
            if file in crowd:
                crowd[file] += 1
    if mine >= WORKSPACE_LIMIT:
        raise LimitExceeded(
            f"This workspace has asked {mine} times; {WORKSPACE_LIMIT} are allowed.",
            advice="'mlv unlock --request PATH' takes one back.",
        )
    full = [files[file][0] for file, number in crowd.items() if number >= QUEUE_LIMIT]
    if full:
        raise LimitExceeded(
            f"{QUEUE_LIMIT} others have asked for '{show_path(full[0])}' already.",
            advice="Talk to the holder: 'mlv locks' shows who it is.",
            items=tuple(show_path(path) for path in full),
        )


def refuse_denied(request: Request) -> LockDenied:
    """What who waits is told when the holder said no."""
    paths = tuple(sorted(show_path(path) for path, _ in request.files.values()))
    shown = f"'{paths[0]}'" if len(paths) == 1 else f"{len(paths)} files"
    why = f": {escape(request.denied_why)}" if request.denied_why else "."
    return LockDenied(f"{escape(request.denied_by)} denied you the lock of {shown}{why}", items=paths)


def is_moot(request: Request, tokens: Iterable[int], now: int) -> bool:
    """Whether a request says nothing any more: it is over, or none of the locks that it asked for still stands.

    `tokens` are those of the locks on its files.
    """
    if request.denied_at is not None and now - request.denied_at >= DENIED_MS:
        return True
    if request.until <= now:
        return True
    asked = {token for _, token in request.files.values()}
    return not request.waits and asked.isdisjoint(tokens)


def listed(requests: Sequence[Request], silence_ms: int, now: int) -> tuple[LockRequest, ...]:
    """The requests as they are shown, one row for each file, with the place in the queue for it."""
    line = in_line(requests, silence_ms, now)
    places: dict[tuple[int, FileId], int] = {}
    counts: dict[FileId, int] = {}
    for one in line:
        for file in one.files:
            counts[file] = counts.get(file, 0) + 1
            places[one.number, file] = counts[file]
    rows = [
        LockRequest(
            number=one.number,
            file_id=file,
            path=path,
            user=one.user,
            workspace=one.workspace,
            host=one.host,
            branch=one.branch,
            reason=one.reason,
            waits=one.waits,
            place=places.get((one.number, file), 0),
            absent=is_absent(one, silence_ms, now),
            asked_at=one.asked_at,
            until=one.until,
            denied_by=one.denied_by,
            denied_why=one.denied_why,
            denied_at=one.denied_at,
        )
        for one in requests
        for file, (path, _) in one.files.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.path, row.number)))


def _span(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    if minutes < 1:
        return f"{max(0, milliseconds) // 1000} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours
