"""mlv edit, lock, unlock, locks."""

from __future__ import annotations

import click

from mlv.actions import asking as asking_actions
from mlv.actions import folders, freezes, held
from mlv.actions import locks as actions
from mlv.actions.locks import Opened
from mlv.cli.commands import asking
from mlv.cli.freezing import freeze_line
from mlv.cli.output import count, emit_json, escaped, local_moment, span, table
from mlv.cli.running import Duration, Run, Waits, verb
from mlv.cli.values import lock_value, scope_word
from mlv_core.entities import Lock, LockScope
from mlv_core.errors import Unreachable, UsageError

_SCOPES = {"branch": LockScope.BRANCH, "line": LockScope.LINE, "repo": LockScope.REPOSITORY}
_SHOWN = 20
_RENEWING = "'mlv lock --renew' renews the leases of all; another length of lease takes 'mlv lock --ttl DUR PATH'."
_TTL = click.option("--ttl", type=Duration(), metavar="DUR", help="How long the lease is; else as policy says.")
_DIVERGE = click.option("--diverge", is_flag=True, help="Though another branch has a newer version; needs -m.")
_WAIT = click.option("--wait", type=Duration(), metavar="[=DUR]", help="Queue for another's locks, 12h if no DUR.")


@verb(writes=True, kind=Waits)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-m", "reason", default="", metavar="WHY", help="What for; others see it.")
@click.option("--update", "update_first", is_flag=True, help="Bring the newest version first.")
@_TTL
@_DIVERGE
@_WAIT
@click.option("--offline", is_flag=True, help="Ask no server: 'mlv reconcile --lock' takes the locks later.")
@click.option("--yes", "many", is_flag=True, help="More than 1,000 files are meant.")
def edit(
    run: Run,
    paths: tuple[str, ...],
    *,
    reason: str,
    update_first: bool,
    ttl: float | None,
    diverge: bool,
    wait: float | None,
    offline: bool,
    many: bool,
) -> None:
    """Open files for edit: take the locks that policy asks for, all or none, and make the files writable.

    --wait stands in the queue for locks that others hold, and brings what they commit.
    """
    if offline:
        if update_first or ttl or diverge or wait:
            raise UsageError("--offline stands alone: no server is asked.", advice="'mlv edit --offline -m WHY PATH'")
        return _edit_offline(run, paths, reason)
    context = run.with_progress() if update_first or wait else run.context
    wanted = _wanted(None, ttl, diverge=diverge, reason=reason)
    try:
        found = actions.edit(
            context,
            paths,
            reason=reason,
            wanted=wanted,
            update_first=update_first,
            wait_seconds=wait,
            many=many,
            dry_run=run.dry_run,
        )
    except Unreachable as error:
        error.advice += " 'mlv edit --offline PATH' opens the file here alone."
        raise
    return _tell(run, found, "open for edit")


def _edit_offline(run: Run, paths: tuple[str, ...], reason: str) -> None:
    from mlv.actions.offline import edit_offline

    opened = edit_offline(run.context, paths, reason=reason, dry_run=run.dry_run)
    value = {"paths": list(opened.paths), "locks": [], "need_lock": list(opened.need_lock), "dry_run": run.dry_run}
    lines = [f"{run.tell_dry()}{escaped(path)}  open for edit, here alone" for path in opened.paths[:_SHOWN]]
    if opened.need_lock:
        lines.append("'mlv reconcile --lock' takes the locks once the server is there.")
    run.done(value, lines)


