"""From the token of a call to the one who calls."""

from __future__ import annotations

from mlv_core.errors import NotSignedIn
from mlv_server.auth.tokens import is_secret, split_token
from mlv_server.domain.networks import parse_address, parse_network
from mlv_server.domain.policy import Principal
from mlv_server.metadata.tokens import TokenRow
from mlv_server.metadata.unit_of_work import Transaction

NOTED_MILLISECONDS = 60_000
"""The last use of a token is noted once a minute: often enough to see it, too seldom to cost."""


def identify(tx: Transaction, text: str, now: int, address: str = "") -> tuple[Principal, bool]:
    """Who signs in with the token `text` at `now` (ms) from `address`, and whether its use is to be noted.

    Raises: NotSignedIn, which does not tell an unknown token from a wrong secret.
    """
    parts = split_token(text)
    row = tx.tokens.find(parts[0]) if parts else None
    if parts is None or row is None or not is_secret(parts[1], row.secret_hash):
        raise NotSignedIn("The server does not know this token.")
    check_alive(row, now, address)
    principal = _principal(tx, row, address)
    last = row.info.last_used_at
    return principal, last is None or now - last >= NOTED_MILLISECONDS


def identify_again(tx: Transaction, principal: Principal, now: int) -> Principal:
    """Who `principal`, signed in earlier, is at `now` (ms), with the groups of that moment, where it called from.

    Raises: NotSignedIn.
    """
    row = tx.tokens.find(principal.token_id)
    if row is None:
        raise NotSignedIn("The server does not know this token.")
    check_alive(row, now, principal.address)
    return _principal(tx, row, principal.address)


def check_alive(row: TokenRow, now: int, address: str = "") -> None:
    """Check that the token signs in at `now` (ms) from `address`.

    Raises: NotSignedIn saying why not.
    """
    if row.info.revoked:
        used = "was already exchanged or revoked" if row.exchange else "was revoked"
        raise NotSignedIn(f"The token {row.info.id} {used}.")
    if row.info.expires_at is not None and row.info.expires_at <= now:
        raise NotSignedIn(f"The token {row.info.id} has expired.")
    if row.user_disabled:
        raise NotSignedIn(f"The user {row.info.user} is disabled.", advice="Ask an admin of the server.")
    if row.owner_disabled:
        raise NotSignedIn(
            f"Whoever answers for {row.info.user} is disabled.", advice="Ask an admin of the server for a new account."
        )
    where = parse_address(address) if address else None
    networks = [parse_network(text) for text in row.info.networks]
    if networks and not any(network is not None and where is not None and where in network for network in networks):
        raise NotSignedIn(
            f"The token {row.info.id} may not be used from {address or 'here'}.",
            advice="Use it where it was made for, or make another: 'mlv token create --from CIDR'.",
        )


def _principal(tx: Transaction, row: TokenRow, address: str) -> Principal:
    return Principal(
        user_id=row.user_id,
        user=row.info.user,
        server_admin=row.server_admin,
        token_id=row.info.id,
        scope=frozenset(row.info.scope),
        exchange=row.exchange,
        groups=tx.users.groups_of(row.user_id),
        address=address,
        repositories=row.info.repositories,
        service=row.info.service,
    )
