"""What a holder may say to who asked for a lock (L10), and the lock that changes hands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from mlv_core.asking import Answer, AnswerRequest
from mlv_core.deferred import dataclass
from mlv_core.entities import BranchKind, Lock, LockMode
from mlv_core.errors import Denied, InvalidRequest, NotFound
from mlv_core.ids import FencingToken, FileId, escape, typed
from mlv_core.paths import is_below, show_path
from mlv_server.domain import lock_refusals
from mlv_server.domain.leases import leased
from mlv_server.domain.lock_queue import Request, Resource
from mlv_server.domain.lock_reach import Holder
from mlv_server.domain.lock_rules import LockTerms


@dataclass(frozen=True, slots=True)
class Handover:
    """Locks that end, the one that takes their place in the same moment, and the request that it answers."""

    before: tuple[Lock, ...]
    after: Lock
    request: Request


def requests_of(user: str, requests: Iterable[Request], files: Mapping[FileId, str]) -> dict[FileId, Request]:
    """The open request of `user` for each of `files` (with their paths): of several the first, who waits first.

    Raises: NotFound, naming every file that the user did not ask for.
    """
    found: dict[FileId, Request] = {}
    mine = [one for one in requests if one.user == user and one.denied_at is None]
    for one in sorted(mine, key=lambda one: (not one.waits, one.number)):
        for file in one.files:
            found.setdefault(file, one)
    if missing := [path for file, path in files.items() if file not in found]:
        raise _not_asked(user, missing, "files")
    return {file: found[file] for file in files}


def decide_give(
    giver: Holder,
    asked: Mapping[FileId, Request],
    held: Mapping[FileId, Lock],
    files: Mapping[FileId, str],
    terms: Mapping[FileId, LockTerms],
    last_token: FencingToken,
    now: int,
    others: Sequence[tuple[str, Lock]] = (),
) -> tuple[Handover, ...]:
    """Hand every lock on `files` over to who asked for it, under a higher token (L9), or none.

    `held` has the lock on each that stands in the way of who asked, `others` what else does, by path: a lock that is
    given there would be the second of two (L6). The new lock begins at the base that the asker has: whether that is
    the newest version is asked when the file is opened, and again at its commit (L5).
    Raises: NotFound, LockHeld, InvalidRequest for a part of a folder; each names every path.
    """
    if free := [path for file, path in files.items() if file not in held]:
        raise _not_locked(free, "files")
    if foreign := [*((files[file], lock) for file, lock in held.items() if lock.owner != giver.user), *others]:
        raise lock_refusals.held(foreign, giver)
    if folders := sorted({lock.path for lock in held.values() if lock.tree}):
        raise _in_parts(folders[0])
    handed: list[Handover] = []
    for file in files:
        before, request = held[file], asked[file]
        after = replace(
            before,
            owner=request.user,
            workspace=request.workspace,
            host=request.host,
            branch=request.branch,
            base=request.bases[file],
            reason=request.reason,
            acquired_at=now,
            token=FencingToken(last_token + len(handed) + 1),
        )
        handed.append(Handover((before,), leased(after, terms[file], now), request))
    return tuple(handed)


def folder_requests_of(user: str, requests: Iterable[Request], folders: Sequence[str]) -> dict[str, Request]:
    """The open request of `user` for each of `folders`: of several the first, who waits first.

    Raises: NotFound.
    """
    found: dict[str, Request] = {}
    mine = [one for one in requests if one.user == user and one.denied_at is None]
    for one in sorted(mine, key=lambda one: (not one.waits, one.number)):
        for folder in one.folders:
            found.setdefault(folder, one)
    if missing := [folder for folder in folders if folder not in found]:
        raise _not_asked(user, missing, "folders")
    return {folder: found[folder] for folder in folders}


def decide_give_folders(
    giver: Holder,
    asked: Mapping[str, Request],
    held: Mapping[str, Sequence[Lock]],
    terms: Mapping[str, LockTerms],
    kinds: Mapping[str, BranchKind],
    last_token: FencingToken,
    now: int,
) -> tuple[Handover, ...]:
    """Hand every folder over to who asked for it, under a higher token (L9), or none.

    `held` has all locks that stand in the way of who asked, by folder: the giver's own end, those on files below too.
    `kinds` has the kind of each asker's branch by its name.
    Raises: NotFound, LockHeld where another holds a part, InvalidRequest for a part of a wider folder, or where one of
    them lies in another.
    """
    if any(is_below(one, other) for one in asked for other in asked if one != other):
        raise InvalidRequest("One of these folders lies in another.", advice="Give the wider one: it holds both.")
    if free := [folder for folder in asked if not held.get(folder)]:
        raise _not_locked(free, "folders")
    if foreign := [(lock.path, lock) for locks in held.values() for lock in locks if lock.owner != giver.user]:
        raise lock_refusals.held(foreign, giver)
    wider = {lock.path for folder, locks in held.items() for lock in locks if lock.tree and lock.path != folder}
    if parts := sorted(path for path in wider if any(is_below(folder, path) for folder in asked)):
        raise _in_parts(parts[0])
    handed: list[Handover] = []
    for folder, request in asked.items():
        whole = next((lock for lock in held[folder] if lock.tree and lock.path == folder), None)
        scope = terms[folder].scope_on(kinds[request.branch]) if whole is None else whole.scope
        after = Lock(
            file_id=FileId(0),
            path=folder,
            owner=request.user,
            workspace=request.workspace,
            host=request.host,
            mode=LockMode.EXCLUSIVE,
            scope=scope,
            branch=request.branch,
            base=request.folders[folder],
            reason=request.reason,
            acquired_at=now,
            lease_until=None,
            token=FencingToken(last_token + len(handed) + 1),
            tree=True,
        )
        handed.append(Handover(tuple(held[folder]), leased(after, terms[folder], now), request))
    return tuple(handed)


def decide_deny(
    request: AnswerRequest,
    asked: Mapping[Resource, Request],
    held: Collection[Resource],
    paths: Mapping[Resource, str],
    *,
    may_break: bool,
) -> tuple[Request, ...]:
    """The requests that end: a holder may deny what is his, a maintainer all.

    `held` are the files of which the denier has the lock, and the folders of which he has a part: a folder is asked for
    of everybody who holds something in it. Raises: InvalidRequest without a reason, Denied.
    """
    if not request.reason.strip():
        raise InvalidRequest("Denying a lock needs a reason.", advice="Say why with -m WHY; they are told.")
    if not may_break and (foreign := [path for wanted, path in paths.items() if wanted not in held]):
        raise Denied(
            "Only the holder, or who has the right 'lock.break', may deny a lock.",
            advice="'mlv locks' shows who the holder is.",
            items=tuple(show_path(path) for path in foreign),
        )
    return tuple({one.number: one for one in asked.values()}.values())


def check_answer(request: AnswerRequest, giver: str) -> None:
    """Check what can be checked without the repository. Raises: InvalidRequest."""
    if not request.paths:
        raise InvalidRequest("paths is empty: there is nothing to answer.")
    if request.answer is Answer.GIVE and request.user == giver:
        raise InvalidRequest("You cannot give a lock to yourself.", advice="'mlv lock --steal' moves it to here.")


def _not_asked(user: str, missing: Sequence[str], what: str) -> NotFound:
    shown = f"'{show_path(missing[0])}'" if len(missing) == 1 else f"{len(missing)} of these {what}"
    return NotFound(
        f"{escape(user)} has not asked for {shown}.",
        advice="'mlv locks' shows who asks; they ask with 'mlv lock PATH --request' or '--wait'.",
        items=tuple(show_path(path) for path in missing),
    )


def _not_locked(free: Sequence[str], what: str) -> NotFound:
    shown = f"'{show_path(free[0])}' is" if len(free) == 1 else f"{len(free)} of these {what} are"
    return NotFound(
        f"{shown} not locked.",
        advice="Who waits gets a free lock without your help.",
        items=tuple(show_path(path) for path in free),
    )


def _in_parts(folder: str) -> InvalidRequest:
    return InvalidRequest(
        f"The lock is on all of '{show_path(folder)}', and is not given in parts.",
        advice=f"'mlv unlock {typed(folder)}' gives it up; who waits then takes what they wait for.",
    )
