"""Users and tokens: who there is, and what lets them in."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.entities import TokenInfo, TokenLimits, User
from mlv_core.errors import Denied, InvalidName, InvalidRequest, NotFound
from mlv_core.ids import check_name, escape, fold
from mlv_core.signing_in import Identity
from mlv_server.auth.identity import check_alive
from mlv_server.auth.tokens import NewToken, make_token
from mlv_server.domain import tokens as rules
from mlv_server.domain.audit import SERVER_CHAIN
from mlv_server.domain.policy import HOST, Decision, decide_on_server, expand_scope
from mlv_server.metadata.tokens import TokenRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call

DESCRIPTION_LIMIT = 200
"""Characters: one line."""
LIFETIME_LIMIT_SECONDS = 3650 * 86_400
"""Ten years, as the settings allow."""
SERVICE_LIFETIME_SECONDS = 90 * 86_400
"""A program's token is made anew every quarter: it lies in files and settings of other programs."""
ANYBODYS_TOKEN = TokenLimits()


async def whoami(call: Call) -> Identity:
    """Who the caller's token stands for."""
    principal = call.principal
    row = await call.db.read(lambda tx: tx.tokens.find(principal.token_id))
    expires_at = None if row is None else row.info.expires_at
    scope = tuple(sorted(principal.scope))
    return Identity(
        principal.user,
        principal.server_admin,
        principal.token_id,
        scope,
        expires_at,
        principal.exchange,
        principal.service,
        principal.repositories,
    )


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

        user = tx.users.by_id(first.user_id)
        info = _info(call, new, user, "login", _end(call, None, service=False))

        tx.tokens.revoke(first.info.id, call.now)
        tx.tokens.add(TokenRow(info, first.user_id, new.secret_hash, exchange=False))
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "token.exchange", info.id),))
        return info

    return new.text, await call.db.write(work)


async def add_user(
    call: Call, name: str, server_admin: bool, dry_run: bool, *, owner: str = "", service: bool = False
) -> tuple[User, str]:
    """Add a user and make a first token, whose text is '' on a dry run.

    With `service` it is a program's account for which the person `owner` answers: it administers nothing, its tokens
    end soon, and all of them are dead when the owner is disabled. Raises: InvalidName, AlreadyExists, InvalidRequest,
    NotFound for the owner.
    """
    check_name(name, "user")
    if fold(name) == HOST:
        raise InvalidName(f"'{HOST}' is how the audit trail calls whoever works on the server's own host.")
    if service is not bool(owner):
        raise InvalidRequest("A service account, and nobody else, has an owner.", advice="Give --service and --owner.")
    if service and server_admin:
        raise InvalidRequest("A service account is no admin of the server.", advice="Grant it roles on repositories.")
    new = make_token(call.fresh)

    def work(tx: Transaction) -> User:
        by = call.principal.user
        user = User(name, server_admin, disabled=False, created_at=call.now, created_by=by, service=service)
        if service:
            user = replace(user, owner=_person(tx, owner).name)

        user_id = tx.users.add(user)
        info = _info(call, new, user, "first token", _end(call, None, service=service))
        tx.tokens.add(TokenRow(info, user_id, new.secret_hash, exchange=False))
        entry = access.audit_entry(call, "user.add", name, server_admin=server_admin, owner=user.owner)
        tx.audit.append(SERVER_CHAIN, (entry,))
        return user

    user = await access.write(call, work, "user.add", name, dry_run=dry_run)
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
        for one in (user_id, *tx.users.services_of(user_id)):
            tx.locks.expire(one, call.now)
            tx.lock_requests.forget(one)
        tx.wake_watchers()
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "user.disable", user.name),))
        return replace(user, disabled=True)

    return await access.write(call, work, "user.disable", name, dry_run=dry_run)


