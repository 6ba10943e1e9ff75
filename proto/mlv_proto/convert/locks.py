"""Locks: locks.proto."""

from __future__ import annotations

from mlv_core.entities import Lock, LockMode, LockNeed, LockScope
from mlv_core.errors import InvalidRequest
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_core.requests import AcquireOutcome, AcquireRequest, ReleaseRequest
from mlv_proto.convert import checks
from mlv_proto.convert.values import needs_to_wire
from mlv_proto.v1 import locks_pb2 as pb
from mlv_proto.v1 import values_pb2


def lock_to_wire(lock: Lock) -> values_pb2.Lock:
    """A lock."""
    return values_pb2.Lock(
        file_id=lock.file_id,
        path=lock.path,
        owner=lock.owner,
        workspace=lock.workspace,
        host=lock.host,
        mode=checks.wire_enum(lock.mode),
        scope=checks.wire_enum(lock.scope),
        branch=lock.branch,
        base=lock.base,
        reason=lock.reason,
        acquired_at=lock.acquired_at,
        lease_until=lock.lease_until,
        token=lock.token,
        tree=lock.tree,
        ttl=lock.ttl,
        limit=lock.limit,
        told_at=lock.told_at,
    )


def lock_from_wire(message: values_pb2.Lock) -> Lock:
    """A lock. Raises: InvalidRequest."""
    return Lock(
        FileId(checks.number(message.file_id, "lock.file_id")),
        message.path,
        message.owner,
        WorkspaceId(message.workspace),
        message.host,
        checks.enum(LockMode, message.mode, "lock.mode"),
        checks.enum(LockScope, message.scope, "lock.scope"),
        message.branch,
        checks.changeset(message.base, "lock.base"),
        message.reason,
        checks.number(message.acquired_at, "lock.acquired_at"),
        checks.number(message.lease_until, "lock.lease_until") if message.HasField("lease_until") else None,
        FencingToken(checks.number(message.token, "lock.token")),
        message.tree,
        checks.number(message.ttl, "lock.ttl"),
        checks.number(message.limit, "lock.limit") if message.HasField("limit") else None,
        checks.number(message.told_at, "lock.told_at"),
    )


def acquire_request_to_wire(request: AcquireRequest) -> pb.AcquireLocksRequest:
    """A request for locks."""
    return pb.AcquireLocksRequest(
        repository=str(request.repository),
        branch=request.branch,
        workspace=request.workspace,
        mode=checks.wire_enum(request.mode),
        scope=checks.wire_enum(request.scope or 0),
        reason=request.reason,
        paths=request.paths,
        hashes=b"".join(request.have),
        only_required=request.only_required,
        dry_run=request.dry_run,
        many=request.many,
        bases=request.bases[:1] if len(set(request.bases)) == 1 else request.bases,
        ttl=request.ttl,
        steal=request.steal,
        diverge=request.diverge,
        tree=request.tree,
    )


def acquire_request_from_wire(message: pb.AcquireLocksRequest) -> AcquireRequest:
    """A request for locks. Raises: InvalidRequest."""
    count = len(message.paths)
    return AcquireRequest(
        repository=checks.repository(message.repository, "repository"),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        paths=checks.texts(message.paths, "paths"),
        have=tuple(checks.hashes(message.hashes, count, "hashes")),
        bases=tuple(ChangesetNumber(base) for base in checks.spread(message.bases, count, "bases")),
        mode=checks.enum(LockMode, message.mode, "mode"),
        scope=checks.optional_enum(LockScope, message.scope, "scope"),
        reason=checks.text(message.reason, "reason"),
        only_required=message.only_required,
        many=message.many,
        dry_run=message.dry_run,
        ttl=checks.number(message.ttl, "ttl"),
        steal=message.steal,
        diverge=message.diverge,
        tree=message.tree,
    )


def acquire_outcome_to_wire(outcome: AcquireOutcome) -> pb.AcquireLocksResponse:
    """What became of a request for locks."""
    return pb.AcquireLocksResponse(
        locks=[lock_to_wire(lock) for lock in outcome.locks], needs=needs_to_wire(outcome.needs)
    )


def acquire_outcome_from_wire(message: pb.AcquireLocksResponse) -> AcquireOutcome:
    """What became of a request for locks. Raises: InvalidRequest."""
    needs = tuple(checks.enum(LockNeed, need, "needs") for need in message.needs)
    return AcquireOutcome(tuple(lock_from_wire(lock) for lock in message.locks), needs)


def release_request_to_wire(request: ReleaseRequest) -> pb.ReleaseLocksRequest:
    """A request to give up locks."""
    return pb.ReleaseLocksRequest(
        repository=str(request.repository),
        workspace=request.workspace,
        branch=request.branch,
        paths=request.paths,
        all=request.all_of_workspace,
        force=request.force,
        reason=request.reason,
        dry_run=request.dry_run,
        tokens=request.tokens,
    )


def release_request_from_wire(message: pb.ReleaseLocksRequest) -> ReleaseRequest:
    """A request to give up locks. Raises: InvalidRequest."""
    if not message.paths and not message.rows and not message.all:
        raise InvalidRequest("paths is empty, and all is not set: there is nothing to release.")
    return ReleaseRequest(
        repository=checks.repository(message.repository, "repository"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        branch=checks.text(message.branch, "branch"),
        paths=checks.texts(message.paths, "paths"),
        all_of_workspace=message.all,
        force=message.force,
        reason=checks.text(message.reason, "reason"),
        dry_run=message.dry_run,
        tokens=tuple(FencingToken(checks.number(token, "tokens")) for token in message.tokens),
    )
