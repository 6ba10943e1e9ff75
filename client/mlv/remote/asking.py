"""Calls about asking for locks and waiting for them."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, Channel
from mlv_core.asking import AnswerRequest, Asked, AskRequest, LockRequest, WithdrawRequest
from mlv_core.entities import Lock
from mlv_core.ids import RepositoryName

_SERVICE = "LockRequestsService"


class AskingCalls:
    """Requests for locks. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def ask_for_locks(self, request: AskRequest, *, again: bool = True) -> Asked:
        """Ask the holders of locks, or stand in the queue; with `again` it is tried anew while the server is away."""
        from mlv_proto.convert import asking as convert
        from mlv_proto.v1 import lock_requests_pb2 as pb

        message = convert.ask_request_to_wire(request)
        method = f"{_SERVICE}/AskForLocks"
        return convert.asked_from_wire(self._channel.unary(method, message, pb.AskForLocksResponse, again=again))

    def withdraw_lock_request(self, request: WithdrawRequest, *, again: bool = True) -> int:
        """Take back what was asked for; with `again` it is tried anew while the server is away."""
        from mlv_proto.convert import asking as convert
        from mlv_proto.v1 import lock_requests_pb2 as pb

        message = convert.withdraw_request_to_wire(request)
        method = f"{_SERVICE}/WithdrawLockRequest"
        return self._channel.unary(method, message, pb.WithdrawLockRequestResponse, again=again).withdrawn

    def answer_lock_request(self, request: AnswerRequest) -> tuple[Lock, ...]:
        """Give locks to who asked, or deny them; the locks that were given."""
        from mlv_proto.convert import asking as convert
        from mlv_proto.convert import locks
        from mlv_proto.v1 import lock_requests_pb2 as pb

        message = convert.answer_request_to_wire(request)
        answer = self._channel.unary(f"{_SERVICE}/AnswerLockRequest", message, pb.AnswerLockRequestResponse)
        return tuple(locks.lock_from_wire(lock) for lock in answer.given)

    def list_lock_requests(
        self, repository: RepositoryName, branch: str = "", paths: tuple[str, ...] = ()
    ) -> tuple[LockRequest, ...]:
        """Who asked for locks and who waits."""
        from mlv_proto.convert import asking as convert
        from mlv_proto.v1 import lock_requests_pb2 as pb

        request = pb.ListLockRequestsRequest(repository=str(repository), branch=branch, paths=paths)
        parse = pb.ListLockRequestsResponse.FromString
        answers = self._channel.answers(f"{_SERVICE}/ListLockRequests", request, parse, seconds=CALL_SECONDS)
        return tuple(convert.lock_request_from_wire(one) for answer in answers for one in answer.requests)
