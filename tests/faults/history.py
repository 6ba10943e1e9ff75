"""Whether a recorded history of concurrent operations could have happened one after the other.

The search is that of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (JPDC 17, 1993), with the memory
of visited configurations of G. Lowe, "Testing for Linearizability" (CCPE 29, 2017), as Knossos and Porcupine use it.
Keys are checked one by one: linearizability is local (Herlihy and Wing, TOPLAS 12, 1990).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

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


Step = Callable[[S, Operation], Iterable[S]]
"""The states that an operation may lead to from a state, given what it answered; none when it cannot have been so."""


def linearize(operations: Sequence[Operation], initial: S, step: Step[S]) -> bool:
    """Whether there is an order of `operations` that agrees with their times and with `step` from `initial` on."""
    ordered = sorted(operations, key=lambda one: one.start)
    every_known = sum(1 << place for place, one in enumerate(ordered) if one.known)
    seen: set[tuple[int, S]] = set()
    waiting = [(0, initial)]
    while waiting:
        done, state = waiting.pop()
        if done & every_known == every_known:
            return True
        # What ended first must come before all that started after it.
        first_end = min(one.end for place, one in enumerate(ordered) if one.known and not done >> place & 1)
        for place, one in enumerate(ordered):
            if one.start > first_end:
                break
            if done >> place & 1:
                continue
            for after in step(state, one):
                found = (done | 1 << place, after)
                if found not in seen:
                    seen.add(found)
                    waiting.append(found)
    return False


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
        case (("unlock" | "break"), "NOT_FOUND"):
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
    for number, one in told:
        found += [
            f"@{number} began after @{later} had ended" for later, two in told if later > number and two.end < one.start
        ]
    for one in some:
        if one.verb == "head" and one.code == "":
            least = max((number for number, two in told if two.end < one.start), default=0)
            most = max(
                (numbers[two.argument] for two in commits if two.argument in numbers and two.start < one.end), default=0
            )
            if not least <= int(one.result) <= most:
                found.append(f"{one.client} read the head @{one.result}, which lay between @{least} and @{most}")
    return found
