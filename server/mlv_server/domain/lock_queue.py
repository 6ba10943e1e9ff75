"""Those who wait for locks and those who only ask (L10): who counts, for how long, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.errors import LimitExceeded, LockDenied
from mlv_core.ids import ChangesetNumber, FileId, WorkspaceId, escape
from mlv_core.paths import show_path

QUEUE_LIMIT = 100
"""Requests for one file or folder: whoever stands behind a hundred others does not wait for it, but for a decision."""
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
Resource = FileId | str
"""What is locked or waited for: a file by its id, or a folder, with all that is below or is to come, by its path."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one workspace asked for, all of it or nothing; lower numbers came first.

    `files` has the path and the fencing token of the lock at the time of asking (0: it was free) by file, `bases` the
    changeset at which the workspace has each; `folders` has both for folders that were asked for, which are in no file.
    `seen` is its last sign of life, `counted_from` the time from which the silence of a holder counts against him: he
    had to be asked first, and the server to run. `behind` is the highest fencing token of what went before it: of the
    locks that there were when it asked, and of those that somebody ahead of it in the queue has taken since.
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
    folders: Mapping[str, ChangesetNumber] = field(default_factory=dict)
    behind: int = 0

    def resources(self) -> dict[Resource, str]:
        """All that was asked for, with the path of each."""
        return {**{file: path for file, (path, _) in self.files.items()}, **{path: path for path in self.folders}}

    def paths(self) -> tuple[str, ...]:
        """The paths of all that was asked for."""
        return (*(path for path, _ in self.files.values()), *self.folders)


def in_line(requests: Iterable[Request], silence_ms: int, now: int) -> list[Request]:
    """Those who wait and count at `now` (ms), first come first: not denied, in time, heard within `silence_ms`."""
    return sorted(
        (one for one in requests if one.waits and one.denied_at is None and not is_absent(one, silence_ms, now)),
        key=lambda one: one.number,
    )


def is_absent(request: Request, silence_ms: int, now: int) -> bool:
    """Whether who waits gave no sign of life for so long that others go first, or has come to the end of its time."""
    return request.waits and (request.until <= now or now - request.seen > silence_ms)


def may_take_from_silent(request: Request, last_contact: int, grant_after_ms: int | None, now: int) -> bool:
    """Whether who waits may take a lock whose holder has been silent, by policy, for long enough after being asked."""
    if grant_after_ms is None:
        return False
    return now - max(last_contact + UNWRITTEN_MS, request.counted_from) >= grant_after_ms


def same(
    requests: Iterable[Request], workspace: WorkspaceId, wanted: Iterable[Resource], *, waits: bool
) -> Request | None:
    """What the workspace has asked for already in the same way: exactly these files, or these folders."""
    asked = frozenset(wanted)
    for one in requests:
        if (one.workspace, one.waits) == (workspace, waits) and one.resources().keys() == asked:
            return one
    return None


def asked_before(requests: Iterable[Request], new: Request) -> tuple[Request, ...]:
    """What the workspace of `new` has only asked for until now, of that alone which it waits for with it."""
    wanted = new.resources().keys()
    return tuple(
        one
        for one in requests
        if one.workspace == new.workspace
        and not one.waits
        and one.denied_at is None
        and one.branch == new.branch
        and one.resources().keys() <= wanted
    )


def check_room(requests: Iterable[Request], new: Request) -> None:
    """Check that one more request may be kept. Raises: LimitExceeded."""
    wanted = new.resources()
    crowd = dict.fromkeys(wanted, 0)
    mine = 0
    for one in requests:
        mine += one.workspace == new.workspace
        for known in one.resources():
            if known in crowd:
                crowd[known] += 1
    if mine >= WORKSPACE_LIMIT:
        raise LimitExceeded(
            f"This workspace has asked {mine} times; {WORKSPACE_LIMIT} are allowed.",
            advice="'mlv unlock --request PATH' takes one back.",
        )
    full = [wanted[known] for known, number in crowd.items() if number >= QUEUE_LIMIT]
    if full:
        raise LimitExceeded(
            f"{QUEUE_LIMIT} others have asked for '{show_path(full[0])}' already.",
            advice="Talk to the holder: 'mlv locks' shows who it is.",
            items=tuple(show_path(path) for path in full),
        )


def refuse_denied(request: Request) -> LockDenied:
    """What who waits is told when the holder said no."""
    paths = tuple(sorted(show_path(path) for path in request.paths()))
    shown = f"'{paths[0]}'" if len(paths) == 1 else f"{len(paths)} {'folders' if request.folders else 'files'}"
    why = f": {escape(request.denied_why)}" if request.denied_why else "."
    return LockDenied(f"{escape(request.denied_by)} denied you the lock of {shown}{why}", items=paths)


def is_moot(request: Request, tokens: Iterable[int], now: int) -> bool:
    """Whether a request says nothing any more: it is over, or none of the locks that it asked for still stands.

    `tokens` are those of the locks on its files, and in the way of its folders: a folder was asked for of whoever held
    something of it then.
    """
    if request.denied_at is not None and now - request.denied_at >= DENIED_MS:
        return True
    if request.until <= now:
        return True
    if request.folders:
        return not request.waits and all(token > request.behind for token in tokens)
    asked = {token for _, token in request.files.values()}
    return not request.waits and asked.isdisjoint(tokens)
