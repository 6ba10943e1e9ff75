"""The one place where callers are known and calls are allowed; denials are audited here."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, TypeVar

from mlv_core.deferred import dataclass
from mlv_core.errors import Denied, DiskFull, NotFound
from mlv_core.ids import RepositoryName, escape
from mlv_server.auth.identity import identify
from mlv_server.domain.audit import SERVER_CHAIN, AuditEntry
from mlv_server.domain.policy import Decision, Principal, Resource, advice_for, decide, decide_on_server
from mlv_server.domain.sight import Sight
from mlv_server.metadata.engine import Database
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import consulting
from mlv_server.services.call import Asker, Call
from mlv_server.services.once import Once, done_once

T = TypeVar("T")
KNOWING = frozenset({"list", "meta.read"})
"""Actions that are to know of something."""
_PROGRAM = (("service", "True"),)
"""Stands in the details of what a program did."""


class Asked:
    """What a call asks to be allowed, decided in the very transaction that finds out who calls.

    `action` on `repository`, or on the server for None; `instead`: another action that is enough as well.
    Raises: InvalidName.
    """

    __slots__ = ("_action", "_instead", "_name", "verdict")

    def __init__(self, action: str, repository: str | None, instead: str) -> None:
        self._action = action
        self._name = None if repository is None else RepositoryName.parse(repository)
        self._instead = instead
        self.verdict: _Verdict | None = None

    def look(self, tx: Transaction, asker: Asker, ref: str = "") -> _Verdict:
        """Decide it for whoever asks."""
        name = self._name
        if name is None:
            decision = decide_on_server(asker.principal, self._action)
            self.verdict = _Verdict(asker.principal, decision, SERVER_CHAIN, hidden=False)
            return self.verdict
        row = tx.repositories.find(name)
        verdict = _judge(tx, asker, self._action, name, row, ref)
        if self._instead and not (verdict.decision.allowed or verdict.hidden):
            other = _judge(tx, asker, self._instead, name, row, ref)
            verdict = other if other.decision.allowed else verdict
        self.verdict = verdict
        return verdict


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who asks before there is a call."""

    principal: Principal
    now: int


async def authenticate(db: Database, token: str, now: int, address: str = "", asked: Asked | None = None) -> Principal:
    """Who signs in with `token` at `now` (ms) from `address`; what is `asked` is decided beside.

    Raises: NotSignedIn.
    """

    def work(tx: Transaction) -> tuple[Principal, bool]:
        found = identify(tx, token, now, address)
        if asked is not None:
            asked.look(tx, _Caller(found[0], now))
        return found

    principal, note = await db.glance(work)
    if note:
        # A full disk must not keep anybody from reading.
        with contextlib.suppress(DiskFull):
            await db.write(lambda tx: tx.tokens.used({principal.token_id: now}, address))
    return principal


async def authorize(
    call: Call, action: str, repository: str | None, ref: str = "", *, instead: str = "", asked: Asked | None = None
) -> None:
    """Check that the caller may do `action` on `repository`, or on the server for None; a denial is audited.

    `instead`: another action that is enough as well. `asked`: the same, if it was decided as the caller signed in.

    Raises: NotFound when the caller may not know of the repository (P4), else Denied.
    """
    verdict = asked.verdict if asked is not None else None
    if verdict is None:
        new = Asked(action, repository, instead)
        verdict = await call.db.glance(lambda tx: new.look(tx, call, ref))
    if not verdict.decision.allowed:
        await deny(call, verdict.chain, action, repository or "server", verdict.decision)
        raise verdict.error(action, repository)


def check(tx: Transaction, call: Call, action: str, repository: RepositoryRow, ref: str = "") -> None:
    """Decide `action` again inside of the transaction that does it.

    Raises: NotFound, Denied.
    """
    verdict = _judge(tx, call, action, repository.name, repository, ref)
    if not verdict.decision.allowed:
        raise verdict.error(action, str(repository.name))


def may(tx: Transaction, call: Call, action: str, repository: RepositoryName, ref: str = "") -> bool:
    """Whether the caller may do `action` on `repository`."""
    resource = Resource(str(repository), ref)
    return decide(call.principal, action, resource, tx.rules.policy(), call.now).allowed


def sight(tx: Transaction, call: Asker, repository: RepositoryName) -> Sight:
    """What the caller may do where in `repository`: for whoever has to ask about many refs or paths.

    Whether a place may be known is a matter of the user's rights, not of what the token is limited to: a token that
    may only write knows the branch that it writes to. What a token may ask for was decided before.
    """
    policy, name = tx.rules.policy(), str(repository)
    unlimited = replace(call.principal, scope=frozenset()) if call.principal.scope else call.principal

    def ask(action: str, ref: str, path: str) -> Decision:
        principal = unlimited if action in KNOWING else call.principal
        return decide(principal, action, Resource(name, ref, path), policy, call.now)

    return Sight(ask, policy, call.principal, name)


