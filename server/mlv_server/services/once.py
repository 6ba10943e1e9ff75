"""An act that a client asks for again because it did not hear the answer is done once (C3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, Generic, TypeVar

from mlv_core.deferred import dataclass
from mlv_core.hashing import hash_content
from mlv_core.ids import RequestId
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.call import Call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Once(Generic[T]):
    """What makes two requests the same, and how a kept answer is read again.

    `asked`: every value of the request that counts. `read` makes the answer of what JSON has left of it: of a
    dataclass its fields by name, of a tuple a list. An answer that holds a secret is not kept: such acts have no Once.
    """

    asked: tuple[object, ...]
    read: Callable[[Any], T]


def done_once(call: Call, work: Callable[[Transaction], T], action: str, once: Once[T]) -> Callable[[Transaction], T]:
    """`work`, save where the caller named this request before: then its first answer.

    A caller who gave no request id cannot ask again. The function raises what `work` raises, and RequestReused.
    """
    if not call.named or not call.principal.user_id:
        return work
    user_id, request_id = call.principal.user_id, RequestId(call.request_id)
    digest = hash_content(repr((action, once.asked)).encode("utf-8", "surrogatepass"))

    def act(tx: Transaction) -> T:
        kept = tx.requests.answer(user_id, request_id, action, digest)
        if kept is not None:
            return once.read(json.loads(kept))
        done = work(tx)
        answer = _ANSWERS.encode(done).encode()
        tx.requests.keep(user_id, request_id, action, digest, answer, call.now)
        return done

    return act


def _fields(value: object) -> dict[str, Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    raise TypeError(type(value).__name__)


_ANSWERS = json.JSONEncoder(default=_fields)
