"""Asks the checks outside of the server that an act needs: once it is decided, before it is written, in no transaction.

An act is decided in its transaction, which ends there, undone, if a check was not asked about exactly this. Then all of
them are asked at once, and the transaction runs again: it decides anew, and passes if what it comes to is what was
allowed. So every act that writes a changeset or a label is checked at the place where it writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mlv_core.errors import CheckUnanswered
from mlv_core.ids import escape
from mlv_server.domain.audit import AuditEntry
from mlv_server.domain.checking import Subject, Verdict, answer_of, concerns, question, refusal
from mlv_server.domain.delivering import signed_headers
from mlv_server.metadata.checks import CheckRow
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.call import Call

T = TypeVar("T")

ROUNDS = 3
"""Of deciding and asking: each further one means that what is to be written changed while the checks were asked."""
TOTAL_SECONDS = 45.0
"""For all rounds of one act: clients give a short call a minute."""
SHORTEST_SECONDS = 0.1


class ChecksDue(Exception):
    """Carries out of a transaction that checks must be asked before it may write."""

    def __init__(self, chain: int, subject: Subject, digest: bytes, due: tuple[CheckRow, ...]) -> None:
        super().__init__()
        self.chain = chain
        self.subject = subject
        self.digest = digest
        self.due = due


def require(tx: Transaction, call: Call, repository: RepositoryRow, subject: Subject) -> None:
    """Go on only if every check that concerns `subject` allowed it in this call. Raises: ChecksDue."""
    concerned = [one for one in tx.checks.list_all(repository.id) if concerns(one.info, subject)]
    if not concerned:
        return
    digest = subject.digest()
    due = tuple(one for one in concerned if (one.info.id, digest) not in call.approvals)
    if due:
        raise ChecksDue(repository.id, subject, digest, due)


async def consulted(call: Call, act: Callable[[], Awaitable[T]], *, dry_run: bool) -> T:
    """The result of `act`, run again after the checks that it found due were asked.

    Raises: what `act` raises, CheckRefused, CheckUnanswered.
    """
    left = TOTAL_SECONDS
    for _ in range(ROUNDS):
        try:
            return await act()
        except ChecksDue as due:
            left -= await _ask(call, due, left, dry_run=dry_run)
    raise CheckUnanswered(
        "What is to be written changed each time while its checks were asked.", advice="Type the same command again."
    )


async def ask_one(
    call: Call, row: CheckRow, subject: Subject, *, dry_run: bool, left: float = TOTAL_SECONDS
) -> Verdict:
    """Ask one check, within its deadline and the seconds that are left."""
    body = question(row.info, subject, call.now, dry_run=dry_run)
    headers = {"X-Mlv-Check": row.info.id, **signed_headers(row.secrets(call.now), call.now, body)}
    seconds = max(SHORTEST_SECONDS, min(row.info.deadline / 1000, left))
    reply = await call.outgoing.post(row.info.url, body, headers, seconds)
    return Verdict(row.info, answer_of(reply.status, reply.body, reply.fault, reply.milliseconds))


async def _ask(call: Call, due: ChecksDue, left: float, *, dry_run: bool) -> float:
    """Ask all at once, write what was not a plain yes into the audit trail; the seconds that it took.

    Raises: CheckRefused, CheckUnanswered.
    """
    verdicts = await asyncio.gather(*(ask_one(call, one, due.subject, dry_run=dry_run, left=left) for one in due.due))
    notes = tuple(_entry(call, due.subject, one) for one in verdicts if one.answer.allowed is not True)
    if notes:
        await call.db.write(lambda tx: tx.audit.append(due.chain, notes))
    against = refusal(verdicts)
    if against is not None:
        raise against
    call.approvals.update((one.check.id, due.digest) for one in verdicts)
    return max(one.answer.milliseconds for one in verdicts) / 1000


def _entry(call: Call, subject: Subject, verdict: Verdict) -> AuditEntry:
    answer, check = verdict.answer, verdict.check
    return AuditEntry(
        time=call.now,
        user=call.principal.user,
        token_id=call.principal.token_id,
        peer=call.peer,
        request_id=call.request_id,
        action="check.unanswered" if answer.allowed is None else "check.refused",
        object=f"{subject.repository}:{subject.ref}",
        allowed=verdict.passed,
        reason=escape(answer.message),
        detail=(
            ("check", check.name),
            ("at", subject.moment.name.lower()),
            ("act", subject.act),
            ("status", str(answer.status)),
            ("milliseconds", str(answer.milliseconds)),
        ),
    )
