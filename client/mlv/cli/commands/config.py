"""mlv config."""

from __future__ import annotations

import os

import click

from mlv import config as settings
from mlv.cli.output import escaped, table
from mlv.cli.running import Run, verb
from mlv_core.errors import NotFound, UsageError


@verb(writes=True)
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting out.")
@click.option("--workspace", "in_workspace", is_flag=True, help="In the workspace's file instead of the user's.")
@click.option("--show-origin", is_flag=True, help="Also where each value comes from.")
def config(
    run: Run, name: str | None, value: str | None, *, unset: bool, in_workspace: bool, show_origin: bool
) -> None:
    """Show all settings, show NAME, or set NAME to VALUE.

    Defaults < user file < workspace file < environment (MLV_NAME) < flag.
    """
    folder = run.context.workspace.layout.control if run.context.has_workspace() else None
    if value is not None or unset:
        if name is None or (value is not None and unset):
            raise UsageError("Name one setting and its value.", advice="mlv config NAME VALUE, or NAME --unset")
        if in_workspace:
            folder = run.context.workspace.layout.control
        target = folder if in_workspace and folder else settings.config_directory(os.environ)
        file = os.path.join(target, settings.FILE)
        if not run.dry_run:
            settings.store(file, name, value)
        run.done(
            {"name": name, "value": value, "file": file, "dry_run": run.dry_run},
            [
                f"{run.tell_dry()}{escaped(name)} = {escaped(value or '')}"
                if value is not None
                else f"{escaped(name)} unset"
            ],
        )
        return
    found = settings.load(os.environ, folder, {"timeout": run.timeout})
    chosen = list(found.values.values()) if name is None else [v for v in found.values.values() if v.name == name]
    if not chosen:
        raise NotFound(f"There is no setting '{escaped(name or '')}'.", advice="'mlv config' lists them.")
    rows = [
        (item.name, str(item.value), item.origin) if show_origin else (item.name, str(item.value)) for item in chosen
    ]
    run.result([{"name": item.name, "value": item.value, "origin": item.origin} for item in chosen], table(rows))
