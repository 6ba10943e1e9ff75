"""The values and ports between a workspace's actions and the transfer of content; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash
from mlv_core.requests import PlannedChange

INLINE_LIMIT_BYTES = 256 * 1024
"""A commit whose new pack is smaller carries it inside Publish: one call instead of four."""


class Progress(Protocol):
    """Where a long step tells how far it is."""

    def start(self, total: int, label: str) -> None:
        """A step of `total` bytes begins; 0 when it is not known."""

    def advance(self, amount: int) -> None:
        """`amount` more bytes are done."""

    def finish(self) -> None:
        """The step is done."""


class Silent:
    """A Progress that tells nobody."""

    def start(self, total: int, label: str) -> None:
        """Nothing to show."""

    def advance(self, amount: int) -> None:
        """Nothing to show."""

    def finish(self) -> None:
        """Nothing to show."""


@dataclass(frozen=True, slots=True)
class UploadInput:
    """A changed content of a commit.

    `path` is its path in the version, which also names it in errors. `source` is an absolute file name, or the bytes
    themselves (the target of a symbolic link). `base` is what the workspace has as the old content of the same file:
    an absolute file name, the bytes, or None where there is none.
    """

    path: str
    source: str | bytes
    base: str | bytes | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """The stat of a file when its bytes were read: equal before and after the reading."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class UploadedContent:
    """What one UploadInput turned out to be; `text`: UTF-8 without NUL; `stamp` is None for bytes."""

    path: str
    content: ContentHash
    size: int
    text: bool
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What Publish needs besides the change list: one `contents` entry for each input, in their order.

    `recipes` pairs the hash of each new file of more than one segment with its recipe's. `inline_pack` holds all of
    what there was to send, or nothing when it was sent.
    """

    contents: tuple[UploadedContent, ...]
    recipes: tuple[tuple[ContentHash, ContentHash], ...]
    inline_pack: bytes
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A planned change whose new content lies whole and verified in the file `file` (`<incoming>/<hash in hex>`)."""

    change: PlannedChange
    file: str


OldFile = Callable[[str], str | None]
"""Where the workspace has the unchanged bytes of a path of its base, by absolute file name; None: not on this disk."""
