"""Asking for locks and waiting for them: lock_requests.proto."""

from __future__ import annotations

from mlv_core.asking import Answer, AnswerRequest, Asked, AskRequest, LockRequest, WithdrawRequest
from mlv_core.ids import ChangesetNumber, FileId, WorkspaceId
from mlv_proto.convert import checks
from mlv_proto.v1 import lock_requests_pb2 as pb


def ask_request_to_wire(request: AskRequest) -> pb.AskForLocksRequest:
    """What is asked for."""
    return pb.AskForLocksRequest(
        repository=str(request.repository),
        branch=request.branch,
        workspace=request.workspace,
        paths=request.paths,
        bases=request.bases[:1] if len(set(request.bases)) == 1 else request.bases,
        reason=request.reason,
        waits=request.waits,
        wait_ms=request.wait_ms,
        again=request.again,
        dry_run=request.dry_run,
        tree=request.tree,
    )


def ask_request_from_wire(message: pb.AskForLocksRequest) -> AskRequest:
    """What is asked for. Raises: InvalidRequest."""
    return AskRequest(
        repository=checks.repository(message.repository, "repository"),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        paths=checks.texts(message.paths, "paths"),
        bases=tuple(ChangesetNumber(base) for base in checks.spread(message.bases, len(message.paths), "bases")),
        reason=checks.text(message.reason, "reason"),
        waits=message.waits,
        wait_ms=checks.number(message.wait_ms, "wait_ms"),
        again=message.again,
        dry_run=message.dry_run,
        tree=message.tree,
    )


def asked_to_wire(asked: Asked) -> pb.AskForLocksResponse:
    """What who asked is told."""
    return pb.AskForLocksResponse(
        turn=asked.turn, ahead=asked.ahead, contact_ms=asked.contact_ms, holders=asked.holders
    )


def asked_from_wire(message: pb.AskForLocksResponse) -> Asked:
    """What who asked is told. Raises: InvalidRequest."""
    contact = checks.number(message.contact_ms, "contact_ms")
    return Asked(message.turn, message.ahead, contact, tuple(message.holders))


def withdraw_request_to_wire(request: WithdrawRequest) -> pb.WithdrawLockRequestRequest:
    """What is taken back."""
    return pb.WithdrawLockRequestRequest(
        repository=str(request.repository),
        branch=request.branch,
        workspace=request.workspace,
        paths=request.paths,
        dry_run=request.dry_run,
        tree=request.tree,
    )


def withdraw_request_from_wire(message: pb.WithdrawLockRequestRequest) -> WithdrawRequest:
    """What is taken back. Raises: InvalidRequest."""
    return WithdrawRequest(
        repository=checks.repository(message.repository, "repository"),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        paths=checks.texts(message.paths, "paths"),
        dry_run=message.dry_run,
        tree=message.tree,
    )


def answer_request_to_wire(request: AnswerRequest) -> pb.AnswerLockRequestRequest:
    """What a holder answers."""
    return pb.AnswerLockRequestRequest(
        repository=str(request.repository),
        branch=request.branch,
        paths=request.paths,
        user=request.user,
        answer=checks.wire_enum(request.answer),
        reason=request.reason,
        dry_run=request.dry_run,
        tree=request.tree,
    )


def answer_request_from_wire(message: pb.AnswerLockRequestRequest) -> AnswerRequest:
    """What a holder answers. Raises: InvalidRequest."""
    return AnswerRequest(
        repository=checks.repository(message.repository, "repository"),
        branch=checks.text(message.branch, "branch"),
        paths=checks.texts(message.paths, "paths"),
        user=checks.text(message.user, "user"),
        answer=checks.enum(Answer, message.answer, "answer"),
        reason=checks.text(message.reason, "reason"),
        dry_run=message.dry_run,
        tree=message.tree,
    )


def lock_request_to_wire(request: LockRequest) -> pb.LockRequest:
    """One file or folder that somebody asked for."""
    return pb.LockRequest(
        number=request.number,
        file_id=request.file_id,
        path=request.path,
        user=request.user,
        workspace=request.workspace,
        host=request.host,
        branch=request.branch,
        reason=request.reason,
        waits=request.waits,
        place=request.place,
        absent=request.absent,
        asked_at=request.asked_at,
        until=request.until,
        denied_at=request.denied_at,
        denied_by=request.denied_by,
        denied_why=request.denied_why,
        tree=request.tree,
    )


def lock_request_from_wire(message: pb.LockRequest) -> LockRequest:
    """One file or folder that somebody asked for. Raises: InvalidRequest."""
    return LockRequest(
        number=checks.number(message.number, "number"),
        file_id=FileId(checks.number(message.file_id, "file_id")),
        path=message.path,
        user=message.user,
        workspace=WorkspaceId(message.workspace),
        host=message.host,
        branch=message.branch,
        reason=message.reason,
        waits=message.waits,
        place=message.place,
        absent=message.absent,
        asked_at=checks.number(message.asked_at, "asked_at"),
        until=checks.moment(message.until, "until"),
        denied_by=message.denied_by,
        denied_why=message.denied_why,
        denied_at=checks.number(message.denied_at, "denied_at") if message.HasField("denied_at") else None,
        tree=message.tree,
    )
