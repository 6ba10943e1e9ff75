"""mlv commit, undo."""

from __future__ import annotations

import os
import re
import sys

import click

from mlv.actions import commit as commits
from mlv.actions import undo as undoing
from mlv.actions.commit import Committed
from mlv.actions.recording import Given
from mlv.cli.output import count, escaped, percent, size
from mlv.cli.revisions import one_revision
from mlv.cli.running import Run, verb
from mlv.cli.values import change_value
from mlv_core.errors import UsageError
from mlv_core.ids import Revision, split_at_revision

_SHOWN = 20
_SPAN = re.compile(r"@(\d+|.+(?=:@)):@?((?<=@).+|\d+)")
"""`@A:@B`, or `@3:5`: a moment such as @2026-11-22T10:00 has a colon of its own."""


@verb(writes=True)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-m", "--message", metavar="TEXT", help="What changed and why.")
@click.option("-F", "message_file", metavar="FILE", help="Read the message from FILE; - is standard input.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A hyper-parameter; may be repeated.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME=NUMBER[@DATASET]", help="A measured value.")
@click.option("--dataset", "datasets", multiple=True, metavar="ROLE=DATASET", help="What it was made with.")
@click.option(
    "--env", "environment_file", default="", metavar="FILE", help="The environment, as 'pip freeze' or JSON; not alone."
)
@click.option("--trained-from", default="", metavar="@REV", help="The version whose code made the changed weights.")
@click.option("--run", "run_id", default="", metavar="ID", help="The run that made it.")
@click.option("--keep-locks", is_flag=True, help="Keep the locks and go on editing.")
def commit(
    run: Run,
    paths: tuple[str, ...],
    *,
    message: str | None,
    message_file: str | None,
    params: tuple[str, ...],
    metrics: tuple[str, ...],
    datasets: tuple[str, ...],
    environment_file: str,
    trained_from: str,
    run_id: str,
    keep_locks: bool,
) -> None:
    """Make a new version of everything that changed here, or of the changes under PATHs.

    Locks of the committed files are given back. Untracked files are left out. DATASET is REPO@REV:PATH, or a path of
    this repository; ROLE is train, eval, dev or test. A metric's DATASET may also be a ROLE given with --dataset.

    Params and metrics are also read from the files that mlv.toml names: params = ["params.yaml"], metrics = ["*.json"].
    """
    given = Given(
        params=params,
        metrics=metrics,
        datasets=datasets,
        environment_file=os.path.join(run.directory, environment_file) if environment_file else "",
        trained_from=trained_from,
        run_id=run_id,
    )
    text = _message(run, message, message_file)
    found = commits.commit(
        run.with_progress(), paths, message=text, given=given, keep_locks=keep_locks, dry_run=run.dry_run
    )
    run.done(_value(run, found), _lines(run, found))


