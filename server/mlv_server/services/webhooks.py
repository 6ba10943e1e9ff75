"""Webhooks as their admins see them: made, listed, paused, tried, and which deliveries came to what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlv_core.errors import LimitExceeded
from mlv_core.hooks import Delivery, HookState, NewWebhook, Webhook
from mlv_core.ids import RepositoryName
from mlv_server.domain.delivering import Letter, Progress
from mlv_server.domain.destinations import parse_destination, place_of
from mlv_server.domain.events import check_wanted
from mlv_server.domain.signing import check_overlap, check_secret, make_id, make_secret
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.webhooks import WebhookRow
from mlv_server.services import access, letters
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View

WEBHOOKS_LIMIT = 50
"""Of one repository: each event is sent to each."""


async def add(call: Call, asked: NewWebhook, *, dry_run: bool) -> tuple[Webhook, str]:
    """A new webhook, told of what happens from now on, and the secret that was made for it ('' if one was given).

    Raises: InvalidRequest, InvalidPath, LimitExceeded, NotFound, Denied.
    """
    check_wanted(asked.kinds, asked.paths)
    parse_destination(asked.url, call.outgoing.allowed)
    secret = check_secret(asked.secret) if asked.secret else make_secret(call.fresh)
    name = RepositoryName.parse(asked.repository)

    def work(tx: Transaction) -> Webhook:
        row = _repository(tx, call, name)
        if tx.webhooks.count(row.id) >= WEBHOOKS_LIMIT:
            raise LimitExceeded(f"{name} has {WEBHOOKS_LIMIT} webhooks, as many as a repository may have.")
        branch = View(tx, call, row).branch(asked.branch).name if asked.branch else ""
        made = Webhook(
            id=make_id(call.fresh),
            url=asked.url,
            kinds=asked.kinds,
            paths=asked.paths,
            branch=branch,
            state=HookState.ACTIVE,
            reason="",
            position=tx.events.last(row.id),
            attempts=0,
            next_at=None,
            old_secret_until=None,
            created_by=call.principal.user,
            created_at=call.now,
        )

        tx.webhooks.add(row.id, call.principal.user_id, made, secret)
        _note(tx, call, row, "webhook.add", made.id, url=place_of(made.url))
        return made

    made = await access.write(call, work, "webhook.add", str(name), dry_run=dry_run, repository=name)
    return made, "" if asked.secret or dry_run else secret


async def list_all(call: Call, name: RepositoryName) -> tuple[Webhook, ...]:
    """The webhooks of a repository, oldest first. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> tuple[Webhook, ...]:
        return tuple(one.info for one in tx.webhooks.list_all(_repository(tx, call, name).id))

    return await call.db.read(work)


async def delete(call: Call, name: RepositoryName, webhook: str, *, dry_run: bool) -> Webhook:
    """Forget a webhook, its secret and its deliveries. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> Webhook:
        row = _repository(tx, call, name)
        found = tx.webhooks.get(row.id, webhook).info

        tx.webhooks.remove(row.id, found.id)
        _note(tx, call, row, "webhook.delete", found.id, url=place_of(found.url))
        return found

    once = Once((str(name), webhook), _read)
    return await access.write(call, work, "webhook.delete", str(name), dry_run=dry_run, repository=name, once=once)


async def pause(call: Call, name: RepositoryName, webhook: str, *, dry_run: bool) -> Webhook:
    """Send nothing until it is resumed; what happens meanwhile is sent then. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> Webhook:
        row = _repository(tx, call, name)
        found = tx.webhooks.get(row.id, webhook)

        by = f"paused by {call.principal.user}"
        tx.webhooks.advance(row.id, found.info.id, Progress(found.info.position, HookState.PAUSED, by))
        _note(tx, call, row, "webhook.pause", found.info.id)
        return tx.webhooks.get(row.id, webhook).info

    once = Once((str(name), webhook), _read)
    return await access.write(call, work, "webhook.pause", str(name), dry_run=dry_run, repository=name, once=once)


