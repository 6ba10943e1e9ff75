"""Reading the audit trail."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_proto.convert.audit import (
    audit_end_from_wire,
    audit_filter_from_wire,
    audit_record_to_wire,
    audit_verdict_to_wire,
)
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import audit_pb2 as pb
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import auditing
from mlv_server.services.call import Call


async def _query(call: Call, request: pb.QueryAuditRequest) -> AsyncIterator[pb.QueryAuditResponse]:
    async for page in auditing.query(call, audit_filter_from_wire(request)):
        for some in batches(page):
            yield pb.QueryAuditResponse(entries=map(audit_record_to_wire, some))


async def _verify(call: Call, request: pb.VerifyAuditRequest) -> pb.VerifyAuditResponse:
    known = audit_end_from_wire(request)
    return audit_verdict_to_wire(await auditing.verify(call, request.repository, known))


SERVICE = Service(
    "mlv.v1.AuditService",
    (Method("QueryAudit", Access.SIGNED_IN, _query), Method("VerifyAudit", Access.SIGNED_IN, _verify)),
)
