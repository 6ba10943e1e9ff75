"""Users and tokens: who there is, and what lets them in."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.entities import Identity, TokenInfo, User
from mlv_core.errors import Denied, InvalidName, InvalidRequest, NotFound
from mlv_core.ids import check_name, escape, fold
from mlv_server.auth.identity import check_alive
from mlv_server.auth.tokens import NewToken, make_token
from mlv_server.domain.audit import SERVER_CHAIN
from mlv_server.domain.policy import HOST, Decision, expand_scope
from mlv_server.metadata.tokens import TokenRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call

DESCRIPTION_LIMIT = 200
"""Characters: one line."""
LIFETIME_LIMIT_SECONDS = 3650 * 86_400
"""Ten years, as the settings allow."""


async def whoami(call: Call) -> Identity:
    """Who the caller's token stands for."""
    principal = call.principal
    row = await call.db.read(lambda tx: tx.tokens.find(principal.token_id))
    expires_at = None if row is None else row.info.expires_at
    scope = tuple(sorted(principal.scope))
    return Identity(principal.user, principal.server_admin, principal.token_id, scope, expires_at, principal.exchange)


async def exchange_token(call: Call) -> tuple[str, TokenInfo]:
    """Trade the single-use first token for the admin's own, which is shown only now (P7).

    Raises: InvalidRequest for any other token, NotSignedIn when it was exchanged before.
    """
    if not call.principal.exchange:
        raise InvalidRequest("Only the server's first token can be exchanged.", advice="Use the token as it is.")
    new = make_token(call.fresh)

    def work(tx: Transaction) -> TokenInfo:
        first = tx.tokens.get(call.principal.token_id)
        check_alive(first, call.now)

        info = _info(call, new, first.info.user, "login", (), _end(call, None))

        tx.tokens.revoke(first.info.id, call.now)
        tx.tokens.add(TokenRow(info, first.user_id, new.secret_hash, exchange=False))
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "token.exchange", info.id),))
        return info

    return new.text, await call.db.write(work)


async def add_user(call: Call, name: str, server_admin: bool, dry_run: bool) -> tuple[User, str]:
    """Add a user and make a first token, whose text is '' on a dry run.

    Raises: InvalidName, AlreadyExists.
    """
    check_name(name, "user")
    if fold(name) == HOST:
        raise InvalidName(f"'{HOST}' is how the audit trail calls whoever works on the server's own host.")
    new = make_token(call.fresh)
    user = User(name, server_admin, disabled=False, created_at=call.now, created_by=call.principal.user)

    def work(tx: Transaction) -> None:
        user_id = tx.users.add(user)
        info = _info(call, new, name, "first token", (), _end(call, None))
        tx.tokens.add(TokenRow(info, user_id, new.secret_hash, exchange=False))
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "user.add", name, server_admin=server_admin),))

    await access.write(call, work, "user.add", name, dry_run=dry_run)
    return user, "" if dry_run else new.text


async def list_users(call: Call) -> tuple[User, ...]:
    """Every user, sorted by name."""
    return await call.db.read(lambda tx: tx.users.list_all())


async def disable_user(call: Call, name: str, dry_run: bool) -> User:
    """Shut a user out at once; locks of the user expire (L11).

    Raises: NotFound, InvalidRequest for the last admin of the server (P6).
    """

    def work(tx: Transaction) -> User:
        user_id, user = tx.users.get(name)
        last = user.server_admin and not user.disabled and tx.users.active_admins() == 1

        if last:
            raise InvalidRequest(
                f"{user.name} is the last admin of the server.",
                advice="Add another first: 'mlv user add NAME --admin'.",
            )

        tx.users.disable(user_id)
        tx.locks.expire(user_id, call.now)
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "user.disable", user.name),))
        return replace(user, disabled=True)

    return await access.write(call, work, "user.disable", name, dry_run=dry_run)