@verb(writes=True, kind=Waits)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-m", "reason", default="", metavar="WHY", help="What for; others see it.")
@click.option("--scope", type=click.Choice(list(_SCOPES)), help="How far the lock reaches; else as policy says.")
@_TTL
@click.option("--renew", is_flag=True, help="Renew the leases of all locks of this workspace.")
@click.option("--steal", is_flag=True, help="Take what others hold; needs the right and -m.")
@_DIVERGE
@_WAIT
@click.option("--tree", is_flag=True, help="Lock folders with everything below, also what is still to come.")
@click.option("--request", is_flag=True, help="Only ask the holder for the lock.")
@click.option("--deny", "denied", metavar="USER", help="Keep a lock that USER asked for; -m says why.")
@click.option("--yes", "many", is_flag=True, help="More than 1,000 files are meant.")
def lock(
    run: Run,
    paths: tuple[str, ...],
    *,
    reason: str,
    scope: str | None,
    ttl: float | None,
    renew: bool,
    steal: bool,
    diverge: bool,
    wait: float | None,
    tree: bool,
    request: bool,
    denied: str | None,
    many: bool,
) -> None:
    """Take the locks of files, all or none, whether policy asks for them or not.

    --steal ends the lock of another holder, who is told; an expired lock is free to take without it.
    Of a lock that another holds: --wait stands in the queue for it, --request asks the holder, who gives it with
    'mlv unlock --give USER PATH' or denies it with 'mlv lock --deny USER -m WHY PATH'. --wait and --request take --tree
    for a folder.
    """
    if renew:
        if reason or scope or ttl or steal or diverge or wait or tree or request or denied or many:
            raise UsageError("--renew stands alone.", advice=_RENEWING)
        return _renew(run, paths)
    if not paths:
        raise UsageError("No path was named.", advice="'mlv lock PATH', or --renew for all that is held here.")
    wanted = _wanted(scope, ttl, steal=steal, diverge=diverge, reason=reason)
    if request or denied:
        if (request and denied) or wait or (denied and tree) or wanted != actions.Wanted():
            raise UsageError("--request and --deny stand alone.", advice="'mlv help lock' shows what each does.")
        return asking.ask(run, paths, reason, tree=tree) if request else asking.deny(run, paths, denied or "", reason)
    context = run.with_progress() if wait else run.context
    if tree:
        if diverge:
            raise UsageError(
                "A folder is not locked apart from other branches.", advice="Name the files, without --tree."
            )
        return _tell_folders(
            run,
            folders.lock_folders(
                context, paths, wanted, reason=reason, wait_seconds=wait, many=many, dry_run=run.dry_run
            ),
        )
    found = actions.lock(
        context, paths, reason=reason, wanted=wanted, wait_seconds=wait, many=many, dry_run=run.dry_run
    )
    return _tell(run, found, "locked")


def _tell_folders(run: Run, taken: tuple[Lock, ...]) -> None:
    value = {"paths": [], "locks": [lock_value(item) for item in taken], "dry_run": run.dry_run}
    run.done(value, [f"{run.tell_dry()}{escaped(item.path)}/  locked, with everything below" for item in taken])


def _wanted(
    scope: str | None, ttl: float | None, *, reason: str, steal: bool = False, diverge: bool = False
) -> actions.Wanted:
    """What the options ask for. Raises: UsageError when a reason is missing."""
    if diverge and not reason.strip():
        raise UsageError("--diverge needs a reason.", advice="Say why with -m WHY; it stays on record.")
    return actions.Wanted(
        scope=_SCOPES[scope] if scope else None,
        ttl_ms=round((ttl or 0) * 1000),
        steal=steal,
        diverge=diverge,
    )


def _renew(run: Run, paths: tuple[str, ...]) -> None:
    if paths or run.dry_run:
        raise UsageError("--renew is for all locks of this workspace.", advice=_RENEWING)
    renewed = actions.renew(run.context)
    rows = [(item.path, _lease(item)) for item in renewed]
    value = {"locks": [{**lock_value(item), "expired": held.has_expired(item)} for item in renewed]}
    run.done(value, table(rows, ("path", "lease")) if rows else ["No locks."])


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
    if everything and (paths or force or request):
        raise UsageError("--all is every lock of this workspace.", advice="'mlv unlock --all', or name paths.")
    if given or request:
        if (given and request) or force or reason or (given and not (paths or everything)):
            raise UsageError("--give needs paths; it and --request stand alone.", advice="'mlv help unlock' says more.")
        return asking.give(run, paths, given) if given else asking.withdraw(run, paths)
    if reason and not force:
        raise UsageError("-m says why another's lock is broken.", advice="'mlv unlock --force -m WHY PATH'")
    released = actions.unlock(
        run.context, paths, everything=everything, force=force, reason=reason, dry_run=run.dry_run
    )
    value = {"released": [lock_value(item) for item in released], "dry_run": run.dry_run}
    # A file may have had a lock and an intent: both ended, which the events and --json tell; it is one file.
    paths = tuple(dict.fromkeys(f"{escaped(item.path)}{'/' if item.tree else ''}" for item in released))
    lines = [f"{run.tell_dry()}released {path}" for path in paths[:_SHOWN]]
    if len(paths) > _SHOWN:
        lines.append(f"... and {len(paths) - _SHOWN} more")
    return run.done(value, lines or ["No lock to release."])


