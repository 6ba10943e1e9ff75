"""mlv webhook."""

from __future__ import annotations

import click

from mlv.actions import hooks as actions
from mlv.cli.output import escaped, local_moment, moment, table
from mlv.cli.running import Duration, Family, Run, verb
from mlv.cli.secrets import tell_secret
from mlv_core.hooks import Delivery, NewWebhook, Webhook

_LAST = 2**63 - 1


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in value.split(",") if word)


@verb(writes=True, name="add")
@click.argument("repository", metavar="REPO")
@click.argument("url")
@click.option("--event", "kinds", multiple=True, metavar="KIND", help="Only these: commit, lock, lock.broken, ...")
@click.option("--branch", default="", metavar="B", help="Only of this branch.")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only events about such a path.")
@click.option("--secret-file", metavar="F", help="Sign with the first line of F; else with a new secret, shown once.")
def webhook_add(
    run: Run,
    repository: str,
    url: str,
    *,
    kinds: tuple[str, ...],
    branch: str,
    paths: tuple[str, ...],
    secret_file: str | None,
) -> None:
    """Tell URL of what happens in REPO from now on, signed, in order, until it is taken (docs/webhooks.md).

    It is told what you may see, as long as you may.
    """
    asked = NewWebhook(repository, url, _words(kinds), paths, branch, actions.read_secret(secret_file))
    made, secret = actions.add_webhook(run.context, asked, dry_run=run.dry_run)
    tell_secret(run, _value(made), secret, f"{run.tell_dry()}webhook {made.id} tells {escaped(made.url)}")


@verb(name="list")
@click.argument("repository", metavar="REPO")
def webhook_list(run: Run, repository: str) -> None:
    """List the webhooks of REPO, without their secrets."""
    found = actions.list_webhooks(run.context, repository)
    rows = [
        (one.id, _state(one), f"after event {one.position}", ",".join(one.kinds) or "all events", one.url)
        for one in found
    ]
    run.result([_value(one) for one in found], table(rows) or ["No webhooks."])


@verb(name="show")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
def webhook_show(run: Run, repository: str, webhook: str) -> None:
    """Show one webhook: what it is told, how far it has come, why it stands still."""
    one = actions.show_webhook(run.context, repository, webhook)
    rows = [
        ("id", one.id),
        ("url", one.url),
        ("events", ",".join(one.kinds) or "all"),
        ("branch", one.branch or "all"),
        ("paths", " ".join(one.paths) or "all"),
        ("state", _state(one)),
        ("why", one.reason or "-"),
        ("taken", f"up to event {one.position}"),
        ("failed", f"{one.attempts} times; again at {local_moment(one.next_at)}" if one.attempts else "no"),
        ("old secret", f"until {local_moment(one.old_secret_until)}" if one.old_secret_until else "-"),
        ("made", f"by {one.created_by} at {local_moment(one.created_at)}"),
    ]
    run.result(_value(one), table(rows))


@verb(writes=True, name="delete")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
def webhook_delete(run: Run, repository: str, webhook: str) -> None:
    """Forget a webhook, its secret and its deliveries."""
    gone = actions.delete_webhook(run.context, repository, webhook, dry_run=run.dry_run)
    _done(run, gone, f"deleted webhook {gone.id}")


@verb(writes=True, name="pause")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
def webhook_pause(run: Run, repository: str, webhook: str) -> None:
    """Send nothing until it is resumed; what happens meanwhile is sent then."""
    one = actions.pause_webhook(run.context, repository, webhook, dry_run=run.dry_run)
    _done(run, one, f"paused webhook {one.id} after event {one.position}")


@verb(writes=True, name="resume")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
@click.option("--from-now", is_flag=True, help="Leave out what happened meanwhile.")
def webhook_resume(run: Run, repository: str, webhook: str, *, from_now: bool) -> None:
    """Go on where it stopped; what failed is tried at once."""
    one = actions.resume_webhook(run.context, repository, webhook, from_now=from_now, dry_run=run.dry_run)
    _done(run, one, f"webhook {one.id} goes on after event {one.position}")


