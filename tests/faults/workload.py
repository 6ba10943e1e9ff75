"""What users type, as values: how a command looks, what the model makes of it, and which one comes next."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.model import OK, Repository, Workspace

USER_ACTS = frozenset({"write", "remove"})
"""Done on the disk, without a command."""
LOCAL = frozenset({"add", "delete", "move", "meta"})
"""Commands that ask no server."""
FOLDERS = ("", "a/", "a/b/", "c/")
POOL = (*(f"{folder}{kind}{number}" for folder in FOLDERS for number, kind in enumerate(("w", "t"))), "w9", "t9")
LINES = 9
WEIGHTS = {
    "write": 24, "remove": 1, "add": 12, "delete": 3, "move": 4, "meta": 3, "edit": 14, "lock": 4, "unlock": 4,
    "break": 2, "commit": 22, "update": 14, "revert": 4, "resolve": 6, "label": 2, "branch": 1, "undo": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Op:
    """One act of one workspace; `other` is a second path or name, `flag` an option of the verb.

    A checkout makes the workspace, for the user `path` on the branch `other`.
    """

    verb: str
    workspace: str
    path: str = ""
    other: str = ""
    data: bytes = b""
    flag: bool = False

    def arguments(self) -> tuple[str, ...]:  # noqa: PLR0911 - a verb each
        """As it is typed; nothing for what needs no command."""
        named = (self.path,) if self.path else ()
        match self.verb:
            case "write" | "remove":
                return ()
            case "move":
                return ("move", self.path, self.other)
            case "meta":
                return ("meta", "set", self.path, f"source={self.other}")
            case "break":
                return ("unlock", "--force", "-m", "needed", self.path)
            case "commit":
                return ("commit", *named, "-m", "work", *(("--keep-locks",) if self.flag else ()))
            case "update":
                return ("update",)
            case "resolve":
                return ("resolve", "--accept", self.other, self.path)
            case "label" | "branch":
                return (self.verb, self.other)
            case "undo":
                return ("undo", f"@{self.other}")
            case _:
                return (self.verb, self.path)

    def act(self, repo: Repository) -> str:  # noqa: PLR0911 - a verb each
        """Do it to the model; the code that the command must answer."""
        if self.verb == "checkout":
            return repo.checkout(self.workspace, self.path, self.other)
        ws = repo.workspaces[self.workspace]
        match self.verb:
            case "write":
                return repo.write(ws, self.path, self.data, executable=self.flag)
            case "remove" | "add" | "delete" | "revert":
                return getattr(repo, self.verb)(ws, self.path)  # type: ignore[no-any-return]
            case "move":
                return repo.move(ws, self.path, self.other)
            case "meta":
                return repo.set_property(ws, self.path, self.other)
            case "edit" | "lock":
                return repo.acquire(ws, self.path, required_only=self.verb == "edit")
            case "unlock" | "break":
                return repo.release(ws, self.path, force=self.verb == "break")
            case "commit":
                return repo.commit(ws, self.path, keep=self.flag)
            case "update":
                return repo.update(ws)
            case "resolve":
                return repo.resolve(ws, self.path, self.other)
            case "label":
                return repo.label(ws, self.other)
            case "branch":
                return repo.branch(ws, self.other)
            case "undo":
                return repo.undo(ws, int(self.other))
        raise AssertionError(self.verb)

    def known(self, repo: Repository) -> bool:  # noqa: PLR0911 - a verb each
        """Whether the model can tell what it does: what two users moved against each other is left to other tests."""
        ws = repo.workspaces[self.workspace]
        kind = ws.pending.get(self.path, ("", ""))[0]
        moved = self.path in ws.tracked and ws.place(self.path) != self.path
        calm = self.path not in ws.conflicts and not moved
        match self.verb:
            case "write":
                return not moved and kind != "delete"
            case "remove":
                return calm and self.path in ws.disk
            case "add":
                return calm and (self.path not in ws.tracked or kind == "delete")
            case "delete" | "revert" | "edit" | "lock" | "unlock" | "break":
                return calm
            case "move":
                return calm and self.path in ws.disk and self.path not in ws.edits and self.other not in ws.disk
            case "meta":
                return calm and not kind and self.path in ws.tracked and self.path in ws.disk
            case "commit":
                return not self.path or not moved
            case "update":
                return can_update(repo, ws)
            case "resolve":
                return kind != "move"
            case "label" | "branch":
                return ws.base > 0
        return True


def can_update(repo: Repository, ws: Workspace) -> bool:
    """Whether nothing waits in the workspace that the model cannot bring together with the branch's head."""
    if ws.conflicts or any(kind == "move" for kind, _ in ws.pending.values()):
        return False
    head = repo.head(ws.branch)
    places = {file.id: path for path, file in head.items()}
    for path, tracked in ws.tracked.items():
        new = places.get(tracked.file.id, path)
        if path in head and head[path].id != tracked.file.id:
            return False
        if new != path and (ws.state(path) or new in ws.disk or new in ws.tracked or new in ws.pending):
            return False
        if path in ws.edits and (new != path or path not in head):
            return False
    return True


