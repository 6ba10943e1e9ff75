"""mlv revert."""

from __future__ import annotations

import click

from mlv.actions import revert as actions
from mlv.cli.output import escaped
from mlv.cli.running import Run, verb


@verb(writes=True)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-a", "only_unchanged", is_flag=True, help="Only close files that were not changed.")
@click.option("-k", "--keep-local", is_flag=True, help="Leave the files as they are; only give up their locks.")
def revert(run: Run, paths: tuple[str, ...], *, only_unchanged: bool, keep_local: bool) -> None:
    """Take back local changes, close the files and give their locks back.

    Changed bytes are not deleted: they move to .mlv/rescue/. Committed changes are taken back by 'mlv undo'.
    """
    found = actions.revert(
        run.context, paths, only_unchanged=only_unchanged, keep_local=keep_local, dry_run=run.dry_run
    )
    value = {
        "paths": list(found.paths),
        "rescued": list(found.rescued),
        "released": list(found.released),
        "dry_run": run.dry_run,
    }
    word = "closed, left as it is:" if keep_local else "closed" if only_unchanged else "reverted"
    lines = [f"{run.tell_dry()}{word} {escaped(path)}" for path in found.paths]
    if found.rescued:
        lines.append(f"Your bytes are kept in .mlv/rescue/: {', '.join(map(escaped, found.rescued))}")
    lines += [f"{run.tell_dry()}lock released: {escaped(path)}" for path in found.released]
    run.done(value, lines or ["Nothing to revert."])
