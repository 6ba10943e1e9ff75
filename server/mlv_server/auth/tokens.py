"""Tokens as text: `mlv_ID_SECRET`, made of 256 random bits, kept as a hash (P8)."""

from __future__ import annotations

import base64
import hmac
import re

from mlv_core.deferred import dataclass
from mlv_core.hashing import hash_structured

ID_LENGTH = 12
SECRET_LENGTH = 52
"""256 bits in base 32."""

_TOKEN = re.compile(rf"mlv_([a-z2-7]{{{ID_LENGTH}}})_([a-z2-7]{{{SECRET_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at its making: its id, the text that is shown once, and what is kept of the secret."""

    id: str
    text: str
    secret_hash: bytes


def make_token(fresh: bytes) -> NewToken:
    """A token of 32 `fresh` random bytes, which must be used for nothing else."""
    token_id = _base32(hash_structured("token id", fresh))[:ID_LENGTH]
    secret = _base32(hash_structured("token secret", fresh))
    return NewToken(token_id, f"mlv_{token_id}_{secret}", hash_secret(secret))


def split_token(text: str) -> tuple[str, str] | None:
    """The id and secret of a token's text; None if it is no token."""
    match = _TOKEN.fullmatch(text)
    return (match[1], match[2]) if match else None


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret: no salt and no stretching, as nobody guesses 256 random bits."""
    return hash_structured("token", secret.encode())


def is_secret(secret: str, kept: bytes) -> bool:
    """Whether `secret` is the one of which `kept` is the hash, in a time that tells nothing."""
    return hmac.compare_digest(hash_secret(secret), kept)


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
