"""Branches, files and people for tests of what is decided about locks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlv_core.entities import (
    Branch,
    BranchKind,
    FileMode,
    FileState,
    Lock,
    LockMode,
    LockScope,
)
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest
from mlv_server.domain.lock_reach import Holder, LockGround
from mlv_server.domain.lock_rules import DEFAULT_RULES
from mlv_server.domain.locking import Acquisition, decide_acquire

REPOSITORY = RepositoryName("a", "b")
ALICE = Holder("alice", WorkspaceId("wa"), "laptop")
ELSEWHERE = Holder("alice", WorkspaceId("wa2"), "desktop")
BOB = Holder("bob", WorkspaceId("wb"), "gpu1")
NOW = 1_700_000_000_000


def branch(name: str, number: int, target: str = "") -> Branch:
    kind = BranchKind.EXPERIMENT if target else BranchKind.MAIN
    return Branch(BranchId(number), name, kind, target, ChangesetNumber(3), ChangesetNumber(0), "root", 0)


MAIN = branch("main", 1)
DEV = branch("dev", 2, "main")
OTHER = branch("other", 3, "main")
DEEP = branch("deep", 4, "dev")
BRANCHES = {one.name: one for one in (MAIN, DEV, OTHER, DEEP)}


def content(text: str) -> ContentHash:
    return hash_content(text.encode())


def state(number: int, text: str = "head", *, is_text: bool = False) -> FileState:
    return FileState(FileId(number), FileMode.REGULAR, is_text, 4, content(text))


FILES = {"m.pt": state(1), "n.pt": state(2), "code.py": state(3, is_text=True)}


def lock_of(holder: Holder, number: int, path: str, token: int = 1, **more: object) -> Lock:
    plain = Lock(
        file_id=FileId(number),
        path=path,
        owner=holder.user,
        workspace=holder.workspace,
        host=holder.host,
        mode=LockMode.EXCLUSIVE,
        scope=LockScope.BRANCH,
        branch="main",
        base=ChangesetNumber(3),
        reason="",
        acquired_at=NOW - 1000,
        lease_until=None,
        token=FencingToken(token),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def ask(*paths: str, have: str = "head", **more: object) -> AcquireRequest:
    request = AcquireRequest(
        repository=REPOSITORY,
        branch="main",
        workspace=ALICE.workspace,
        paths=paths,
        have=tuple(content(have) for _ in paths),
        bases=tuple(ChangesetNumber(3) for _ in paths),
    )
    return replace(request, **more)  # type: ignore[arg-type]


def acquire(
    request: AcquireRequest,
    held: Sequence[Lock] = (),
    holder: Holder = ALICE,
    files: Mapping[str, FileState] = FILES,
    *,
    at: Branch = MAIN,
    may_break: bool = False,
) -> Acquisition:
    ground = LockGround(holder, at, BRANCHES, held, DEFAULT_RULES, NOW)
    return decide_acquire(request, files, ground, FencingToken(10), may_break=may_break)
