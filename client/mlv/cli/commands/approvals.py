"""mlv approve, approvals."""

from __future__ import annotations

import click

from mlv.actions import policies
from mlv.cli.output import escaped, local_moment, moment, table
from mlv.cli.revisions import one_revision
from mlv.cli.running import Run, verb
from mlv_core.errors import UsageError
from mlv_core.policies import Approval


@verb(writes=True)
@click.argument("revision", required=False, metavar="[@N | BRANCH]")
@click.option("-m", "--message", default="", metavar="WHY", help="What was looked at.")
@click.option("--withdraw", is_flag=True, help="Take your approval back.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def approve(run: Run, revision: str | None, *, message: str, withdraw: bool, repository: str | None) -> None:
    """Approve a version: what the workspace has, @N, or the head of a branch.

    Rules of the policy may ask for approvals before a merge or a label. Nobody approves what they wrote, and an
    approval is for this very version: commits after it need approvals of their own.
    """
    if repository is not None and revision is None:
        raise UsageError("Without a workspace an approval needs a version.", advice="mlv approve @N --repo REPO")
    found = one_revision(revision)
    if withdraw:
        if message:
            raise UsageError("--withdraw takes no reason.", advice="mlv approve --withdraw @N")
        given = policies.withdraw(run.context, found, repository=repository, dry_run=run.dry_run)
    else:
        given = policies.approve(run.context, found, message=message, repository=repository, dry_run=run.dry_run)
    act = "is no longer approved" if withdraw else "is approved"
    text = f"{run.tell_dry()}@{given.changeset} {act} by {escaped(given.user)}"
    run.done({**approval_value(given), "withdrawn": withdraw, "dry_run": run.dry_run}, [text])


@verb()
@click.argument("revision", required=False, metavar="[@N | BRANCH]")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def approvals(run: Run, revision: str | None, *, repository: str | None) -> None:
    """List the approvals of a version, or of all, newest first."""
    found = policies.approvals(run.context, one_revision(revision), repository)
    rows = [(f"@{one.changeset}", one.user, local_moment(one.time), one.message) for one in found]
    titles = ("version", "by", "time", "why")
    run.result([approval_value(one) for one in found], table(rows, titles) if rows else ["no approvals"])


def approval_value(approval: Approval) -> dict[str, object]:
    """An approval."""
    return {
        "changeset": approval.changeset,
        "by": approval.user,
        "time": moment(approval.time),
        "message": approval.message,
    }
