"""mlv watch."""

from __future__ import annotations

import click

from mlv.actions import watching as actions
from mlv.cli.hangup import ending_with_its_reader
from mlv.cli.output import emit, emit_json, escaped, local_moment, moment
from mlv.cli.running import Run, verb
from mlv_core.watching import EventFilter, EventRecord


@verb()
@click.argument("repository", required=False, default="", metavar="[REPO]")
@click.option("--after", type=click.IntRange(0), metavar="N", help="Begin after event N; 0: with the first of all.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only these: commit, lock, lock.broken, ...")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only events about such a path.")
@click.option("--branch", default="", metavar="B", help="Only of this branch.")
@click.option("--once", is_flag=True, help="End with the newest event instead of waiting for more.")
def watch(
    run: Run,
    repository: str,
    *,
    after: int | None,
    kinds: tuple[str, ...],
    paths: tuple[str, ...],
    branch: str,
    once: bool,
) -> None:
    """Print what happens in REPO, or in the workspace's repository, until Ctrl-C: a line for each event.

    A broken line is made anew and misses nothing. Events are numbered from 1; --after goes on where an earlier
    watch ended. With --json each event is one line.
    """
    chosen = tuple(name for kind in kinds for name in kind.split(",") if name)
    beginning = 0 if once and after is None else after
    with ending_with_its_reader():
        for event in actions.watch(run.context, EventFilter(repository, beginning, chosen, paths, branch, not once)):
            if run.as_json:
                emit_json(_value(event))
            else:
                emit([_line(event)])


def _value(event: EventRecord) -> dict[str, object]:
    return {
        "sequence": event.sequence,
        "time": moment(event.time),
        "kind": event.kind,
        "facts": dict(event.facts),
    }


def _line(event: EventRecord) -> str:
    facts = event.facts
    what = facts.get("path") or facts.get("label") or ""
    if facts.get("changeset"):
        what = f"{what} @{facts['changeset']}".strip()
    shown = (
        local_moment(event.time),
        event.kind,
        # Nobody makes a lock expire: whose it was is of interest.
        str(facts.get("owner" if event.kind == "lock.expired" else "by") or "-"),
        str(what),
        str(facts.get("branch") or ""),
    )
    return f"{event.sequence:>6}  " + "  ".join(escaped(text) for text in shown if text)
