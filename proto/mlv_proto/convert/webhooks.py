"""Webhooks: webhooks.proto."""

from __future__ import annotations

from collections.abc import Iterable

from mlv_core.errors import InvalidRequest
from mlv_core.hooks import Delivery, HookState, NewWebhook, Webhook
from mlv_proto.convert import checks
from mlv_proto.v1 import webhooks_pb2 as pb

FILTER_LIMIT = 50
"""Kinds and globs of one webhook: each is tried on each event."""
PATTERN_LIMIT = 1_000
SECRET_LIMIT = 1_000
"""What is read of a secret before it is refused."""


def new_webhook_to_wire(asked: NewWebhook, *, dry_run: bool) -> pb.AddWebhookRequest:
    """What a webhook shall be."""
    return pb.AddWebhookRequest(
        repository=asked.repository,
        url=asked.url,
        kinds=asked.kinds,
        paths=asked.paths,
        branch=asked.branch,
        secret=asked.secret,
        dry_run=dry_run,
    )


def new_webhook_from_wire(message: pb.AddWebhookRequest) -> NewWebhook:
    """What a webhook shall be. Raises: InvalidRequest."""
    return NewWebhook(
        str(checks.repository(message.repository, "repository")),
        message.url,
        patterns(message.kinds, "kinds"),
        patterns(message.paths, "paths"),
        checks.text(message.branch, "branch"),
        checks.text(message.secret, "secret", SECRET_LIMIT),
    )


def webhook_to_wire(hook: Webhook) -> pb.Webhook:
    """A webhook."""
    return pb.Webhook(
        id=hook.id,
        url=hook.url,
        kinds=hook.kinds,
        paths=hook.paths,
        branch=hook.branch,
        state=checks.wire_enum(hook.state),
        reason=hook.reason,
        position=hook.position,
        attempts=hook.attempts,
        next_at=hook.next_at,
        old_secret_until=hook.old_secret_until,
        created_by=hook.created_by,
        created_at=hook.created_at,
    )


def webhook_from_wire(message: pb.Webhook) -> Webhook:
    """A webhook. Raises: InvalidRequest."""
    until = (
        checks.number(message.old_secret_until, "old_secret_until") if message.HasField("old_secret_until") else None
    )
    return Webhook(
        id=message.id,
        url=message.url,
        kinds=tuple(message.kinds),
        paths=tuple(message.paths),
        branch=message.branch,
        state=checks.enum(HookState, message.state, "state"),
        reason=message.reason,
        position=checks.number(message.position, "position"),
        attempts=message.attempts,
        next_at=checks.number(message.next_at, "next_at") if message.HasField("next_at") else None,
        old_secret_until=until,
        created_by=message.created_by,
        created_at=checks.number(message.created_at, "created_at"),
    )


def delivery_to_wire(made: Delivery) -> pb.Delivery:
    """A delivery."""
    return pb.Delivery(
        number=made.number,
        sequence=made.sequence,
        kind=made.kind,
        time=made.time,
        attempt=made.attempt,
        status=made.status,
        milliseconds=made.milliseconds,
        fault=made.fault,
        answer=made.answer,
    )


def delivery_from_wire(message: pb.Delivery) -> Delivery:
    """A delivery. Raises: InvalidRequest."""
    return Delivery(
        number=checks.number(message.number, "number"),
        sequence=checks.number(message.sequence, "sequence"),
        kind=message.kind,
        time=checks.number(message.time, "time"),
        attempt=message.attempt,
        status=message.status,
        milliseconds=message.milliseconds,
        fault=message.fault,
        answer=message.answer,
    )


def patterns(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Kinds or globs, not too many and not too long. Raises: InvalidRequest."""
    found = tuple(checks.text(value, field, PATTERN_LIMIT) for value in values)
    if len(found) > FILTER_LIMIT:
        raise InvalidRequest(f"{field} has {len(found)} entries; the limit is {FILTER_LIMIT}.")
    return found
