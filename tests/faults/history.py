"""Whether a recorded history of concurrent operations could have happened one after the other.

The search is that of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (JPDC 17, 1993), with the memory
of visited configurations of G. Lowe, "Testing for Linearizability" (CCPE 29, 2017), as Knossos and Porcupine use it.
Keys are checked one by one: linearizability is local (Herlihy and Wing, TOPLAS 12, 1990).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)

NEVER = float("inf")
"""The end of an operation whose outcome nobody was told: it may take effect at any time from its start on, or never."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that `client` asked for about `key`; `code` '' for success, None when the outcome is unknown.

    `argument` is what was asked, `result` what was answered. Times are seconds of one clock that all share.
    """

    client: str
    verb: str
    key: str
    argument: str = ""
    result: str = ""
    code: str | None = ""
    start: float = 0.0
    end: float = NEVER

    @property
    def known(self) -> bool:
        """Whether its outcome was told."""
        return self.code is not None


@dataclass(frozen=True, slots=True)
class Held:
    """A path: who holds its lock with which token (0: not known which), the highest token yet, its content."""

    holder: str = ""
    token: int = 0
    highest: int = 0
    value: str = ""


class Timed(Protocol):
    """An operation as the search sees it: from when to when it lasted, and whether its outcome was told."""

    @property
    def start(self) -> float:
        """When it was asked for."""

    @property
    def end(self) -> float:
        """When it was answered; of an unknown one, from when on it can have no effect any more."""

    @property
    def known(self) -> bool:
        """Whether its outcome was told."""


T = TypeVar("T", bound=Timed)
Step = Callable[[S, T], Iterable[S]]
"""The states that an operation may lead to from a state, given what it answered; none when it cannot have been so."""


@dataclass(frozen=True, slots=True)
class Stuck(Generic[S, T]):
    """How far an order could be found: so many operations, the state then, and those of which one had to be next."""

    done: int
    state: S
    waiting: tuple[T, ...]


def linearize(operations: Sequence[T], initial: S, step: Step[S, T]) -> bool:
    """Whether there is an order of `operations` that agrees with their times and with `step` from `initial` on."""
    return stuck(operations, initial, step) is None


def stuck(operations: Iterable[T], initial: S, step: Step[S, T]) -> Stuck[S, T] | None:
    """None where there is an order of `operations`; else where the longest beginning of one ends.

    A configuration is the place of the first operation that has no place in the order yet, a mask of those after it
    that have one, and the state. A known operation that changes nothing is placed as soon as it may be: it stands in
    nobody's way. One whose outcome is unknown may never have happened, which is assumed only where it ends first.
    """
    ordered = sorted(operations, key=lambda one: one.start)
    seen: set[tuple[int, int, S]] = set()
    waiting = [(0, 0, initial)]
    furthest: Stuck[S, T] | None = None
    while waiting:
        low, mask, state = waiting.pop()
        places, limit, whole = _next(ordered, low, mask)
        if whole and not any(ordered[place].known for place in places):
            return None
        done = low + mask.bit_count()
        if furthest is None or done > furthest.done:
            furthest = Stuck(done, state, tuple(ordered[place] for place in places))
        for place, after in reversed(_moves(ordered, places, limit, state, step)):
            bits, first = mask | 1 << place - low, low
            while bits & 1:
                bits, first = bits >> 1, first + 1
            found = (first, bits, after)
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return furthest


def _next(ordered: Sequence[Timed], low: int, mask: int) -> tuple[list[int], float, bool]:
    """The places of those that may be next, the earliest of their ends, and whether no others are left."""
    places, limit = [], NEVER
    for place in range(low, len(ordered)):
        if mask >> place - low & 1:
            continue
        # What ended first must come before all that started after it.
        if ordered[place].start > limit:
            return places, limit, False
        limit = min(limit, ordered[place].end)
        places.append(place)
    return places, limit, True


def _moves(
    ordered: Sequence[T], places: Sequence[int], limit: float, state: S, step: Step[S, T]
) -> list[tuple[int, S]]:
    """Which operation may be next, with the state after it; those that end first before the others."""
    moves: list[tuple[int, S]] = []
    for place in sorted(places, key=lambda one: ordered[one].end):
        one = ordered[place]
        states = tuple(step(state, one))
        if one.known and states == (state,):
            return [(place, state)]
        moves += [(place, after) for after in states]
        if not one.known and one.end <= limit < NEVER:
            moves.append((place, state))
    return moves


def lock_step(state: Held, one: Operation) -> Iterable[Held]:  # noqa: PLR0911 - an answer each
    """A path's lock as a register with its holder, and its content, which only the holder changes (L2, L12, N5)."""
    mine = state.holder == one.client
    free = not state.holder
    if one.code is None:
        return _unknown(state, one)
    match one.verb, one.code:
        case "lock", "":
            token = int(one.result)
            if free and token > state.highest:
                return (Held(one.client, token, token, state.value),)
            known = mine and state.token in {0, token} and token >= state.highest
            return (Held(one.client, token, token, state.value),) if known else ()
        case "unlock", "":
            return (Held("", 0, state.highest, state.value),) if mine else ()
        case "break", "":
            return () if free else (Held("", 0, state.highest, state.value),)
        case "commit", "":
            return (Held("", 0, state.highest, one.argument),) if mine else ()
        case "commit keep", "":
            return (Held(state.holder, state.token, state.highest, one.argument),) if mine else ()
        case "lock", "LOCK_HELD":
            return () if free or mine else (state,)
        case "unlock", "LOCK_HELD":
            return () if free or mine else (state,)
        case "unlock", "NOT_FOUND":
            # It goes by the token that the client knows: what came after a lost lock stays, also its own if unheard of.
            return () if mine and state.token else (state,)
        case "break", "NOT_FOUND":
            return (state,) if free else ()
        case "holder", "":
            return (state,) if state.holder == one.result else ()
        case "read", "":
            return (state,) if state.value == one.result else ()
    return (state,)


