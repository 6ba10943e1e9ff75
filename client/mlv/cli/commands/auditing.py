"""mlv audit."""

from __future__ import annotations

import time
from datetime import datetime

import click

from mlv.actions import auditing as actions
from mlv.cli.output import escaped, local_moment, moment, table
from mlv.cli.running import Duration, Family, Run, verb
from mlv_core.auditing import AuditFilter, AuditRecord
from mlv_core.errors import DamagedContent, UsageError

SHOWN = 50
_KINDS = {"read": "read", "sign-in": "sign-in"}
"""Kinds of what is written in batches, and their actions."""


@verb(name="log")
@click.argument("repository", required=False, default="", metavar="[REPO]")
@click.option("--user", default="", metavar="NAME", help="Only of this user.")
@click.option("--action", default="", metavar="ACTION", help="Only this action; 'lock.*' is all of a kind.")
@click.option("--kind", type=click.Choice(sorted(_KINDS)), help="Only reads of content, or failed sign-ins.")
@click.option("--object", "target", default="", metavar="TEXT", help="Only on objects whose name contains TEXT.")
@click.option("--denied", is_flag=True, help="Only what was refused.")
@click.option("--last", type=Duration(), metavar="DURATION", help="Only of the last 12h, 7d, ...")
@click.option("--since", default="", metavar="DATE", help="Only from then on: 2026-11-22, 2026-11-22T10:00.")
@click.option("--until", default="", metavar="DATE", help="Only up to then.")
@click.option("-l", "limit", type=click.IntRange(1), default=SHOWN, show_default=True, metavar="N", help="At most N.")
def audit_log(run: Run, repository: str, **options: object) -> None:
    """Show who did what in REPO, or on the server, the newest first."""
    kind = options.pop("kind")
    if kind and options["action"]:
        raise UsageError("--kind and --action say the same.", advice="Give one of them.")
    options["action"] = _KINDS[str(kind)] if kind else options["action"]
    wanted = _filter(repository, options, limit=int(str(options["limit"])))
    found = list(actions.audit(run.context, wanted))
    rows = [
        (
            str(one.sequence),
            local_moment(one.time),
            one.user or "-",
            one.action,
            "" if one.allowed else "DENIED",
            one.object,
            one.reason or ", ".join(f"{name}={value}" for name, value in one.detail if value),
        )
        for one in found
    ]
    run.result(
        [_value(one) for one in found],
        table(rows, ("no.", "when", "who", "what", "", "on", "why")) if rows else ["Nothing."],
    )


@verb(name="export")
@click.argument("repository", required=False, default="", metavar="[REPO]")
@click.option("--after", type=click.IntRange(0), default=0, metavar="N", help="Only entries after number N.")
def audit_export(run: Run, repository: str, *, after: int) -> None:
    """Print the whole trail of REPO, or of the server, as JSON lines in the order of the chain."""
    import json

    wanted = AuditFilter(repository=repository, after=after, oldest_first=True)
    for one in actions.audit(run.context, wanted):
        click.echo(json.dumps(_value(one), ensure_ascii=True))


@verb(name="verify")
@click.argument("repository", required=False, default="", metavar="[REPO]")
@click.option(
    "--known", default="", metavar="N:HASH", help="An end that an earlier verify told: it must still be there."
)
def audit_verify(run: Run, repository: str, *, known: str) -> None:
    """Check that no entry was edited, cut out, put in or moved.

    The end of the trail is told as N:HASH. Noted outside of the server and given to --known later, it also shows
    whether the end was cut off.
    """
    verdict = actions.verify_audit(run.context, repository, known)
    if verdict.fault:
        raise DamagedContent(
            f"The audit trail is not what was written: entry {verdict.fault} is the first that is wrong or missing.",
            items=(f"{escaped(repository) or 'server'}, entry {verdict.fault}",),
            advice="Compare it with an export or a backup; who had access to the server's disk?",
        )
    end = f"{verdict.entries}:{verdict.hash.hex()}" if verdict.entries else ""
    run.result(
        {"entries": verdict.entries, "end": end, "sound": True}, [f"{verdict.entries} entries, sound", f"end {end}"]
    )


audit = Family(
    "audit", "Who did what, who was refused.", {"log": audit_log, "export": audit_export, "verify": audit_verify}
)


def _filter(repository: str, options: dict[str, object], *, limit: int) -> AuditFilter:
    since = _moment(str(options["since"]), "--since")
    if options["last"] is not None:
        if since:
            raise UsageError("--last and --since both say where to begin.", advice="Give one of them.")
        since = int((time.time() - float(str(options["last"]))) * 1000)
    return AuditFilter(
        repository,
        str(options["user"]),
        str(options["action"]),
        str(options["target"]),
        since,
        _moment(str(options["until"]), "--until", end=True),
        bool(options["denied"]),
        0,
        limit,
    )


def _moment(text: str, option: str, *, end: bool = False) -> int:
    """A date in the user's zone in ms; with `end` the last instant of it. 0 for ''."""
    if not text:
        return 0
    try:
        parsed = datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise UsageError(
            f"{option}: '{escaped(text)}' is no date.", advice="Write 2026-11-22 or 2026-11-22T10:00."
        ) from error
    day = 86_400_000 if end and len(text) <= len("2026-11-22") else 0
    return int(parsed.timestamp() * 1000) + day - (1 if day else 0)


def _value(one: AuditRecord) -> dict[str, object]:
    return {
        "sequence": one.sequence,
        "time": moment(one.time),
        "user": one.user,
        "token": one.token_id,
        "peer": one.peer,
        "request": one.request_id,
        "action": one.action,
        "object": one.object,
        "allowed": one.allowed,
        "rule": one.rule,
        "reason": one.reason,
        "detail": dict(one.detail),
        "hash": one.hash.hex(),
    }
