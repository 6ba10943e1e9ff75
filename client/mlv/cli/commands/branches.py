"""mlv branch, branches, label, labels."""

from __future__ import annotations

import click

from mlv.actions import refs
from mlv.cli.output import escaped, local_moment, table
from mlv.cli.revisions import one_revision
from mlv.cli.running import Run, verb
from mlv.cli.values import branch_value, label_value
from mlv_core.entities import BranchKind

_KINDS = {"experiment": BranchKind.EXPERIMENT, "integration": BranchKind.INTEGRATION, "release": BranchKind.RELEASE}


@verb(writes=True)
@click.argument("name")
@click.argument("revision", required=False, metavar="[@REV]")
@click.option("--kind", type=click.Choice(list(_KINDS)), help="What it is for; experiment unless told.")
@click.option("--into", "target", default="", metavar="B", help="The branch it will merge into.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def branch(run: Run, name: str, revision: str | None, *, kind: str | None, target: str, repository: str | None) -> None:
    """Make the branch NAME at what the workspace has, or at REV; it costs nothing whatever the size."""
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
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def branches(run: Run, *, repository: str | None) -> None:
    """List branches with their kind, head and target."""
    found = refs.list_branches(run.context, repository)
    here = run.context.workspace.branch if repository is None else ""
    rows = [
        ("*" if b.name == here else "", b.name, f"@{b.head}", b.kind.name.lower(), f"-> {b.target}" if b.target else "")
        for b in found
    ]
    run.result([branch_value(item) for item in found], table(rows))


@verb(writes=True)
@click.argument("name")
@click.argument("revision", required=False, metavar="[@REV]")
@click.option("-m", "--message", default="", metavar="TEXT", help="What it stands for.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def label(run: Run, name: str, revision: str | None, *, message: str, repository: str | None) -> None:
    """Name a version, once and for all: what the workspace has, or REV."""
    found = refs.create_label(
        run.context, name, one_revision(revision), repository=repository, message=message, dry_run=run.dry_run
    )
    text = f"{run.tell_dry()}label {escaped(found.name)} on @{found.changeset}"
    run.done({**label_value(found), "dry_run": run.dry_run}, [text])


@verb()
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def labels(run: Run, *, repository: str | None) -> None:
    """List labels with the version they name."""
    found = refs.list_labels(run.context, repository)
    rows = [(item.name, f"@{item.changeset}", item.by, local_moment(item.time), item.message) for item in found]
    run.result([label_value(item) for item in found], table(rows) or ["No labels."])