def _unknown(state: Held, one: Operation) -> Iterable[Held]:
    mine = state.holder == one.client
    match one.verb:
        case "lock":
            return (Held(one.client, 0, state.highest, state.value),) if not state.holder else ()
        case "unlock":
            return (Held("", 0, state.highest, state.value),) if mine else ()
        case "break":
            return (Held("", 0, state.highest, state.value),) if state.holder else ()
        case "commit":
            return (Held("", 0, state.highest, one.argument),) if mine else ()
        case "commit keep":
            return (Held(state.holder, state.token, state.highest, one.argument),) if mine else ()
    return ()


def label_step(state: str, one: Operation) -> Iterable[str]:
    """A label: named once, never moved."""
    match one.verb, one.code:
        case "label", "":
            return () if state else (one.argument,)
        case "label", None:
            return () if state else (one.argument,)
        case "label", "ALREADY_EXISTS":
            return (state,) if state else ()
        case "label of", "":
            return (state,) if state == one.result else ()
    return (state,)


def faults(operations: Iterable[Operation], contents: Mapping[str, str] | None = None) -> list[str]:
    """The keys whose operations could not have happened one after the other; `contents` is what paths held before."""
    by_key: dict[str, list[Operation]] = defaultdict(list)
    for one in operations:
        by_key[one.key].append(one)
    found = []
    for key, some in sorted(by_key.items()):
        whole = (
            linearize(some, "", label_step)
            if key.startswith("label ")
            else linearize(some, Held(value=(contents or {}).get(key, "")), lock_step)
        )
        if not whole:
            found.append(f"'{key}': no order of its {len(some)} operations agrees with what was answered")
    return found


def order_faults(operations: Iterable[Operation], log: Sequence[tuple[int, str]]) -> list[str]:
    """What is wrong with the order of commits: `log` are all changesets of the branch with the contents they brought.

    An acknowledged commit stands in the log once, under the number that was answered; no content stands there twice;
    numbers follow real time; a head that was read lies between what was acknowledged before and what was begun by then.
    """
    some = list(operations)
    numbers = {content: number for number, content in log}
    found = [] if len(numbers) == len(log) else ["a commit landed twice"]
    commits = [one for one in some if one.verb.startswith("commit")]
    told = [(int(one.result), one) for one in commits if one.code == ""]
    for number, one in told:
        if numbers.get(one.argument) != number:
            found.append(f"commit @{number} of {one.client} was acknowledged and is @{numbers.get(one.argument)}")
    asked = {one.argument for one in commits}
    found += [f"@{number} was never asked for" for number, content in log if content not in asked]
    acknowledged = Peaks((one.end, number) for number, one in told)
    begun = Peaks((one.start, numbers[one.argument]) for one in commits if one.argument in numbers)
    for number, one in told:
        if (later := acknowledged.before(one.start)) > number:
            found.append(f"@{number} began after @{later} had ended")
    for one in some:
        if one.verb == "head" and one.code == "":
            least, most = acknowledged.before(one.start), begun.before(one.end)
            if not least <= int(one.result) <= most:
                found.append(f"{one.client} read the head @{one.result}, which lay between @{least} and @{most}")
    return found


class Peaks:
    """Numbers that came at times: which was the highest before a time."""

    def __init__(self, numbers: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(numbers)
        self._times = [moment for moment, _ in ordered]
        self._highest = list(accumulate((number for _, number in ordered), max))

    def before(self, moment: float) -> int:
        """The highest number that came before `moment`; 0 where none did."""
        place = bisect_left(self._times, moment)
        return self._highest[place - 1] if place else 0
