"""L10: whatever people do, a free lock goes to the first who can take all that they wait for, and nobody jumps.

Of files and of folders with all below; nobody starves, and no two wait for each other for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.errors import LockHeld
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_server.domain.lock_order import ahead_of, check_circle, check_turn, claims, listed, overtaken, rightful
from mlv_server.domain.lock_queue import Request, Resource, in_line

SILENCE = 60
FILES = {FileId(1): "a/1", FileId(2): "a/x/2", FileId(3): "b/3", FileId(4): "f4"}
FOLDERS = ("a", "a/x", "b")
PATHS: dict[Resource, str] = dict([*FILES.items(), *zip(FOLDERS, FOLDERS, strict=True)])
WORKSPACES = tuple(WorkspaceId(f"w{number}") for number in range(5))
workspaces = st.sampled_from(WORKSPACES)
some_files = st.frozensets(st.sampled_from(sorted(FILES)), min_size=1, max_size=3)
some_folders = st.frozensets(st.sampled_from(FOLDERS), min_size=1, max_size=2).filter(
    lambda found: found != {"a", "a/x"}
)
wishes = st.one_of(some_files, some_folders)
ROUNDS = 60
"""More than there can be requests and locks together: by then everybody has had a turn."""


def same(one: Resource, other: Resource) -> bool:
    """Whether two cannot be locked by two, told naively."""
    if one == other:
        return True
    inside = PATHS[one].startswith(f"{other}/") if isinstance(other, str) else False
    return inside or (PATHS[other].startswith(f"{one}/") if isinstance(one, str) else False)


def meet(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    known = list(others)
    return any(same(one, other) for one in some for other in known)


def request(number: int, workspace: WorkspaceId, wanted: Iterable[Resource], now: int, behind: int) -> Request:
    files = {one: (FILES[one], 0) for one in wanted if not isinstance(one, str)}
    return Request(
        number=number,
        user=f"user of {workspace}",
        owner_id=1,
        workspace=workspace,
        host="h",
        branch="main",
        reason="",
        waits=True,
        files=files,
        bases=dict.fromkeys(files, ChangesetNumber(1)),
        asked_at=now,
        seen=now,
        until=now + 100_000,
        counted_from=now,
        folders={one: ChangesetNumber(1) for one in wanted if isinstance(one, str)},
        behind=behind,
    )


def lock(on: Resource, workspace: WorkspaceId, token: int) -> Lock:
    return Lock(
        file_id=FileId(0) if isinstance(on, str) else on,
        path=PATHS[on],
        owner=f"user of {workspace}",
        workspace=workspace,
        host="h",
        mode=LockMode.EXCLUSIVE,
        scope=LockScope.LINE,
        branch="main",
        base=ChangesetNumber(1),
        reason="",
        acquired_at=0,
        lease_until=None,
        token=FencingToken(token),
        tree=isinstance(on, str),
    )


class QueueMachine(RuleBasedStateMachine):
    """The model: the requests in the order of coming, and who holds what under which token."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.number = 0
        self.token = 0
        self.requests: list[Request] = []
        self.gone: set[WorkspaceId] = set()
        self.held: dict[Resource, tuple[WorkspaceId, int]] = {}

    @rule(workspace=workspaces, wanted=wishes)
    def join(self, workspace: WorkspaceId, wanted: frozenset[Resource]) -> None:
        known = any(one.workspace == workspace and one.resources().keys() == wanted for one in self.requests)
        if workspace in self.gone or known:
            return
        self.number += 1
        self.requests.append(request(self.number, workspace, wanted, self.now, self.token))
        self.ask(self.requests[-1])

    @rule(workspace=workspaces)
    def vanish(self, workspace: WorkspaceId) -> None:
        """Silent from now on; the others say something before the silence counts."""
        self.gone.add(workspace)
        self.now += SILENCE + 1
        self.heard(workspace for workspace in WORKSPACES if workspace not in self.gone)

    @rule(workspace=workspaces)
    def come_back(self, workspace: WorkspaceId) -> None:
        """A place is kept for who comes back in time."""
        self.gone.discard(workspace)
        self.heard((workspace,))

    @rule(workspace=workspaces)
    def leave(self, workspace: WorkspaceId) -> None:
        self.requests = [one for one in self.requests if one.workspace != workspace]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        del self.held[data.draw(st.sampled_from(sorted(self.held, key=str)))]

    @rule(workspace=workspaces, wanted=wishes)
    def take(self, workspace: WorkspaceId, wanted: frozenset[Resource]) -> None:
        """Somebody asks for locks: with a place in the queue or without."""
        new = [one for one in wanted if one not in self.held or self.held[one][0] != workspace]
        if self.others(workspace, wanted) or not new:
            return
        first = [one for one in new if self.goes_first(workspace, one)]
        try:
            check_turn(self.line(), self.barrier, workspace, {one: PATHS[one] for one in new}, self.now)
        except LockHeld as refused:
            told = len(refused.items)
        else:
            told = 0
        assert told == len(first)
        if told:
            return
        self.taken(workspace, new)

    def taken(self, workspace: WorkspaceId, new: Iterable[Resource]) -> None:
        """Write what a workspace took, and what that means for the queue."""
        new = list(new)
        behind = {one.number for one in overtaken(self.requests, workspace, {one: PATHS[one] for one in new})}
        assert behind == {
            one.number
            for one in self.requests
            for mine in self.requests
            if one.workspace != workspace == mine.workspace
            and any(self.covers(mine, on) and mine.number < one.number and meet([on], one.resources()) for on in new)
        }
        self.held.update({one: (workspace, self.token + place) for place, one in enumerate(new, start=1)})
        self.token += len(new)
        self.requests = [replace(one, behind=self.token) if one.number in behind else one for one in self.requests]
        had = [on for on, (holder, _) in self.held.items() if holder == workspace]
        self.requests = [
            one
            for one in self.requests
            if one.workspace != workspace or not all(self.within(wanted, had) for wanted in one.resources())
        ]

    @invariant()
    def the_claims_are_those_of_the_model(self) -> None:
        found = {claim.request.number: claim.holders for claim in claims(self.line(), self.barrier)}
        assert found == {one.number: self.holders(one) for one in self.line() if self.claims(one)}

    @invariant()
    def who_is_next_may_take_all_and_no_two_who_are_want_the_same(self) -> None:
        turns = rightful(self.line(), self.barrier)
        for place, one in enumerate(turns):
            assert not self.others(one.workspace, one.resources())
            assert not any(meet(one.resources(), other.resources()) for other in turns[place + 1 :])

    @invariant()
    def the_first_of_a_line_is_kept_by_locks_alone(self) -> None:
        line = self.line()
        if line and not self.others(line[0].workspace, line[0].resources()):
            assert line[0] in rightful(line, self.barrier)

    @invariant()
    def who_waits_holds_nothing_while_older_locks_are_in_its_way(self) -> None:
        """L6: only what came later than a request can make others wait for it."""
        for claim in claims(self.line(), self.barrier):
            one = claim.request
            assert all(self.held[on][1] > one.behind for on in self.others(one.workspace, one.resources()))

    @invariant()
    def places_only_move_up(self) -> None:
        line = self.line()
        shown = {(row.number, row.path): row.place for row in listed(self.requests, SILENCE, self.now)}
        for one in line:
            earlier = [other for other in line if other.number < one.number]
            near = [other for other in earlier if meet(one.resources(), other.resources())]
            assert ahead_of(line, one.number) == len(near)
            for wanted, path in one.resources().items():
                assert shown[one.number, path] == 1 + sum(meet([wanted], other.resources()) for other in near)

    def teardown(self) -> None:
        """Once nobody new comes, everybody has a turn: none starves, and none waits for who waits for them."""
        self.gone.clear()
        self.heard(WORKSPACES)
        for _ in range(ROUNDS):
            waiting = {one.workspace for one in self.requests}
            self.held = {on: held for on, held in self.held.items() if held[0] in waiting}
            for one in list(self.requests):
                self.ask(one)
            for one in rightful(self.line(), self.barrier):
                self.taken(
                    one.workspace, [on for on in one.resources() if self.held.get(on, ("",))[0] != one.workspace]
                )
                self.requests = [other for other in self.requests if other.number != one.number]
                break
        assert self.requests == []

    def ask(self, one: Request) -> None:
        """A sign of life of who waits; who would close a circle is sent away."""
        try:
            check_circle(one, self.line(), self.barrier)
        except LockHeld:
            assert self.waits_for_itself(one)
            self.requests = [other for other in self.requests if other.number != one.number]

    def heard(self, alive: Iterable[WorkspaceId]) -> None:
        known = set(alive)
        self.requests = [replace(one, seen=self.now) if one.workspace in known else one for one in self.requests]

    def line(self) -> list[Request]:
        return in_line(self.requests, SILENCE, self.now)

    def barrier(self, one: Request) -> list[Lock]:
        return [lock(on, *self.held[on]) for on in self.others(one.workspace, one.resources())]

    def others(self, workspace: WorkspaceId, wanted: Iterable[Resource]) -> list[Resource]:
        """What others hold of it."""
        known = list(wanted)
        return [on for on, (holder, _) in self.held.items() if holder != workspace and meet([on], known)]

    def holders(self, one: Request) -> frozenset[WorkspaceId]:
        return frozenset(self.held[on][0] for on in self.others(one.workspace, one.resources()))

    def claims(self, one: Request) -> bool:
        """By the rules: only overtaken, and no earlier one with a claim on the same whom it does not keep waiting."""
        if any(self.held[on][1] <= one.behind for on in self.others(one.workspace, one.resources())):
            return False
        return all(
            one.workspace in self.holders(other)
            for other in self.line()
            if other.number < one.number and meet(one.resources(), other.resources()) and self.claims(other)
        )

    def covers(self, one: Request, wanted: Resource) -> bool:
        return self.within(wanted, one.resources())

    def within(self, wanted: Resource, some: Iterable[Resource]) -> bool:
        return any(
            wanted == other or (isinstance(other, str) and PATHS[wanted].startswith(f"{other}/")) for other in some
        )

    def goes_first(self, workspace: WorkspaceId, wanted: Resource) -> bool:
        """Whether it is kept for another, who was there before the workspace."""
        for one in self.line():
            if one.workspace == workspace and self.covers(one, wanted):
                return False
            kept = one.workspace != workspace and meet([wanted], one.resources()) and self.claims(one)
            if kept and workspace not in self.holders(one):
                return True
        return False

    def waits_for_itself(self, one: Request) -> bool:
        """Whether a chain of those who wait for each other leads back to the workspace, told generously."""
        reached: set[WorkspaceId] = set()
        ways = [one]
        while ways:
            way = ways.pop()
            ahead = (other for other in self.line() if meet(way.resources(), other.resources()))
            new = (self.holders(way) | {other.workspace for other in ahead}) - {way.workspace} - reached
            reached |= new
            ways.extend(other for other in self.line() if other.workspace in new)
        return one.workspace in reached


TestQueue = QueueMachine.TestCase
