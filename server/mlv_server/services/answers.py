"""The first answer to a Publish, Undo or Merge, for when the same request comes again (C3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mlv_core.hashing import HASH_LENGTH, ContentHasher
from mlv_core.ids import ChangesetNumber, RepositoryName, RequestId
from mlv_core.merging import MergeRequest
from mlv_core.requests import ProposedChange, Published, PublishRequest, UndoRequest
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import landing
from mlv_server.services.call import Call

PUBLISH = "publish"
UNDO = "undo"
MERGE = "merge"
FORBIDDEN = "forbidden"
"""Of an id whose outcome was asked for when there was none."""
_TOGETHER = 1024
"""Changes whose texts are hashed at once."""
Request = PublishRequest | UndoRequest | MergeRequest


def digest_of(request: Request) -> bytes:
    """The digest of what is asked for: how content travels and the tokens of locks are no part of it."""
    hasher = ContentHasher()
    if isinstance(request, MergeRequest):
        plain_merge = replace(request, tokens=(), recipes=(), inline_pack=b"", upload="")
        hasher.update(repr(plain_merge).encode("utf-8", "surrogatepass"))
        return bytes(hasher.digest())
    if isinstance(request, UndoRequest):
        hasher.update(repr(replace(request, tokens=())).encode("utf-8", "surrogatepass"))
        return bytes(hasher.digest())
    plain = replace(request, changes=(), recipes=(), inline_pack=b"", upload="")
    hasher.update(repr(plain).encode("utf-8", "surrogatepass"))
    for start in range(0, len(request.changes), _TOGETHER):
        asked = _asked(request.changes[start : start + _TOGETHER])
        hasher.update("".join(asked).encode("utf-8", "surrogatepass"))
    return bytes(hasher.digest())


def _asked(changes: Iterable[ProposedChange]) -> Iterator[str]:
    """What changes ask for, without the authority to: a lock taken anew is no other request (C3).

    The text of a plain tuple of path, operation, file id, source, base, and of the state's fields. There may be a
    million, most of which differ by path, size and content alone: what stands between these is written once.
    """
    last: tuple[object, ...] = ()
    middle = ""
    for proposed in changes:
        change = proposed.change
        state = change.state
        if state is None:
            yield repr((change.path, int(change.operation), change.file_id, change.source, proposed.base))
            continue
        operation, mode = change.operation, state.mode
        alike = (operation, change.file_id, change.source, proposed.base, state.file_id, mode, state.text)
        if alike != last:
            last, middle = alike, ", ".join(map(repr, (int(operation), *alike[1:5], int(mode), state.text)))
        yield f"({change.path!r}, {middle}, {state.size}, {state.content!r}, {state.properties!r})"


def first_answer(tx: Transaction, call: Call, request: Request, digest: bytes) -> Published | None:
    """The answer to the same request that came before, None if it is new.

    Raises: RequestReused.
    """
    kept = tx.requests.answer(call.principal.user_id, request.request_id, _method(request), digest)
    return None if kept is None else _recall(tx, request.repository, kept)


def keep(tx: Transaction, call: Call, request: Request, digest: bytes, done: Published) -> Published:
    """Keep the answer `done`: the changeset, the locks it released, its bytes; the rest is read from the changeset."""
    where = tx.repositories.get(request.repository).id
    kept = json.dumps(
        {"repository": where, "changeset": done.changeset, "released": done.released, "stored": done.stored_bytes}
    ).encode()
    tx.requests.keep(call.principal.user_id, request.request_id, _method(request), digest, kept, call.now)
    return done


def find(tx: Transaction, call: Call, repository: RepositoryName, request_id: RequestId) -> Published | None:
    """What the caller's Publish, Undo or Merge of this id came to in this repository; None if there was none."""
    for method in (PUBLISH, UNDO, MERGE):
        kept = tx.requests.find(call.principal.user_id, request_id, method)
        if kept is not None and json.loads(kept)["repository"] == tx.repositories.get(repository).id:
            return _recall(tx, repository, kept)
    return None


def forbid(tx: Transaction, call: Call, request_id: RequestId) -> None:
    """Let no request of this id be done from now on, unless one was."""
    if not tx.requests.is_known(call.principal.user_id, request_id):
        tx.requests.keep(call.principal.user_id, request_id, FORBIDDEN, bytes(HASH_LENGTH), b"", call.now)


def _method(request: Request) -> str:
    if isinstance(request, MergeRequest):
        return MERGE
    return PUBLISH if isinstance(request, PublishRequest) else UNDO


def _recall(tx: Transaction, name: RepositoryName, kept: bytes) -> Published:
    """The answer as it was given. Raises: NotFound."""
    said = json.loads(kept)
    row = tx.repositories.get(name)
    found = tx.changesets.get(row.id, ChangesetNumber(said["changeset"]))
    branch = tx.branches.by_id(row.id, found.branch_id).name
    changes = tuple(tx.versions.own_changes(row.id, found.number))
    told = landing.published(found, branch, tuple(said["released"]), changes)
    return replace(told, stored_bytes=said["stored"])
