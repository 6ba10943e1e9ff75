"""Whether a recorded history of locks with leases could have happened one after the other (N5; L5-L9, L11, L12).

Each file is an object of its own: who has its lock under which token, and what the file holds. A call that tells of
several files is an operation on each of them, which demands less than that they happened at one instant. One whose
outcome nobody was told may have happened or not, but not after the next kill of the server: no process is left that
could do it.

Time is the server's, of which a client knows an interval only: its own clock, and which moves of the server's clock
had surely or possibly happened. Of leases, two bounds are kept: until when a lock surely stood, from what the server
answered; and how long it may have stood, counting each call of its workspace as a sign of life that may have been
written down or not. All doubts are in the server's favour: a lock may be taken by others from the first bound on, and
may be refused to them up to the second, both widened by `MARGIN_MS`. What is found is therefore a violation; a lease
that is too long or too short by less than those bounds is not found.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from tests.faults.history import NEVER, Peaks, Stuck, stuck

TTL_MS = 12 * 3_600_000
"""A lease where no rule says otherwise (L8)."""
LIMIT_MS = 14 * 24 * 3_600_000
"""What no renewal leads past (L8)."""
MARGIN_MS = 2_000.0
"""What the server's clock and ours may be apart."""


@dataclass(frozen=True, slots=True)
class Act:
    """What one call meant for one file.

    `have` is the content that the client thought to be the newest, `presented` the token that it showed. Answered:
    `token`, `holder` (who has the lock now), `value` (content), `lease` and `since` of the lock in ms; `kept`: the lock
    outlives the commit. `force` is the right to break; `early` and `late` the server's time of start and end.
    """

    client: str
    verb: str
    path: str
    code: str | None = ""
    have: str = ""
    presented: int = 0
    token: int = 0
    holder: str = ""
    value: str = ""
    lease: float = 0.0
    since: float = 0.0
    kept: bool = False
    force: bool = False
    start: float = 0.0
    end: float = NEVER
    early: float = 0.0
    late: float = NEVER

    @property
    def known(self) -> bool:
        """Whether its outcome was told."""
        return self.code is not None


@dataclass(frozen=True, slots=True)
class Row:
    """A file: who holds its lock, with which token (0: nobody was told), the highest token yet, and its content.

    `lease` is until when the lock surely stood, `longest` how long it may stand without a sign of life, `since` the
    earliest time at which it was taken.
    """

    holder: str = ""
    token: int = 0
    highest: int = 0
    value: str = ""
    lease: float = 0.0
    longest: float = 0.0
    since: float = 0.0


def user_of(client: str) -> str:
    """Whose workspace it is: 'u7/a' is u7's."""
    return client.partition("/")[0]


class Calls:
    """When the workspaces called: until when each may have given a sign of life, as the server counts time."""

    def __init__(self, calls: Iterable[tuple[str, float, float, float]]) -> None:
        """Client, start, end and the server's latest time of each call."""
        by_client: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        for client, start, end, late in calls:
            by_client[client].append((start, end, late))
        self._starts: dict[str, list[float]] = {}
        self._lates: dict[str, list[float]] = {}
        for client, some in by_client.items():
            some.sort()
            self._starts[client] = [start for start, _, _ in some]
            self._lates[client] = list(accumulate((late for _, _, late in some), max))

    def latest(self, client: str, end: float, late: float) -> float:
        """The latest sign of life of `client` that an act may know of which ended at `end`, at the server's `late`."""
        place = bisect_right(self._starts.get(client, []), end)
        return min(self._lates[client][place - 1], late) if place else 0.0


class Times:
    """The server's time, from the clock of all clients: both go on alike, save for when the server's is moved."""

    def __init__(self, offset_ms: float, moves: Sequence[tuple[float, float, float]]) -> None:
        """`moves` are start, end and how far forward in ms, in their order."""
        self._offset = offset_ms
        self._starts = [start for start, _, _ in moves]
        self._ends = [end for _, end, _ in moves]
        self._sums = [0.0, *accumulate(far for _, _, far in moves)]

    def early(self, moment: float) -> float:
        """The server's time at `moment`, at the earliest."""
        return moment * 1000 + self._offset + self._sums[bisect_right(self._ends, moment)]

    def late(self, moment: float) -> float:
        """The server's time at `moment`, at the latest."""
        return moment * 1000 + self._offset + self._sums[bisect_left(self._starts, moment)]


