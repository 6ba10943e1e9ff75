"""Calls about the audit trail."""

from __future__ import annotations

from collections.abc import Iterator

from mlv.remote.channel import LONG_CALL_SECONDS, Channel
from mlv_core.auditing import AuditFilter, AuditRecord, AuditVerdict


class AuditCalls:
    """The audit trail. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def audit(self, wanted: AuditFilter) -> Iterator[AuditRecord]:
        """The entries of a chain that are wanted."""
        from mlv_proto.convert import audit as convert
        from mlv_proto.v1 import audit_pb2 as pb

        parse = pb.QueryAuditResponse.FromString
        for answer in self._channel.answers("AuditService/QueryAudit", convert.audit_filter_to_wire(wanted), parse):
            yield from map(convert.audit_record_from_wire, answer.entries)

    def verify_audit(self, repository: str, known: tuple[int, bytes] = (0, b"")) -> AuditVerdict:
        """Whether a chain is sound, and still holds the end that was noted."""
        from mlv_proto.convert import audit as convert
        from mlv_proto.v1 import audit_pb2 as pb

        request = pb.VerifyAuditRequest(repository=repository, known_entries=known[0], known_hash=known[1])
        answer = self._channel.unary(
            "AuditService/VerifyAudit", request, pb.VerifyAuditResponse, seconds=LONG_CALL_SECONDS
        )
        return convert.audit_verdict_from_wire(answer)
