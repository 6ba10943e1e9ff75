"""mlv edit, lock, unlock, locks."""

from __future__ import annotations

import click

from mlv.actions import asking as asking_actions
from mlv.actions import freezes
from mlv.actions import locks as actions
from mlv.actions.locks import Opened
from mlv.cli.commands import asking
from mlv.cli.freezing import freeze_line
from mlv.cli.output import count, escaped, local_moment, table
from mlv.cli.running import Duration, Run, Waits, verb
from mlv.cli.values import lock_value
from mlv_core.entities import Lock, LockScope
from mlv_core.errors import UsageError

_SCOPES = {"branch": LockScope.BRANCH, "line": LockScope.LINE, "repo": LockScope.REPOSITORY}
_SHOWN = 20
_WAIT = click.option("--wait", type=Duration(), metavar="[=DUR]", help="Queue for another's locks, 12h if no DUR.")


@verb(writes=True, kind=Waits)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-m", "reason", default="", metavar="WHY", help="What for; others see it.")
@click.option("--update", "update_first", is_flag=True, help="Bring the newest version first.")
@_WAIT
@click.option("--yes", "many", is_flag=True, help="More than 1,000 files are meant.")
def edit(run: Run, paths: tuple[str, ...], *, reason: str, update_first: bool, wait: float | None, many: bool) -> None:
    """Open files for edit: take the locks that policy asks for, all or none, and make the files writable.

    --wait stands in the queue for locks that others hold, and brings what they commit.
    """
    context = run.with_progress() if update_first or wait else run.context
    found = actions.edit(
        context,
        paths,
        reason=reason,
        update_first=update_first,
        wait_seconds=wait,
        many=many,
        dry_run=run.dry_run,
    )
    _tell(run, found, "open for edit")


@verb(writes=True, kind=Waits)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-m", "reason", default="", metavar="WHY", help="What for; others see it.")
@click.option("--scope", type=click.Choice(list(_SCOPES)), help="How far the lock reaches; else as policy says.")
@_WAIT
@click.option("--request", is_flag=True, help="Only ask the holder for the lock.")
@click.option("--deny", "denied", metavar="USER", help="Keep a lock that USER asked for; -m says why.")
@click.option("--yes", "many", is_flag=True, help="More than 1,000 files are meant.")
def lock(
    run: Run,
    paths: tuple[str, ...],
    *,
    reason: str,
    scope: str | None,
    wait: float | None,
    request: bool,
    denied: str | None,
    many: bool,
) -> None:
    """Take the locks of files, all or none, whether policy asks for them or not.

    Of a lock that another holds: --wait stands in the queue for it, --request asks the holder, who gives it with
    'mlv unlock --give USER PATH' or denies it with 'mlv lock --deny USER -m WHY PATH'.
    """
    if request or denied:
        if (request and denied) or wait or scope:
            raise UsageError("--request and --deny stand alone.", advice="'mlv help lock' shows what each does.")
        return asking.ask(run, paths, reason) if request else asking.deny(run, paths, denied or "", reason)
    reach = _SCOPES[scope] if scope else None
    context = run.with_progress() if wait else run.context
    found = actions.lock(context, paths, reason=reason, scope=reach, wait_seconds=wait, many=many, dry_run=run.dry_run)
    return _tell(run, found, "locked")


@verb(writes=True)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--all", "everything", is_flag=True, help="Every lock of this workspace.")
@click.option("--force", is_flag=True, help="Break another's lock; needs the right and -m.")
@click.option("-m", "reason", default="", metavar="WHY", help="Why it is broken; the holder is told.")
@click.option("--give", "given", metavar="USER", help="Hand the lock over to USER, who asked for it.")
@click.option("--request", is_flag=True, help="Take back what this workspace asked for.")
def unlock(
    run: Run,
    paths: tuple[str, ...],
    *,
    everything: bool,
    force: bool,
    reason: str,
    given: str | None,
    request: bool,
) -> None:
    """Give locks back; changed files stay as they are. With --force break the locks of others."""
    if given or request:
        if (given and request) or force or (given and not (paths or everything)):
            raise UsageError("--give needs paths; it and --request stand alone.", advice="'mlv help unlock' says more.")
        return asking.give(run, paths, given) if given else asking.withdraw(run, paths)
    released = actions.unlock(
        run.context, paths, everything=everything, force=force, reason=reason, dry_run=run.dry_run
    )
    value = {"released": [lock_value(item) for item in released], "dry_run": run.dry_run}
    lines = [f"{run.tell_dry()}released {escaped(item.path)}" for item in released[:_SHOWN]]
    if len(released) > _SHOWN:
        lines.append(f"... and {len(released) - _SHOWN} more")
    return run.done(value, lines or ["No lock to release."])


@verb()
@click.argument("paths", nargs=-1, metavar="[GLOB]...")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; else of the workspace's.")
@click.option("--branch", default="", metavar="B", help="That reach this branch.")
@click.option("--mine", is_flag=True, help="Only yours.")
@click.option("--all-branches", is_flag=True, help="Of every branch.")
def locks(
    run: Run, paths: tuple[str, ...], *, repository: str | None, branch: str, mine: bool, all_branches: bool
) -> None:
    """Show who holds which lock, and what is frozen. An expired lock blocks nobody, and may be taken."""
    found = actions.list_locks(
        run.context, repository, paths=paths, mine=mine, all_branches=all_branches, branch=branch
    )
    rows = [
        (
            item.path,
            item.owner,
            item.host,
            item.scope.name.lower(),
            local_moment(item.acquired_at),
            _lease(item),
            item.reason,
        )
        for item in found
    ]
    header = ("path", "owner", "host", "scope", "since", "until", "reason")
    asked = asking_actions.list_requests(
        run.context, repository, paths=paths, mine=mine, all_branches=all_branches, branch=branch
    )
    value = [
        {**lock_value(item), "expired": actions.has_expired(item), "requests": asking.requests_on(item, asked)}
        for item in found
    ]
    lines = table(rows, header) if rows else ["No locks."]
    frozen = () if mine else freezes.on_branch(run.context, repository, branch, all_branches=all_branches)
    value += [{**lock_value(freezes.as_lock(item)), "expired": False, "requests": []} for item in frozen]
    run.result(value, [*lines, *asking.request_table(asked), *map(freeze_line, frozen)])


def _lease(item: Lock) -> str:
    if item.lease_until is None:
        return "-"
    return "expired" if actions.has_expired(item) else local_moment(item.lease_until)


def _tell(run: Run, found: Opened, word: str) -> None:
    value = {
        "paths": list(found.paths),
        "locks": [lock_value(item) for item in found.locks],
        "dry_run": run.dry_run,
    }
    locked = {item.path for item in found.locks}
    lines = [
        f"{run.tell_dry()}{escaped(path)}  {word}{', lock taken' if path in locked and word != 'locked' else ''}"
        for path in found.paths[:_SHOWN]
    ]
    if len(found.paths) > _SHOWN:
        lines.append(f"... and {len(found.paths) - _SHOWN} more: {count(len(found.locks), 'lock')} in all")
    run.done(value, lines)