async def create_token(
    call: Call, user: str, description: str, scope: tuple[str, ...], expires_in: int | None, dry_run: bool
) -> tuple[str, TokenInfo]:
    """Make a token of `user` ('' for the caller) that ends in `expires_in` seconds (None: as the settings say).

    `scope` names actions or roles, none for all of the user's. The text is shown only now, '' on a dry run.
    Raises: NotFound, Denied, InvalidRequest.
    """
    actions = expand_scope(scope)
    if len(description) > DESCRIPTION_LIMIT:
        raise InvalidRequest(f"description has more than {DESCRIPTION_LIMIT} characters.")
    owner = await _owner(call, user, "token.create")
    if call.principal.scope and not (actions and actions <= call.principal.scope):
        reason = "a token makes only tokens within its own scope"
        await access.deny(call, SERVER_CHAIN, "token.create", owner, Decision(allowed=False, rule=None, reason=reason))
        raise Denied(f"This token may not make such a token: {reason}.", advice="Name a narrower --scope.")
    new = make_token(call.fresh)
    end = _end(call, expires_in)

    def work(tx: Transaction) -> TokenInfo:
        user_id, found = tx.users.get(owner)

        if found.disabled:
            raise InvalidRequest(f"The user {found.name} is disabled.", advice="Tokens are for active users.")
        info = _info(call, new, found.name, description, tuple(sorted(actions)), end)

        tx.tokens.add(TokenRow(info, user_id, new.secret_hash, exchange=False))
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "token.create", info.id, user=found.name),))
        return info

    info = await access.write(call, work, "token.create", owner, dry_run=dry_run)
    return "" if dry_run else new.text, info


async def list_tokens(call: Call, user: str) -> tuple[TokenInfo, ...]:
    """The tokens of `user` ('' for the caller), oldest first.

    Raises: NotFound, Denied.
    """
    owner = await _owner(call, user, "token.list")
    return await call.db.read(lambda tx: tx.tokens.list_of(tx.users.get(owner)[0]))


async def revoke_token(call: Call, id: str, dry_run: bool) -> TokenInfo:  # noqa: A002 - the word of the contract
    """Make a token dead at once: one's own, or as an admin of the server anybody's.

    A token with a scope revokes none but itself: who finds one must not be able to shut its user out.
    Raises: NotFound.
    """

    def work(tx: Transaction) -> TokenInfo:
        row = tx.tokens.find(id)

        if row is None or not (_is_own(call, row) or _is_admin(call)):
            raise NotFound(f"There is no token '{escape(id)}'.", advice="'mlv token list' shows yours.")

        tx.tokens.revoke(id, call.now)
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "token.revoke", id, user=row.info.user),))
        return replace(row.info, revoked=True)

    return await access.write(call, work, "token.revoke", id, dry_run=dry_run)


async def _owner(call: Call, user: str, action: str) -> str:
    """Whose tokens are meant: the caller's own, or as an admin of the server those of `user`."""
    own = call.principal.user
    if not user or user == own:
        return own
    if not _is_admin(call):
        reason = "only server administrators may see to others' tokens"
        await access.deny(call, SERVER_CHAIN, action, user, Decision(allowed=False, rule=None, reason=reason))
        raise Denied(f"You may not do this: {reason}.", advice="Ask an admin of the server.")
    return user


def _is_own(call: Call, row: TokenRow) -> bool:
    principal = call.principal
    return row.user_id == principal.user_id and (not principal.scope or row.info.id == principal.token_id)


def _is_admin(call: Call) -> bool:
    principal = call.principal
    return principal.server_admin and not principal.exchange and (not principal.scope or "admin" in principal.scope)


def _info(call: Call, new: NewToken, user: str, description: str, scope: tuple[str, ...], end: int) -> TokenInfo:
    return TokenInfo(new.id, user, description, scope, call.now, end, None, revoked=False)


def _end(call: Call, expires_in: int | None) -> int:
    """When a token ends, in ms.

    Raises: InvalidRequest.
    """
    seconds = call.settings.token_days * 86_400 if expires_in is None else expires_in
    if not 0 < seconds <= LIFETIME_LIMIT_SECONDS:
        raise InvalidRequest("expires_in must be between one second and ten years.")
    return call.now + seconds * 1000
