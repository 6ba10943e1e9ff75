"""mlv user, token."""

from __future__ import annotations

import click

from mlv.actions import people
from mlv.cli.output import escaped, local_moment, table
from mlv.cli.running import Duration, Family, Run, verb
from mlv.cli.values import token_value, user_value
from mlv_core.entities import TokenInfo, TokenLimits, User


@verb(writes=True, name="add")
@click.argument("name")
@click.option("--admin", "server_admin", is_flag=True, help="May administer the whole server.")
@click.option("--service", is_flag=True, help="A program's account: its tokens end soon, it administers nothing.")
@click.option("--owner", default="", metavar="USER", help="Of a program's account: the person who answers for it.")
def user_add(run: Run, name: str, *, server_admin: bool, service: bool, owner: str) -> None:
    """Add the user NAME; a first token is shown, once."""
    user, token = people.add_user(
        run.context, name, server_admin=server_admin, service=service, owner=owner, dry_run=run.dry_run
    )
    value = {**user_value(user), "token": token or None, "dry_run": run.dry_run}
    lines = [f"{run.tell_dry()}added {escaped(user.name)}{_owned(user)}"]
    if token:
        lines.append(f"token (shown once): {token}")
    run.result(value, lines)


@verb(name="list")
def user_list(run: Run) -> None:
    """List users."""
    found = people.list_users(run.context)
    rows = [
        (
            u.name,
            "admin" if u.server_admin else _owned(u).strip(", "),
            "disabled" if u.disabled else "",
            local_moment(u.created_at),
        )
        for u in found
    ]
    run.result([user_value(item) for item in found], table(rows))


@verb(writes=True, name="disable")
@click.argument("name")
def user_disable(run: Run, name: str) -> None:
    """Shut the user NAME out: tokens die at once, locks expire, so that others may take them."""
    found = people.disable_user(run.context, name, dry_run=run.dry_run)
    run.done({**user_value(found), "dry_run": run.dry_run}, [f"{run.tell_dry()}disabled {escaped(found.name)}"])


@verb(writes=True, name="create")
@click.option("--user", default="", metavar="NAME", help="Of this user; else yours.")
@click.option("-d", "--description", default="", help="What it is for.")
@click.option("--scope", "scopes", multiple=True, metavar="ACTION", help="Limit it to actions; may be repeated.")
@click.option("--expires", type=Duration(), metavar="DURATION", help="For how long: 12h, 30d.")
@click.option("--from", "networks", multiple=True, metavar="CIDR", help="Usable only from there; may be repeated.")
@click.option("--repo", "repositories", multiple=True, metavar="GLOB", help="Only for these; may be repeated.")
def token_create(
    run: Run,
    *,
    user: str,
    description: str,
    scopes: tuple[str, ...],
    expires: float | None,
    networks: tuple[str, ...],
    repositories: tuple[str, ...],
) -> None:
    """Create a token; its secret is shown once."""
    scope = tuple(part for text in scopes for part in text.split(",") if part)
    secret, info = people.create_token(
        run.context,
        user=user,
        description=description,
        scope=scope,
        expires_in=int(expires) if expires else None,
        limits=TokenLimits(networks, repositories),
        dry_run=run.dry_run,
    )
    value = {**token_value(info), "token": secret or None, "dry_run": run.dry_run}
    lines = [f"{run.tell_dry()}token {escaped(info.id)} of {escaped(info.user)}"]
    if secret:
        lines.append(f"secret (shown once): {secret}")
    run.result(value, lines)


@verb(name="list")
@click.option("--user", default="", metavar="NAME", help="Of this user; else yours.")
def token_list(run: Run, *, user: str) -> None:
    """List tokens, without their secrets."""
    found = people.list_tokens(run.context, user)
    rows = [
        (
            item.id,
            item.user,
            _limited(item),
            f"until {local_moment(item.expires_at)}" if item.expires_at else "does not expire",
            _used(item),
            "revoked" if item.revoked else "",
            item.description,
        )
        for item in found
    ]
    run.result([token_value(item) for item in found], table(rows) or ["No tokens."])


@verb(writes=True, name="revoke")
@click.argument("identifier", metavar="ID")
def token_revoke(run: Run, identifier: str) -> None:
    """Make a token worthless at once."""
    found = people.revoke_token(run.context, identifier, dry_run=run.dry_run)
    run.done({**token_value(found), "dry_run": run.dry_run}, [f"{run.tell_dry()}revoked {escaped(found.id)}"])


def _owned(user: User) -> str:
    return f", a program of {escaped(user.owner)}" if user.service else ""


def _limited(item: TokenInfo) -> str:
    """What a token is limited to."""
    parts = [",".join(item.scope) or "everything"]
    parts += [f"from {','.join(item.networks)}"] if item.networks else []
    parts += [f"for {','.join(item.repositories)}"] if item.repositories else []
    return " ".join(parts)


def _used(item: TokenInfo) -> str:
    if not item.last_used_at:
        return "never used"
    where = f" from {item.last_used_from}" if item.last_used_from else ""
    return f"used {local_moment(item.last_used_at)}{where}"


user = Family("user", "Add, list and disable users.", {"add": user_add, "list": user_list, "disable": user_disable})
token = Family(
    "token", "Create, list and revoke tokens.", {"create": token_create, "list": token_list, "revoke": token_revoke}
)
