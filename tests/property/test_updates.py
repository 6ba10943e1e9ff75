"""N4: whatever was done in a workspace and whatever the version brings, an update loses no byte of the user's."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mlv.actions import update
from mlv.actions.composing import compose
from mlv.actions.update import Wish
from mlv.actions.updating import Act, Decision, decide, local_of, needs_content
from mlv.workspace import materialize
from mlv.workspace.journal import UpdateJournal
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import scan
from mlv.workspace.state import Pending, TrackedFile
from mlv_core.entities import Change, FileMode, FileState, LockNeed, Operation
from mlv_core.errors import LocalChanges
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FileId
from mlv_core.requests import PlannedChange

PATHS = ("a", "b", "c/d")
LOCAL = ("keep", "edit", "delete", "lose", "move", "move and edit", "delete and write")
THERE = ("keep", "edit", "edit elsewhere", "delete", "move", "move and edit", "mode")
OTHER = ("nothing", "nothing", "untracked", "added")
SETTINGS = {
    "workspace": "w", "repository": "a/b", "server": "mlv://localhost:1", "branch": "main", "base": "1",
    "only": "[]", "exclude": "[]", "properties": "{}",
}  # fmt: skip


@dataclass(frozen=True)
class Story:
    """What was done to each path here and there; `targets` are where files move to, `others` what lies beside.

    `late` are the paths that the user writes to while the update fetches.
    """

    binary: tuple[bool, ...]
    here: tuple[str, ...]
    there: tuple[str, ...]
    local_targets: tuple[str, ...]
    targets: tuple[str, ...]
    others: tuple[str, ...]
    news: tuple[bool, ...]
    late: tuple[bool, ...]
    force: bool


def _each(values: tuple[object, ...] | st.SearchStrategy) -> st.SearchStrategy:
    one = values if isinstance(values, st.SearchStrategy) else st.sampled_from(values)
    return st.tuples(*(one for _ in PATHS))


stories = st.builds(
    Story,
    binary=_each(st.booleans()),
    here=_each((*LOCAL, "absent", "absent")),
    there=_each(THERE),
    local_targets=_each((*PATHS, "g")),
    targets=st.permutations((*PATHS, "h")).map(tuple),
    others=_each(OTHER),
    news=_each(st.booleans()),
    late=_each((False, False, True)),
    force=st.booleans(),
)


def bytes_of(number: int, lines: dict[int, bytes], *, binary: bool) -> bytes:
    body = [lines.get(at, b"line %d of %d" % (at, number)) for at in range(9)]
    return (b"\0" if binary else b"") + b"\n".join(body) + b"\n"


class World:
    """A workspace on a disk, told as the story says; `words` are what the user wrote."""

    def __init__(self, root: Path, story: Story) -> None:
        self.root, self.story = root, story
        self.words: list[bytes] = []
        self.workspace = Workspace.create(str(root), SETTINGS)
        self.base: dict[int, tuple[str, bytes, FileMode]] = {}
        for number, path in enumerate(PATHS, 1):
            if story.here[number - 1] != "absent":
                data = bytes_of(number, {}, binary=story.binary[number - 1])
                self.base[number] = (path, data, FileMode.REGULAR)
                self._write(path, data)
        rows = tuple(
            TrackedFile(
                path, number, int(mode), int(not data.startswith(b"\0")), len(data), blake3(data).digest(), 0, 1
            )
            for number, (path, data, mode) in self.base.items()
        )
        done = UpdateJournal("a test", rows=rows, trusted=tuple(row.path for row in rows))
        materialize.finish(self.workspace.layout, self.workspace.state, done)
        pending = [act for number in self.base for act in self._live(number)]
        pending += [act for at, path in enumerate(PATHS) for act in self._beside(story.others[at], path)]
        with self.workspace.state.transaction():
            self.workspace.state.put_pending(pending)

    def _live(self, number: int) -> list[Pending]:
        """Do what the story says with a tracked file."""
        path, data, _ = self.base[number]
        act = self.story.here[number - 1]
        file = self.root / path
        place = path
        recorded: list[Pending] = []
        target = self.story.local_targets[number - 1]
        if act.startswith("move") and target not in PATHS and not (self.root / target).exists():
            (self.root / target).parent.mkdir(exist_ok=True)
            file.rename(self.root / target)
            recorded, place = [Pending(target, "move", path)], target
        if act in {"delete", "lose"}:
            file.unlink()
        if act in {"delete", "delete and write"}:
            recorded = [Pending(path, "delete", "")]
        if act in {"edit", "move and edit", "delete and write"}:
            self._write(place, bytes_of(number, {2: self._word()}, binary=data.startswith(b"\0")))
        return recorded

    def _beside(self, act: str, path: str) -> list[Pending]:
        """Files that the version does not know."""
        if act == "nothing" or path in {name for name, _, _ in self.base.values()}:
            return []
        self._write(path, self._word())
        return [Pending(path, "add", "")] if act == "added" else []

    def _word(self) -> bytes:
        self.words.append(b"the user's word %d" % len(self.words))
        return self.words[-1]

    def _write(self, path: str, data: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def target(self) -> dict[int, tuple[str, bytes, FileMode]]:
        """The version that the update brings: number -> path, bytes, mode."""
        found: dict[int, tuple[str, bytes, FileMode]] = {}
        taken: set[str] = set()
        movers = []
        for number, (path, data, mode) in self.base.items():
            act = self.story.there[number - 1]
            at = {"edit": 2, "edit elsewhere": 7, "move and edit": 2}.get(act)
            new = data if at is None else data.replace(b"line %d " % at, b"theirs at ")
            if act.startswith("move"):
                movers.append((number, new, mode))
            elif act != "delete":
                found[number] = (path, new, FileMode.EXECUTABLE if act == "mode" else mode)
                taken.add(path)
        free = [path for path in self.story.targets if path not in taken]
        for number, new, mode in movers:
            if free:
                found[number] = (free.pop(), new, mode)
        for at, new_file in enumerate(self.story.news):
            if new_file and free:
                found[100 + at] = (free.pop(), b"new there %d\n" % at, FileMode.REGULAR)
        return found

    def planned(self) -> tuple[list[PlannedChange], dict[str, bytes]]:
        """The changes from base to target as the server names them, and the target's bytes by path."""
        target = self.target()
        changes: dict[str, Change] = {}
        for number, (path, data, mode) in target.items():
            text = not data.startswith(b"\0")
            state = FileState(FileId(number), mode, text, len(data), hash_content(data))
            old = self.base.get(number)
            if old is None:
                changes[path] = Change(path, Operation.ADD, FileId(number), state)
            elif old[0] != path:
                changes[path] = Change(path, Operation.MOVE, FileId(number), state, old[0])
            elif (data, mode) != old[1:]:
                changes[path] = Change(path, Operation.MODIFY, FileId(number), state)
        left = {path for path, _, _ in target.values()}
        for number, (path, _, _) in self.base.items():
            if path not in left:
                changes[path] = Change(path, Operation.DELETE, FileId(number), None)
        rows = [PlannedChange(changes[path], LockNeed.NONE, ChangesetNumber(2)) for path in sorted(changes)]
        return rows, {path: data for path, data, _ in target.values()}

    def update(self) -> list[Decision]:
        """Decide and carry out. Raises: LocalChanges."""
        workspace = self.workspace
        changes, contents = self.planned()
        state = workspace.state
        result = scan(workspace.layout, state, untracked=False)
        here = local_of(state.files(), result, state.pending(), state.conflicts())
        new = [c.change.path for c in changes if c.change.path not in here.files]
        here.on_disk = frozenset(path for path in new if (self.root / path).exists())
        decisions = decide(changes, here, force=self.story.force)
        wish = Wish(2, "main", force=self.story.force)
        update._refuse(decisions, wish)
        fetched: dict[str, str] = {}
        for number, decision in enumerate(decisions):
            if needs_content(decision):
                file = Path(workspace.layout.incoming) / f"fetched-{number}"
                file.write_bytes(contents[decision.path])
                fetched[decision.path] = str(file)
        for path in (path for path, late in zip(PATHS, self.story.late, strict=True) if late):
            if (self.root / path).exists():
                self._write(path, (self.root / path).read_bytes() + self._word() + b"\n")
        work = compose(workspace, decisions, fetched, target=2, strict=False)
        update._switch(workspace, wish, work, {})
        return decisions

    def everything(self) -> bytes:
        """All bytes of the workspace and of the rescue folder."""
        kept = [p for p in self.root.rglob("*") if p.is_file() and ".mlv" not in p.parts]
        rescued = [p for p in (self.root / ".mlv" / "rescue").rglob("*") if p.is_file()]
        return b"\n".join(p.read_bytes() for p in kept + rescued)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(stories)
def test_N4_F5_an_update_loses_no_byte_of_the_user(story: Story):
    root = Path(tempfile.mkdtemp(prefix="mlv-"))
    try:
        check(World(root, story))
    finally:
        shutil.rmtree(root)


def check(world: World) -> None:
    workspace, story = world.workspace, world.story
    try:
        assert all(word in world.everything() for word in world.words)
        try:
            decisions = world.update()
        except LocalChanges:
            event("refused")
            decisions = []
        for decision in decisions:
            event(decision.act.value)
        everything = world.everything()
        assert [word for word in world.words if word not in everything] == []
        if not story.force and not any(story.late):
            assert not (world.root / ".mlv" / "rescue").exists() or any(d.act is Act.COMPARE for d in decisions)
        # F3: what a scan takes for unchanged by its stamps is unchanged, and what nobody touched is the version's.
        quick = scan(workspace.layout, workspace.state).found
        assert quick == scan(workspace.layout, workspace.state, thorough=True).found
        if decisions and not world.words and set(story.here) <= {"keep", "absent"}:
            contents = world.planned()[1]
            assert quick == ()
            assert {path: (world.root / path).read_bytes() for path in workspace.state.files()} == contents
    finally:
        workspace.close()
