"""Locks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, ReleaseRequest
from mlv_proto.convert.locks import lock_to_wire
from mlv_proto.convert.slices import ACQUIRE, ACQUIRED, RELEASE, batches
from mlv_proto.v1 import locks_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import told
from mlv_server.services import locks
from mlv_server.services.call import Call


async def _acquire(call: Call, request: AcquireRequest) -> AsyncIterator[pb.AcquireLocksResponse]:
    outcome = await locks.acquire(call, request)
    return told(ACQUIRED, outcome, len(outcome.needs))


async def _release(call: Call, request: ReleaseRequest) -> AsyncIterator[pb.ReleaseLocksResponse]:
    released = await locks.release(call, request)
    parts = batches(released)
    return _each(pb.ReleaseLocksResponse(released=map(lock_to_wire, some)) for some in parts)


async def _list(call: Call, request: pb.ListLocksRequest) -> AsyncIterator[pb.ListLocksResponse]:
    name = RepositoryName.parse(request.repository)
    found = await locks.list_all(call, name, request.branch, tuple(request.paths), request.owner)
    for some in batches(found):
        yield pb.ListLocksResponse(locks=map(lock_to_wire, some))


async def _renew(call: Call, request: pb.RenewLocksRequest) -> AsyncIterator[pb.RenewLocksResponse]:
    name = RepositoryName.parse(request.repository)
    renewed = await locks.renew(call, name, WorkspaceId(request.workspace))
    for some in batches(renewed):
        yield pb.RenewLocksResponse(locks=map(lock_to_wire, some))


async def _each(messages: Iterable[pb.ReleaseLocksResponse]) -> AsyncIterator[pb.ReleaseLocksResponse]:
    for message in messages:
        yield message


SERVICE = Service(
    "mlv.v1.LocksService",
    (
        Method("AcquireLocks", "open", _acquire, sliced=ACQUIRE),
        Method("ReleaseLocks", "open", _release, sliced=RELEASE),
        Method("ListLocks", "list", _list),
        Method("RenewLocks", "open", _renew),
    ),
)