def is_newest(repo: Repository, ws: Workspace) -> bool:
    """Whether an update would bring nothing."""
    return repo.branches[ws.branch] == ws.base


def ended(path: str) -> str:
    """A path with the ending of its kind: weights that need a lock, or text that is merged."""
    return f"{path}.bin" if path.rpartition("/")[2].startswith("w") else f"{path}.txt"


def content(rng: random.Random, path: str, old: bytes | None) -> bytes:
    """New bytes for a file: weights are other ones each time, of a text one line changes."""
    if path.endswith(".bin"):
        return b"\x00\xff" + rng.randbytes(rng.choice((10, 300, 3000)))
    lines = (old or b"\n".join(b"line %d" % number for number in range(LINES))).split(b"\n")
    lines[rng.randrange(0, LINES, 2)] = b"%d by hand" % rng.getrandbits(48)
    return b"\n".join(lines)


class Chooser:
    """Draws the next act; the same seed and the same model give the same one."""

    def __init__(self, rng: random.Random, prefix: str = "n") -> None:
        self._rng = rng
        self._prefix = prefix
        self._names = 0

    def next(self, repo: Repository) -> Op:
        """An act whose outcome the model knows, most of them such that succeed."""
        verbs, weights = list(WEIGHTS), list(WEIGHTS.values())
        while True:
            (verb,) = self._rng.choices(verbs, weights)
            op = self._draw(verb, repo, repo.workspaces[self._rng.choice(sorted(repo.workspaces))])
            if op is not None and op.known(repo):
                return op

    def _draw(self, verb: str, repo: Repository, ws: Workspace) -> Op | None:  # noqa: PLR0911 - a verb each
        rng = self._rng
        if verb in {"commit", "update"}:
            nothing = not set(ws.status().values()) - {"untracked"} if verb == "commit" else is_newest(repo, ws)
            if nothing and rng.random() < 0.95:
                return None
            path = rng.choice(sorted(ws.status()) or [""]) if verb == "commit" and rng.random() < 0.3 else ""
            return Op(verb, ws.name, path, flag=verb == "commit" and rng.random() < 0.2)
        if verb == "undo":
            return Op(verb, ws.name, other=str(rng.randint(max(1, len(repo.versions) - 4), len(repo.versions))))
        if verb in {"label", "branch"}:
            self._names += 1
            taken = [*repo.labels, *repo.branches]
            return Op(verb, ws.name, other=rng.choice(taken) if rng.random() < 0.2 else f"{self._prefix}{self._names}")
        path = self._path(verb, repo, ws)
        if not path:
            return None
        if verb == "move":
            self._names += 1
            name = path.rpartition("/")[2]
            return Op(verb, ws.name, path, f"{rng.choice(FOLDERS)}{name[0]}{self._prefix}{self._names}{name[-4:]}")
        if verb == "meta":
            return Op(verb, ws.name, path, str(rng.randrange(1000)))
        if verb == "resolve":
            return Op(verb, ws.name, path, rng.choice(("mine", "theirs")))
        if verb == "write":
            old = ws.disk.get(path, (None, False))[0]
            return Op(verb, ws.name, path, data=content(rng, path, old), flag=rng.random() < 0.1)
        return Op(verb, ws.name, path)

    def _path(self, verb: str, repo: Repository, ws: Workspace) -> str:
        """A path that the verb is likely to be meant for; now and then one that it is not."""
        rng = self._rng
        if rng.random() < 0.05:
            return ended(rng.choice(POOL))
        status = ws.status()
        chosen: list[str]
        if verb == "write":
            held = [path for path in ws.tracked if ws.tracked[path].token or path.endswith(".txt")]
            chosen = held if held and rng.random() < 0.7 else [ended(path) for path in POOL]
        elif verb == "add":
            chosen = [path for path, state in status.items() if state == "untracked"]
        elif verb == "resolve":
            chosen = list(ws.conflicts)
        elif verb == "revert":
            chosen = list(status) or list(ws.tracked)
        elif verb == "unlock":
            chosen = [path for path, file in ws.tracked.items() if file.token]
        elif verb == "break":
            chosen = [lock.path for lock in repo.locks if lock.branch == ws.branch]
        elif verb == "edit" and rng.random() < 0.7:
            chosen = [path for path in ws.tracked if path.endswith(".bin")]
        else:
            chosen = list(ws.tracked)
        return rng.choice(sorted(chosen)) if chosen else ""


__all__ = ["LOCAL", "OK", "USER_ACTS", "Chooser", "Op", "can_update"]