async def resume(call: Call, name: RepositoryName, webhook: str, *, from_now: bool, dry_run: bool) -> Webhook:
    """Go on where it stopped, or with what happens `from_now` on; what failed is tried at once.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> Webhook:
        row = _repository(tx, call, name)
        found = tx.webhooks.get(row.id, webhook)

        position = tx.events.last(row.id) if from_now else found.info.position
        tx.webhooks.advance(row.id, found.info.id, Progress(position))
        _note(tx, call, row, "webhook.resume", found.info.id, after=position)
        return tx.webhooks.get(row.id, webhook).info

    once = Once((str(name), webhook, from_now), _read)
    done = await access.write(call, work, "webhook.resume", str(name), dry_run=dry_run, repository=name, once=once)
    if not dry_run:
        await _wake(call, name)
    return done


async def rotate(
    call: Call, name: RepositoryName, webhook: str, secret: str, overlap_seconds: int, *, dry_run: bool
) -> tuple[Webhook, str]:
    """Sign with another secret; for `overlap_seconds` the one before it signs too. The new one, '' if it was given.

    Raises: InvalidRequest, NotFound, Denied.
    """
    check_overlap(overlap_seconds)
    new = check_secret(secret) if secret else make_secret(call.fresh)

    def work(tx: Transaction) -> Webhook:
        row = _repository(tx, call, name)
        found = tx.webhooks.get(row.id, webhook)

        tx.webhooks.rotate(found, new, call.now + overlap_seconds * 1000)
        _note(tx, call, row, "webhook.rotate", found.info.id, overlap=overlap_seconds)
        return tx.webhooks.get(row.id, webhook).info

    done = await access.write(call, work, "webhook.rotate", str(name), dry_run=dry_run, repository=name)
    return done, "" if secret or dry_run else new


async def deliveries(call: Call, name: RepositoryName, webhook: str) -> tuple[Delivery, ...]:
    """What was sent last and what came of it, newest first. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> tuple[Delivery, ...]:
        row = _repository(tx, call, name)
        return tx.webhooks.deliveries(row.id, tx.webhooks.get(row.id, webhook).info.id)

    return await call.db.read(work)


async def send(call: Call, name: RepositoryName, webhook: str, sequence: int, *, dry_run: bool) -> Delivery:
    """Send event `sequence` again, or a test for 0, at once and beside the order; a dry run only says that it could.

    What it comes to changes nothing about what is sent next. Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> tuple[WebhookRow, Letter]:
        row = _repository(tx, call, name)
        found = tx.webhooks.get(row.id, webhook)
        return found, letters.one(tx, row, found, sequence, call.now)

    found, letter = await call.db.read(work)
    if dry_run:
        return Delivery(0, sequence, letter.kind, call.now, 1, 0, 0, "", "")
    made = await letters.send(call.outgoing, letter, call.now)

    def note(tx: Transaction) -> int:
        row = _repository(tx, call, name)
        _note(tx, call, row, "webhook.send", found.info.id, event=sequence)
        return tx.webhooks.note(row.id, found.info.id, made) if tx.webhooks.find(row.id, found.info.id) else 0

    return replace(made, number=await call.db.write(note))


async def _wake(call: Call, name: RepositoryName) -> None:
    row = await call.db.glance(lambda tx: tx.repositories.get(name))
    call.db.bells.ring((row.id,))


def _repository(tx: Transaction, call: Call, name: RepositoryName) -> RepositoryRow:
    row = tx.repositories.get(name)
    access.check(tx, call, "admin", row)
    return row


def _note(tx: Transaction, call: Call, row: RepositoryRow, act: str, webhook: str, **detail: str | int) -> None:
    tx.audit.append(row.id, (access.audit_entry(call, act, webhook, **detail),))


def _read(said: dict[str, Any]) -> Webhook:
    lists = {"kinds": tuple(said["kinds"]), "paths": tuple(said["paths"]), "state": HookState(said["state"])}
    return Webhook(**{**said, **lists})
