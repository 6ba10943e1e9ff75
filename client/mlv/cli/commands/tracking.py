"""mlv add, delete, move, copy, reconcile."""

from __future__ import annotations

import click

from mlv.actions import tracking
from mlv.actions.tracking import Recorded
from mlv.cli.output import count, escaped
from mlv.cli.running import Run, verb
from mlv_core.errors import UsageError
from mlv_core.ids import typed

_SHOWN = 20


@verb(writes=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def add(run: Run, paths: tuple[str, ...]) -> None:
    """Record new files for the next commit; folders with all that is in them, save what .mlvignore names."""
    _tell(run, tracking.add(run.context, paths, dry_run=run.dry_run), "A")


@verb(writes=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-k", "--keep-local", is_flag=True, help="Leave the files on the disk.")
def delete(run: Run, paths: tuple[str, ...], *, keep_local: bool) -> None:
    """Delete files here and in the next commit; their history stays."""
    _tell(run, tracking.delete(run.context, paths, keep_local=keep_local, dry_run=run.dry_run), "D")


@verb(writes=True)
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("target")
@click.option("-k", "--keep-local", is_flag=True, help="The files were moved already; only record it.")
def move(run: Run, paths: tuple[str, ...], target: str, *, keep_local: bool) -> None:
    """Move or rename files or folders; their history and locks go with them."""
    _tell(run, tracking.move(run.context, paths, target, keep_local=keep_local, dry_run=run.dry_run), "R")


@verb(writes=True)
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("target")
def copy(run: Run, paths: tuple[str, ...], target: str) -> None:
    """Copy files or folders; a copy is a new file that remembers where it came from."""
    _tell(run, tracking.copy(run.context, paths, target, dry_run=run.dry_run), "A")


@verb(writes=True)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-a", "adds", is_flag=True, help="Only find new files.")
@click.option("-e", "edits", is_flag=True, help="Only find edited files.")
@click.option("-d", "deletes", is_flag=True, help="Only find deleted files.")
@click.option("--lock", "only_lock", is_flag=True, help="Only lock what was opened or edited without a lock.")
def reconcile(run: Run, paths: tuple[str, ...], *, adds: bool, edits: bool, deletes: bool, only_lock: bool) -> None:
    """Find what was edited, added and deleted without mlv; record it, and take the locks that edited files need.

    --lock takes the locks of what 'mlv edit --offline' opened, and shows who is in the way before anything is sent.
    """
    from mlv.actions import reconcile as actions

    if only_lock:
        if adds or edits or deletes:
            raise UsageError("--lock stands alone.", advice="'mlv reconcile' without it finds edits, adds and deletes.")
        return _lock_later(run, paths)

    everything = not (adds or edits or deletes)
    found = actions.reconcile(
        run.context,
        paths,
        adds=adds or everything,
        edits=edits or everything,
        deletes=deletes or everything,
        dry_run=run.dry_run,
    )
    value = {
        "added": list(found.added),
        "edited": list(found.edited),
        "deleted": list(found.deleted),
        "locked": list(found.locked),
        "dry_run": run.dry_run,
    }
    lines = [f"A {escaped(path)}" for path in found.added]
    lines += [f"M {escaped(path)}" for path in found.edited]
    lines += [f"D {escaped(path)}" for path in found.deleted]
    if found.locked:
        lines.append(f"{run.tell_dry()}{count(len(found.locked), 'lock')} taken")
    return run.done(value, lines or ["Nothing to reconcile."])


def _lock_later(run: Run, paths: tuple[str, ...]) -> None:
    from mlv.actions.offline import lock_later

    found = lock_later(run.context, paths, dry_run=run.dry_run)
    value = {"paths": list(found.paths), "locked": list(found.locked), "dry_run": run.dry_run}
    lines = [f"{run.tell_dry()}locked {escaped(path)}" for path in found.locked[:_SHOWN]]
    run.done(value, lines or ["Nothing is open without its lock."])


def _tell(run: Run, recorded: Recorded, letter: str) -> None:
    value = {"paths": list(recorded.paths), "need_lock": list(recorded.need_lock), "dry_run": run.dry_run}
    if recorded.sources:
        value["sources"] = list(recorded.sources)
    lines = [f"{run.tell_dry()}{letter} {escaped(path)}" for path in recorded.paths[:_SHOWN]]
    if len(recorded.paths) > _SHOWN:
        lines.append(f"... and {len(recorded.paths) - _SHOWN} more: {count(len(recorded.paths), 'file')} in all")
    if not recorded.paths:
        lines.append("Nothing new here.")
    if recorded.need_lock:
        run.note(f"The commit will need locks: mlv lock {' '.join(map(typed, recorded.need_lock[:3]))}")
    run.done(value, lines)
