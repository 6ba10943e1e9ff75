"""Reading the audit trail."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_proto import convert
from mlv_proto.v1 import audit_pb2 as pb
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import auditing
from mlv_server.services.call import Call


async def _query(call: Call, request: pb.QueryAuditRequest) -> AsyncIterator[pb.QueryAuditResponse]:
    async for page in auditing.query(call, convert.audit_filter_from_wire(request)):
        for some in convert.batches(page):
            yield pb.QueryAuditResponse(entries=map(convert.audit_record_to_wire, some))


async def _verify(call: Call, request: pb.VerifyAuditRequest) -> pb.VerifyAuditResponse:
    known = convert.audit_end_from_wire(request)
    return convert.audit_verdict_to_wire(await auditing.verify(call, request.repository, known))


SERVICE = Service(
    "mlv.v1.AuditService",
    (Method("QueryAudit", Access.SIGNED_IN, _query), Method("VerifyAudit", Access.SIGNED_IN, _verify)),
)
