"""mlv shelve, unshelve, shelves."""

from __future__ import annotations

import click

from mlv.actions import shelving as actions
from mlv.actions import unshelve as returning
from mlv.actions.unshelve import Unshelved
from mlv.cli.output import count, escaped, local_moment, moment, size, table
from mlv.cli.running import Family, Run, verb
from mlv.cli.values import change_value
from mlv_core.ids import typed
from mlv_core.shelving import Shelf, ShelvedChange

_SHOWN = 20
_LETTERS = {
    "added": "A", "modified": "M", "deleted": "D", "moved": "R", "merged": "G", "same": "=", "conflicts": "C",
}  # fmt: skip
_VALUED = frozenset({"-C", "--timeout", "--user", "--repo", "--branch"})
_REPO = click.option("--repo", "repository", metavar="REPO", help="Of this repository; else of the workspace's.")


@verb(writes=True)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-m", "message", default="", metavar="WHY", help="What it is; others see it.")
@click.option("--name", default="", metavar="NAME", help="Its name among yours; else shelf-1, shelf-2, ...")
@click.option("-f", "exchange", is_flag=True, help="Replace your shelf of that name.")
@click.option("--private", is_flag=True, help="Only you see it.")
@click.option("--revert/--keep", "revert", default=False, help="Take the changes back here once they are kept.")
def shelve(
    run: Run,
    paths: tuple[str, ...],
    *,
    message: str,
    name: str,
    exchange: bool,
    private: bool,
    revert: bool,
) -> None:
    """Keep your changes on the server without a commit, whole or not at all; needs no lock.

    The rescue of a lost lock, and the way to hand work over: 'mlv unshelve' brings it back on any later version. Your
    files stay as they are, unless --revert takes them back to the version and gives their locks back.
    """
    done = actions.shelve(
        run.with_progress(),
        paths,
        name=name,
        message=message,
        private=private,
        exchange=exchange,
        revert=revert,
        dry_run=run.dry_run,
    )
    value = {
        **shelf_value(done.shelf),
        "paths": list(done.paths),
        "sent_bytes": done.sent_bytes,
        "seconds": round(done.seconds, 3),
        "reverted": list(done.reverted),
        "rescued": list(done.rescued),
        "released": list(done.released),
        "dry_run": run.dry_run,
    }
    what = f"{count(len(done.paths), 'file')}, {size(done.shelf.raw_bytes)}"
    lines = [f"{run.tell_dry()}shelf {escaped(actions.address_of(done.shelf))}: {what} -> {size(done.sent_bytes)} sent"]
    lines += [f"reverted {escaped(path)}" for path in done.reverted[:_SHOWN]]
    lines += [f"lock released: {escaped(path)}" for path in done.released[:_SHOWN]]
    if done.rescued:
        run.note(f"Bytes that changed meanwhile are kept in .mlv/rescue/: {', '.join(done.rescued)}")
    run.done(value, lines)


@verb(writes=True)
@click.argument("name", default="", metavar="[NAME]")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--lock", is_flag=True, help="Take the locks that a commit of it will need, all or none, first.")
def unshelve(run: Run, name: str, paths: tuple[str, ...], *, lock: bool) -> None:
    """Bring a shelf back into this workspace, whatever version that has by now; the shelf stays.

    NAME is one of yours, or USER/NAME; without it your newest one comes. Text is merged by lines; what cannot be merged
    and was changed on both sides is left as it is and marked as a conflict.
    """
    found = returning.unshelve(run.with_progress(), name, paths, lock=lock, dry_run=run.dry_run)
    value = {
        **shelf_value(found.shelf),
        **{field: list(getattr(found, field)) for field in _LETTERS},
        "kept": list(found.kept),
        "rescued": list(found.rescued),
        "need_lock": list(found.need_lock),
        "locked": list(found.locked),
        "received_bytes": found.received_bytes,
        "dry_run": run.dry_run,
    }
    run.done(value, _unshelved(run, found))


@verb(name="list")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--mine", is_flag=True, help="Only yours.")
@click.option("--user", default="", metavar="USER", help="Only those of USER.")
@click.option("--branch", default="", metavar="B", help="Made on this branch; else on the workspace's.")
@click.option("--all-branches", is_flag=True, help="Of every branch.")
@_REPO
def list_(
    run: Run,
    names: tuple[str, ...],
    *,
    mine: bool,
    user: str,
    branch: str,
    all_branches: bool,
    repository: str | None,
) -> None:
    """List the shelves that you may see, the newest first."""
    context = run.context
    everywhere = all_branches or mine or bool(user) or repository is not None
    on = branch or ("" if everywhere else context.workspace.branch)
    found = actions.list_shelves(context, repository, mine=mine, user=user, branch=on)
    if names:
        found = tuple(one for one in found if one.name in names or actions.address_of(one) in names)
    header = ("shelf", "branch", "since", "files", "size", "what")
    rows = [
        (
            actions.address_of(one),
            one.branch,
            local_moment(one.created_at),
            str(one.files),
            size(one.raw_bytes),
            f"(private) {one.message}".rstrip() if one.private else one.message,
        )
        for one in found
    ]
    run.result([shelf_value(one) for one in found], table(rows, header) if rows else ["No shelves."])


