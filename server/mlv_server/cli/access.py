"""`mlv-server user` and `mlv-server token`: people and tokens, on the host, without signing in."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from mlv_core.errors import InvalidSettings
from mlv_server import app
from mlv_server.cli.output import described, reporting, show
from mlv_server.domain.policy import Principal
from mlv_server.rpc.chain import Parts
from mlv_server.services import identity
from mlv_server.services.call import Call
from mlv_server.settings import SETTINGS_FILE, load_settings

T = TypeVar("T")
WHERE = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the server; else MLV_SERVER_DIR or the current one.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")


@click.group()
def user() -> None:
    """Add, list and disable users."""


@user.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May administer the whole server.")
@WHERE
@JSON
@reporting
def user_add(name: str, directory: Path | None, *, admin: bool, as_json: bool) -> None:
    """Add user NAME and print a token, once."""
    added, secret = _run(directory, lambda call: identity.add_user(call, name, admin, dry_run=False))
    show({**described(added), "token": secret}, f"{added.name}: token {secret} (shown only now)", as_json=as_json)


@user.command("list")
@WHERE
@JSON
@reporting
def user_list(directory: Path | None, *, as_json: bool) -> None:
    """List the users."""
    found = _run(directory, identity.list_users)
    marks = [(u.name, "  admin" if u.server_admin else "", "  disabled" if u.disabled else "") for u in found]
    text = "\n".join("".join(parts) for parts in marks)
    show([described(u) for u in found], text, as_json=as_json)


@user.command("disable")
@click.argument("name")
@WHERE
@JSON
@reporting
def user_disable(name: str, directory: Path | None, *, as_json: bool) -> None:
    """Shut user NAME out; what the user did stays."""
    disabled = _run(directory, lambda call: identity.disable_user(call, name, dry_run=False))
    show(described(disabled), f"{disabled.name} is disabled", as_json=as_json)


@click.group()
def token() -> None:
    """Make, list and revoke tokens."""


@token.command("create")
@click.argument("name")
@click.option("--description", default="", help="What the token is for.")
@click.option("--scope", multiple=True, metavar="ACTION", help="Limit the token to this action; may be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), help="Lifetime; else as the settings say.")
@WHERE
@JSON
@reporting
def token_create(
    name: str,
    description: str,
    scope: tuple[str, ...],
    days: int | None,
    directory: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a token of user NAME and print it, once."""
    seconds = None if days is None else days * 86_400
    secret, info = _run(
        directory, lambda call: identity.create_token(call, name, description, scope, seconds, dry_run=False)
    )
    show({**described(info), "token": secret}, f"{info.user}: token {secret} (shown only now)", as_json=as_json)


@token.command("list")
@click.argument("name")
@WHERE
@JSON
@reporting
def token_list(name: str, directory: Path | None, *, as_json: bool) -> None:
    """List the tokens of user NAME, without their secrets."""
    found = _run(directory, lambda call: identity.list_tokens(call, name))
    text = "\n".join(f"{t.id}  {t.description}{'  revoked' if t.revoked else ''}" for t in found)
    show([described(t) for t in found], text, as_json=as_json)


@token.command("revoke")
@click.argument("identifier", metavar="ID")
@WHERE
@JSON
@reporting
def token_revoke(identifier: str, directory: Path | None, *, as_json: bool) -> None:
    """Revoke token ID at once."""
    info = _run(directory, lambda call: identity.revoke_token(call, identifier, dry_run=False))
    show(described(info), f"token {info.id} of {info.user} is revoked", as_json=as_json)


def _run(directory: Path | None, act: Callable[[Call], Awaitable[T]]) -> T:
    """Do `act` as the host's administrator on the server of `directory`."""
    folder = directory or Path(os.environ.get("MLV_SERVER_DIR", "."))
    file = folder / SETTINGS_FILE
    if not file.exists():
        message = f"{folder.absolute()} holds no mlv server."
        raise InvalidSettings(message, advice="Name its folder with --dir DIR.")

    async def run() -> T:
        async with app.open_parts(load_settings(file), background=False) as parts:
            return await act(_host_call(parts))

    return asyncio.run(run())


def _host_call(parts: Parts) -> Call:
    return Call(
        principal=Principal.host(),
        request_id="host-" + secrets.token_hex(8),
        now=time.time_ns() // 1_000_000,
        fresh=secrets.token_bytes(32),
        peer="host",
        db=parts.db,
        store=parts.store,
        background=parts.background,
        settings=parts.settings,
        outgoing=parts.outgoing,
    )
