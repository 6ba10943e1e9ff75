"""Reading the audit trail: what was done and refused, and whether the trail is what was written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial

from mlv_core.auditing import AuditFilter, AuditRecord, AuditVerdict
from mlv_core.errors import DamagedContent, InvalidRequest
from mlv_core.ids import RepositoryName
from mlv_server.domain.audit import SERVER_CHAIN, AuditRow, first_fault
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call

PAGE = 500
"""Entries read in one transaction."""
_ALL = 1 << 62


async def query(call: Call, wanted: AuditFilter) -> AsyncIterator[tuple[AuditRecord, ...]]:
    """Entries of a chain, in pages. Raises: NotFound, Denied, DamagedContent naming an entry that cannot be read."""
    chain = await _chain(call, wanted.repository)
    left = wanted.limit or _ALL
    place = 0
    while left:
        rows = await call.db.read(partial(_page, chain, wanted, place))
        found = [record for row in rows if wanted.object in (record := _record(chain, row)).object][:left]
        if found:
            yield tuple(found)
        left -= len(found)
        if len(rows) < PAGE:
            return
        place = rows[-1].sequence


async def verify(call: Call, repository: str, known: tuple[int, bytes]) -> AuditVerdict:
    """Check every link of a chain, and that it still holds the end (entries, hash) that was noted earlier.

    Raises: NotFound, Denied, InvalidRequest.
    """
    entries, expected = known
    if bool(entries) != bool(expected):
        raise InvalidRequest("known_entries and known_hash belong together.")
    chain = await _chain(call, repository)

    def work(tx: Transaction) -> AuditVerdict:
        fault = first_fault(chain, tx.audit.rows(chain)) or 0
        last, end = tx.audit.end(chain)
        held = tx.audit.hash_at(chain, entries) if entries else expected
        if not fault and held != expected:
            fault = min(entries, last + 1)
        return AuditVerdict(last, end, fault)

    return await call.db.read(work)


def _page(chain: int, wanted: AuditFilter, place: int, tx: Transaction) -> list[AuditRow]:
    return tx.audit.select(chain, wanted, PAGE, beyond=place)


async def _chain(call: Call, repository: str) -> int:
    """The chain of a repository, or with '' of the server. Raises: NotFound, Denied."""
    await access.authorize(call, "audit.read" if repository else "admin", repository or None)
    if not repository:
        return SERVER_CHAIN
    return (await call.db.read(lambda tx: tx.repositories.get(RepositoryName.parse(repository)))).id


def _record(chain: int, row: AuditRow) -> AuditRecord:
    try:
        said = json.loads(row.record)
        return AuditRecord(
            sequence=row.sequence,
            time=int(said["time"]),
            user=str(said["user"]),
            token_id=str(said["token"]),
            peer=str(said["peer"]),
            request_id=str(said["request"]),
            action=str(said["action"]),
            object=str(said["object"]),
            allowed=bool(said["allowed"]),
            rule=said["rule"],
            reason=str(said["reason"]),
            detail=tuple((str(name), str(value)) for name, value in said["detail"].items()),
            hash=row.hash,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedContent(
            f"Entry {row.sequence} of the audit trail cannot be read.",
            items=(f"audit chain {chain}, entry {row.sequence}",),
            advice="'mlv audit verify' checks the whole chain.",
        ) from error
