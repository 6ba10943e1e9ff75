"""Answers that are kept so that a request sent again gets the first one (C3)."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from mlv_core.errors import RequestReused
from mlv_core.ids import RequestId
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import requests

KEPT_MILLISECONDS = 30 * 24 * 3600 * 1000
"""C3: thirty days."""
_ANSWER = Prepared(
    select(requests.c.method, requests.c.digest, requests.c.answer).where(
        requests.c.user_id == bindparam("user"), requests.c.request_id == bindparam("request")
    )
)
_FORGET = Prepared(delete(requests).where(requests.c.time < bindparam("before")))
_KEEP = Prepared(insert(requests), requests.c.keys())


class Requests:
    """Answers by user and request id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, user_id: int, request_id: RequestId, method: str, digest: bytes) -> bytes | None:
        """What this request was answered with; None if it is new. `digest`: 32 bytes over all that was asked.

        Raises: RequestReused when the id stood for another request.
        """
        row = _ANSWER.first(self._connection, user=user_id, request=request_id)
        if row is None:
            return None
        if row[:2] != (method, digest):
            raise RequestReused(f"The request id '{request_id}' was already used for another request.")
        return bytes(row[2])

    def find(self, user_id: int, request_id: RequestId, method: str) -> bytes | None:
        """What a request of this id was answered with, whatever it asked; None if there was none."""
        found: bytes | None = self._connection.scalar(
            select(requests.c.answer).where(
                requests.c.user_id == user_id, requests.c.request_id == request_id, requests.c.method == method
            )
        )
        return found

    def is_known(self, user_id: int, request_id: RequestId) -> bool:
        """Whether anything is remembered of this id."""
        return _ANSWER.first(self._connection, user=user_id, request=request_id) is not None

    def keep(self, user_id: int, request_id: RequestId, method: str, digest: bytes, answer: bytes, now: int) -> None:
        """Remember the answer from `now` (ms) on; forgets those that are older than thirty days."""
        _FORGET.run(self._connection, before=now - KEPT_MILLISECONDS)
        _KEEP.run(
            self._connection,
            user_id=user_id,
            request_id=request_id,
            method=method,
            digest=digest,
            answer=answer,
            time=now,
        )
