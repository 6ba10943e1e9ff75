"""How the server signs what it sends: an HMAC over time and body, under one secret or, while it changes, two."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256

from mlv_core.errors import InvalidRequest
from mlv_core.hashing import hash_structured

SECRET_PREFIX = "mlvs_"  # noqa: S105 - what secrets begin with
SHORTEST_SECRET = 16
LONGEST_SECRET = 256
OVERLAP_LIMIT_SECONDS = 30 * 86_400
"""For so long two secrets may sign: receivers change within a month or never."""
ID_LENGTH = 8
"""Characters of base 32: 40 random bits are enough among a repository's few."""


def make_secret(fresh: bytes) -> str:
    """A secret of 32 `fresh` random bytes."""
    return SECRET_PREFIX + _base32(hash_structured("outgoing secret", fresh))


def make_id(fresh: bytes) -> str:
    """The id of a webhook or check, of 32 `fresh` random bytes: no counter that would tell how many there are."""
    return _base32(hash_structured("outgoing id", fresh))[:ID_LENGTH]


def check_secret(secret: str) -> str:
    """`secret` itself, if it may sign. Raises: InvalidRequest, which does not repeat it."""
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET or not secret.isprintable() or not secret.isascii():
        raise InvalidRequest(
            f"A secret has {SHORTEST_SECRET} to {LONGEST_SECRET} printable ASCII characters.",
            advice="Give none: the server then makes one and shows it once.",
        )
    return secret


def check_overlap(seconds: int) -> None:
    """Check how long the secret before a new one shall sign too. Raises: InvalidRequest."""
    if not 0 <= seconds <= OVERLAP_LIMIT_SECONDS:
        raise InvalidRequest(f"overlap is {seconds} s; it may be 0 to {OVERLAP_LIMIT_SECONDS:,} s.")


def signature(secrets: Sequence[str], seconds: int, body: bytes) -> str:
    """The text `t=SECONDS,v1=HEX[,v1=HEX]`: a signature by each secret, over the time, a dot and the body."""
    signed = f"{seconds}.".encode() + body
    parts = [f"v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}" for secret in secrets]
    return ",".join((f"t={seconds}", *parts))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
