"""Commits as a client would ask for them: changes, requests with their packs, and what came of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import cut, frames_for, pack_of

from mlv_core.entities import (
    Change,
    FileMode,
    FileState,
    LockScope,
    Operation,
)
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RequestId, WorkspaceId
from mlv_core.requests import AcquireRequest, ProposedChange, PublishRequest, UndoRequest
from mlv_server.services import commits, history, locks

AT1 = ChangesetNumber(1)
MODEL = "model.safetensors"


def state_of(data: bytes, mode: FileMode = FileMode.REGULAR, properties=()) -> FileState:
    return FileState(FileId(0), mode, b"\0" not in data, len(data), hash_content(data), properties)


def add(path: str, data: bytes, base: int = 1, mode: FileMode = FileMode.REGULAR) -> ProposedChange:
    change = Change(path, Operation.ADD, FileId(0), state_of(data, mode))
    return ProposedChange(change, ChangesetNumber(base), FencingToken(0))


def modify(path: str, data: bytes, base: int = 1, token: int = 0) -> ProposedChange:
    change = Change(path, Operation.MODIFY, FileId(0), state_of(data))
    return ProposedChange(change, ChangesetNumber(base), FencingToken(token))


def delete(path: str, base: int = 1, token: int = 0) -> ProposedChange:
    return ProposedChange(Change(path, Operation.DELETE, FileId(0), None), ChangesetNumber(base), FencingToken(token))


def move(source: str, path: str, data: bytes, base: int = 1, token: int = 0) -> list[ProposedChange]:
    change = Change(path, Operation.MOVE, FileId(0), state_of(data), source)
    return [
        ProposedChange(change, ChangesetNumber(base), FencingToken(token)),
        delete(source, base, token),
    ]


def request_for(
    *changes: ProposedChange, contents: tuple[bytes, ...] = (), prepared: int = 1, workspace: str = "wa", **more
) -> PublishRequest:
    sent = [cut(data) for data in contents]
    frames = [frame for file in sent for frame in frames_for(file)]
    values = {
        "repository": DETECTOR,
        "request_id": RequestId(str(uuid.uuid4())),
        "branch": "main",
        "workspace": WorkspaceId(workspace),
        "message": "work",
        "changes": changes,
        "prepared_min": ChangesetNumber(prepared),
        "prepared_max": ChangesetNumber(prepared),
        "recipes": tuple((file.name, recipe) for file in sent if (recipe := file.item[2]) is not None),
        "inline_pack": pack_of(frames) if frames else b"",
    }
    return PublishRequest(**{**values, **more})


def publish(house: House, user: str, request: PublishRequest):
    return house.run(commits.publish(house.call(user), request))


def undo(house: House, user: str = "alice", workspace: str = "wa", **what):
    values = {
        "repository": DETECTOR, "request_id": RequestId(str(uuid.uuid4())), "branch": "main",
        "workspace": WorkspaceId(workspace), "message": "",
    }  # fmt: skip
    return house.run(commits.undo(house.call(user), UndoRequest(**{**values, **what})))


def lock(house: House, user: str, workspace: str, path: str = MODEL, data: bytes = b"\0one", base: int = 1) -> int:
    request = AcquireRequest(
        repository=DETECTOR,
        branch="main",
        workspace=WorkspaceId(workspace),
        paths=(path,),
        have=(hash_content(data),),
        bases=(ChangesetNumber(base),),
        scope=LockScope.BRANCH,
    )
    return house.run(locks.acquire(house.call(user), request)).locks[0].token


def locked_paths(house: House) -> list[str]:
    return [one.path for one in house.run(locks.list_all(house.call("rita"), DETECTOR, "", (), ""))]


def files(house: House, number: int) -> Mapping[str, ContentHash]:
    call = house.call("rita")

    async def collect():
        stream = history.list_files(call, DETECTOR, ChangesetNumber(number), ())
        return {row.path: row.state.content async for rows in stream for row in rows}

    return house.run(collect())


def head(house: House) -> int:
    return house.run(history.resolve(house.call("rita"), DETECTOR, "head", ""))[0]
