"""Groups of users."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv_core.entities import Group, Rule


def add_group(context: Context, name: str, *, dry_run: bool = False) -> Group:
    """A new group without members. Raises: InvalidName, AlreadyExists, Denied."""
    return context.server().add_group(name, dry_run=dry_run)


def list_groups(context: Context) -> tuple[Group, ...]:
    """All groups. Raises: Denied."""
    return context.server().list_groups()


def show_group(context: Context, name: str) -> tuple[Group, tuple[Rule, ...]]:
    """A group, and the rules that speak of it. Raises: NotFound, Denied."""
    return context.server().show_group(name)


def delete_group(context: Context, name: str, *, dry_run: bool = False) -> Group:
    """End a group of which no rule speaks. Raises: NotFound, InvalidRequest, Denied."""
    return context.server().delete_group(name, dry_run=dry_run)


def add_members(context: Context, name: str, users: tuple[str, ...], *, dry_run: bool = False) -> Group:
    """Put users into a group: what it may do, they may at once. Raises: NotFound, Denied."""
    return context.server().add_members(name, users, dry_run=dry_run)


def remove_members(context: Context, name: str, users: tuple[str, ...], *, dry_run: bool = False) -> Group:
    """Take users out of a group, at once. Raises: NotFound, InvalidRequest, Denied."""
    return context.server().remove_members(name, users, dry_run=dry_run)