class Locks:
    """The rules of one file's lock."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def step(self, row: Row, act: Act) -> Iterable[Row]:  # noqa: PLR0911 - an answer each
        """The states that `act` may lead to from `row`; none when it cannot have been answered so."""
        if act.code is None:
            return self._unknown(row, act)
        if act.code:
            return (row,) if self._refused(row, act) else ()
        match act.verb:
            case "lock" | "steal":
                return self._taken(row, act)
            case "unlock" | "break":
                told = row.token in {0, act.token} and act.token >= row.highest
                return (_free(row, act.token),) if told and self._may_end(row, act) else ()
            case "commit":
                fits = _presents(row, act) and row.value == act.have
                return (_committed(row, act),) if fits else ()
            case "give":
                mine = row.holder and user_of(row.holder) == user_of(act.client) and act.holder != row.holder
                return (_new(row, act, act.holder),) if mine and act.token > row.highest else ()
            case "seen":
                return _told(row, act)
            case "lacks":
                return (row,) if row.holder != act.client else ()
            case "read":
                return (row,) if row.value == act.value else ()
        raise ValueError(act.verb)

    def _taken(self, row: Row, act: Act) -> Iterable[Row]:
        if row.value != act.have:
            return ()  # L5
        found = []
        if row.holder == act.client and row.token in {0, act.token} and act.token >= row.highest:
            renewed = replace(row, token=act.token, highest=act.token)
            found.append(replace(renewed, lease=max(row.lease, act.lease), longest=max(row.longest, act.lease)))
        if self._may_take(row, act) and act.token > row.highest:
            found.append(_new(row, act, act.client))
        return found

    def _may_take(self, row: Row, act: Act) -> bool:
        """Whether a new lock may begin: none stands, or one that makes way (L8, L9)."""
        if not row.holder or (row.holder != act.client and self._may_be_over(row, act)):
            return True
        if row.holder == act.client:
            return row.since + LIMIT_MS <= act.late + MARGIN_MS
        return act.verb == "steal" and (act.force or user_of(row.holder) == user_of(act.client))

    def _may_end(self, row: Row, act: Act) -> bool:
        """Whether a lock may be given up by its user (L7), or broken by right or because it has expired (L9)."""
        if not row.holder:
            return False
        forced = act.verb == "break" and (act.force or self._may_be_over(row, act))
        return forced or user_of(row.holder) == user_of(act.client)

    def _refused(self, row: Row, act: Act) -> bool:
        """Whether the refusal is true; those that tell nothing of the lock are."""
        theirs = bool(row.holder) and user_of(row.holder) != user_of(act.client)
        match act.verb, act.code:
            case "lock", "LOCK_HELD":
                return bool(row.holder) and row.holder != act.client and self._may_stand(row, act)
            case (("steal" | "break"), "DENIED"):
                return theirs and not act.force and self._may_stand(row, act)
            case (("lock" | "steal"), "STALE_BASE"):
                return row.value != act.have
            case (("unlock" | "give"), "LOCK_HELD"):
                return theirs
            case (("unlock" | "break"), "NOT_FOUND"):
                return not row.holder
            case "commit", "LOCK_LOST":
                return not _presents(row, act)
            case "commit", "HEAD_MOVED":
                return _presents(row, act) and row.value != act.have
        return (act.verb, act.code) in SILENT

    def _may_be_over(self, row: Row, act: Act) -> bool:
        return row.lease <= act.late + MARGIN_MS

    def _may_stand(self, row: Row, act: Act) -> bool:
        heard = self._calls.latest(row.holder, act.end, act.late)
        return max(row.longest, heard + TTL_MS) > act.early - MARGIN_MS

    def _unknown(self, row: Row, act: Act) -> Iterable[Row]:
        match act.verb:
            case "lock" | "steal" if row.value == act.have and self._may_take(row, act):
                return (_perhaps(row, act, act.client),)
            case "unlock" | "break" if self._may_end(row, act):
                return (_free(row, 0),)
            case "commit" if _presents(row, act) and row.value == act.have:
                return (_committed(row, act),)
            case "give" if row.holder and user_of(row.holder) == user_of(act.client):
                return tuple(_perhaps(row, act, one) for one in act.holder.split() if one != row.holder)
        return ()


SILENT = frozenset({("give", "NOT_FOUND"), ("give", "DENIED")})
"""Refusals that say nothing about the lock: nobody asked for it."""


def _presents(row: Row, act: Act) -> bool:
    """Whether the committing workspace shows the token of its own lock (L12); expired or not, while nobody took it."""
    return row.holder == act.client and row.token in {0, act.presented} and act.presented >= row.highest


def _committed(row: Row, act: Act) -> Row:
    after = replace(row, value=act.value, token=act.presented, highest=act.presented)
    return after if act.kept else _free(after, 0)


def _free(row: Row, token: int) -> Row:
    return Row(highest=max(row.highest, token), value=row.value)


def _new(row: Row, act: Act, holder: str) -> Row:
    return Row(holder, act.token, act.token, row.value, act.lease, act.lease, act.since)


def _perhaps(row: Row, act: Act, holder: str) -> Row:
    """A lock that nobody was told of: under a token that is not known, with a lease within bounds."""
    return Row(holder, 0, row.highest, row.value, act.early + TTL_MS, act.late + TTL_MS, act.early)


def _told(row: Row, act: Act) -> Iterable[Row]:
    """Somebody was told who has the lock, under which token and until when."""
    if row.holder != act.holder:
        return ()
    if not row.holder:
        return (row,)
    if row.token not in {0, act.token} or act.token < row.highest:
        return ()
    lease = max(row.lease, act.lease)
    return (replace(row, token=act.token, highest=act.token, lease=lease, longest=max(row.longest, lease)),)


def lock_faults(acts: Iterable[Act], calls: Calls, contents: Mapping[str, str]) -> list[str]:
    """The files whose acts could not have happened one after the other; `contents` is what they held at first."""
    by_path: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        by_path[act.path].append(act)
    rules, found = Locks(calls), []
    for path, some in sorted(by_path.items()):
        where = stuck(some, Row(value=contents.get(path, "")), rules.step)
        if where is not None:
            found.append(_described(path, len(some), where))
    return found


def _described(path: str, count: int, where: Stuck[Row, Act]) -> str:
    lines = [f"'{path}': no order of its {count} acts agrees with what was answered; {where.done} of them up to"]
    lines += [f"  {where.state}", "after which none of these may come:", *(f"  {act}" for act in where.waiting)]
    return "\n".join(lines)


def token_faults(acts: Iterable[Act]) -> list[str]:
    """Fencing tokens of a repository grow (L1, N5): none is given twice, and none after a higher one was told of.

    A lock was not given before the server's time that stands in it as its beginning.
    """
    owners: dict[int, tuple[str, str]] = {}
    begun: dict[int, float] = {}
    told: dict[int, float] = {}
    found = []
    for act in acts:
        if act.code or not act.known or not act.token or act.verb not in TELLING:
            continue
        owner = (act.holder or act.client, act.path)
        if owners.setdefault(act.token, owner) != owner:
            found.append(f"token {act.token} is that of {owners[act.token]} and of {owner}")
        begun[act.token] = act.since
        told[act.token] = min(told.get(act.token, NEVER), act.late)
    peaks = Peaks((moment, token) for token, moment in told.items())
    for token, since in begun.items():
        if (higher := peaks.before(since - SLACK_MS)) > token:
            found.append(f"token {token} was given to {owners[token]} after token {higher} was told of")
    return found


TELLING = frozenset({"lock", "steal", "give", "seen"})
SLACK_MS = 100.0
"""What the clocks of server and clients may come to differ by where no lease is concerned."""
