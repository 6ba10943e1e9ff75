"""L10: whatever people do, a free lock goes to the first who can take all that they wait for, and nobody jumps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mlv_core.errors import LockHeld
from mlv_core.ids import ChangesetNumber, FileId, WorkspaceId
from mlv_server.domain.lock_queue import Request, ahead_of, check_turn, in_line, rightful

SILENCE = 60
FILES = {FileId(number): f"f{number}" for number in range(1, 5)}
WORKSPACES = tuple(WorkspaceId(f"w{number}") for number in range(5))
workspaces = st.sampled_from(WORKSPACES)
some_files = st.frozensets(st.sampled_from(sorted(FILES)), min_size=1, max_size=3)


class QueueMachine(RuleBasedStateMachine):
    """The model: a plain list of (workspace, files) in the order of coming, and who holds which file."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.number = 0
        self.requests: list[Request] = []
        self.model: list[tuple[WorkspaceId, frozenset[FileId]]] = []
        self.gone: set[WorkspaceId] = set()
        self.held: dict[FileId, WorkspaceId] = {}

    @rule(workspace=workspaces, files=some_files)
    def join(self, workspace: WorkspaceId, files: frozenset[FileId]) -> None:
        if workspace in self.gone or (workspace, files) in self.model:
            return
        self.number += 1
        self.model.append((workspace, files))
        self.requests.append(
            Request(
                number=self.number,
                user=f"user of {workspace}",
                owner_id=1,
                workspace=workspace,
                host="h",
                branch="main",
                reason="",
                waits=True,
                files={file: (FILES[file], 0) for file in files},
                bases={file: ChangesetNumber(1) for file in files},
                asked_at=self.now,
                seen=self.now,
                until=self.now + 100_000,
                counted_from=self.now,
            )
        )

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
        self.model = [one for one in self.model if one[0] != workspace]
        self.requests = [one for one in self.requests if one.workspace != workspace]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        del self.held[data.draw(st.sampled_from(sorted(self.held)))]

    @rule(workspace=workspaces, files=some_files)
    def take(self, workspace: WorkspaceId, files: frozenset[FileId]) -> None:
        """Somebody asks for locks: with a place in the queue or without."""
        if any(self.held.get(file, workspace) != workspace for file in files):
            return
        may = not any(self.goes_first(workspace, file) for file in files)
        try:
            check_turn(self.line(), self.blocked, workspace, {file: FILES[file] for file in files}, self.now)
        except LockHeld as refused:
            named = len(refused.items)
            assert not may
            assert named == sum(self.goes_first(workspace, file) for file in files)
            return
        assert may
        self.held.update(dict.fromkeys(files, workspace))
        self.model = [one for one in self.model if one[0] != workspace or not one[1] <= files]
        self.requests = [one for one in self.requests if one.workspace != workspace or not one.files.keys() <= files]

    @invariant()
    def the_rightful_are_those_of_the_model(self) -> None:
        found = [(one.workspace, frozenset(one.files)) for one in rightful(self.line(), self.blocked)]
        assert found == [self.model[place] for place in range(len(self.model)) if self.may(place)]

    @invariant()
    def whoever_could_go_is_kept_only_by_somebody_who_may(self) -> None:
        """No free file is kept for nobody, and two who may never want the same."""
        turns = rightful(self.line(), self.blocked)
        wanted = [file for one in turns for file in one.files]
        assert len(wanted) == len(set(wanted))
        for one in self.line():
            if not self.blocked(one) and one not in turns:
                shared = [other for other in turns if not one.files.keys().isdisjoint(other.files)]
                assert any(other.number < one.number for other in shared)

    @invariant()
    def places_only_move_up(self) -> None:
        line = self.line()
        for one in line:
            earlier = [other for other in line if other.number < one.number and other.files.keys() & one.files.keys()]
            assert ahead_of(line, one.number) == len(earlier)

    def heard(self, alive: Iterable[WorkspaceId]) -> None:
        known = set(alive)
        self.requests = [replace(one, seen=self.now) if one.workspace in known else one for one in self.requests]

    def line(self) -> list[Request]:
        return in_line(self.requests, SILENCE, self.now)

    def blocked(self, request: Request) -> bool:
        return any(self.held.get(file, request.workspace) != request.workspace for file in request.files)

    def may(self, place: int) -> bool:
        """By the definition: present, unblocked, and no earlier one who may wants one of the files."""
        workspace, files = self.model[place]
        if workspace in self.gone or any(self.held.get(file, workspace) != workspace for file in files):
            return False
        return not any(self.may(before) and self.model[before][1] & files for before in range(place))

    def goes_first(self, workspace: WorkspaceId, file: FileId) -> bool:
        """Whether another may take the file and was there before the workspace."""
        for place, (other, files) in enumerate(self.model):
            if file in files and other == workspace and workspace not in self.gone:
                return False
            if file in files and other != workspace and self.may(place):
                return True
        return False


TestQueue = QueueMachine.TestCase
