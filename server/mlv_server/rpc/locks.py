"""Locks."""

from __future__ import annotations

from mlv_core.ids import RepositoryName
from mlv_proto import convert
from mlv_proto.v1 import locks_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import locks
from mlv_server.services.call import Call


async def _acquire(call: Call, request: pb.AcquireLocksRequest) -> pb.AcquireLocksResponse:
    return convert.acquire_outcome_to_wire(await locks.acquire(call, convert.acquire_request_from_wire(request)))


async def _release(call: Call, request: pb.ReleaseLocksRequest) -> pb.ReleaseLocksResponse:
    released = await locks.release(call, convert.release_request_from_wire(request))
    return pb.ReleaseLocksResponse(released=[convert.lock_to_wire(lock) for lock in released])


async def _list(call: Call, request: pb.ListLocksRequest) -> pb.ListLocksResponse:
    name = RepositoryName.parse(request.repository)
    found = await locks.list_all(call, name, request.branch, tuple(request.paths), request.owner)
    return pb.ListLocksResponse(locks=[convert.lock_to_wire(lock) for lock in found])


SERVICE = Service(
    "mlv.v1.LocksService",
    (
        Method("AcquireLocks", "open", _acquire),
        Method("ReleaseLocks", "open", _release),
        Method("ListLocks", "list", _list),
    ),
)