@verb(writes=True, name="rotate")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
@click.option("--secret-file", metavar="F", help="Sign with the first line of F; else with a new secret, shown once.")
@click.option(
    "--overlap",
    type=Duration(),
    default=float(actions.DAY_SECONDS),
    metavar="DURATION",
    help="So long the old one signs too: 24h, 7d.",
)
def webhook_rotate(run: Run, repository: str, webhook: str, *, secret_file: str | None, overlap: float) -> None:
    """Sign with another secret; for a day, or --overlap, with the old one too."""
    secret = actions.read_secret(secret_file)
    one, made = actions.rotate_webhook(run.context, repository, webhook, secret, int(overlap), dry_run=run.dry_run)
    tell_secret(run, _value(one), made, f"{run.tell_dry()}webhook {one.id} signs with another secret")


@verb(writes=True, name="test")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
def webhook_test(run: Run, repository: str, webhook: str) -> None:
    """Send a test (kind 'ping') now and show what came back. Exit code 1: it was not taken."""
    _sent(run, actions.send(run.context, repository, webhook, 0, dry_run=run.dry_run))


@verb(writes=True, name="redeliver")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
@click.argument("event", type=click.IntRange(1, _LAST), metavar="EVENT")
def webhook_redeliver(run: Run, repository: str, webhook: str, event: int) -> None:
    """Send event number EVENT once more, now and beside the order. Exit code 1: it was not taken."""
    _sent(run, actions.send(run.context, repository, webhook, event, dry_run=run.dry_run))


@verb(name="deliveries")
@click.argument("repository", metavar="REPO")
@click.argument("webhook", metavar="ID")
def webhook_deliveries(run: Run, repository: str, webhook: str) -> None:
    """What was sent last, newest first, and what came of it."""
    found = actions.list_deliveries(run.context, repository, webhook)
    run.result([_delivery_value(one) for one in found], table([_row(one) for one in found]) or ["Nothing was sent."])


webhook = Family(
    "webhook",
    "Tell others of what happens in a repository.",
    {
        "add": webhook_add,
        "list": webhook_list,
        "show": webhook_show,
        "delete": webhook_delete,
        "pause": webhook_pause,
        "resume": webhook_resume,
        "rotate": webhook_rotate,
        "test": webhook_test,
        "redeliver": webhook_redeliver,
        "deliveries": webhook_deliveries,
    },
)


def _done(run: Run, one: Webhook, text: str) -> None:
    run.done({**_value(one), "dry_run": run.dry_run}, [f"{run.tell_dry()}{escaped(text)}"])


def _sent(run: Run, made: Delivery) -> None:
    if run.dry_run:
        lines = [f"dry run: {escaped(made.kind)} would be sent"]
    else:
        came = f"taken with status {made.status}" if not made.fault else f"not taken: {made.fault}"
        lines = [f"{escaped(came)}, {made.milliseconds} ms", *([escaped(made.answer)] if made.answer else [])]
    run.done({**_delivery_value(made), "dry_run": run.dry_run}, lines)
    if made.fault and not run.dry_run:
        raise click.exceptions.Exit(1)


def _state(one: Webhook) -> str:
    if one.attempts and one.next_at is not None:
        return f"retrying ({one.attempts})"
    return one.state.name.lower()


def _row(made: Delivery) -> tuple[str, ...]:
    return (
        str(made.number),
        local_moment(made.time),
        f"event {made.sequence}" if made.sequence else "test",
        made.kind,
        f"attempt {made.attempt}",
        str(made.status or "-"),
        f"{made.milliseconds} ms",
        made.fault or "taken",
        made.answer[:60],
    )


def _value(one: Webhook) -> dict[str, object]:
    return {
        "id": one.id,
        "url": one.url,
        "events": list(one.kinds),
        "paths": list(one.paths),
        "branch": one.branch or None,
        "state": one.state.name.lower(),
        "reason": one.reason or None,
        "position": one.position,
        "attempts": one.attempts,
        "next_at": moment(one.next_at),
        "old_secret_until": moment(one.old_secret_until),
        "created_by": one.created_by,
        "created_at": moment(one.created_at),
    }


def _delivery_value(made: Delivery) -> dict[str, object]:
    return {
        "number": made.number,
        "sequence": made.sequence,
        "kind": made.kind,
        "time": moment(made.time),
        "attempt": made.attempt,
        "status": made.status or None,
        "milliseconds": made.milliseconds,
        "fault": made.fault or None,
        "answer": made.answer,
    }
