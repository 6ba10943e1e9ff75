"""mlv repo create, list, show."""

from __future__ import annotations

import click

from mlv.actions import refs
from mlv.cli.output import count, escaped, local_moment, size, table
from mlv.cli.running import Family, Run, verb
from mlv.cli.values import repository_value


@verb(writes=True)
@click.argument("name")
@click.option("-d", "--description", default="", help="What it is for.")
def create(run: Run, name: str, *, description: str) -> None:
    """Create the repository NAME (namespace/name) with an empty branch main."""
    found = refs.create_repository(run.context, name, description, dry_run=run.dry_run)
    value = {**repository_value(found, sizes=False), "dry_run": run.dry_run}
    run.done(value, [f"{run.tell_dry()}created {escaped(str(found.name))}"])


@verb(name="list")
def list_(run: Run) -> None:
    """List the repositories that you may see."""
    found = refs.list_repositories(run.context)
    rows = [(str(item.name), count(item.changesets, "version"), item.description) for item in found]
    run.result([repository_value(item, sizes=False) for item in found], table(rows) or ["No repositories."])


@verb()
@click.argument("name", required=False)
def show(run: Run, name: str | None) -> None:
    """Show a repository and how much it holds; without NAME the workspace's."""
    found = refs.show_repository(run.context, name)
    lines = [
        f"{escaped(str(found.name))}  {escaped(found.description)}".rstrip(),
        f"created {local_moment(found.created_at)} by {escaped(found.created_by)}",
        f"{count(found.changesets, 'version')}: {size(found.raw_bytes)} of files in {size(found.stored_bytes)}",
        f"cache {size(found.cache_bytes)}",
    ]
    run.result(repository_value(found, sizes=True), lines)


repo = Family("repo", "Create, list and show repositories.", {"create": create, "list": list_, "show": show})
