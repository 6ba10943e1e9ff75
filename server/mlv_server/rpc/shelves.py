"""Shelves."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName, RequestId
from mlv_core.shelving import PlanShelfRequest, ShelveRequest
from mlv_proto.convert import shelves as shelf_convert
from mlv_proto.v1 import shelves_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import aside
from mlv_server.services import shelf_content, shelves
from mlv_server.services.call import Call


async def _shelve(call: Call, request: ShelveRequest) -> pb.ShelveResponse:
    return pb.ShelveResponse(shelf=shelf_convert.shelf_to_wire(await shelves.shelve(call, request)))


async def _outcome(call: Call, request: pb.GetShelveOutcomeRequest) -> pb.GetShelveOutcomeResponse:
    name = RepositoryName.parse(request.repository)
    found = await shelves.outcome(call, name, RequestId(request.request_id))
    return pb.GetShelveOutcomeResponse(shelf=None if found is None else shelf_convert.shelf_to_wire(found))


async def _list(call: Call, request: pb.ListShelvesRequest) -> pb.ListShelvesResponse:
    found = await shelves.list_all(call, RepositoryName.parse(request.repository), request.owner, request.branch)
    return pb.ListShelvesResponse(shelves=map(shelf_convert.shelf_to_wire, found))


async def _get(call: Call, request: pb.GetShelfRequest) -> AsyncIterator[pb.GetShelfResponse]:
    shelf, changes = await shelves.get(call, RepositoryName.parse(request.repository), request.owner, request.name)
    messages = shelf_convert.shelf_contents_to_wire(shelf, changes)
    while (message := await aside(len(changes), next, messages, None)) is not None:
        yield message


async def _plan(call: Call, request: PlanShelfRequest) -> AsyncIterator[pb.PlanShelfResponse]:
    parts = shelf_content.plan(call, request)
    return (await aside(len(p.changes) + len(p.pieces), shelf_convert.plan_part_to_wire, p) async for p in parts)


async def _delete(call: Call, request: pb.DeleteShelfRequest) -> pb.DeleteShelfResponse:
    name = RepositoryName.parse(request.repository)
    found = await shelves.remove(call, name, request.owner, request.name, dry_run=request.dry_run)
    return pb.DeleteShelfResponse(shelf=shelf_convert.shelf_to_wire(found))


SERVICE = Service(
    "mlv.v1.ShelvesService",
    (
        Method("Shelve", "open", _shelve, sliced=shelf_convert.SHELVE),
        Method("GetShelveOutcome", "open", _outcome),
        Method("ListShelves", "list", _list),
        Method("GetShelf", "read", _get),
        Method("PlanShelf", "read", _plan, sliced=shelf_convert.PLAN_SHELF),
        Method("DeleteShelf", "list", _delete),
    ),
)
