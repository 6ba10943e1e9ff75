"""mlv merge."""

from __future__ import annotations

import click

from mlv.actions import merge as actions
from mlv.actions.counting import counted
from mlv.actions.merge import MergeDone
from mlv.cli.output import count, escaped
from mlv.cli.running import Run, verb
from mlv.cli.values import change_value
from mlv_core.entities import Change
from mlv_core.errors import UsageError

_SHOWN = 20
_LETTERS = {1: "A", 2: "M", 3: "D", 4: "R", 5: "P"}
CONFLICT_EXIT = 3


@verb(writes=True)
@click.argument("source", required=False, metavar="[BRANCH]")
@click.option("--into", default="", metavar="BRANCH", help="Merge into this branch; else the workspace's.")
@click.option("-m", "--message", default="", metavar="TEXT", help="Why; else the branches are named.")
@click.option("--continue", "go_on", is_flag=True, help="Finish the merge whose conflicts are decided.")
@click.option("--abort", is_flag=True, help="Drop the merge that waits for decisions.")
def merge(run: Run, source: str | None, *, into: str, message: str, go_on: bool, abort: bool) -> None:
    """Merge what BRANCH changed into the workspace's branch, or another; -n shows what would come.

    The server merges: nothing is fetched or sent. Text is merged by lines, JSON, YAML, TOML and notebooks by their
    structure, other files are taken from the side that changed them. Where both sides changed one, the merge waits:
    texts show both edits with markers, 'mlv resolve' decides each file, 'mlv merge --continue' finishes.
    """
    if sum((source is not None, go_on, abort)) != 1:
        raise UsageError("Name a branch, or --continue, or --abort.", advice="mlv merge BRANCH")
    if abort:
        paths = actions.abort(run.context, dry_run=run.dry_run)
        value = {"aborted": True, "restored": list(paths), "dry_run": run.dry_run}
        run.done(value, [f"{run.tell_dry()}The merge is dropped.", *(f"restored {escaped(path)}" for path in paths)])
        return
    if go_on:
        found = actions.finish(run.with_progress(), message=message, dry_run=run.dry_run)
    else:
        found = actions.merge(run.context, source or "", into, message=message, dry_run=run.dry_run)
    run.done(_value(run, found), _lines(run, found))
    if found.waiting:
        raise click.exceptions.Exit(CONFLICT_EXIT)


def _value(run: Run, found: MergeDone) -> dict[str, object]:
    merged, made = found.merged, found.merged.published
    return {
        "changeset": None if made is None or run.dry_run else int(made.changeset),
        "branch": found.branch,
        "source": found.source,
        "source_changeset": int(merged.source) or None,
        "target_changeset": int(merged.target),
        "bases": [int(base) for base in merged.bases],
        "files": 0 if made is None else len(counted(made.changes)),
        "changes": [] if made is None else [change_value(change) for change in made.changes],
        "merged_texts": list(merged.texts),
        "conflicts": [
            {"path": one.path, "kind": one.kind, "text": one.text, "marked": one.marked} for one in found.waiting
        ],
        "released": [] if made is None else list(made.released),
        "sent_bytes": found.sent_bytes,
        "dry_run": run.dry_run,
    }


def _lines(run: Run, found: MergeDone) -> list[str]:
    dry, made = run.tell_dry(), found.merged.published
    source, branch = escaped(found.source), escaped(found.branch)
    if found.waiting or made is None:
        lines = [
            f"C {escaped(one.path)}  ({one.kind}{', both edits are in the file' if one.marked else ''})"
            for one in found.waiting
        ]
        lines.append(f"{dry}{count(len(found.waiting), 'conflict')}; nothing was merged yet.")
        if not run.dry_run:
            lines.append(
                "'mlv resolve --accept mine|theirs|base|edited PATH' decides, 'mlv merge --continue' finishes."
            )
        return lines
    changes = counted(made.changes)
    lines = [f"{dry}{_LETTERS[int(one.operation)]} {_shown(one, found)}" for one in changes[:_SHOWN]]
    if len(changes) > _SHOWN:
        lines.append(f"{dry}... and {len(changes) - _SHOWN} more")
    if run.dry_run:
        lines.append(f"{dry}{source} @{found.merged.source} into {branch}: {count(len(changes), 'file')}")
        return lines
    lines.append(f"@{made.changeset} {branch}: {source} merged, {count(len(changes), 'file')}")
    if found.updated is None and run.context.workspace.branch == found.branch:
        lines.append("Your files are as they were; 'mlv update' brings the new version.")
    return lines


def _shown(change: Change, found: MergeDone) -> str:
    origin = f"  (from {escaped(change.source)})" if change.source else ""
    return f"{escaped(change.path)}{origin}{'  (both edits)' if change.path in found.merged.texts else ''}"
