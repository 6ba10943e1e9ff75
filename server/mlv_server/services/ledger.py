"""What is told to the audit trail in batches: content that was read, and sign-ins that failed.

Neither is worth a durable transaction of its own, and neither may fill the disk: entries that say the same are counted
in one, what does not fit is counted in a coarser one, and failed sign-ins are written seldom. A crash loses what was
noted since the last batch, at most some seconds of reads and a minute of failed sign-ins; a stop loses nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mlv_core.deferred import dataclass
from mlv_server.domain.audit import SERVER_CHAIN, AuditEntry
from mlv_server.domain.networks import parse_address
from mlv_server.metadata.engine import Database
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.lasting import lasting

if TYPE_CHECKING:
    from mlv_server.services.call import Call

READ, SIGN_IN = "read", "sign-in"
PERIOD_SECONDS = 3.0
"""Between two batches of reads: what a crash may lose of them."""
SIGN_INS_MS = 60_000
"""Between two batches of failed sign-ins, so that whoever tries does not fill the disk."""
READS_LIMIT = 4096
"""Entries of one batch of reads, some 400 bytes each; beyond, the versions of a repository are counted in one."""
SIGN_INS_LIMIT = 50
"""Entries of one batch of failed sign-ins: at most 30 MB a day; beyond, all addresses are counted in one."""
MANY = "many"
"""Stands for what is not told apart."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """Things that happened alike, counted: the entry without its counts, and how often what."""

    entry: AuditEntry
    counts: tuple[int, ...]

    def plus(self, other: _Noted) -> _Noted:
        return replace(self, counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))


class Ledger:
    """What was noted and is not written yet. From any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._reads: dict[tuple[object, ...], tuple[int, _Noted]] = {}
        self._sign_ins: dict[tuple[str, str], _Noted] = {}
        self._sign_ins_since = 0

    def read(self, call: Call, chain: int, target: str, *, files: int = 0, size: int = 0) -> None:
        """The caller was told of `files` with their content, or sent `size` bytes, of `target` (`REPO@N`)."""
        principal = call.principal
        entry = AuditEntry(
            call.now, principal.user, principal.token_id, call.peer, call.request_id, READ, target, allowed=True
        )
        where = principal.address or call.peer
        noted = _Noted(entry, (1, files, size))
        with self._guard:
            key = (chain, principal.user_id, principal.token_id, where, target)
            if key not in self._reads and len(self._reads) >= READS_LIMIT:
                target = f"{target.rpartition('@')[0]}@{MANY}"
                key = (chain, principal.user_id, "", "", target)
                noted = _Noted(replace(entry, object=target, token_id="", peer=MANY), noted.counts)
            known = self._reads.get(key)
            self._reads[key] = (chain, noted if known is None else known[1].plus(noted))

    def sign_in_failed(self, address: str, token_id: str, reason: str, now: int) -> None:
        """Somebody at `address` gave a token that signs nobody in; `token_id` '' where it was none."""
        entry = AuditEntry(now, "", token_id, address, "", SIGN_IN, token_id or "server", allowed=False, reason=reason)
        with self._guard:
            key = (network_of(address), token_id)
            if key not in self._sign_ins and len(self._sign_ins) >= SIGN_INS_LIMIT:
                key = (MANY, "")
                entry = replace(entry, peer=MANY, token_id="", object="server")
            noted = _Noted(entry, (1,))
            known = self._sign_ins.get(key)
            self._sign_ins[key] = noted if known is None else known.plus(noted)
            self._sign_ins_since = self._sign_ins_since or now

    def take(self, now: int, *, everything: bool = False) -> list[tuple[int, AuditEntry]]:
        """What is due at `now` (ms), with the chain of each; the caller writes it or puts it back."""
        with self._guard:
            found = [(chain, _told(noted, ("reads", "files", "bytes"))) for chain, noted in self._reads.values()]
            self._reads = {}
            if self._sign_ins and (everything or now - self._sign_ins_since >= SIGN_INS_MS):
                found += [(SERVER_CHAIN, _told(noted, ("attempts",))) for noted in self._sign_ins.values()]
                self._sign_ins, self._sign_ins_since = {}, 0
        return found


class Bookkeeper:
    """Writes down what is noted, again and again, and at the end."""

    def __init__(self, db: Database, ledger: Ledger, now: Callable[[], int]) -> None:
        self._db = db
        self._ledger = ledger
        self._now = now
        self._stopping = asyncio.Event()
        self._held: list[tuple[int, AuditEntry]] = []

    async def run(self) -> None:
        """Until `stop`; what cannot be written is tried again with the next batch."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(PERIOD_SECONDS):
                    await self._stopping.wait()
            except TimeoutError:
                await self._written(everything=False)
        await self._written(everything=True)

    async def _written(self, *, everything: bool) -> None:
        with lasting("reads could not be written to the audit trail"):
            await self.step(everything=everything)

    def stop(self) -> None:
        """Let `run` end once it has written all."""
        self._stopping.set()

    async def step(self, *, everything: bool = False) -> None:
        """Write what is due. Raises: DiskFull, Unreachable; then it is kept, up to a batch."""
        self._held += self._ledger.take(self._now(), everything=everything)
        self._held = self._held[-READS_LIMIT - SIGN_INS_LIMIT :]
        if self._held:
            held = tuple(self._held)
            await self._db.write(lambda tx: _write(tx, held))
            self._held = []


def network_of(address: str) -> str:
    """Whom an address stands for: itself, of IPv6 its /64, of which one host may use every address."""
    found = parse_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address


def _told(noted: _Noted, names: tuple[str, ...]) -> AuditEntry:
    counts = zip(names, noted.counts, strict=True)
    return replace(noted.entry, detail=tuple((name, str(count)) for name, count in counts if count))


def _write(tx: Transaction, held: tuple[tuple[int, AuditEntry], ...]) -> None:
    by_chain: dict[int, list[AuditEntry]] = {}
    for chain, entry in held:
        by_chain.setdefault(chain, []).append(entry)
    for chain, entries in by_chain.items():
        tx.audit.append(chain, tuple(entries))