async def create_token(
    call: Call,
    user: str,
    description: str,
    scope: tuple[str, ...],
    expires_in: int | None,
    dry_run: bool,
    limits: TokenLimits = ANYBODYS_TOKEN,
) -> tuple[str, TokenInfo]:
    """Make a token of `user` ('' for the caller) that ends in `expires_in` seconds (None: as the settings say).

    `scope` names actions or roles, none for all of the user's; `limits` bind it to networks and repositories. A program
    makes no tokens; its owner and admins do. The text is shown only now, '' on a dry run.
    Raises: NotFound, Denied, InvalidRequest.
    """
    actions = expand_scope(scope)
    rules.check_limits(limits)
    if len(description) > DESCRIPTION_LIMIT:
        raise InvalidRequest(f"description has more than {DESCRIPTION_LIMIT} characters.")
    owner = await _owner(call, user, "token.create")
    if reason := await call.db.read(lambda tx: _too_wide(tx, call, actions, limits)):
        await access.deny(call, SERVER_CHAIN, "token.create", owner, Decision(allowed=False, rule=None, reason=reason))
        raise Denied(f"This token may not make such a token: {reason}.", advice="Narrow it: --scope, --from, --repo.")
    new = make_token(call.fresh)

    def work(tx: Transaction) -> TokenInfo:
        user_id, found = tx.users.get(owner)

        if found.disabled:
            raise InvalidRequest(f"The user {found.name} is disabled.", advice="Tokens are for active users.")
        end = _end(call, expires_in, service=found.service)
        info = replace(_info(call, new, found, description, end), scope=tuple(sorted(actions)))
        info = replace(info, networks=limits.networks, repositories=limits.repositories)

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

    A token with a scope, or for some repositories, revokes none but itself: who finds one must not be able to shut its
    user out.
    Raises: NotFound.
    """

    def work(tx: Transaction) -> TokenInfo:
        row = tx.tokens.find(id)

        if row is None or not (_is_own(call, row) or _is_admin(call) or _answers_for(tx, call, row.info.user)):
            raise NotFound(f"There is no token '{escape(id)}'.", advice="'mlv token list' shows yours.")

        tx.tokens.revoke(id, call.now)
        tx.wake_watchers()
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "token.revoke", id, user=row.info.user),))
        return replace(row.info, revoked=True)

    return await access.write(call, work, "token.revoke", id, dry_run=dry_run)


async def _owner(call: Call, user: str, action: str) -> str:
    """Whose tokens are meant: the caller's, those of a service account of theirs, or as an admin anybody's."""
    own = call.principal.user
    if not user or user == own:
        return own
    if not (_is_admin(call) or await call.db.read(lambda tx: _answers_for(tx, call, user))):
        reason = "only server administrators may see to others' tokens"
        await access.deny(call, SERVER_CHAIN, action, user, Decision(allowed=False, rule=None, reason=reason))
        raise Denied(f"You may not do this: {reason}.", advice="Ask an admin of the server.")
    return user


def _is_own(call: Call, row: TokenRow) -> bool:
    principal = call.principal
    limited = principal.scope or principal.repositories
    return row.user_id == principal.user_id and (not limited or row.info.id == principal.token_id)


def _is_admin(call: Call) -> bool:
    principal = call.principal
    return decide_on_server(principal, "admin").allowed


def _answers_for(tx: Transaction, call: Call, name: str) -> bool:
    """Whether the caller, by a token without limits, answers for the service account `name`."""
    principal = call.principal
    if principal.scope or principal.repositories or principal.service:
        return False
    try:
        user = tx.users.get(name)[1]
    except NotFound:
        return False
    return user.service and user.owner == principal.user


def _person(tx: Transaction, name: str) -> User:
    """Who answers for a service account. Raises: NotFound, InvalidRequest."""
    user = tx.users.get(name)[1]
    if user.service or user.disabled:
        raise InvalidRequest(f"{escape(user.name)} cannot answer for a program.", advice="Name an active person.")
    return user


def _too_wide(tx: Transaction, call: Call, actions: frozenset[str], limits: TokenLimits) -> str:
    """Why the caller's token may not make one with `actions` and `limits`; '' if it may."""
    principal = call.principal
    if principal.service:
        return "a program makes no tokens; its owner does"
    if principal.scope and not (actions and actions <= principal.scope):
        return "a token makes only tokens within its own scope"
    own = tx.tokens.find(principal.token_id) if principal.token_id else None
    return "" if own is None else rules.widens(own.info, limits)


def _info(call: Call, new: NewToken, user: User, description: str, end: int) -> TokenInfo:
    return TokenInfo(new.id, user.name, description, (), call.now, end, None, revoked=False, service=user.service)


def _end(call: Call, expires_in: int | None, *, service: bool) -> int:
    """When a token ends, in ms.

    Raises: InvalidRequest.
    """
    longest = SERVICE_LIFETIME_SECONDS if service else LIFETIME_LIMIT_SECONDS
    seconds = min(call.settings.token_days * 86_400, longest) if expires_in is None else expires_in
    if service and seconds > longest:
        days = longest // 86_400
        raise InvalidRequest(
            f"expires_in: a program's token ends within {days} days.", advice="Make a new one in time."
        )
    if not 0 < seconds <= LIFETIME_LIMIT_SECONDS:
        raise InvalidRequest("expires_in must be between one second and ten years.")
    return call.now + seconds * 1000
