"""Making changesets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from mlv_core.ids import RepositoryName, RequestId
from mlv_proto import convert
from mlv_proto.v1 import commits_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import commits
from mlv_server.services.call import Call

T = TypeVar("T")
LONG_LIST = 1_000
"""Files from which on reading or writing a list takes milliseconds, in which the event loop serves others."""


async def _begin(call: Call, request: pb.BeginRequest) -> pb.BeginResponse:
    asked = await _aside(len(request.changes.paths), convert.begin_request_from_wire, request)
    return convert.begin_outcome_to_wire(await commits.begin(call, asked))


async def _find_missing(call: Call, request: pb.FindMissingRequest) -> pb.FindMissingResponse:
    name = RepositoryName.parse(request.repository)
    missing = await commits.find_missing(call, name, convert.hashes_from_wire(request.hashes, "hashes"))
    return pb.FindMissingResponse(missing=convert.bitmap_to_wire(missing))


async def _publish(call: Call, request: pb.PublishRequest) -> pb.PublishResponse:
    asked = await _aside(len(request.changes.paths), convert.publish_request_from_wire, request)
    published = await commits.publish(call, asked)
    return await _aside(len(published.changes), convert.published_to_wire, published)


async def _undo(call: Call, request: pb.UndoRequest) -> pb.UndoResponse:
    published = await commits.undo(call, convert.undo_request_from_wire(request))
    return pb.UndoResponse(outcome=await _aside(len(published.changes), convert.published_to_wire, published))


async def _outcome(call: Call, request: pb.GetOutcomeRequest) -> pb.GetOutcomeResponse:
    name = RepositoryName.parse(request.repository)
    published = await commits.outcome(call, name, RequestId(request.request_id))
    return pb.GetOutcomeResponse(outcome=None if published is None else convert.published_to_wire(published))


async def _aside(files: int, convert_one: Callable[[Any], T], value: object) -> T:
    """`convert_one(value)`, in a thread of its own where it speaks of many files."""
    return convert_one(value) if files < LONG_LIST else await asyncio.to_thread(convert_one, value)


SERVICE = Service(
    "mlv.v1.CommitsService",
    (
        Method("Begin", "write", _begin),
        Method("FindMissing", "write", _find_missing),
        Method("Publish", "write", _publish),
        Method("Undo", "write", _undo),
        Method("GetOutcome", "write", _outcome),
    ),
)
