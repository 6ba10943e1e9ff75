"""External checks as their admins see them: made, listed, deleted and tried."""

from __future__ import annotations

from typing import Any

from mlv_core.errors import InvalidRequest, LimitExceeded
from mlv_core.hooks import Check, CheckAnswer, Moment, NewCheck
from mlv_core.ids import RepositoryName, check_name
from mlv_core.paths import glob_match
from mlv_server.domain.checking import Subject
from mlv_server.domain.destinations import parse_destination, place_of
from mlv_server.domain.signing import check_overlap, check_secret, make_id, make_secret
from mlv_server.metadata.checks import CheckRow
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call
from mlv_server.services.consulting import ask_one
from mlv_server.services.once import Once

CHECKS_LIMIT = 20
"""Of one repository: a user waits for all that concern an act."""
DEADLINES_MS = range(100, 30_001)
"""What a check may take: within half of what a client gives a short call."""
REF_LIMIT = 300


async def add(call: Call, asked: NewCheck, *, dry_run: bool) -> tuple[Check, str]:
    """A new check, asked from now on, and the secret that was made for it ('' if one was given).

    Raises: InvalidRequest, InvalidName, InvalidPath, AlreadyExists, LimitExceeded, NotFound, Denied.
    """
    host = parse_destination(asked.url, call.outgoing.allowed).host
    _check_asked(asked)
    secret = check_secret(asked.secret) if asked.secret else make_secret(call.fresh)
    name = RepositoryName.parse(asked.repository)

    def work(tx: Transaction) -> Check:
        row = _repository(tx, call, name)
        if tx.checks.count(row.id) >= CHECKS_LIMIT:
            raise LimitExceeded(f"{name} has {CHECKS_LIMIT} checks, as many as a repository may have.")
        made = Check(
            id=make_id(call.fresh),
            name=asked.name or host,
            url=asked.url,
            moments=tuple(sorted(set(asked.moments))),
            ref=asked.ref,
            paths=asked.paths,
            deadline=asked.deadline,
            fail_open=asked.fail_open,
            created_by=call.principal.user,
            created_at=call.now,
        )

        tx.checks.add(row.id, call.principal.user_id, made, secret)
        moments = " ".join(moment.name.lower() for moment in made.moments)
        open_ = "yes" if made.fail_open else "no"
        entry = access.audit_entry(
            call, "check.add", made.name, url=place_of(made.url), at=moments, ref=made.ref, fail_open=open_
        )
        tx.audit.append(row.id, (entry,))
        return made

    made = await access.write(call, work, "check.add", str(name), dry_run=dry_run, repository=name)
    return made, "" if asked.secret or dry_run else secret


async def list_all(call: Call, name: RepositoryName) -> tuple[Check, ...]:
    """The checks of a repository, by name. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> tuple[Check, ...]:
        return tuple(one.info for one in tx.checks.list_all(_repository(tx, call, name).id))

    return await call.db.read(work)


async def delete(call: Call, name: RepositoryName, check: str, *, dry_run: bool) -> Check:
    """Ask a check, named by id or name, no more. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> Check:
        row = _repository(tx, call, name)
        found = tx.checks.get(row.id, check).info

        tx.checks.remove(row.id, found.id)
        tx.audit.append(row.id, (access.audit_entry(call, "check.delete", found.name, url=place_of(found.url)),))
        return found

    once = Once((str(name), check), _read)
    return await access.write(call, work, "check.delete", str(name), dry_run=dry_run, repository=name, once=once)


async def rotate(
    call: Call, name: RepositoryName, check: str, secret: str, overlap_seconds: int, *, dry_run: bool
) -> tuple[Check, str]:
    """Sign with another secret; for `overlap_seconds` the one before it signs too. The new one, '' if it was given.

    Raises: InvalidRequest, NotFound, Denied.
    """
    check_overlap(overlap_seconds)
    new = check_secret(secret) if secret else make_secret(call.fresh)

    def work(tx: Transaction) -> Check:
        row = _repository(tx, call, name)
        found = tx.checks.get(row.id, check)

        tx.checks.rotate(row.id, found, new, call.now + overlap_seconds * 1000)
        tx.audit.append(row.id, (access.audit_entry(call, "check.rotate", found.info.name, overlap=overlap_seconds),))
        return tx.checks.get(row.id, found.info.id).info

    done = await access.write(call, work, "check.rotate", str(name), dry_run=dry_run, repository=name)
    return done, "" if secret or dry_run else new


async def try_out(call: Call, name: RepositoryName, check: str, *, dry_run: bool) -> CheckAnswer | None:
    """Ask a check about nothing (act 'test', marked as a dry run); None on a dry run. Raises: NotFound, Denied."""

    def work(tx: Transaction) -> tuple[RepositoryRow, CheckRow]:
        row = _repository(tx, call, name)
        return row, tx.checks.get(row.id, check)

    row, found = await call.db.read(work)
    if dry_run:
        return None
    subject = Subject(found.info.moments[0], "test", str(row.name), "", call.principal.user, 0, "")
    verdict = await ask_one(call, found, subject, dry_run=True)
    entry = access.audit_entry(call, "check.test", found.info.name, status=verdict.answer.status)
    await call.db.write(lambda tx: tx.audit.append(row.id, (entry,)))
    return verdict.answer


def _check_asked(asked: NewCheck) -> None:
    """Raises: InvalidRequest, InvalidName, InvalidPath."""
    if asked.name:
        check_name(asked.name, "check")
    if not asked.moments:
        raise InvalidRequest("A check needs a moment at which it is asked.", advice="--at begin|publish|label|merge.")
    if asked.deadline not in DEADLINES_MS:
        raise InvalidRequest(
            f"A deadline of {asked.deadline} ms; it may be {DEADLINES_MS.start} to {DEADLINES_MS.stop - 1:,} ms."
        )
    if asked.ref != "*" and not asked.ref.startswith(("branch/", "label/")):
        raise InvalidRequest(f"ref is '{asked.ref}'.", advice="Write branch/NAME, label/NAME, or * for all.")
    if len(asked.ref) > REF_LIMIT:
        raise InvalidRequest(f"ref has more than {REF_LIMIT} characters.")
    for pattern in asked.paths:
        glob_match(pattern, "")


def _repository(tx: Transaction, call: Call, name: RepositoryName) -> RepositoryRow:
    row = tx.repositories.get(name)
    access.check(tx, call, "admin", row)
    return row


def _read(said: dict[str, Any]) -> Check:
    moments = tuple(Moment(moment) for moment in said["moments"])
    return Check(**{**said, "moments": moments, "paths": tuple(said["paths"])})
