"""The first user of a new server and the single-use token that lets the admin in (P7)."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from mlv_core.entities import TokenInfo, User
from mlv_server.auth.tokens import make_token
from mlv_server.domain.audit import SERVER_CHAIN, AuditEntry
from mlv_server.metadata.engine import Database
from mlv_server.metadata.tokens import TokenRow
from mlv_server.metadata.unit_of_work import Transaction

if TYPE_CHECKING:
    from mlv_server.settings import Settings

ADMIN = "admin"


async def first_admin(db: Database, settings: Settings) -> str:  # noqa: ARG001 - the same form as every start-up step
    """Make the user `admin` of a new server; returns the token that can be exchanged once.

    Raises: AlreadyExists when the server has one.
    """
    now = time.time_ns() // 1_000_000
    token = make_token(secrets.token_bytes(32))

    def work(tx: Transaction) -> None:
        user_id = tx.users.add(User(ADMIN, server_admin=True, disabled=False, created_at=now, created_by="host"))
        info = TokenInfo(token.id, ADMIN, "first sign-in", (), now, None, None, revoked=False)
        tx.tokens.add(TokenRow(info, user_id, token.secret_hash, exchange=True))
        entry = AuditEntry(now, "host", "", "host", "init", "user.add", ADMIN, allowed=True)
        tx.audit.append(SERVER_CHAIN, (entry,))

    await db.write(work)
    return token.text
