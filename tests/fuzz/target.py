"""What the fuzzer aims at: a parser, inputs to begin with, and what it may answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlv_core.errors import MlvError

MEBIBYTE = 1024 * 1024
SMALL_ANSWER = 24 * MEBIBYTE
"""Python memory that a parser of small things may hold: a table of regular expressions, a few thousand values."""
FRAME_ANSWER = 256 * MEBIBYTE
"""Memory of what decodes one frame or list part: its largest plain form (64 MiB) and what is made of it."""


@dataclass(frozen=True)
class Target:
    """A parser under test.

    `run` takes any bytes; it returns, or raises one of `allowed` (never InternalError); `Broken` says that an answer
    contradicts a promise. `repair` mends lengths and checksums of an input so that what lies behind them is reached.
    `memory` bounds what one input may make it hold.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    allowed: tuple[type[MlvError], ...]
    tokens: tuple[bytes, ...] = ()
    repair: Callable[[bytes, random.Random], bytes] | None = None
    memory: int = SMALL_ANSWER


class Broken(AssertionError):
    """An answer that breaks a promise: a round trip, a bound, a canonical form."""


def promise(kept: object, what: str) -> None:
    """Raise Broken unless `kept`."""
    if not kept:
        raise Broken(what)


def text_of(data: bytes) -> str:
    """Bytes as a command line has them: what is no UTF-8 becomes lone surrogates."""
    return data.decode("utf-8", "surrogateescape")
