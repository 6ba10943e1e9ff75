"""A signed-in server."""

from __future__ import annotations

import logging
import os

from mlv import config
from mlv.actions import connecting
from mlv.actions.context import Context
from mlv.remote.credentials import Credential, load
from mlv.remote.trust import fetch_authority, same_fingerprint
from mlv.sdk.closing import Closing
from mlv.sdk.repository import Repository
from mlv_core import entities
from mlv_core.errors import UntrustedServer
from mlv_core.ids import RepositoryName, ServerAddress

logger = logging.getLogger("mlv")


def connect(
    url: str | None = None,
    token: str | None = None,
    fingerprint: str | None = None,
    *,
    timeout_seconds: float | None = None,
) -> Client:
    """Sign in to a server; nothing is asked and nothing is stored.

    Without `url` it is the server of the last `mlv login`. Without `token` it is MLV_TOKEN, or the one that `mlv login`
    remembered. A server that `mlv login` has not confirmed is trusted only by its `fingerprint` (`SHA256:...`, as
    `mlv-server start` prints it). `timeout_seconds` bounds the retries of one call while the server is away
    (None: as the user's settings say).

    Raises: NotSignedIn, UntrustedServer; Unreachable when a fingerprint has to be compared.
    """
    address = str(connecting.read_address(url or connecting.default_address()))
    context = Context(timeout_seconds=timeout_seconds, notice=logger.info)
    token = token or os.environ.get(connecting.TOKEN_VARIABLE)
    if token is None and fingerprint is None:
        connecting.credential_for(address)
    else:
        context.credentials[address] = _credential(address, token, fingerprint, timeout_seconds)
    return Client(context, address)


class Client(Closing):
    """A signed-in server. Use it from one thread at a time; close it, or use it in a `with` statement."""

    def __init__(self, context: Context, url: str) -> None:
        self._context = context
        self._url = url

    def __repr__(self) -> str:
        return f"<mlv.Client {self._url}>"

    @property
    def url(self) -> str:
        """The server's address."""
        return self._url

    @property
    def user(self) -> str:
        """The name of the user who is signed in. Raises: NotSignedIn, Unreachable."""
        identity, _ = self._context.server(self._url).whoami()
        return identity.user

    @property
    def received_bytes(self) -> int:
        """Serialized messages that came from the server so far, before TLS."""
        return self._context.server(self._url).counters.received_bytes

    @property
    def sent_bytes(self) -> int:
        """Serialized messages that went to the server so far, before TLS."""
        return self._context.server(self._url).counters.sent_bytes

    def repository(self, name: str) -> Repository:
        """The repository `namespace/name`; the server is not asked yet. Raises: InvalidName."""
        return Repository(self._context, self._url, RepositoryName.parse(name))

    def repositories(self) -> tuple[entities.Repository, ...]:
        """The repositories that you may list, with their sizes. Raises: NotSignedIn, Unreachable."""
        return self._context.server(self._url).list_repositories()

    def create_repository(self, name: str, description: str = "") -> Repository:
        """A new, empty repository with the branch main.

        Raises: InvalidName, AlreadyExists, Denied, Unreachable.
        """
        self._context.server(self._url).create_repository(RepositoryName.parse(name), description)
        return self.repository(name)

    def close(self) -> None:
        """Close the connection; what was made from this client can no longer be used."""
        self._context.close()


def _credential(address: str, token: str | None, fingerprint: str | None, timeout_seconds: float | None) -> Credential:
    """What to sign in with; a remembered authority serves unless a fingerprint was given."""
    known = load(config.config_directory(os.environ)).get(address)
    where: ServerAddress = connecting.read_address(address)
    secret = token or connecting.credential_for(address).token
    user = known.user if known is not None else ""
    if where.plaintext:
        return Credential(address, secret, user)
    if fingerprint is None and known is not None:
        return Credential(address, secret, user, known.fingerprint, known.authority_pem)
    seconds = timeout_seconds if timeout_seconds is not None else config.load(os.environ).timeout_seconds
    authority = fetch_authority(where, seconds)
    if fingerprint is None or not same_fingerprint(fingerprint, authority.fingerprint):
        raise UntrustedServer(
            f"{address} shows the fingerprint {authority.fingerprint}, which is not known to be its own.",
            advice="Ask the admin for the fingerprint and pass it, or confirm it once with 'mlv login'. "
            "No token was sent.",
        )
    return Credential(address, secret, user, authority.fingerprint, authority.pem.decode())
