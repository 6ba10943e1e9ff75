"""Approvals of versions."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert.policy import approval_to_wire
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import approvals_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import approvals
from mlv_server.services.call import Call


async def _approve(call: Call, request: pb.ApproveRequest) -> pb.ApproveResponse:
    name = RepositoryName.parse(request.repository)
    given = await approvals.approve(call, name, request.revision, request.message, request.dry_run)
    return pb.ApproveResponse(approval=approval_to_wire(given))


async def _withdraw(call: Call, request: pb.WithdrawApprovalRequest) -> pb.WithdrawApprovalResponse:
    name = RepositoryName.parse(request.repository)
    taken = await approvals.withdraw(call, name, request.revision, request.dry_run)
    return pb.WithdrawApprovalResponse(approval=approval_to_wire(taken))


async def _list(call: Call, request: pb.ListApprovalsRequest) -> AsyncIterator[pb.ListApprovalsResponse]:
    found = await approvals.list_all(call, RepositoryName.parse(request.repository), request.revision)
    for some in batches(found):
        yield pb.ListApprovalsResponse(approvals=map(approval_to_wire, some))


SERVICE = Service(
    "mlv.v1.ApprovalsService",
    (
        Method("Approve", "read", _approve),
        Method("WithdrawApproval", "read", _withdraw),
        Method("ListApprovals", "meta.read", _list),
    ),
)
