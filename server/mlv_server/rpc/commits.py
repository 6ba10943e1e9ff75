"""Making changesets."""

from __future__ import annotations

from mlv_core.ids import RepositoryName, RequestId
from mlv_proto import convert
from mlv_proto.v1 import commits_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import commits
from mlv_server.services.call import Call


async def _begin(call: Call, request: pb.BeginRequest) -> pb.BeginResponse:
    return convert.begin_outcome_to_wire(await commits.begin(call, convert.begin_request_from_wire(request)))


async def _find_missing(call: Call, request: pb.FindMissingRequest) -> pb.FindMissingResponse:
    name = RepositoryName.parse(request.repository)
    missing = await commits.find_missing(call, name, convert.hashes_from_wire(request.hashes, "hashes"))
    return pb.FindMissingResponse(missing=convert.bitmap_to_wire(missing))


async def _publish(call: Call, request: pb.PublishRequest) -> pb.PublishResponse:
    return convert.published_to_wire(await commits.publish(call, convert.publish_request_from_wire(request)))


async def _undo(call: Call, request: pb.UndoRequest) -> pb.UndoResponse:
    published = await commits.undo(call, convert.undo_request_from_wire(request))
    return pb.UndoResponse(outcome=convert.published_to_wire(published))


async def _outcome(call: Call, request: pb.GetOutcomeRequest) -> pb.GetOutcomeResponse:
    name = RepositoryName.parse(request.repository)
    published = await commits.outcome(call, name, RequestId(request.request_id))
    return pb.GetOutcomeResponse(outcome=None if published is None else convert.published_to_wire(published))


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
