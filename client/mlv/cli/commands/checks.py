"""mlv check."""

from __future__ import annotations

import click

from mlv.actions import hooks as actions
from mlv.cli.output import escaped, local_moment, moment, table
from mlv.cli.running import Duration, Family, Run, verb
from mlv.cli.secrets import tell_secret
from mlv_core.hooks import Check, CheckAnswer, Moment, NewCheck

_MOMENTS = [one.name.lower() for one in Moment]


@verb(writes=True, name="add")
@click.argument("repository", metavar="REPO")
@click.argument("url")
@click.option("--at", "moments", multiple=True, required=True, type=click.Choice(_MOMENTS), help="When it is asked.")
@click.option("--name", default="", help="What users are told refused them; else the URL's host.")
@click.option("--ref", default="*", metavar="REF", help="Only about branch/NAME or label/NAME; * is any characters.")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only where such a path is changed.")
@click.option("--deadline", type=Duration(), default=5.0, metavar="DURATION", help="How long it may take: 5s.")
@click.option("--fail-open", is_flag=True, help="Let pass what it gives no answer about; else that is refused.")
@click.option("--secret-file", metavar="F", help="Sign with the first line of F; else with a new secret, shown once.")
def check_add(
    run: Run,
    repository: str,
    url: str,
    *,
    moments: tuple[str, ...],
    name: str,
    ref: str,
    paths: tuple[str, ...],
    deadline: float,
    fail_open: bool,
    secret_file: str | None,
) -> None:
    """Ask URL before something is written in REPO: it answers yes or no, and why (docs/webhooks.md).

    At begin: before content is sent, and again when the version is made. At publish: only then. At label and merge:
    before a label is made or moved, before a merge is written.
    """
    asked = NewCheck(
        repository=repository,
        url=url,
        moments=tuple(Moment[one.upper()] for one in moments),
        name=name,
        ref=ref,
        paths=paths,
        deadline=round(deadline * 1000),
        fail_open=fail_open,
        secret=actions.read_secret(secret_file),
    )
    made, secret = actions.add_check(run.context, asked, dry_run=run.dry_run)
    line = f"{run.tell_dry()}check {escaped(made.name)} ({made.id}) asks {escaped(made.url)}"
    tell_secret(run, _value(made), secret, line)


@verb(name="list")
@click.argument("repository", metavar="REPO")
def check_list(run: Run, repository: str) -> None:
    """List the checks of REPO, without their secrets."""
    found = actions.list_checks(run.context, repository)
    rows = [
        (one.name, _moments(one), one.ref, "open" if one.fail_open else "closed", f"{one.deadline} ms", one.url)
        for one in found
    ]
    run.result([_value(one) for one in found], table(rows) or ["No checks."])


@verb(name="show")
@click.argument("repository", metavar="REPO")
@click.argument("check", metavar="CHECK")
def check_show(run: Run, repository: str, check: str) -> None:
    """Show one check, by name or id."""
    one = actions.show_check(run.context, repository, check)
    rows = [
        ("name", one.name),
        ("id", one.id),
        ("url", one.url),
        ("asked at", _moments(one)),
        ("about", one.ref),
        ("paths", " ".join(one.paths) or "all"),
        ("deadline", f"{one.deadline} ms"),
        ("no answer", "lets pass" if one.fail_open else "refuses"),
        ("made", f"by {one.created_by} at {local_moment(one.created_at)}"),
    ]
    run.result(_value(one), table(rows))


@verb(writes=True, name="delete")
@click.argument("repository", metavar="REPO")
@click.argument("check", metavar="CHECK")
def check_delete(run: Run, repository: str, check: str) -> None:
    """Ask a check, by name or id, no more."""
    gone = actions.delete_check(run.context, repository, check, dry_run=run.dry_run)
    run.done({**_value(gone), "dry_run": run.dry_run}, [f"{run.tell_dry()}deleted check {escaped(gone.name)}"])


@verb(writes=True, name="rotate")
@click.argument("repository", metavar="REPO")
@click.argument("check", metavar="CHECK")
@click.option("--secret-file", metavar="F", help="Sign with the first line of F; else with a new secret, shown once.")
@click.option(
    "--overlap",
    type=Duration(),
    default=float(actions.DAY_SECONDS),
    metavar="DURATION",
    help="So long the old one signs too: 24h, 7d.",
)
def check_rotate(run: Run, repository: str, check: str, *, secret_file: str | None, overlap: float) -> None:
    """Sign with another secret; for a day, or --overlap, with the old one too."""
    given = actions.read_secret(secret_file)
    one, made = actions.rotate_check(run.context, repository, check, given, int(overlap), dry_run=run.dry_run)
    tell_secret(run, _value(one), made, f"{run.tell_dry()}check {escaped(one.name)} signs with another secret")


@verb(writes=True, name="test")
@click.argument("repository", metavar="REPO")
@click.argument("check", metavar="CHECK")
def check_test(run: Run, repository: str, check: str) -> None:
    """Ask a check about nothing (act 'test'), and show what it says. Exit code 1: it gave no answer."""
    answer = actions.try_check(run.context, repository, check, dry_run=run.dry_run)
    value = {
        "allowed": answer.allowed,
        "message": answer.message,
        "status": answer.status or None,
        "milliseconds": answer.milliseconds,
        "dry_run": run.dry_run,
    }
    run.done(value, [f"dry run: {escaped(check)} would be asked" if run.dry_run else escaped(_said(answer))])
    if answer.allowed is None and not run.dry_run:
        raise click.exceptions.Exit(1)


check = Family(
    "check",
    "Ask others before something is written.",
    {
        "add": check_add,
        "list": check_list,
        "show": check_show,
        "delete": check_delete,
        "rotate": check_rotate,
        "test": check_test,
    },
)


def _said(answer: CheckAnswer) -> str:
    if answer.allowed is None:
        return f"no answer: {answer.message}"
    return f"{'yes' if answer.allowed else 'no'}, {answer.milliseconds} ms: {answer.message or 'no message'}"


def _moments(one: Check) -> str:
    return ",".join(at.name.lower() for at in one.moments)


def _value(one: Check) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "url": one.url,
        "at": [at.name.lower() for at in one.moments],
        "ref": one.ref,
        "paths": list(one.paths),
        "deadline_ms": one.deadline,
        "fail_open": one.fail_open,
        "old_secret_until": moment(one.old_secret_until),
        "created_by": one.created_by,
        "created_at": moment(one.created_at),
    }
