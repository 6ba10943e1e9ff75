"""mlv group."""

from __future__ import annotations

import click

from mlv.actions import groups as actions
from mlv.cli.output import count, escaped, local_moment, moment, table
from mlv.cli.running import Family, Run, verb
from mlv.cli.values import rule_value
from mlv_core.entities import Group


@verb(writes=True, name="add")
@click.argument("name")
def group_add(run: Run, name: str) -> None:
    """Make the group NAME, without members."""
    found = actions.add_group(run.context, name, dry_run=run.dry_run)
    run.done(_value(run, found), [f"{run.tell_dry()}made the group {escaped(found.name)}"])


@verb(name="list")
def group_list(run: Run) -> None:
    """List groups and who is in them."""
    found = actions.list_groups(run.context)
    rows = [(one.name, ", ".join(one.members), local_moment(one.created_at)) for one in found]
    run.result([group_value(one) for one in found], table(rows) or ["No groups."])


@verb(name="show")
@click.argument("name")
def group_show(run: Run, name: str) -> None:
    """Show who is in the group NAME, and which rules speak of it."""
    found, rules = actions.show_group(run.context, name)
    lines = [f"{escaped(found.name)}: {', '.join(map(escaped, found.members)) or 'nobody'}"]
    rows = [
        (
            str(rule.id),
            rule.effect.name.lower(),
            rule.role or ",".join(rule.actions),
            f"{rule.repository}:{rule.ref}:{rule.path}",
        )
        for rule in rules
    ]
    value = {**group_value(found), "rules": [rule_value(rule) for rule in rules]}
    run.result(value, [*lines, *(table(rows, ("id", "effect", "may", "on")) if rows else ["no rule speaks of it"])])


@verb(writes=True, name="delete")
@click.argument("name")
def group_delete(run: Run, name: str) -> None:
    """End the group NAME; one of which a rule speaks stays."""
    found = actions.delete_group(run.context, name, dry_run=run.dry_run)
    run.done(_value(run, found), [f"{run.tell_dry()}ended the group {escaped(found.name)}"])


@verb(writes=True, name="add-member")
@click.argument("name")
@click.argument("users", metavar="USER...", nargs=-1, required=True)
def group_add_member(run: Run, name: str, users: tuple[str, ...]) -> None:
    """Put users into the group NAME: what it may do, they may at once."""
    found = actions.add_members(run.context, name, users, dry_run=run.dry_run)
    run.done(_value(run, found), [_told(run, found)])


@verb(writes=True, name="remove-member")
@click.argument("name")
@click.argument("users", metavar="USER...", nargs=-1, required=True)
def group_remove_member(run: Run, name: str, users: tuple[str, ...]) -> None:
    """Take users out of the group NAME: what they could by it ends at once."""
    found = actions.remove_members(run.context, name, users, dry_run=run.dry_run)
    run.done(_value(run, found), [_told(run, found)])


group = Family(
    "group",
    "Make groups of users, and put users into them.",
    {
        "add": group_add,
        "list": group_list,
        "show": group_show,
        "delete": group_delete,
        "add-member": group_add_member,
        "remove-member": group_remove_member,
    },
)


def group_value(found: Group) -> dict[str, object]:
    """A group."""
    return {
        "name": found.name,
        "members": list(found.members),
        "created_at": moment(found.created_at),
        "created_by": found.created_by,
    }


def _value(run: Run, found: Group) -> dict[str, object]:
    return {**group_value(found), "dry_run": run.dry_run}


def _told(run: Run, found: Group) -> str:
    return f"{run.tell_dry()}{escaped(found.name)} has {count(len(found.members), 'member')}"
