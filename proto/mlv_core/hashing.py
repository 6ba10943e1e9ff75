"""Names of content: plain BLAKE3-256 of bytes, and BLAKE3 with a context for everything structured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NewType

from blake3 import blake3

if TYPE_CHECKING:
    from typing_extensions import Buffer

HASH_LENGTH = 32

ContentHash = NewType("ContentHash", bytes)


def hash_content(data: Buffer) -> ContentHash:
    """The 32-byte name of a file or segment: plain BLAKE3-256 of its bytes."""
    return ContentHash(blake3(data).digest())


def hash_structured(kind: str, canonical: bytes) -> bytes:
    """The 32-byte name of a structured thing (`kind`: pack, changeset, ...): BLAKE3 in derive-key mode.

    `canonical` are its uncompressed canonical bytes. Two kinds never share a name, whatever their bytes.
    """
    return blake3(canonical, derive_key_context=f"mlv v1 {kind}").digest()


class ContentHasher:
    """The name of content that comes in pieces."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = blake3()

    def update(self, data: Buffer) -> None:
        """Take the next bytes."""
        self._state.update(data)

    def digest(self) -> ContentHash:
        """The name of all bytes so far; more may follow."""
        return ContentHash(self._state.digest())