async def deny(call: Call, chain: int, action: str, target: str, decision: Decision) -> None:
    """Write a denial into the audit trail."""
    entry = replace(audit_entry(call, action, target), allowed=False, rule=decision.rule, reason=decision.reason)
    await call.db.write(lambda tx: tx.audit.append(chain, (entry,)))


def audit_entry(call: Call, action: str, target: str, **detail: str | int) -> AuditEntry:
    """The audit entry of something that `call` did to `target`."""
    return AuditEntry(
        time=call.now,
        user=call.principal.user,
        token_id=call.principal.token_id,
        peer=call.peer,
        request_id=call.request_id,
        action=action,
        object=target,
        allowed=True,
        detail=(*((name, str(value)) for name, value in detail.items()), *_PROGRAM * call.principal.service),
    )


async def write(
    call: Call,
    work: Callable[[Transaction], T],
    action: str,
    target: str,
    *,
    dry_run: bool,
    repository: RepositoryName | None = None,
    once: Once[T] | None = None,
    long: bool = False,
) -> T:
    """The result of `work` in a transaction of its own; a dry run decides everything and stores nothing.

    A denial inside of `work` undoes it and is audited as `action` on `target`, in the chain of `repository` if it is
    there, else in the server's. With `once` the same request again gets the first answer. Checks that `work` finds due
    are asked. `long`: it writes hundreds of rows.
    Raises: what `work` raises, RequestReused, CheckRefused, CheckUnanswered.
    """
    act = work if once is None or dry_run else done_once(call, work, action, once)

    def rehearse(tx: Transaction) -> T:
        raise _Rehearsed(work(tx))

    try:
        asked = rehearse if dry_run else act
        return await consulting.consulted(call, lambda: call.db.write(asked, long=long), dry_run=dry_run)
    except _Rehearsed as end:
        return end.result  # type: ignore[no-any-return]  # what `work` returned, through the exception
    except Denied as error:
        await _note_denial(call, action, target, repository, error)
        raise


@contextlib.asynccontextmanager
async def audited(
    call: Call, action: str, target: str, repository: RepositoryName | None = None
) -> AsyncIterator[None]:
    """Write a denial inside of the block into the chain of `repository` if it is there, else into the server's."""
    try:
        yield
    except Denied as error:
        await _note_denial(call, action, target, repository, error)
        raise


async def _note_denial(call: Call, action: str, target: str, repository: RepositoryName | None, error: Denied) -> None:
    row = await call.db.read(lambda tx: tx.repositories.find(repository)) if repository else None
    chain = SERVER_CHAIN if row is None else row.id
    await deny(call, chain, action, target, Decision(allowed=False, rule=None, reason=error.message))


class _Rehearsed(Exception):
    """Carries the result of a dry run out of its transaction."""

    def __init__(self, result: Any) -> None:  # noqa: ANN401 - whatever `work` returns
        super().__init__()
        self.result = result


@dataclass(frozen=True, slots=True)
class _Verdict:
    principal: Principal
    decision: Decision
    chain: int
    hidden: bool
    ref: str = ""

    def error(self, action: str, repository: str | None) -> NotFound | Denied:
        """What the caller is told."""
        if self.hidden:
            shown = escape(repository or "")
            return NotFound(f"There is no repository '{shown}'.", advice="'mlv repo list' shows yours.")
        place = f"{repository}:{self.ref}" if self.ref else repository
        where = f"on {escape(place)}" if place else "on the server"
        advice = advice_for(self.principal, action, repository, self.decision)
        return Denied(f"You may not '{action}' {where}: {self.decision.reason}.", advice=advice)


def _judge(
    tx: Transaction, call: Asker, action: str, name: RepositoryName, row: RepositoryRow | None, ref: str
) -> _Verdict:
    policy = tx.rules.policy()
    decision = decide(call.principal, action, Resource(str(name), ref), policy, call.now)
    # Whether it may be known is a matter of the user's rights, not of what the token is limited to.
    unlimited = replace(call.principal, scope=frozenset()) if call.principal.scope else call.principal
    if row is None or not decide(unlimited, "list", Resource(str(name)), policy, call.now).allowed:
        absent = Decision(allowed=False, rule=decision.rule, reason="hidden or absent")
        return _Verdict(call.principal, absent, SERVER_CHAIN, hidden=True)
    # The ref of a refusal may be that of a version which the caller knows by another (P4).
    told = (
        bool(ref)
        and not decision.allowed
        and decide(unlimited, "list", Resource(str(name), ref), policy, call.now).allowed
    )
    return _Verdict(call.principal, decision, row.id, hidden=False, ref=ref if told else "")
