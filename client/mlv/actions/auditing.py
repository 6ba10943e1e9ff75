"""The audit trail: who did what, who was refused, and whether the trail is what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlv.actions.context import Context
from mlv_core.auditing import AuditFilter, AuditRecord, AuditVerdict
from mlv_core.errors import UsageError
from mlv_core.hashing import HASH_LENGTH

_END = re.compile(r"([1-9][0-9]{0,18}):([0-9a-f]{64})")


def audit(context: Context, wanted: AuditFilter) -> Iterator[AuditRecord]:
    """The entries that are wanted. Raises: NotFound, Denied, DamagedContent."""
    return context.server().audit(wanted)


def verify_audit(context: Context, repository: str, known: str = "") -> AuditVerdict:
    """Whether a chain is sound; `known` is an end, ENTRIES:HASH, that an earlier verify told.

    Raises: UsageError, NotFound, Denied.
    """
    if not known:
        return context.server().verify_audit(repository)
    match = _END.fullmatch(known.lower())
    if match is None:
        raise UsageError(
            f"'{known}' is no end of a chain.", advice=f"Write ENTRIES:HASH, {2 * HASH_LENGTH} digits of hash."
        )
    return context.server().verify_audit(repository, (int(match[1]), bytes.fromhex(match[2])))
