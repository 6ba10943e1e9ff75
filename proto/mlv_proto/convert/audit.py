"""The audit trail: audit.proto."""

from __future__ import annotations

from mlv_core.auditing import AuditFilter, AuditRecord, AuditVerdict
from mlv_proto.convert import checks
from mlv_proto.v1 import audit_pb2 as pb


def audit_record_to_wire(record: AuditRecord) -> pb.AuditEntry:
    """An entry."""
    return pb.AuditEntry(
        sequence=record.sequence,
        time=record.time,
        user=record.user,
        token_id=record.token_id,
        peer=record.peer,
        request_id=record.request_id,
        action=record.action,
        object=record.object,
        allowed=record.allowed,
        rule=record.rule,
        reason=record.reason,
        details=[pb.AuditDetail(name=name, value=value) for name, value in record.detail],
        hash=record.hash,
    )


def audit_record_from_wire(message: pb.AuditEntry) -> AuditRecord:
    """An entry. Raises: InvalidRequest."""
    return AuditRecord(
        checks.number(message.sequence, "sequence"),
        checks.number(message.time, "time"),
        message.user,
        message.token_id,
        message.peer,
        message.request_id,
        message.action,
        message.object,
        message.allowed,
        checks.number(message.rule, "rule") if message.HasField("rule") else None,
        message.reason,
        tuple((one.name, one.value) for one in message.details),
        message.hash,
    )


def audit_filter_to_wire(wanted: AuditFilter) -> pb.QueryAuditRequest:
    """What is asked for."""
    return pb.QueryAuditRequest(
        repository=wanted.repository,
        user=wanted.user,
        action=wanted.action,
        object=wanted.object,
        since=wanted.since,
        until=wanted.until,
        denied=wanted.denied,
        after=wanted.after,
        limit=wanted.limit,
        oldest_first=wanted.oldest_first,
    )


def audit_filter_from_wire(message: pb.QueryAuditRequest) -> AuditFilter:
    """What is asked for. Raises: InvalidRequest."""
    return AuditFilter(
        str(checks.repository(message.repository, "repository")) if message.repository else "",
        checks.text(message.user, "user"),
        checks.text(message.action, "action"),
        checks.text(message.object, "object"),
        checks.moment(message.since, "since"),
        checks.moment(message.until, "until"),
        message.denied,
        checks.number(message.after, "after"),
        message.limit,
        message.oldest_first,
    )


def audit_end_from_wire(message: pb.VerifyAuditRequest) -> tuple[int, bytes]:
    """The end of a chain that was noted: entries and hash; (0, b'') for none. Raises: InvalidRequest."""
    return checks.number(message.known_entries, "known_entries"), message.known_hash


def audit_verdict_to_wire(verdict: AuditVerdict) -> pb.VerifyAuditResponse:
    """Whether a chain is sound."""
    return pb.VerifyAuditResponse(entries=verdict.entries, hash=verdict.hash, fault=verdict.fault)


def audit_verdict_from_wire(message: pb.VerifyAuditResponse) -> AuditVerdict:
    """Whether a chain is sound. Raises: InvalidRequest."""
    return AuditVerdict(checks.number(message.entries, "entries"), message.hash, checks.number(message.fault, "fault"))
