"""Who signs in, and what a server says of itself before anybody does."""

from __future__ import annotations

from mlv_core.deferred import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the answer to `whoami`; `exchange` says that the token is the single-use first one (P7)."""

    user: str
    server_admin: bool
    token_id: str
    scope: tuple[str, ...]
    expires_at: int | None
    exchange: bool = False
    service: bool = False
    repositories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says of itself before sign-in."""

    version: str
    certificate_authority: bytes
    codecs: frozenset[int]
    protocol: int = 1
