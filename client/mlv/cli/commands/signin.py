"""mlv login, logout, whoami."""

from __future__ import annotations

import os
import sys

import click

from mlv.actions import signin as actions
from mlv.cli.output import escaped, moment
from mlv.cli.running import Run, verb
from mlv_core.errors import NotSignedIn, UntrustedServer


@verb()
@click.argument("url", required=False)
@click.option("--token", help="The token; without it MLV_TOKEN is taken, else it is asked for.")
@click.option("--fingerprint", default="", metavar="FP", help="The fingerprint that the server must have.")
def login(run: Run, url: str | None, token: str | None, *, fingerprint: str) -> None:
    """Sign in to URL (mlv://HOST[:PORT]); its certificate authority and your token are remembered.

    The fingerprint is shown to be confirmed once; 'mlv-server start' prints the same one on the server's host.
    """
    secret = token or os.environ.get("MLV_TOKEN") or ""
    typed = not secret
    interactive = sys.stdin.isatty() and not run.as_json

    def confirm(server: str, shown: str) -> bool:
        if not interactive:
            raise UntrustedServer(
                f"{server} has the fingerprint {shown}, which was never confirmed.",
                advice=f"If it is right: mlv login {server} --fingerprint {shown}",
            )
        return click.confirm(f"{server} has the fingerprint\n  {shown}\nIs it the one of your server?", err=True)

    if not secret:
        if not interactive:
            raise NotSignedIn("No token was given.", advice="Use --token or MLV_TOKEN.")
        secret = click.prompt("Token", hide_input=True, err=True)
    found = actions.login(run.context, url, secret.strip(), fingerprint=fingerprint, confirm=confirm, typed=typed)
    if found.exchanged:
        run.note("The first token was traded for your own and is dead now.")
    value = {"server": found.server, "user": found.user, "fingerprint": found.fingerprint}
    run.done(value, [f"Signed in to {escaped(found.server)} as {escaped(found.user)}."])


@verb()
@click.argument("url", required=False)
def logout(run: Run, url: str | None) -> None:
    """Forget a server: its token and fingerprint."""
    address = actions.logout(url)
    run.done({"server": address}, [f"Forgot {escaped(address)}."])


@verb()
def whoami(run: Run) -> None:
    """Show who the server takes you for."""
    address, identity = actions.whoami(run.context)
    value = {
        "server": address,
        "user": identity.user,
        "server_admin": identity.server_admin,
        "token": identity.token_id,
        "service": identity.service,
        "scope": list(identity.scope),
        "repositories": list(identity.repositories),
        "expires_at": moment(identity.expires_at),
    }
    admin = ", server admin" if identity.server_admin else ", a program" if identity.service else ""
    run.result(value, [f"{escaped(identity.user)} at {escaped(address)}{admin}"])
