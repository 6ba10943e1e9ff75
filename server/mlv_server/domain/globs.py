"""Globs over names of repositories, branches, labels and environments."""

from __future__ import annotations

from fnmatch import fnmatchcase

from mlv_core.ids import fold

_SPECIAL = frozenset("*?[")


def matches_name(pattern: str, name: str) -> bool:
    """Whether `name` matches, without regard to case: '*' stands for any characters, '/' too, '?' for one.

    Paths have a language of their own (`mlv_core.paths.glob_match`): there '*' ends at a '/' and case counts, while a
    rule for `branch/*` must also hold for the branch `fix/typo`.
    """
    return fnmatchcase(fold(name), fold(pattern))


def is_pattern(text: str) -> bool:
    """Whether `text` may match other names than its own."""
    return not _SPECIAL.isdisjoint(text)
