"""Messages of any type, made from their descriptors: values that are right, nearly right and far from right."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.message import Message
from tests.fuzz.mutation import Mutator

TEXTS = (
    "", "main", "side", "v1", "@1", "@head", "1", "2026-11-24", "\u0662\u0660\u0662\u0666-11-24", "have", "nobody",
    "notes.txt", "../../etc/passwd", "/etc/passwd", "a/../b", ".mlv/state.db", "nul\0byte", "con", "a" * 5000,
    "x" * 70_000, "\x1b[31mred", "e\u0301", "\ufffd\U0001f600", "*" * 300, "**/**/**", "[", "reader", "admin ",
    "deadbeef", " ", ".", "%s%n", "'; DROP TABLE users; --", "*a" * 60, "[a-" * 40, "licence", "f1", "0.9",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 7, 100, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
DOUBLES = (0.0, 1.0, math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324)
UNSIGNED = {F.TYPE_UINT32: 32, F.TYPE_UINT64: 64, F.TYPE_FIXED32: 32, F.TYPE_FIXED64: 64}
SIGNED = {
    F.TYPE_INT32: 32,
    F.TYPE_INT64: 64,
    F.TYPE_SINT32: 32,
    F.TYPE_SINT64: 64,
    F.TYPE_SFIXED32: 32,
    F.TYPE_SFIXED64: 64,
}
DEPTH = 5


class Maker:
    """Makes and spoils messages; `known` are texts, numbers or bytes that mean something where they will be read."""

    def __init__(self, pick: random.Random, known: Sequence[object]) -> None:
        self._pick = pick
        self._mutator = Mutator(pick, (b"FR", b"IX", b"MLVP\x01\0\0\0", b"\x28\xb5\x2f\xfd"))
        self._texts = [value for value in known if isinstance(value, str)]
        self._bytes = [value for value in known if isinstance(value, bytes)]

    def message(self, kind: type[Message], depth: int = 0) -> Message:
        """A message; three times of four its columns are of one length."""
        made = kind()
        rows = self._pick.choice((0, 1, 1, 2, 3))
        even = self._pick.random() < 0.75
        for field in kind.DESCRIPTOR.fields:
            if self._pick.random() < 0.75 and depth < DEPTH:
                self._fill(made, field, rows if even else self._pick.randrange(4), depth)
        return made

    def spoil(self, good: Message, *, keep: frozenset[str] = frozenset()) -> Message:
        """A copy of `good` with one to three things in it replaced, at any depth; fields in `keep` mostly stay."""
        made = type(good)()
        made.CopyFrom(good)
        for _ in range(self._pick.choice((1, 1, 2, 3))):
            self._spoil_one(made, keep)
        return made

    def _spoil_one(self, at: Any, keep: frozenset[str]) -> None:
        depth = 0
        while True:
            fields = [f for f in type(at).DESCRIPTOR.fields if f.name not in keep or self._pick.random() < 0.05]
            if not fields:
                return
            field = self._pick.choice(fields)
            inner = getattr(at, field.name)
            nested = field.type == F.TYPE_MESSAGE and (len(inner) if field.is_repeated else at.HasField(field.name))
            if not nested or self._pick.random() < 0.1:
                break
            at, depth = (self._pick.choice(inner) if field.is_repeated else inner), depth + 1
        if field.is_repeated and len(inner) and field.type != F.TYPE_MESSAGE and self._pick.random() < 0.5:
            self._spoil_column(inner, field)
            return
        if field.type == F.TYPE_BYTES and not field.is_repeated and inner and self._pick.random() < 0.6:
            setattr(at, field.name, self._mutator.mutate(inner, ()))
            return
        count = len(inner) if field.is_repeated else 1
        at.ClearField(field.name)
        self._fill(at, field, self._pick.choice((count, count, count + 1, 0)), depth)

    def _spoil_column(self, column: Any, field: F) -> None:
        at = self._pick.randrange(len(column))
        act = self._pick.randrange(4)
        if act == 0:
            column[at] = self._value(field, 1)
        elif act == 1:
            del column[at]
        elif act == 2:
            column.append(column[at])
        else:
            column[at], column[-1] = column[-1], column[at]

    def _fill(self, made: Any, field: F, rows: int, depth: int) -> None:
        if field.type == F.TYPE_MESSAGE:
            kind = message_factory.GetMessageClass(field.message_type)
            for _ in range(rows if field.is_repeated else 1):
                inner = self.message(kind, depth + 1)
                if field.is_repeated:
                    getattr(made, field.name).append(inner)
                else:
                    getattr(made, field.name).CopyFrom(inner)
        elif field.is_repeated:
            getattr(made, field.name).extend(self._value(field, rows) for _ in range(rows))
        else:
            setattr(made, field.name, self._value(field, rows))

    def _value(self, field: F, rows: int) -> Any:
        pick = self._pick
        if field.type == F.TYPE_STRING:
            return pick.choice(self._texts if self._texts and pick.random() < 0.5 else TEXTS)
        if field.type == F.TYPE_BYTES:
            exact = b"".join(pick.choice((*self._bytes, bytes(32), pick.randbytes(32))) for _ in range(rows))
            return pick.choice((exact, exact, exact, b"", pick.randbytes(31), pick.randbytes(33), pick.randbytes(5000)))
        if field.type == F.TYPE_BOOL:
            return pick.random() < 0.5
        if field.type in {F.TYPE_DOUBLE, F.TYPE_FLOAT}:
            return pick.choice(DOUBLES)
        if field.type == F.TYPE_ENUM:
            return pick.choice((0, 1, 1, 2, 2, 3, 4, 5, 99, -1, 2**31 - 1))
        if field.type in UNSIGNED:
            limit = 2 ** UNSIGNED[field.type] - 1
            return pick.choice((1, 1, 2, *(number for number in NUMBERS if number <= limit)))
        limit = 2 ** (SIGNED[field.type] - 1) - 1
        return pick.choice((1, 2, -1, -limit - 1, *(number for number in NUMBERS if number <= limit)))
