"""Reach a server with what the user remembers of it."""

from __future__ import annotations

import os

from mlv import config
from mlv.remote import Server
from mlv.remote import connect as remote_connect
from mlv.remote.channel import CUT_SECONDS
from mlv.remote.credentials import Credential, load
from mlv_core.errors import NotSignedIn
from mlv_core.ids import RemoteAddress, ServerAddress

TOKEN_VARIABLE = "MLV_TOKEN"  # noqa: S105 - the name of a variable


def read_address(text: str) -> ServerAddress:
    """The server that the user names.

    Raises: InvalidRevision.
    """
    return RemoteAddress.parse(text if "://" in text else f"mlv://{text}").server


def default_address() -> str:
    """The server of the user's settings, else the one that was signed in to last.

    Raises: NotSignedIn, InvalidSettings.
    """
    chosen = config.load(os.environ).server
    if chosen:
        return str(read_address(chosen))
    known = load(config.config_directory(os.environ))
    if not known:
        raise NotSignedIn("You are signed in to no server.")
    return next(iter(known))


def credential_for(address: str) -> Credential:
    """What is remembered of a server.

    Raises: NotSignedIn.
    """
    found = load(config.config_directory(os.environ)).get(address)
    if found is None:
        raise NotSignedIn(f"You are not signed in to {address}.", advice=f"'mlv login {address}' signs in.")
    return found


def connect(
    address: str,
    *,
    timeout_seconds: float | None,
    workspace_id: str = "",
    seen: str = "",
    given: Credential | None = None,
) -> Server:
    """The server at `address`, with the `given` credential, else the token in MLV_TOKEN or the remembered one.

    `timeout_seconds` None: as the user's settings say, and a transfer that was begun outlasts a longer cut of the line.
    `seen`: as `remote.connect`.

    Raises: NotSignedIn, UntrustedServer.
    """
    found = given or credential_for(address)
    token = (os.environ.get(TOKEN_VARIABLE) if given is None else None) or found.token
    authority = found.authority_pem.encode() or None
    seconds = cut_seconds = timeout_seconds
    if seconds is None:
        seconds = config.load(os.environ).timeout_seconds
        cut_seconds = max(seconds, CUT_SECONDS)
    where = RemoteAddress.parse(address).server
    return remote_connect(where, token, authority, workspace_id, seconds, cut_seconds, seen)
