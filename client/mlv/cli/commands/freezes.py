"""mlv freeze, unfreeze, freezes."""

from __future__ import annotations

import click

from mlv.actions import freezes as actions
from mlv.cli.freezing import freeze_line, freeze_value
from mlv.cli.output import local_moment, table
from mlv.cli.running import Run, verb
from mlv_core.releasing import Freeze

_WHAT = "[BRANCH|label/NAME]"
_PATH = "Only paths that match; without BRANCH on every branch."


@verb(writes=True)
@click.argument("what", required=False, default="", metavar=_WHAT)
@click.option("--path", default="", metavar="GLOB", help=_PATH)
@click.option("--until", default="", metavar="END", help="2026-12-24 (that day too) or 2026-12-24T18:00, UTC; 12h, 7d.")
@click.option("-m", "reason", required=True, metavar="WHY", help="Everybody whom it stops reads it.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def freeze(run: Run, what: str, *, path: str, until: str, reason: str, repository: str | None) -> None:
    """Let nobody change a branch, its paths or a label, until it is lifted or END has come: yourself neither.

    Commits, locks, merges and undos there are refused, and who set it, until when and why is told. A label may be a
    pattern: 'label/v2*' lets nobody make, move or delete such a label. Needs the right 'freeze', as a maintainer has.
    """
    found = actions.freeze(
        run.context, what, path=path, until=until, reason=reason, repository=repository, dry_run=run.dry_run
    )
    run.done({**freeze_value(found), "dry_run": run.dry_run}, [f"{run.tell_dry()}{freeze_line(found)}"])


@verb(writes=True)
@click.argument("what", required=False, default="", metavar=_WHAT)
@click.option("--path", default="", metavar="GLOB", help="As it was frozen.")
@click.option("-m", "reason", default="", metavar="WHY", help="Why it ends.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def unfreeze(run: Run, what: str, *, path: str, reason: str, repository: str | None) -> None:
    """Lift a freeze: what was frozen is named as it was then."""
    found = actions.unfreeze(run.context, what, path=path, reason=reason, repository=repository, dry_run=run.dry_run)
    text = f"{run.tell_dry()}{actions.place_of(found)} is frozen no more"
    run.done({**freeze_value(found), "dry_run": run.dry_run}, [text])


@verb()
@click.option("--all", "ended", is_flag=True, help="Also those that were lifted or have ended.")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def freezes(run: Run, *, ended: bool, repository: str | None) -> None:
    """Show what is frozen, by whom, until when and why."""
    found = actions.list_freezes(run.context, repository, ended=ended)
    rows = [
        (actions.place_of(one), one.by, local_moment(one.at), local_moment(one.until), _state(one), one.reason)
        for one in found
    ]
    header = ("frozen", "by", "since", "until", "state", "reason")
    run.result([freeze_value(one) for one in found], table(rows, header) if rows else ["Nothing is frozen."])


def _state(item: Freeze) -> str:
    if item.lifted_at is not None:
        return f"lifted by {item.lifted_by}"
    return "holds" if actions.holds(item) else "ended"
