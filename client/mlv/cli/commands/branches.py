"""mlv branch, branches."""

from __future__ import annotations

import click

from mlv.actions import refs
from mlv.cli.freezing import freeze_line, freeze_value
from mlv.cli.output import count, escaped, local_moment, moment, table
from mlv.cli.revisions import one_revision
from mlv.cli.running import Run, verb
from mlv.cli.values import branch_value
from mlv_core.entities import BranchKind
from mlv_core.errors import UsageError
from mlv_core.releasing import BranchStanding

_KINDS = {"experiment": BranchKind.EXPERIMENT, "integration": BranchKind.INTEGRATION, "release": BranchKind.RELEASE}


@verb(writes=True)
@click.argument("name")
@click.argument("revision", required=False, metavar="[@REV]")
@click.option("--kind", type=click.Choice(list(_KINDS)), help="What it is for; experiment unless told.")
@click.option("--into", "target", default="", metavar="B", help="The branch it will merge into.")
@click.option("--abandon", is_flag=True, help="Close it: it is read, nothing lands on it; needs -m.")
@click.option("--reopen", is_flag=True, help="Open it again.")
@click.option("-m", "reason", default="", metavar="WHY", help="Why it is abandoned or opened again.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def branch(
    run: Run,
    name: str,
    revision: str | None,
    *,
    kind: str | None,
    target: str,
    abandon: bool,
    reopen: bool,
    reason: str,
    repository: str | None,
) -> None:
    """Make the branch NAME at what the workspace has, or at REV; it costs nothing whatever the size.

    --abandon closes a branch whose work goes no further: its locks are released, its versions stay, its name is used
    by no other. Needs the right 'branch.delete', as a maintainer has.
    """
    if (abandon or reopen) and (revision is not None or kind or target or (abandon and reopen)):
        raise UsageError("--abandon and --reopen take a name and a reason.", advice="mlv branch NAME --abandon -m WHY")
    if reason and not (abandon or reopen):
        raise UsageError("-m says why a branch is abandoned.", advice="mlv branch NAME --abandon -m WHY")
    if abandon:
        closed, released = refs.abandon_branch(
            run.context, name, reason=reason, repository=repository, dry_run=run.dry_run
        )
        value = {**branch_value(closed), "locks_released": released, "dry_run": run.dry_run}
        text = f"{run.tell_dry()}branch {escaped(closed.name)} abandoned at @{closed.head}"
        run.done(value, [text + (f", {count(released, 'lock')} released" if released else "")])
        return
    if reopen:
        opened = refs.reopen_branch(run.context, name, reason=reason, repository=repository, dry_run=run.dry_run)
        text = f"{run.tell_dry()}branch {escaped(opened.name)} is open again at @{opened.head}"
        run.done({**branch_value(opened), "dry_run": run.dry_run}, [text])
        return
    found = refs.create_branch(
        run.context,
        name,
        one_revision(revision),
        repository=repository,
        kind=_KINDS[kind] if kind else None,
        target=target,
        dry_run=run.dry_run,
    )
    text = f"{run.tell_dry()}branch {escaped(found.name)} at @{found.head}, into {escaped(found.target)}"
    run.done({**branch_value(found), "dry_run": run.dry_run}, [text])


@verb()
@click.option("--all", "abandoned", is_flag=True, help="Also those that were abandoned.")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def branches(run: Run, *, abandoned: bool, repository: str | None) -> None:
    """List branches: kind, head, target, versions ahead (+) and behind (-) of it, who committed last, freezes."""
    found = refs.survey_branches(run.context, repository, abandoned=abandoned)
    here = run.context.workspace.branch if repository is None else ""
    run.result([standing_value(one) for one in found], _lines(found, here))


def standing_value(standing: BranchStanding) -> dict[str, object]:
    """A branch and where it stands."""
    last = {"by": standing.author, "time": moment(standing.time), "message": standing.message}
    return {
        **branch_value(standing.branch),
        "ahead": standing.ahead,
        "behind": standing.behind,
        "last": last if standing.time else None,
        "freezes": [freeze_value(one) for one in standing.freezes],
    }


def _lines(found: tuple[BranchStanding, ...], here: str) -> list[str]:
    rows = []
    for one in found:
        item = one.branch
        beyond = [f"{sign}{number}" for sign, number in (("+", one.ahead), ("-", one.behind)) if number]
        last = f"{one.author} {local_moment(one.time)}" if one.time else ""
        closed = f"abandoned by {item.abandoned_by}: {item.abandoned_why}" if item.abandoned_at is not None else ""
        rows.append(
            (
                "*" if item.name == here else "",
                item.name,
                f"@{item.head}",
                item.kind.name.lower(),
                item.target,
                " ".join(beyond),
                last,
                closed,
            )
        )
    lines = table(rows, ("", "branch", "head", "kind", "into", "ahead/behind", "last commit", ""))
    told = {frozen.id: frozen for one in found for frozen in one.freezes}
    return lines + [freeze_line(frozen) for frozen in told.values()]
