"""Tokens by id; of a secret only its hash is kept (P8)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, or_, select, update

from mlv_core.deferred import dataclass
from mlv_core.entities import TokenInfo
from mlv_core.errors import NotFound
from mlv_core.ids import escape
from mlv_server.metadata.prepared import Prepared, Row
from mlv_server.metadata.tables import tokens, users


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token and what it takes to check it. `exchange`: single use, for the first admin (P7).

    `server_admin`: its user is an admin of the server. `owner_disabled`: it is a service account's whose owner is
    disabled.
    """

    info: TokenInfo
    user_id: int
    secret_hash: bytes
    exchange: bool
    user_disabled: bool = False
    owner_disabled: bool = False
    server_admin: bool = False


class Tokens:
    """Tokens of all users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, token: TokenRow) -> None:
        """Keep a new token."""
        info = token.info
        self._connection.execute(
            insert(tokens).values(
                id=info.id,
                user_id=token.user_id,
                secret_hash=token.secret_hash,
                description=info.description,
                scope=list(info.scope),
                networks=list(info.networks),
                repositories=list(info.repositories),
                last_used_from="",
                exchange=token.exchange,
                created_at=info.created_at,
                expires_at=info.expires_at,
            )
        )

    def find(self, token_id: str) -> TokenRow | None:
        """The token of an id, or None."""
        row = _KNOWN.first(self._connection, token=token_id)
        return None if row is None else _token(row)

    def get(self, token_id: str) -> TokenRow:
        """The token of an id.

        Raises: NotFound.
        """
        token = self.find(token_id)
        if token is None:
            raise NotFound(f"There is no token '{escape(token_id)}'.", advice="'mlv token list' shows yours.")
        return token

    def list_of(self, user_id: int) -> tuple[TokenInfo, ...]:
        """A user's tokens, oldest first."""
        found = self._connection.execute(
            _SELECT.where(tokens.c.user_id == user_id).order_by(tokens.c.created_at, tokens.c.id)
        )
        return tuple(_token(tuple(row)).info for row in found)

    def revoke(self, token_id: str, now: int) -> None:
        """Make the token dead from `now` (ms) on, for good."""
        self._connection.execute(
            update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=now)
        )

    def used(self, times: Mapping[str, int], address: str = "") -> None:
        """Note when tokens (by id) were last used, in ms, and from which address."""
        if not times:
            return
        seen: BindParameter[int] = bindparam("seen")
        self._connection.execute(
            update(tokens)
            .where(
                tokens.c.id == bindparam("token"), or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < seen)
            )
            .values(last_used_at=seen, last_used_from=address),
            [{"token": token_id, "seen": time} for token_id, time in times.items()],
        )


_OWNERS = users.alias("owners")
_SELECT = select(
    *(
        tokens.c[name]
        for name in (
            "id",
            "user_id",
            "secret_hash",
            "description",
            "scope",
            "networks",
            "repositories",
            "exchange",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_from",
            "revoked_at",
        )
    ),
    users.c.name.label("user"),
    users.c.disabled.label("user_disabled"),
    users.c.owner_id.is_not(None).label("service"),
    func.coalesce(_OWNERS.c.disabled, False).label("owner_disabled"),
    users.c.server_admin,
).select_from(tokens.join(users, tokens.c.user_id == users.c.id).outerjoin(_OWNERS, users.c.owner_id == _OWNERS.c.id))
_KNOWN = Prepared(_SELECT.where(tokens.c.id == bindparam("token")))


def _token(row: Row) -> TokenRow:
    token, user_id, secret_hash, description, scope, networks, repositories, *rest = row
    exchange, created, expires, used, used_from, revoked, user, disabled, service, owner_disabled, admin = rest
    info = TokenInfo(
        id=token,
        user=user,
        description=description,
        scope=tuple(scope),
        created_at=created,
        expires_at=expires,
        last_used_at=used,
        revoked=revoked is not None,
        networks=tuple(networks),
        repositories=tuple(repositories),
        last_used_from=used_from,
        service=bool(service),
    )
    return TokenRow(info, user_id, secret_hash, exchange, disabled, bool(owner_disabled), bool(admin))
