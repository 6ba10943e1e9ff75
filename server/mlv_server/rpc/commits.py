"""Making changesets."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName, RequestId
from mlv_core.requests import BeginRequest, Published, PublishRequest, UndoRequest
from mlv_proto.convert.commits import begin_outcome_to_wire, bitmap_to_wire, hashes_from_wire
from mlv_proto.convert.slices import BEGIN, PUBLISH, PUBLISHED, UNDO
from mlv_proto.v1 import commits_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import told
from mlv_server.services import commits
from mlv_server.services.call import Call


async def _begin(call: Call, request: BeginRequest) -> pb.BeginResponse:
    return begin_outcome_to_wire(await commits.begin(call, request))


async def _find_missing(call: Call, request: pb.FindMissingRequest) -> pb.FindMissingResponse:
    name = RepositoryName.parse(request.repository)
    missing = await commits.find_missing(call, name, hashes_from_wire(request.hashes, "hashes"))
    return pb.FindMissingResponse(missing=bitmap_to_wire(missing))


async def _publish(call: Call, request: PublishRequest) -> AsyncIterator[pb.PublishResponse]:
    return _told(await commits.publish(call, request))


async def _undo(call: Call, request: UndoRequest) -> AsyncIterator[pb.UndoResponse]:
    published = await commits.undo(call, request)
    return (pb.UndoResponse(outcome=message) async for message in _told(published))


async def _outcome(call: Call, request: pb.GetOutcomeRequest) -> AsyncIterator[pb.GetOutcomeResponse]:
    name = RepositoryName.parse(request.repository)
    published = await commits.outcome(call, name, RequestId(request.request_id))
    if published is None:
        yield pb.GetOutcomeResponse()
        return
    async for message in _told(published):
        yield pb.GetOutcomeResponse(outcome=message)


def _told(published: Published) -> AsyncIterator[pb.PublishResponse]:
    return told(PUBLISHED, published, len(published.changes))


SERVICE = Service(
    "mlv.v1.CommitsService",
    (
        Method("Begin", "write", _begin, sliced=BEGIN),
        Method("FindMissing", "write", _find_missing, instead="open"),
        Method("Publish", "write", _publish, sliced=PUBLISH),
        Method("Undo", "write", _undo, sliced=UNDO),
        Method("GetOutcome", "write", _outcome),
    ),
)
