"""Sign in to servers and out again: trust on first use, and the exchange of the first token (P7)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlv import config
from mlv.actions.connecting import default_address, read_address
from mlv.actions.context import Context
from mlv.remote import connect
from mlv.remote.credentials import Credential, forget, load, store
from mlv_core.deferred import dataclass
from mlv_core.errors import NotSignedIn, UntrustedServer
from mlv_core.ids import ServerAddress
from mlv_core.signing_in import Identity

if TYPE_CHECKING:
    from mlv.remote.trust import Authority


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in where; `exchanged` says that the first token was traded for the user's own."""

    server: str
    user: str
    fingerprint: str
    exchanged: bool = False


def login(
    context: Context,
    url: str | None,
    token: str,
    *,
    fingerprint: str = "",
    confirm: Callable[[str, str], bool],
    typed: bool = False,
) -> SignedIn:
    """Sign in to `url` (None: the last server) with a token, and remember both.

    The server's fingerprint must be `fingerprint`, or the one remembered, or one that `confirm(server, fingerprint)`
    says yes to; before that no secret is sent. A service account signs in by a program, so that its token is not
    `typed` by a person. Raises: UntrustedServer, NotSignedIn, Unreachable.
    """
    address = read_address(url or default_address())
    known = load(config.config_directory(os.environ)).get(str(address))
    seconds = context.timeout_seconds or config.load(os.environ).timeout_seconds
    authority = None if address.plaintext else _trusted(address, known, fingerprint, confirm, seconds)
    pem = authority.pem if authority is not None else None
    server = connect(address, token, pem, "", seconds)
    try:
        identity, exchange = server.whoami()
        if typed and identity.service:
            raise NotSignedIn(
                f"'{identity.user}' is a program's account; nobody signs in to it by hand.",
                advice="The program takes its token from MLV_TOKEN, or 'mlv login --token'.",
            )
        if exchange:
            token, _ = server.exchange_token()
    finally:
        server.close()
    shown = authority.fingerprint if authority is not None else ""
    credential = Credential(str(address), token, identity.user, shown, (pem or b"").decode())
    store(config.config_directory(os.environ), credential)
    return SignedIn(str(address), identity.user, shown, exchange)


def _trusted(
    address: ServerAddress,
    known: Credential | None,
    fingerprint: str,
    confirm: Callable[[str, str], bool],
    seconds: float,
) -> Authority:
    from mlv.remote.trust import fetch_authority, same_fingerprint

    authority = fetch_authority(address, seconds)
    if fingerprint:
        if not same_fingerprint(fingerprint, authority.fingerprint):
            raise UntrustedServer(f"{address} has the fingerprint {authority.fingerprint}, not the one you gave.")
    elif known is not None and known.fingerprint:
        if known.fingerprint != authority.fingerprint:
            raise UntrustedServer(
                f"{address} has the fingerprint {authority.fingerprint}; you confirmed {known.fingerprint} before."
            )
    elif not confirm(str(address), authority.fingerprint):
        raise UntrustedServer(f"The fingerprint of {address} was not confirmed.")
    return authority


def logout(url: str | None) -> str:
    """Forget a server (None: the last one) and its token; gives its address.

    Raises: NotSignedIn.
    """
    address = str(read_address(url)) if url else default_address()
    if not forget(config.config_directory(os.environ), address):
        raise NotSignedIn(f"You are not signed in to {address}.")
    return address


def whoami(context: Context) -> tuple[str, Identity]:
    """The server's address, and who it takes the caller for.

    Raises: NotSignedIn, Unreachable.
    """
    return context.address(), context.server().whoami()[0]
