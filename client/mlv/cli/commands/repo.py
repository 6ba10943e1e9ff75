"""mlv repo create, list, show."""

from __future__ import annotations

import click

from mlv.actions import refs
from mlv.cli.output import count, escaped, local_moment, size, table
from mlv.cli.running import Family, Run, verb
from mlv.cli.values import repository_value
from mlv_core.errors import UsageError


@verb(writes=True)
@click.argument("name", required=False, metavar="[NAME]")
@click.option("-d", "--description", default="", help="What it is for.")
@click.option(
    "--template", is_flag=False, flag_value="", metavar="T", help="Set it up as T says; without T: list what there is."
)
def create(run: Run, name: str | None, *, description: str, template: str | None) -> None:
    """Create the repository NAME (namespace/name) with an empty branch main.

    --template model also makes the branch integration, asks for locks on weights/ and data/, keeps labels v* for the
    group releasers, and lets main take merges alone.
    """
    if template == "":
        known = refs.list_templates(run.context)
        value = [{"name": one.name, "summary": one.summary} for one in known]
        run.result(value, table([(one.name, one.summary) for one in known]))
        return
    if name is None:
        raise UsageError("The repository has no name.", advice="mlv repo create NAMESPACE/NAME [--template model]")
    made = refs.create_repository(run.context, name, description, template or "", dry_run=run.dry_run)
    set_up = [{"kind": one.kind, "name": one.name, "what": one.what} for one in made.set_up]
    result = {**repository_value(made.repository, sizes=False), "dry_run": run.dry_run}
    if template:
        result |= {"template": template, "set_up": set_up}
    lines = [f"{run.tell_dry()}created {escaped(str(made.repository.name))}"]
    run.done(result, [*lines, *table([(f"  {one.kind}", one.name, one.what) for one in made.set_up])])


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