@verb()
@click.argument("paths", nargs=-1, metavar="[GLOB]...")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; else of the workspace's.")
@click.option("--branch", default="", metavar="B", help="That reach this branch.")
@click.option("--mine", is_flag=True, help="Only yours.")
@click.option("--all-branches", is_flag=True, help="Of every branch.")
@click.option("-f", "--follow", is_flag=True, help="Show it again whenever it changes, until Ctrl-C.")
def locks(
    run: Run,
    paths: tuple[str, ...],
    *,
    repository: str | None,
    branch: str,
    mine: bool,
    all_branches: bool,
    follow: bool,
) -> None:
    """Show who holds which lock, who waits for it, and what is frozen.

    An expired lock blocks nobody, and may be taken; an intent only shows who works on a file that needs no lock. With
    --follow and --json each change is one line: all the locks there are then.
    """

    def look() -> _Shown:
        return _shown(run, paths, repository, branch, mine=mine, all_branches=all_branches)

    if not follow:
        value, lines = look()
        return run.result(value, lines)
    from mlv.actions.following import follow as following
    from mlv.cli.hangup import ending_with_its_reader
    from mlv.cli.live import LiveTable

    live = LiveTable()
    with ending_with_its_reader():
        for value, lines in following(run.context, repository, ("lock", "freeze", "commit"), look):
            if run.as_json:
                emit_json({"locks": value})
            else:
                live.draw(lines)
    return None


_Shown = tuple[list[dict[str, object]], list[str]]


def _shown(
    run: Run, paths: tuple[str, ...], repository: str | None, branch: str, *, mine: bool, all_branches: bool
) -> _Shown:
    """The locks for scripts and for people."""
    found = actions.list_locks(
        run.context, repository, paths=paths, mine=mine, all_branches=all_branches, branch=branch
    )
    # All of them: a folder that is asked for concerns locks on files whose globs do not match it.
    asked = asking_actions.list_requests(run.context, repository, mine=mine, all_branches=all_branches, branch=branch)
    rows = [_row(item, verbose=run.verbose) for item in found]
    header = _HEADER + (_MORE if run.verbose else ())
    value = [
        {**lock_value(item), "expired": held.has_expired(item), "requests": asking.requests_on(item, asked)}
        for item in found
    ]
    lines = table(rows, header) if rows else ["No locks."]
    frozen = () if mine else freezes.on_branch(run.context, repository, branch, all_branches=all_branches)
    value += [{**lock_value(freezes.as_lock(item)), "expired": False, "requests": []} for item in frozen]
    return value, [*lines, *asking.request_table(asking.concerning(asked, paths, found)), *map(freeze_line, frozen)]


_HEADER = ("path", "owner", "host", "mode", "scope", "since", "lease", "reason")
_MORE = ("until", "limit", "branch", "base", "token", "workspace")


def _row(item: Lock, *, verbose: bool) -> tuple[str, ...]:
    since = local_moment(item.acquired_at)
    path = f"{item.path}/" if item.tree else item.path
    row = (path, item.owner, item.host, item.mode.name.lower(), scope_word(item), since, _lease(item), item.reason)
    if not verbose:
        return row
    ends = (local_moment(item.lease_until), local_moment(item.limit))
    return (*row, *ends, item.branch, f"@{item.base}", str(item.token), str(item.workspace))


def _lease(item: Lock) -> str:
    """How much of the lease is left."""
    if item.lease_until is None:
        return "-"
    if held.has_expired(item):
        return "expired"
    left = span(item.lease_until - held.told_at(item))
    return f"{left}, ends soon" if item.ends_soon(held.told_at(item)) else left


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
