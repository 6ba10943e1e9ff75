"""mlv label, labels."""

from __future__ import annotations

import click

from mlv.actions import labels as actions
from mlv.actions import refs
from mlv.cli.output import escaped, local_moment, moment, table
from mlv.cli.revisions import one_revision
from mlv.cli.running import Run, verb
from mlv.cli.values import label_value
from mlv_core.errors import UsageError
from mlv_core.releasing import LabelAct, LabelEntry, Reservation

_ACTS = {LabelAct.CREATED: "made on", LabelAct.MOVED: "moved to", LabelAct.DELETED: "deleted from"}


@verb(writes=True)
@click.argument("name", required=False, metavar="[NAME]")
@click.argument("revision", required=False, metavar="[@REV]")
@click.option("-m", "--message", default="", metavar="TEXT", help="What it stands for; why it is moved or deleted.")
@click.option("--move", is_flag=True, help="Let it name another version; needs the right label.move, and -m.")
@click.option("--delete", is_flag=True, help="End it; needs the right label.move, and -m. Its history stays.")
@click.option("--reserve", "kept", default="", metavar="PATTERN", help="Keep matching names for --for; needs admin.")
@click.option("--for", "subjects", multiple=True, metavar="WHO", help="group:NAME or user:NAME; may be repeated.")
@click.option("--unreserve", "freed", default="", metavar="PATTERN", help="Keep these names for nobody any more.")
@click.option("--repo", "repository", metavar="REPO", help="In this repository; needs no workspace.")
def label(
    run: Run,
    name: str | None,
    revision: str | None,
    *,
    message: str,
    move: bool,
    delete: bool,
    kept: str,
    subjects: tuple[str, ...],
    freed: str,
    repository: str | None,
) -> None:
    """Name a version: what the workspace has, or REV.

    A label stays where it is. To move or delete one takes a right of its own and a reason, and 'mlv labels --history'
    shows for ever where it was. Names can be kept for some: mlv label --reserve 'v*' --for group:releasers.
    """
    if sum((name is not None, bool(kept), bool(freed))) != 1 or (move and delete):
        raise UsageError("Name one label, or --reserve or --unreserve a pattern.", advice="mlv label NAME @REV")
    if bool(kept) is not bool(subjects):
        raise UsageError("--reserve and --for go together.", advice="mlv label --reserve 'v*' --for group:releasers")
    if name is None:
        if move or delete or message:
            raise UsageError("--move, --delete and -m are about one label.", advice="mlv label NAME @REV --move -m WHY")
        found = actions.reserve_labels(run.context, kept or freed, subjects, repository=repository, dry_run=run.dry_run)
        run.done({**reservation_value(found), "dry_run": run.dry_run}, [f"{run.tell_dry()}{_reserved(found)}"])
    elif delete:
        if revision is not None:
            raise UsageError("A label is deleted wherever it is.", advice=f"mlv label {name} --delete -m WHY")
        gone = actions.delete_label(run.context, name, reason=message, repository=repository, dry_run=run.dry_run)
        text = f"{run.tell_dry()}label {escaped(gone.name)} deleted from @{gone.changeset}; its history stays"
        run.done({**label_value(gone), "deleted": True, "dry_run": run.dry_run}, [text])
    elif move:
        moved = actions.move_label(
            run.context,
            name,
            one_revision(revision),
            reason=message,
            repository=repository,
            dry_run=run.dry_run,
        )
        text = f"{run.tell_dry()}label {escaped(moved.name)} moved to @{moved.changeset}"
        run.done({**label_value(moved), "dry_run": run.dry_run}, [text])
    else:
        made = refs.create_label(
            run.context, name, one_revision(revision), repository=repository, message=message, dry_run=run.dry_run
        )
        text = f"{run.tell_dry()}label {escaped(made.name)} on @{made.changeset}"
        run.done({**label_value(made), "dry_run": run.dry_run}, [text])


@verb()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--history", is_flag=True, help="All that was done to NAME, or to every label, deleted ones too.")
@click.option("--reserved", is_flag=True, help="Which names are kept for whom.")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def labels(run: Run, name: str | None, *, history: bool, reserved: bool, repository: str | None) -> None:
    """List labels with the version they name."""
    if history and reserved:
        raise UsageError("--history and --reserved show two different things.", advice="Give one of them.")
    if name is not None and not history:
        raise UsageError(
            "A label is named to see its history.", advice="mlv labels --history NAME; mlv show @NAME for its version"
        )
    if reserved:
        kept = actions.list_reservations(run.context, repository)
        rows = [(one.pattern, ", ".join(one.subjects), one.by, local_moment(one.time)) for one in kept]
        lines = table(rows, ("labels", "kept for", "by", "since")) if rows else ["No labels are kept for anybody."]
        run.result([reservation_value(one) for one in kept], lines)
    elif history:
        entries = actions.label_history(run.context, name or "", repository)
        shown = [
            (one.name, f"{_ACTS[one.act]} @{one.changeset}", one.by, local_moment(one.time), one.why) for one in entries
        ]
        run.result([entry_value(one) for one in entries], table(shown) or ["No labels."])
    else:
        found = refs.list_labels(run.context, repository)
        listed = [
            (one.name, f"@{one.changeset}", "moved" if one.moves else "", one.by, local_moment(one.time), one.message)
            for one in found
        ]
        run.result([label_value(one) for one in found], table(listed) or ["No labels."])


def entry_value(entry: LabelEntry) -> dict[str, object]:
    """One line of a label's history."""
    return {
        "name": entry.name,
        "act": entry.act.name.lower(),
        "changeset": int(entry.changeset),
        "by": entry.by,
        "time": moment(entry.time),
        "why": entry.why,
    }


def reservation_value(reservation: Reservation) -> dict[str, object]:
    """Names that are kept for some."""
    return {
        "pattern": reservation.pattern,
        "for": list(reservation.subjects),
        "by": reservation.by,
        "time": moment(reservation.time),
        "version": reservation.version,
    }


def _reserved(found: Reservation) -> str:
    who = escaped(", ".join(found.subjects)) if found.subjects else "nobody any more"
    return f"labels '{escaped(found.pattern)}' are kept for {who}"
