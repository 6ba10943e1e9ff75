"""mlv meta set, unset, show."""

from __future__ import annotations

import click

from mlv.actions import meta as actions
from mlv.cli.output import escaped
from mlv.cli.running import Family, Run, verb
from mlv_core.errors import UsageError


@verb(writes=True, name="set")
@click.argument("path")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
def set_(run: Run, path: str, pairs: tuple[str, ...]) -> None:
    """Set properties of a file, or of the version when PATH is '.'; the next commit takes them."""
    changes: list[tuple[str, str | None]] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"'{escaped(pair)}' is not KEY=VALUE.", advice="mlv meta set PATH KEY=VALUE")
        changes.append((key, value))
    _tell(run, *actions.edit(run.context, path, tuple(changes), dry_run=run.dry_run))


@verb(writes=True)
@click.argument("path")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def unset(run: Run, path: str, keys: tuple[str, ...]) -> None:
    """Take properties away."""
    _tell(run, *actions.edit(run.context, path, tuple((key, None) for key in keys), dry_run=run.dry_run))


@verb()
@click.argument("path", default=".")
def show(run: Run, path: str) -> None:
    """Show the properties of a file, or of the version."""
    _tell(run, *actions.show(run.context, path))


def _tell(run: Run, path: str, properties: dict[str, str]) -> None:
    lines = [f"{run.tell_dry()}{escaped(key)}={escaped(value)}" for key, value in properties.items()]
    value = {"path": path, "properties": properties, "dry_run": run.dry_run}
    run.result(value, lines or [f"{escaped(path)} has no properties."])


meta = Family("meta", "Versioned properties of a file or of the version.", {"set": set_, "unset": unset, "show": show})
