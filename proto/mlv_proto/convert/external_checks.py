"""External checks: checks.proto."""

from __future__ import annotations

from mlv_core.hooks import Check, CheckAnswer, Moment, NewCheck
from mlv_proto.convert import checks
from mlv_proto.convert.webhooks import FILTER_LIMIT, SECRET_LIMIT, patterns
from mlv_proto.v1 import checks_pb2 as pb


def new_check_to_wire(asked: NewCheck, *, dry_run: bool) -> pb.AddCheckRequest:
    """What a check shall be."""
    return pb.AddCheckRequest(
        repository=asked.repository,
        url=asked.url,
        moments=[checks.wire_enum(moment) for moment in asked.moments],
        name=asked.name,
        ref=asked.ref,
        paths=asked.paths,
        deadline_milliseconds=min(asked.deadline, 2**32 - 1),  # what the wire holds; far less is refused
        fail_open=asked.fail_open,
        secret=asked.secret,
        dry_run=dry_run,
    )


def new_check_from_wire(message: pb.AddCheckRequest) -> NewCheck:
    """What a check shall be. Raises: InvalidRequest."""
    moments = dict.fromkeys(checks.enum(Moment, moment, "moments") for moment in message.moments[:FILTER_LIMIT])
    return NewCheck(
        str(checks.repository(message.repository, "repository")),
        message.url,
        tuple(moments),
        checks.text(message.name, "name"),
        checks.text(message.ref, "ref") or "*",
        patterns(message.paths, "paths"),
        message.deadline_milliseconds,
        message.fail_open,
        checks.text(message.secret, "secret", SECRET_LIMIT),
    )


def check_to_wire(check: Check) -> pb.Check:
    """A check."""
    return pb.Check(
        id=check.id,
        name=check.name,
        url=check.url,
        moments=[checks.wire_enum(moment) for moment in check.moments],
        ref=check.ref,
        paths=check.paths,
        deadline_milliseconds=check.deadline,
        fail_open=check.fail_open,
        created_by=check.created_by,
        created_at=check.created_at,
        old_secret_until=check.old_secret_until,
    )


def check_from_wire(message: pb.Check) -> Check:
    """A check. Raises: InvalidRequest."""
    return Check(
        message.id,
        message.name,
        message.url,
        tuple(checks.enum(Moment, moment, "moments") for moment in message.moments),
        message.ref,
        tuple(message.paths),
        message.deadline_milliseconds,
        message.fail_open,
        message.created_by,
        checks.number(message.created_at, "created_at"),
        checks.number(message.old_secret_until, "old_secret_until") if message.HasField("old_secret_until") else None,
    )


def check_answer_to_wire(answer: CheckAnswer) -> pb.TestCheckResponse:
    """What a check said."""
    said = pb.TestCheckResponse(message=answer.message, status=answer.status, milliseconds=answer.milliseconds)
    if answer.allowed is not None:
        said.allowed = answer.allowed
    return said


def check_answer_from_wire(message: pb.TestCheckResponse) -> CheckAnswer:
    """What a check said."""
    allowed = message.allowed if message.HasField("allowed") else None
    return CheckAnswer(allowed, message.message, message.status, message.milliseconds)