@verb()
@click.argument("name", default="", metavar="[NAME]")
@_REPO
def show(run: Run, name: str, *, repository: str | None) -> None:
    """Show what is on a shelf: NAME or USER/NAME, or your newest."""
    shelf, changes = actions.show(run.context, name, repository)
    value = {**shelf_value(shelf), "changes": [_change_value(one) for one in changes]}
    about = f"{escaped(actions.address_of(shelf))} on {escaped(shelf.branch)}, {local_moment(shelf.created_at)}"
    lines = [about, *(escaped(line) for line in shelf.message.splitlines())]
    rows = [
        (
            str(change_value(one.change)["state"]),
            size(one.change.state.size) if one.change.state is not None else "",
            f"@{one.base}",
            f"{one.change.source} -> {one.change.path}" if one.change.source else one.change.path,
        )
        for one in changes
    ]
    run.result(value, [*lines, *table(rows, ("state", "size", "from", "path"))])


@verb(writes=True)
@click.argument("name")
@_REPO
def delete(run: Run, name: str, *, repository: str | None) -> None:
    """Drop a shelf, NAME or USER/NAME; that of another needs the right to break locks."""
    gone = actions.delete(run.context, name, repository, dry_run=run.dry_run)
    line = f"{run.tell_dry()}deleted the shelf {escaped(actions.address_of(gone))}"
    run.done({**shelf_value(gone), "dry_run": run.dry_run}, [line])


class Listing(Family):
    """A family whose bare name lists: `mlv shelves` is `mlv shelves list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, with the word `list` put before arguments that begin with none of the family."""
        words = [word for before, word in zip(["", *args], args, strict=False) if before not in _VALUED]
        first = next((word for word in words if not word.startswith("-")), "")
        if first not in self.commands and not {"-h", "--help"} & set(args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


shelves = Listing(
    "shelves",
    "List shelves; show and delete them. Without a word it lists.",
    {"list": list_, "show": show, "delete": delete},
)


def shelf_value(shelf: Shelf) -> dict[str, object]:
    """A shelf as scripts read it."""
    return {
        "shelf": shelf.name,
        "owner": shelf.owner,
        "branch": shelf.branch,
        "message": shelf.message,
        "workspace": shelf.workspace,
        "host": shelf.host,
        "time": moment(shelf.created_at),
        "files": shelf.files,
        "raw_bytes": shelf.raw_bytes,
        "stored_bytes": shelf.stored_bytes,
        "private": shelf.private,
    }


def _change_value(one: ShelvedChange) -> dict[str, object]:
    return {**change_value(one.change), "changeset": int(one.base)}


def _unshelved(run: Run, found: Unshelved) -> list[str]:
    lines = []
    for field, letter in _LETTERS.items():
        paths = getattr(found, field)
        lines += [f"{run.tell_dry()}{letter} {escaped(path)}" for path in paths[:_SHOWN]]
        if len(paths) > _SHOWN:
            lines.append(f"{letter} ... and {len(paths) - _SHOWN} more")
    name = escaped(actions.address_of(found.shelf))
    lines.append(f"{run.tell_dry()}shelf {name}: {_summary(found)}")
    if found.conflicts:
        lines.append(f"{count(len(found.conflicts), 'conflict')}: mlv resolve --accept shelf|mine PATH")
    lines += [f"lock taken: {escaped(path)}" for path in found.locked[:_SHOWN]]
    if found.need_lock:
        lines.append(f"To commit: mlv edit {' '.join(map(typed, found.need_lock[:3]))}{_more(found.need_lock)}")
    if found.kept:
        run.note(f"Properties that were changed here too stay as they are: {', '.join(found.kept)}")
    if found.rescued:
        run.note(f"Your bytes are kept in .mlv/rescue/: {', '.join(found.rescued)}")
    return lines


def _summary(found: Unshelved) -> str:
    words = {
        "added": "added", "modified": "modified", "deleted": "deleted", "moved": "moved", "merged": "merged",
        "same": "here already", "conflicts": "in conflict",
    }  # fmt: skip
    parts = [f"{len(getattr(found, field))} {word}" for field, word in words.items() if getattr(found, field)]
    return ", ".join(parts) or "nothing to do"


def _more(paths: tuple[str, ...]) -> str:
    return " ..." if len(paths) > 3 else ""  # noqa: PLR2004 - as many as are named
