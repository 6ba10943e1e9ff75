"""Freezes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert.releasing import freeze_to_wire, lifted_freeze_from_wire, wanted_freeze_from_wire
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import freezes_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import freezes
from mlv_server.services.call import Call


async def _set(call: Call, request: pb.SetFreezeRequest) -> pb.SetFreezeResponse:
    name, wanted = RepositoryName.parse(request.repository), wanted_freeze_from_wire(request)
    return pb.SetFreezeResponse(freeze=freeze_to_wire(await freezes.freeze(call, name, wanted, request.dry_run)))


async def _lift(call: Call, request: pb.LiftFreezeRequest) -> pb.LiftFreezeResponse:
    name, wanted = RepositoryName.parse(request.repository), lifted_freeze_from_wire(request)
    return pb.LiftFreezeResponse(freeze=freeze_to_wire(await freezes.lift(call, name, wanted, request.dry_run)))


async def _list(call: Call, request: pb.ListFreezesRequest) -> AsyncIterator[pb.ListFreezesResponse]:
    for some in batches(await freezes.list_all(call, RepositoryName.parse(request.repository), request.ended)):
        yield pb.ListFreezesResponse(freezes=map(freeze_to_wire, some))


SERVICE = Service(
    "mlv.v1.FreezesService",
    (
        Method("SetFreeze", "freeze", _set),
        Method("LiftFreeze", "freeze", _lift),
        Method("ListFreezes", "list", _list),
    ),
)
