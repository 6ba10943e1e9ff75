"""mlv checkout, update, switch, resolve."""

from __future__ import annotations

import time

import click

from mlv.actions import checkout as checkouts
from mlv.actions import merge as merges
from mlv.actions import resolve as resolving
from mlv.actions import update as updates
from mlv.actions.resolve import SHELF, Resolved
from mlv.actions.update import Updated
from mlv.cli.output import count, escaped, size
from mlv.cli.revisions import paths_and_revision
from mlv.cli.running import Run, verb
from mlv.workspace.merging import SIDES
from mlv_core.errors import NotFound

_SHOWN = 20
_LETTERS = (("added", "A"), ("modified", "U"), ("deleted", "D"), ("merged", "G"), ("conflicts", "C"))


@verb(writes=True)
@click.argument("target", metavar="REPO[@REV]")
@click.argument("directory", required=False, metavar="[DIR]")
@click.option("--branch", default="", metavar="B", help="Commit to this branch.")
@click.option("--only", multiple=True, metavar="GLOB", help="Bring only these files (sparse); may be repeated.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files out; may be repeated.")
@click.option("--adopt", is_flag=True, help="Take matching files that lie in DIR already.")
def checkout(
    run: Run,
    target: str,
    directory: str | None,
    *,
    branch: str,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    adopt: bool,
) -> None:
    """Make a workspace that holds one version of a repository.

    REPO is namespace/name on the server you signed in to last, or an address mlv://HOST:PORT/namespace/name.
    """
    started = time.monotonic()
    root, found = checkouts.checkout(
        run.with_progress(),
        target,
        directory,
        branch=branch,
        only=only,
        exclude=exclude,
        adopt=adopt,
        dry_run=run.dry_run,
    )
    value = {**_value(run, found, started), "directory": root}
    text = f"{run.tell_dry()}{escaped(root)}: {escaped(found.branch)} @{found.target}, {_summary(found)}"
    _tell_withheld(run, found)
    run.done(value, [*_conflicts(found), text])


@verb(writes=True)
@click.argument("arguments", nargs=-1, metavar="[PATH]... [@REV]")
@click.option("-r", "revision", metavar="REV", help="The version; instead of @REV.")
@click.option("-f", "--force", is_flag=True, help="Also over local changes; those bytes move to .mlv/rescue/.")
@click.option("--verify", is_flag=True, help="Read every file; mend a damaged workspace database.")
@click.option("--adopt", is_flag=True, help="Take matching files that lie there already.")
def update(
    run: Run, arguments: tuple[str, ...], *, revision: str | None, force: bool, verify: bool, adopt: bool
) -> None:
    """Bring the workspace, or some paths, to the newest or another version.

    Local changes stay: text is merged by lines; what cannot be merged is left as it is and marked as a conflict.
    """
    paths, at = paths_and_revision(arguments, revision)
    started = time.monotonic()
    context = run.with_progress()
    if verify:
        from mlv.actions.rebuilding import open_or_rebuild

        open_or_rebuild(context)
    found = updates.update(context, paths, at, force=force, adopt=adopt, verify=verify, dry_run=run.dry_run)
    _tell(run, found, started)


@verb(writes=True)
@click.argument("branch")
def switch(run: Run, branch: str) -> None:
    """Go to the head of BRANCH; local changes stay, or nothing happens when they touch what differs there."""
    started = time.monotonic()
    _tell(run, checkouts.switch(run.with_progress(), branch, dry_run=run.dry_run), started)


@verb(writes=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--accept", type=click.Choice([*SIDES, SHELF]), required=True, help="Which state stays.")
def resolve(run: Run, paths: tuple[str, ...], *, accept: str) -> None:
    """Decide conflicts of an update, of a merge or of an unshelve.

    Of an update: mine keeps your file, over the new version; theirs moves it to .mlv/rescue/. Of an unshelve: shelf
    (or theirs) takes what was shelved, the file here moves to .mlv/rescue/; mine keeps the file here. Of a merge: mine
    is the state on this branch, theirs that of the merged one, base that of before both, edited your file as it is now.
    """
    context = run.with_progress() if accept in {"theirs", SHELF} else run.context
    decided = () if accept == SHELF else merges.decide(context, paths, accept, dry_run=run.dry_run)
    if not decided and accept not in {"mine", "theirs", SHELF}:
        raise NotFound("No conflict of a merge at the named paths.", advice="'mlv status' shows conflicts with a C.")
    found = Resolved(decided, accept) if decided else resolving.resolve(context, paths, accept, dry_run=run.dry_run)
    value = {
        "paths": list(found.paths),
        "accepted": found.accepted,
        "rescued": list(found.rescued),
        "dry_run": run.dry_run,
    }
    lines = [f"{run.tell_dry()}{found.accepted}: {escaped(path)}" for path in found.paths]
    if found.rescued:
        lines.append(f"Your bytes are kept in .mlv/rescue/: {', '.join(map(escaped, found.rescued))}")
    run.done(value, lines)


def _tell(run: Run, found: Updated, started: float) -> None:
    lines = []
    for field, letter in _LETTERS[:-1]:
        paths = getattr(found, field)
        perhaps = " (or a conflict)" if run.dry_run and field == "merged" else ""
        lines += [f"{letter} {escaped(path)}{perhaps}" for path in paths[:_SHOWN]]
        if len(paths) > _SHOWN:
            lines.append(f"{letter} ... and {len(paths) - _SHOWN} more")
    lines += _conflicts(found)
    at = f"@{found.target}"
    if found.base != found.target and not run.dry_run:
        at = f"@{found.base}, what was named at {at}"
    lines.append(f"{run.tell_dry()}{escaped(found.branch)} {at}: {_summary(found, dry_run=run.dry_run)}")
    if found.rescued:
        run.note(f"Your bytes are kept in .mlv/rescue/: {', '.join(found.rescued)}")
    _tell_withheld(run, found)
    run.done(_value(run, found, started), lines)


def _tell_withheld(run: Run, found: Updated) -> None:
    if found.withheld:
        left_out = f"{count(found.withheld, 'file')} left out, which you may list but not read"
        run.note(f"{left_out}: 'mlv policy explain' says why.")


def _conflicts(found: Updated) -> list[str]:
    lines = [f"C {escaped(path)}" for path in found.conflicts]
    if found.conflicts:
        lines.append(f"{count(len(found.conflicts), 'conflict')}: mlv resolve --accept mine|theirs PATH")
    return lines


def _summary(found: Updated, *, dry_run: bool = False) -> str:
    # Whether lines clash is only known once the bytes are here.
    merged = "merged or in conflict" if dry_run else "merged"
    words = {"added": "added", "modified": "updated", "deleted": "deleted", "merged": merged}
    parts = [f"{len(getattr(found, field))} {word}" for field, word in words.items() if getattr(found, field)]
    if not parts and not found.conflicts:
        return "nothing to do"
    return ", ".join([*parts, f"{size(found.received_bytes)} received"])


def _value(run: Run, found: Updated, started: float) -> dict[str, object]:
    """What `--json` tells; `seconds` are from when the command has started as a process until its end."""
    return {
        "changeset": found.target,
        "branch": found.branch,
        "base": found.base,
        "added": list(found.added),
        "modified": list(found.modified),
        "deleted": list(found.deleted),
        "merged": list(found.merged),
        "conflicts": list(found.conflicts),
        "rescued": list(found.rescued),
        "received_bytes": found.received_bytes,
        "withheld": found.withheld,
        "seconds": round(time.monotonic() - started, 3),
        "dry_run": run.dry_run,
    }
