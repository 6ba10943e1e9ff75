"""Asking for locks and waiting for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert import asking as convert
from mlv_proto.convert.locks import lock_to_wire
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import lock_requests_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import lock_answers, lock_requests
from mlv_server.services.call import Call


async def _ask(call: Call, request: pb.AskForLocksRequest) -> pb.AskForLocksResponse:
    return convert.asked_to_wire(await lock_requests.ask(call, convert.ask_request_from_wire(request)))


async def _withdraw(call: Call, request: pb.WithdrawLockRequestRequest) -> pb.WithdrawLockRequestResponse:
    count = await lock_requests.withdraw(call, convert.withdraw_request_from_wire(request))
    return pb.WithdrawLockRequestResponse(withdrawn=count)


async def _answer(call: Call, request: pb.AnswerLockRequestRequest) -> pb.AnswerLockRequestResponse:
    given = await lock_answers.answer(call, convert.answer_request_from_wire(request))
    return pb.AnswerLockRequestResponse(given=map(lock_to_wire, given))


async def _list(call: Call, request: pb.ListLockRequestsRequest) -> AsyncIterator[pb.ListLockRequestsResponse]:
    name = RepositoryName.parse(request.repository)
    found = await lock_requests.list_all(call, name, request.branch, tuple(request.paths))
    for some in batches(found):
        yield pb.ListLockRequestsResponse(requests=map(convert.lock_request_to_wire, some))


SERVICE = Service(
    "mlv.v1.LockRequestsService",
    (
        Method("AskForLocks", "open", _ask),
        Method("WithdrawLockRequest", "open", _withdraw),
        Method("AnswerLockRequest", "open", _answer),
        Method("ListLockRequests", "list", _list),
    ),
)
