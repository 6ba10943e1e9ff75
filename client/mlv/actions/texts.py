"""What counts as text: UTF-8 without NUL, so that lines can be compared and merged."""

from __future__ import annotations

SNIFFED_BYTES = 8192
"""A file is taken for text by its beginning, before all of it has been read."""
_LONGEST_CHARACTER_BYTES = 4


def is_text(data: bytes) -> bool:
    """Whether all of `data` is text."""
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def looks_like_text(file: str) -> bool:
    """Whether the file begins as text."""
    with open(file, "rb") as stream:
        head = stream.read(SNIFFED_BYTES)
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut where the reading stopped.
        return len(head) == SNIFFED_BYTES and error.start > SNIFFED_BYTES - _LONGEST_CHARACTER_BYTES
    return True
