"""Whom outside a repository tells and asks: webhooks and external checks, for its admins."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv_core.errors import InvalidRequest, NotFound
from mlv_core.hooks import Check, CheckAnswer, Delivery, NewCheck, NewWebhook, Webhook
from mlv_core.ids import escape

SECRET_FILE_LIMIT = 1_000
DAY_SECONDS = 86_400


def add_webhook(context: Context, asked: NewWebhook, *, dry_run: bool = False) -> tuple[Webhook, str]:
    """A new webhook and the secret that the server made, which is shown once ('' if one was given).

    Raises: InvalidRequest, NotFound, Denied, LimitExceeded.
    """
    return context.server().add_webhook(asked, dry_run=dry_run)


def list_webhooks(context: Context, repository: str) -> tuple[Webhook, ...]:
    """The webhooks of a repository. Raises: NotFound, Denied."""
    return context.server().list_webhooks(repository)


def show_webhook(context: Context, repository: str, webhook: str) -> Webhook:
    """One webhook. Raises: NotFound, Denied."""
    for one in list_webhooks(context, repository):
        if one.id == webhook:
            return one
    raise NotFound(f"There is no webhook '{escape(webhook)}'.", advice="'mlv webhook list REPO' shows them.")


def delete_webhook(context: Context, repository: str, webhook: str, *, dry_run: bool = False) -> Webhook:
    """Forget a webhook and its deliveries. Raises: NotFound, Denied."""
    return context.server().delete_webhook(repository, webhook, dry_run=dry_run)


def pause_webhook(context: Context, repository: str, webhook: str, *, dry_run: bool = False) -> Webhook:
    """Send nothing until it is resumed. Raises: NotFound, Denied."""
    return context.server().pause_webhook(repository, webhook, dry_run=dry_run)


def resume_webhook(
    context: Context, repository: str, webhook: str, *, from_now: bool = False, dry_run: bool = False
) -> Webhook:
    """Go on where it stopped, or with what happens from now on. Raises: NotFound, Denied."""
    return context.server().resume_webhook(repository, webhook, from_now=from_now, dry_run=dry_run)


def rotate_webhook(
    context: Context,
    repository: str,
    webhook: str,
    secret: str = "",
    overlap_seconds: int = DAY_SECONDS,
    *,
    dry_run: bool = False,
) -> tuple[Webhook, str]:
    """Sign with another secret; the one before signs too for `overlap_seconds`. The new one, '' if it was given.

    Raises: InvalidRequest, NotFound, Denied.
    """
    return context.server().rotate_webhook(repository, webhook, secret, overlap_seconds, dry_run=dry_run)


def list_deliveries(context: Context, repository: str, webhook: str) -> tuple[Delivery, ...]:
    """What was sent last and what came of it, newest first. Raises: NotFound, Denied."""
    return context.server().list_deliveries(repository, webhook)


def send(context: Context, repository: str, webhook: str, sequence: int, *, dry_run: bool = False) -> Delivery:
    """Send event `sequence` again, or a test for 0, at once. Raises: NotFound, Denied."""
    return context.server().send_to_webhook(repository, webhook, sequence, dry_run=dry_run)


def add_check(context: Context, asked: NewCheck, *, dry_run: bool = False) -> tuple[Check, str]:
    """A new check and the secret that the server made, which is shown once ('' if one was given).

    Raises: InvalidRequest, InvalidName, AlreadyExists, NotFound, Denied, LimitExceeded.
    """
    return context.server().add_check(asked, dry_run=dry_run)


def list_checks(context: Context, repository: str) -> tuple[Check, ...]:
    """The checks of a repository. Raises: NotFound, Denied."""
    return context.server().list_checks(repository)


def show_check(context: Context, repository: str, check: str) -> Check:
    """One check, by id or name. Raises: NotFound, Denied."""
    for one in list_checks(context, repository):
        if check in {one.id, one.name}:
            return one
    raise NotFound(f"There is no check '{escape(check)}'.", advice="'mlv check list REPO' shows them.")


def delete_check(context: Context, repository: str, check: str, *, dry_run: bool = False) -> Check:
    """Ask a check no more. Raises: NotFound, Denied."""
    return context.server().delete_check(repository, check, dry_run=dry_run)


def rotate_check(
    context: Context,
    repository: str,
    check: str,
    secret: str = "",
    overlap_seconds: int = DAY_SECONDS,
    *,
    dry_run: bool = False,
) -> tuple[Check, str]:
    """Sign with another secret; the one before signs too for `overlap_seconds`. The new one, '' if it was given.

    Raises: InvalidRequest, NotFound, Denied.
    """
    return context.server().rotate_check(repository, check, secret, overlap_seconds, dry_run=dry_run)


def try_check(context: Context, repository: str, check: str, *, dry_run: bool = False) -> CheckAnswer:
    """Ask a check about nothing, to see whether it answers. Raises: NotFound, Denied."""
    return context.server().test_check(repository, check, dry_run=dry_run)


def read_secret(path: str | None) -> str:
    """The first line of a file; '' for None.

    Raises: InvalidRequest for a file that cannot be read or holds none.
    """
    if path is None:
        return ""
    try:
        with open(path, encoding="ascii") as stream:
            secret = stream.readline(SECRET_FILE_LIMIT).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise InvalidRequest(f"Cannot read the secret in {escape(path)}: {reason}.") from error
    if not secret:
        raise InvalidRequest(f"The first line of {escape(path)} is empty.", advice="Write the secret there.")
    return secret
