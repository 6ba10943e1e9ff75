"""Locks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, ReleaseRequest
from mlv_proto import convert
from mlv_proto.v1 import locks_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import told
from mlv_server.services import locks
from mlv_server.services.call import Call


async def _acquire(call: Call, request: AcquireRequest) -> AsyncIterator[pb.AcquireLocksResponse]:
    outcome = await locks.acquire(call, request)
    return told(convert.ACQUIRED, outcome, len(outcome.needs))


async def _release(call: Call, request: ReleaseRequest) -> AsyncIterator[pb.ReleaseLocksResponse]:
    released = await locks.release(call, request)
    batches = convert.batches(released)
    return _each(pb.ReleaseLocksResponse(released=map(convert.lock_to_wire, some)) for some in batches)


async def _list(call: Call, request: pb.ListLocksRequest) -> AsyncIterator[pb.ListLocksResponse]:
    name = RepositoryName.parse(request.repository)
    found = await locks.list_all(call, name, request.branch, tuple(request.paths), request.owner)
    for some in convert.batches(found):
        yield pb.ListLocksResponse(locks=map(convert.lock_to_wire, some))


async def _renew(call: Call, request: pb.RenewLocksRequest) -> AsyncIterator[pb.RenewLocksResponse]:
    name = RepositoryName.parse(request.repository)
    renewed = await locks.renew(call, name, WorkspaceId(request.workspace))
    for some in convert.batches(renewed):
        yield pb.RenewLocksResponse(locks=map(convert.lock_to_wire, some))


async def _each(messages: Iterable[pb.ReleaseLocksResponse]) -> AsyncIterator[pb.ReleaseLocksResponse]:
    for message in messages:
        yield message


SERVICE = Service(
    "mlv.v1.LocksService",
    (
        Method("AcquireLocks", "open", _acquire, sliced=convert.ACQUIRE),
        Method("ReleaseLocks", "open", _release, sliced=convert.RELEASE),
        Method("ListLocks", "list", _list),
        Method("RenewLocks", "open", _renew),
    ),
)
