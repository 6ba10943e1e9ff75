"""Changes to bytes that parsers dislike: bits, integers at the edges, tokens of a format, parts of other inputs."""

from __future__ import annotations

import random
from collections.abc import Sequence

LONGEST = 96 * 1024
"""Bytes of an input: a parser must be safe with little, and long inputs make few turns."""

_NUMBERS = (
    0, 1, 2, 3, 7, 8, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 1023, 1024, 4095, 4096, 32767, 32768, 65535, 65536,
    2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
_WIDTHS = (1, 2, 4, 8)


class Mutator:
    """Makes new inputs from old ones; the same seed makes the same ones."""

    def __init__(self, pick: random.Random, tokens: Sequence[bytes]) -> None:
        self._pick = pick
        self._tokens = [*tokens, b"\0" * 8, b"\xff" * 8, b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"e\xcc\x81"]
        self._acts = (
            self._flip, self._flip, self._set, self._number, self._number, self._add, self._delete, self._repeat,
            self._insert, self._token, self._token, self._overwrite, self._move, self._cut,
        )  # fmt: skip

    def mutate(self, data: bytes, others: Sequence[bytes]) -> bytes:
        """`data` with one to some changes, at times joined with a part of one of `others`."""
        made = bytearray(data)
        if others and self._pick.random() < 0.12:
            other = self._pick.choice(others)
            made[self._at(made) :] = other[self._pick.randrange(len(other) + 1) :]
        for _ in range(1 << self._pick.choice((0, 0, 1, 1, 2, 3))):
            self._pick.choice(self._acts)(made)
        return bytes(made[:LONGEST])

    def _at(self, made: bytearray) -> int:
        # Headers are where decisions are made: half of all places lie in the first bytes.
        end = len(made) if self._pick.random() < 0.5 else min(len(made), 64)
        return self._pick.randrange(end + 1)

    def _span(self, made: bytearray) -> tuple[int, int]:
        at = self._at(made)
        return at, min(len(made), at + self._pick.choice((1, 2, 4, 8, 16, 32, 64, 256, 4096)))

    def _flip(self, made: bytearray) -> None:
        at = self._at(made)
        if at < len(made):
            made[at] ^= 1 << self._pick.randrange(8)

    def _set(self, made: bytearray) -> None:
        at = self._at(made)
        if at < len(made):
            made[at] = self._pick.randrange(256)

    def _number(self, made: bytearray) -> None:
        width = self._pick.choice(_WIDTHS)
        at = self._at(made)
        number = self._pick.choice(_NUMBERS) % (1 << 8 * width)
        made[at : at + width] = number.to_bytes(width, self._pick.choice(("little", "little", "big")))

    def _add(self, made: bytearray) -> None:
        width = self._pick.choice(_WIDTHS)
        at = self._at(made)
        if at + width <= len(made):
            number = int.from_bytes(made[at : at + width], "little") + self._pick.randint(-16, 16)
            made[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "little")

    def _delete(self, made: bytearray) -> None:
        start, end = self._span(made)
        del made[start:end]

    def _repeat(self, made: bytearray) -> None:
        start, end = self._span(made)
        times = self._pick.choice((1, 1, 2, 8, 64))
        made[start:start] = made[start:end] * min(times, 1 + LONGEST // max(1, end - start))

    def _insert(self, made: bytearray) -> None:
        at = self._at(made)
        made[at:at] = self._pick.randbytes(self._pick.choice((1, 1, 2, 4, 8, 32)))

    def _token(self, made: bytearray) -> None:
        at = self._at(made)
        made[at:at] = self._pick.choice(self._tokens)

    def _overwrite(self, made: bytearray) -> None:
        at, token = self._at(made), self._pick.choice(self._tokens)
        made[at : at + len(token)] = token

    def _move(self, made: bytearray) -> None:
        start, end = self._span(made)
        part = made[start:end]
        del made[start:end]
        at = self._at(made)
        made[at:at] = part

    def _cut(self, made: bytearray) -> None:
        if self._pick.random() < 0.3:
            del made[self._at(made) :]