def _message(run: Run, message: str | None, file: str | None) -> str:
    if (message is None) == (file is None):
        if message is None and run.dry_run:
            return ""
        text = "A commit needs a message." if message is None else "-m and -F both give the message."
        raise UsageError(text, advice="Say what changed and why: mlv commit -m TEXT, or -F FILE.")
    if message is not None:
        return message
    if file == "-":
        return sys.stdin.read().rstrip("\n")
    with open(os.path.join(run.directory, file or ""), "rb") as stream:
        data = stream.read()
    try:
        return data.decode().rstrip("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"The message in '{escaped(file or '')}' is no UTF-8 text.") from error


def _value(run: Run, found: Committed) -> dict[str, object]:
    low, high = found.prepared_min, found.prepared_max
    return {
        "changeset": found.changeset or None,
        "branch": found.branch,
        "files": len(found.paths),
        "raw_bytes": found.raw_bytes,
        "sent_bytes": found.sent_bytes,
        "stored_bytes": found.stored_bytes,
        "seconds": round(found.seconds, 3),
        "parent": found.parent,
        "prepared_on": low if low == high else f"mixed ({low}..{high})",
        "paths": list(found.paths),
        "released": list(found.released),
        "dry_run": run.dry_run,
    }


def _lines(run: Run, found: Committed) -> list[str]:
    if run.dry_run:
        shown = [f"dry run: commit {escaped(path)}" for path in found.paths[:_SHOWN]]
        return [
            *shown,
            f"dry run: {count(len(found.paths), 'file')}, {size(found.raw_bytes)}, on {escaped(found.branch)}",
        ]
    text = f"@{found.changeset} {escaped(found.branch)}: {count(len(found.paths), 'file')}"
    if found.raw_bytes:
        text += f", {size(found.raw_bytes)} -> {size(found.sent_bytes)} sent"
        if found.sent_bytes <= found.raw_bytes:
            text += f" ({percent(found.sent_bytes, found.raw_bytes)})"
    if found.released:
        word = "lock" if len(found.released) == 1 else "locks"
        text += f"   {word} released: {', '.join(map(escaped, found.released[:3]))}"
        text += f" and {len(found.released) - 3} more" if len(found.released) > 3 else ""  # noqa: PLR2004
    lines = [f"{text}   {found.seconds:.1f} s"]
    if found.parent != found.prepared_max or found.parent != found.prepared_min:
        lines.append(f"It landed on @{found.parent}, not on what you had: 'mlv update' brings the rest.")
    return lines


@verb(writes=True)
@click.argument("what", nargs=-1, metavar="[@N | @A:@B | PATH@REV]...")
@click.option("--to", metavar="@REV", help="Go back to this version.")
@click.option("-m", "--message", default="", metavar="TEXT", help="Why.")
@click.option("--update", is_flag=True, help="Bring the workspace to the new version afterwards.")
def undo(run: Run, what: tuple[str, ...], *, to: str | None, message: str, update: bool) -> None:
    """Make a new version that takes back committed ones; history is never shortened.

    @N takes back one changeset, @A:@B several, PATH@REV what REV did to PATH. With --to the head becomes like @REV
    again, or only the PATHs given. No content moves; your files stay as they are until 'mlv update'.
    """
    first, last, paths = _what(run, what, with_target=to is not None)
    found = undoing.undo(
        run.context,
        first=first,
        last=last,
        to=one_revision(to),
        paths=paths,
        message=message,
        dry_run=run.dry_run,
    )
    made = found.published
    if update and not run.dry_run:
        from mlv.actions.update import update as bring

        bring(run.with_progress())
    value = {
        "changeset": int(made.changeset) or None,
        "branch": made.branch,
        "files": len(found.paths),
        "changes": [change_value(change) for change in made.changes],
        "sent_bytes": found.sent_bytes,
        "stored_bytes": made.stored_bytes,
        "dry_run": run.dry_run,
    }
    lines = [f"{run.tell_dry()}{escaped(path)}" for path in found.paths[:_SHOWN]]
    if not run.dry_run:
        lines.append(f"@{made.changeset} {escaped(made.branch)}: {count(len(found.paths), 'file')} taken back")
        if not update:
            lines.append("Your files are as they were; 'mlv update' brings the new version.")
    run.done(value, lines)


def _what(
    run: Run, what: tuple[str, ...], *, with_target: bool
) -> tuple[Revision | None, Revision | None, tuple[str, ...]]:
    if with_target:
        for text in what:
            if text.startswith("@"):
                raise UsageError(
                    f"--to names the version already; '{escaped(text)}' is another.",
                    advice="mlv undo @N takes one back; mlv undo --to @REV [PATH]... goes back to one.",
                )
        return None, None, run.context.paths(what) if what else ()
    if not what:
        raise UsageError("Name what to take back.", advice="mlv undo @N, mlv undo @A:@B, or mlv undo --to @REV")
    first = last = None
    paths = []
    for text in what:
        between = _SPAN.fullmatch(text)
        if between:
            low, high = Revision.parse(between[1]), Revision.parse(between[2])
        else:
            path, revision = split_at_revision(text)
            if revision is None:
                raise UsageError(f"'{escaped(text)}' names no version.", advice="Write @N, @A:@B or PATH@REV.")
            low = high = revision
            if path:
                paths.append(path)
        if first is not None and (first, last) != (low, high):
            raise UsageError("Take back one changeset or range at a time.", advice="mlv undo @A:@B")
        first, last = low, high
    return first, last, run.context.paths(tuple(paths)) if paths else ()
