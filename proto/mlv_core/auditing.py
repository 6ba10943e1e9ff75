"""The audit trail as both sides speak of it: its entries, what is asked for, and whether a chain is sound."""

from __future__ import annotations

from mlv_core.deferred import dataclass


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry of a chain: who did or was refused what, by which rule, from where; `time` in ms since 1970 UTC.

    `rule` is None where no rule decided; `hash` binds the entry and all before it.
    """

    sequence: int
    time: int
    user: str
    token_id: str
    peer: str
    request_id: str
    action: str
    object: str
    allowed: bool
    rule: int | None
    reason: str
    detail: tuple[tuple[str, str], ...]
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is asked for of one chain: `repository` '' is the server's own. Empty and 0 do not narrow.

    `action` may end in '*'; `object` is a part of the object's name; `since` and `until` are inclusive, in ms.
    `after`: only entries with higher numbers. `oldest_first`: in the order of the chain, else newest first.
    """

    repository: str = ""
    user: str = ""
    action: str = ""
    object: str = ""
    since: int = 0
    until: int = 0
    denied: bool = False
    after: int = 0
    limit: int = 0
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """Whether a chain is sound: `fault` is the first entry that was edited, cut out, put in or moved, 0 for none.

    `entries` and `hash` say where the chain ends: kept elsewhere, they show later whether its end was cut off.
    """

    entries: int
    hash: bytes
    fault: int
