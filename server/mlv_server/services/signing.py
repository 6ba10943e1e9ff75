"""Signing in: a good token is let in at once, whatever others try; what fails is slowed, counted and told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mlv_core.errors import LimitExceeded, NotSignedIn
from mlv_server.auth.tokens import split_token
from mlv_server.services import access
from mlv_server.services.ledger import network_of

if TYPE_CHECKING:
    from mlv_server.domain.policy import Principal
    from mlv_server.metadata.engine import Database
    from mlv_server.services.memory import Memory


async def sign_in(
    db: Database, memory: Memory, token: str, address: str, now: int, asked: access.Asked | None = None
) -> Principal:
    """Who signs in with `token` from `address` at `now` (ms); what is `asked` is decided beside.

    Raises: NotSignedIn; LimitExceeded where too many have failed.
    """
    try:
        return await access.authenticate(db, token, now, address, asked)
    except NotSignedIn as error:
        parts = split_token(token)
        token_id = parts[0] if parts else ""
        memory.ledger.sign_in_failed(address, token_id, error.message, now)
        await _slow(memory, memory.attempts.failed(network_of(address), token_id, now))
        raise


async def _slow(memory: Memory, seconds: float) -> None:
    """Wait before a refusal is told. Raises: LimitExceeded."""
    if not seconds:
        return
    if memory.waiting.locked():
        raise LimitExceeded(
            "Too many sign-ins failed just now.", advice="Wait a minute, and use a token that the server knows."
        )
    async with memory.waiting:
        await asyncio.sleep(seconds)
