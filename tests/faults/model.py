"""A repository as a few dictionaries, and what every command must answer: the rules of semantics.md, once more.

It shares no code with what it is compared with. Locks are of scope `branch` (L4), leases have no end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.faults.model_updates import bring_to
from tests.faults.model_values import OK, File, Lock, Tracked, Workspace, locked_by_rule

__all__ = ["OK", "File", "Lock", "Repository", "Tracked", "Workspace"]


@dataclass(slots=True)
class Repository:
    """Branches, versions, labels, locks, and the workspaces on them; every method is a command and gives its code."""

    branches: dict[str, int] = field(default_factory=lambda: {"main": 0})
    versions: list[dict[str, File]] = field(default_factory=lambda: [{}])
    parents: list[int] = field(default_factory=lambda: [0])
    labels: dict[str, int] = field(default_factory=dict)
    locks: list[Lock] = field(default_factory=list)
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    last_file: int = 0
    last_token: int = 0
    maintainers: frozenset[str] = frozenset()
    """Who has the rights `lock.break` and `label.create`."""

    def fork(self) -> Repository:
        """A copy that shares nothing that changes; versions never do."""
        made = copy.copy(self)
        for name in ("branches", "versions", "parents", "labels", "locks"):
            setattr(made, name, getattr(self, name).copy())
        made.workspaces = {name: one.fork() for name, one in self.workspaces.items()}
        return made

    def head(self, branch: str) -> dict[str, File]:
        """The newest version of a branch."""
        return self.versions[self.branches[branch]]

    def line(self, number: int) -> Iterator[int]:
        """A changeset and those before it."""
        while number:
            yield number
            number = self.parents[number]
        yield 0

    def lock_on(self, branch: str, file: File | None) -> Lock | None:
        """The lock that blocks commits of `file` to `branch` (L4)."""
        return next((one for one in self.locks if file and (one.branch, one.file) == (branch, file.id)), None)

    def owns(self, ws: Workspace, lock: Lock | None) -> bool:
        """L7: the holder is user and workspace."""
        return lock is not None and (lock.owner, lock.workspace) == (ws.user, ws.name)

    # --- what needs no server -----------------------------------------------------------------------------------------

    def checkout(self, name: str, user: str, branch: str) -> str:
        """A new workspace at the head of a branch."""
        ws = self.workspaces[name] = Workspace(name, user, branch)
        self.update(ws)
        return OK

    def write(self, ws: Workspace, path: str, data: bytes, executable: bool = False) -> str:
        """The user writes a file; no command."""
        ws.disk[path] = (data, executable)
        return OK

    def remove(self, ws: Workspace, path: str) -> str:
        """The user deletes a file; no command."""
        ws.disk.pop(path, None)
        return OK

    def add(self, ws: Workspace, path: str) -> str:
        """Record a new file."""
        if path not in ws.disk:
            return "NOT_FOUND"
        kind, _ = ws.pending.get(path, ("", ""))
        moved_away = any(kind == "move" and source == path for kind, source in ws.pending.values())
        if kind == "delete":
            del ws.pending[path]
        elif not kind and (path not in ws.tracked or moved_away):
            ws.pending[path] = ("add", "")
        return OK

    def delete(self, ws: Workspace, path: str) -> str:
        """Record that a file goes."""
        kind, origin = ws.pending.get(path, ("", ""))
        if kind == "add":
            del ws.pending[path]
            return OK
        source = origin if kind == "move" else path
        moved_away = kind != "move" and ws.place(path) != path
        if source not in ws.tracked or kind == "delete" or moved_away:
            return "NOT_FOUND"
        file = ws.tracked[source].file
        if path in ws.conflicts or (path in ws.disk and ws.disk[path] != (file.data, file.executable)):
            return "LOCAL_CHANGES"
        ws.pending.pop(path, None)
        ws.pending[source] = ("delete", "")
        ws.disk.pop(path, None)
        return OK

    def move(self, ws: Workspace, old: str, new: str) -> str:
        """Move a file to a path that nothing ever had."""
        kind, origin = ws.pending.get(old, ("", ""))
        if kind == "delete" or (not kind and (old not in ws.tracked or ws.place(old) != old)):
            return "NOT_FOUND"
        ws.pending.pop(old, None)
        ws.pending[new] = ("add", "") if kind == "add" else ("move", origin or old)
        ws.disk[new] = ws.disk.pop(old)
        return OK

    def set_property(self, ws: Workspace, path: str, value: str) -> str:
        """Record a property of a file."""
        if path not in ws.tracked and path not in ws.pending:
            return "NOT_FOUND"
        ws.edits.setdefault(path, {})["source"] = value
        return OK

    # --- locks --------------------------------------------------------------------------------------------------------

    def acquire(self, ws: Workspace, path: str, *, required_only: bool) -> str:
        """`edit` and `lock` of one file (L5, L6)."""
        if path not in ws.tracked and ws.pending.get(path, ("", ""))[0] != "move":
            return "NOT_FOUND"
        source = ws.pending[path][1] if path not in ws.tracked else path
        found = self.head(ws.branch).get(source)
        wanted = not required_only or locked_by_rule(source)
        if wanted and found is None and not required_only:
            return "NOT_FOUND"
        lock = self.lock_on(ws.branch, found)
        if lock is not None and not self.owns(ws, lock):
            return "LOCK_HELD"
        token = ws.tracked[source].token
        if wanted and found is not None:
            if found.data != ws.tracked[source].file.data:
                return "STALE_BASE"
            if lock is None:
                self.last_token += 1
                lock = Lock(ws.branch, found.id, source, ws.user, ws.name, self.last_token)
                self.locks.append(lock)
            token = lock.token
        ws.tracked[source] = replace(ws.tracked[source], opened=True, token=token)
        return OK

    def release(self, ws: Workspace, path: str, *, force: bool = False) -> str:
        """`unlock`, with `force` also of others' locks (L7, L9)."""
        source = ws.pending[path][1] if ws.pending.get(path, ("", ""))[0] == "move" else path
        believes = source in ws.tracked and ws.tracked[source].token
        shown = {one.path for one in self.locks if one.path == path and (force or one.branch == ws.branch)}
        asked = {source} if believes and not (force and shown) else shown
        if not asked:
            return "NOT_FOUND"
        found = [self._lock_at(ws.branch, one) for one in sorted(asked)]
        dead = believes and not self._alive(ws, source)
        if None in found or (dead and not force):  # given back by its token: what is there since stays
            if dead:
                self._forget(ws, source)
            return "NOT_FOUND"
        held = [one for one in found if one is not None]
        if any(one.owner != ws.user for one in held) and not (force and ws.user in self.maintainers):
            return "DENIED" if force else "LOCK_HELD"
        self.locks = [one for one in self.locks if one not in held]
        mine = {one.file for one in held if one.workspace == ws.name}
        for at, file in list(ws.tracked.items()):
            if file.token and (file.file.id in mine or at in asked):
                self._forget(ws, at)
        return OK

    def _lock_at(self, branch: str, path: str) -> Lock | None:
        found = self.head(branch).get(path)
        if found is not None:
            return self.lock_on(branch, found)
        return next((one for one in self.locks if (one.branch, one.path) == (branch, path)), None)

    def _alive(self, ws: Workspace, path: str) -> bool:
        token = ws.tracked[path].token
        return any(one.token == token and self.owns(ws, one) for one in self.locks)

    def _forget(self, ws: Workspace, path: str) -> None:
        """The workspace gives up what it knew of a lock; an unchanged file is closed too."""
        file = ws.tracked[path]
        clean = ws.disk.get(ws.place(path)) == (file.file.data, file.file.executable)
        ws.tracked[path] = replace(file, token=0, opened=file.opened and not clean)

    # --- commits ------------------------------------------------------------------------------------------------------

    def commit(self, ws: Workspace, path: str = "", *, keep: bool = False) -> str:
        """C4, C5, C8, L11, L12."""
        chosen = {one: state for one, state in ws.status().items() if state != "untracked"}
        if path:
            chosen = {one: state for one, state in chosen.items() if one == path or self._origin(ws, one) == path}
        if "conflict" in chosen.values():
            return "CONFLICT"
        if "missing" in chosen.values():
            return "MISSING_FILE"
        if not chosen:
            return "NOTHING_TO_COMMIT"
        if refused := self._refused(ws, chosen):
            return refused
        return self._land(ws, chosen, keep=keep)

    def _origin(self, ws: Workspace, place: str) -> str:
        kind, source = ws.pending.get(place, ("", ""))
        return source if kind == "move" else place

    def _refused(self, ws: Workspace, chosen: dict[str, str]) -> str:
        """The code that stands in the way, in the order in which a user has to mend things."""
        head = self.head(ws.branch)
        found = set()
        for place, state in chosen.items():
            origin = self._origin(ws, place)
            base = ws.tracked.get(origin)
            at = self.versions[(base.at if base else 0) or ws.base]
            if at.get(place) != head.get(place) or (state == "moved" and at.get(origin) != head.get(origin)):
                found.add("HEAD_MOVED")
            if state == "added" or base is None or origin not in head:
                continue
            lock = self.lock_on(ws.branch, head[origin])
            if base.token and not (lock is not None and self.owns(ws, lock) and lock.token == base.token):
                found.add("LOCK_LOST")
            elif lock is not None and not self.owns(ws, lock):
                found.add("LOCK_HELD")
            elif not base.token and locked_by_rule(origin):
                found.add("LOCK_NEEDED")
        order = ("LOCK_LOST", "LOCK_HELD", "HEAD_MOVED", "LOCK_NEEDED")
        return next((code for code in order if code in found), "")

    def _land(self, ws: Workspace, chosen: dict[str, str], *, keep: bool) -> str:
        head = dict(self.head(ws.branch))
        number = len(self.versions)
        on_base = self.branches[ws.branch] == ws.base
        rows: dict[str, Tracked] = {}
        committed, living = set(), set()
        for place in sorted(chosen):
            state, origin = chosen[place], self._origin(ws, place)
            base = ws.tracked.get(origin)
            if base is not None and state != "added":
                committed.add(base.file.id)
                head.pop(origin, None)
            if state == "deleted":
                continue
            if state == "added":
                self.last_file += 1
            file_id = self.last_file if state == "added" or base is None else base.file.id
            properties = dict(base.file.properties if base is not None and state != "added" else ())
            properties.update(ws.edits.get(place, {}))
            data, executable = ws.disk[place]
            made = File(file_id, data, executable, tuple(sorted(properties.items())))
            living.add(made.id)
            head[place] = made
            stays = base if keep and base is not None else None
            rows[place] = Tracked(
                made, 0 if on_base else number, bool(stays and stays.opened), stays.token if stays else 0
            )
        self.versions.append(head)
        self.parents.append(self.branches[ws.branch])
        self.branches[ws.branch] = number
        self._end_locks(ws, committed - living if keep else committed, head)
        for place in chosen:
            ws.tracked.pop(self._origin(ws, place), None)
            ws.pending.pop(place, None)
            ws.edits.pop(place, None)
        ws.tracked.update(rows)
        if on_base:
            ws.base = number
        return OK

    def _end_locks(self, ws: Workspace, ended: set[int], head: dict[str, File]) -> None:
        """L11: those of the committed files, no others; L1: kept ones follow their files."""
        places = {file.id: path for path, file in head.items()}
        self.locks = [
            replace(one, path=places.get(one.file, one.path)) if one.branch == ws.branch else one
            for one in self.locks
            if not (one.branch == ws.branch and one.file in ended and self.owns(ws, one))
        ]

    def undo(self, ws: Workspace, number: int) -> str:
        """C9: the states before `number` come back, if nothing changed them since."""
        head = self.head(ws.branch)
        if number not in self.line(self.branches[ws.branch]) or not number:
            return "INVALID_REQUEST" if 0 < number < len(self.versions) else "NOT_FOUND"
        before, after = self.versions[self.parents[number]], self.versions[number]
        paths = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        if any(after.get(path) != head.get(path) for path in paths):
            return "HEAD_MOVED"
        wanted = {path: file for path, file in head.items() if path not in paths}
        back = {path: before[path] for path in paths if path in before}
        living = {file.id for file in wanted.values()}
        if any(file.id in living for file in back.values()):
            return "HEAD_MOVED"
        touched = {head[path].id for path in paths if path in head}
        held = [one for one in self.locks if one.branch == ws.branch and one.file in touched]
        tokens = {path: one.token for path, one in ws.tracked.items() if one.token}
        comes = {file.id: path for path, file in back.items()}
        for path in sorted(path for path in paths if path in head):
            lock = self.lock_on(ws.branch, head[path])
            # A file that moves back is known by either path: the workspace may have it where it comes to.
            token = tokens.get(comes.get(head[path].id, path), 0) or tokens.get(path, 0)
            if token and not (lock and self.owns(ws, lock) and lock.token == token):
                return "LOCK_LOST"
        if any(not self.owns(ws, one) for one in held):
            return "LOCK_HELD"
        self.versions.append({**wanted, **back})
        self.parents.append(self.branches[ws.branch])
        self.branches[ws.branch] = len(self.versions) - 1
        self.locks = [one for one in self.locks if one not in held]
        for path in list(ws.tracked):
            if any(one.path == path and one.branch == ws.branch for one in held) and ws.tracked[path].token:
                self._forget(ws, path)
        return OK

    def label(self, ws: Workspace, name: str) -> str:
        """Name what the workspace has; labels and branches share their names."""
        if ws.user not in self.maintainers:
            return "DENIED"
        if name in self.labels or name in self.branches:
            return "ALREADY_EXISTS"
        self.labels[name] = ws.base
        return OK

    def branch(self, ws: Workspace, name: str) -> str:
        """A branch at what the workspace has."""
        if name in self.labels or name in self.branches:
            return "ALREADY_EXISTS"
        self.branches[name] = ws.base
        return OK

    # --- versions to the disk -----------------------------------------------------------------------------------------

    def update(self, ws: Workspace) -> str:
        """Bring everything to the head of the branch (F5); no move or conflict may wait in the workspace."""
        target = self.branches[ws.branch]
        return bring_to(ws, self.versions[target], target)

    def revert(self, ws: Workspace, path: str) -> str:
        """L11, F5: the base comes back, local bytes are kept aside, the lock is given back."""
        source = self._origin(ws, path)
        if path in ws.conflicts:
            return "CONFLICT"
        if ws.pending.get(path, ("", ""))[0] == "add":
            del ws.pending[path]
            ws.edits.pop(path, None)
            return OK
        if source not in ws.tracked:
            return "NOT_FOUND"
        place = ws.place(source)
        if place in ws.conflicts:
            return "CONFLICT"
        base = ws.tracked[source]
        wanted = (base.file.data, base.file.executable)
        if place in ws.disk and ws.disk[place][0] != wanted[0]:
            ws.rescue(place)
        ws.disk.pop(place, None)
        ws.disk[source] = wanted
        ws.pending.pop(place, None)
        ws.pending.pop(source, None)
        ws.edits.pop(source, None)
        ws.tracked[source] = replace(base, opened=False)
        if base.token:
            self._give_back(ws, source)
        return OK

    def _give_back(self, ws: Workspace, path: str) -> None:
        lock = self._lock_at(ws.branch, path)
        if lock is not None and lock.token == ws.tracked[path].token:
            self.locks.remove(lock)
        ws.tracked[path] = replace(ws.tracked[path], token=0, opened=False)

    def resolve(self, ws: Workspace, path: str, accept: str) -> str:
        """F5: the base moves only now."""
        if path not in ws.conflicts:
            return "NOT_FOUND"
        file, at = ws.conflicts.pop(path)
        base = ws.tracked.pop(path, Tracked(File(0, b"")))
        kind = ws.pending.pop(path, ("", ""))[0]
        at = 0 if at == ws.base else at
        place = next((one for one, other in self.versions[at or ws.base].items() if other == file), path)
        if accept == "mine":
            if file is None:
                ws.pending[path] = ("add", "")
                return OK
            ws.tracked[place] = Tracked(file, at, base.opened, base.token)
            if kind == "delete":
                ws.pending[place] = ("delete", "")
            elif place != path:
                ws.disk[place] = ws.disk.pop(path)
            return OK
        ws.rescue(path)
        if file is None:
            ws.edits.pop(path, None)
            return OK
        ws.disk[place] = (file.data, file.executable)
        ws.tracked[place] = Tracked(file, at, base.opened, base.token)
        return OK
