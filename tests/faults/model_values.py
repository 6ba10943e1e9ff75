"""What the model of a repository is made of: files, locks, and what a workspace has on the disk."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

OK = ""
"""The answer of a command that did what it was told."""


@dataclass(frozen=True, slots=True)
class File:
    """A file in a version; `id` survives moves (`Names` in semantics.md)."""

    id: int
    data: bytes
    executable: bool = False
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a file of a branch (L1)."""

    branch: str
    file: int
    path: str
    owner: str
    workspace: str
    token: int


@dataclass(frozen=True, slots=True)
class Tracked:
    """A file as a workspace has it; `at` is its changeset, 0 for the workspace's base."""

    file: File
    at: int = 0
    opened: bool = False
    token: int = 0


@dataclass(slots=True)
class Workspace:
    """What one user has on the disk, and what was recorded there for the next commit."""

    name: str
    user: str
    branch: str
    base: int = 0
    tracked: dict[str, Tracked] = field(default_factory=dict)
    disk: dict[str, tuple[bytes, bool]] = field(default_factory=dict)
    pending: dict[str, tuple[str, str]] = field(default_factory=dict)
    edits: dict[str, dict[str, str]] = field(default_factory=dict)
    conflicts: dict[str, tuple[File | None, int]] = field(default_factory=dict)
    rescued: set[bytes] = field(default_factory=set)

    def fork(self) -> Workspace:
        """A copy that shares nothing that changes."""
        made = copy.copy(self)
        for name in ("tracked", "disk", "pending", "edits", "conflicts", "rescued"):
            setattr(made, name, getattr(self, name).copy())
        return made

    def misbelieves(self, status: dict[str, Any]) -> str:
        """How the locks differ that `mlv status` presents on changed files, dead or not; of the others it names all."""
        tracked = {one["path"]: one["lock"] for one in status["files"] if one["state"] not in {"added", "untracked"}}
        told = sorted(path for path, lock in tracked.items() if lock in {"mine", "broken"})
        known = sorted(self.place(path) for path, file in self.tracked.items() if file.token)
        wanted = [path for path in known if path in tracked]
        return "" if told == wanted else f"presents the locks of {told}, by the model of {wanted}"

    def place(self, path: str) -> str:
        """Where the bytes of the tracked file `path` lie."""
        return next((new for new, (kind, source) in self.pending.items() if kind == "move" and source == path), path)

    def state(self, path: str) -> str:
        """How the tracked file at `path` differs: '', added, modified, deleted, moved, missing, meta or conflict."""
        kind, _ = self.pending.get(path, ("", ""))
        place = self.place(path)
        file = self.tracked[path].file
        if place in self.conflicts:
            return "conflict"
        if kind == "delete":
            return "deleted"
        if place not in self.disk:
            return "missing"
        if place != path:
            return "moved"
        if self.disk[place] != (file.data, file.executable):
            return "modified"
        return "meta" if path in self.edits else ""

    def status(self) -> dict[str, str]:
        """What `mlv status` shows."""
        shown = {}
        for path in self.tracked:
            if state := self.state(path):
                shown[self.place(path)] = state
        for path, (kind, _) in self.pending.items():
            if kind == "add":
                shown[path] = "added" if path in self.disk else "missing"
        places = {self.place(path) for path in self.tracked}
        gone = {source for kind, source in self.pending.values() if kind == "move"}
        gone |= {path for path, (kind, _) in self.pending.items() if kind == "delete"}
        for path in self.disk:
            if path not in shown and path not in places and path not in gone:
                shown[path] = "untracked"
        shown.update(dict.fromkeys(self.conflicts, "conflict"))
        return shown

    def rescue(self, path: str) -> None:
        """The bytes at `path` go to the rescue folder."""
        if path in self.disk:
            self.rescued.add(self.disk.pop(path)[0])


def locked_by_rule(path: str) -> bool:
    """Whether policy asks for a lock before the file is changed (L3): weights do, texts do not."""
    return path.endswith(".bin")


def merge(base: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """Three texts of as many lines, of which every other one is never changed; None where both changed one line."""
    merged = []
    for old, one, other in zip(base.split(b"\n"), mine.split(b"\n"), theirs.split(b"\n"), strict=True):
        if one != other and old not in {one, other}:
            return None
        merged.append(other if one == old else one)
    return b"\n".join(merged)
