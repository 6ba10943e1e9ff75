"""Globs over names of repositories, branches, labels and environments."""

from __future__ import annotations

import re
from functools import lru_cache

from mlv_core.ids import fold

CACHED_PATTERNS = 4096
"""More patterns than a sensible policy has; a compiled one is about 1 KB."""


def matches_name(pattern: str, name: str) -> bool:
    """Whether `name` matches, without regard to case: '*' stands for any characters, '?' for one."""
    return _compiled(fold(pattern)).fullmatch(fold(name)) is not None


@lru_cache(CACHED_PATTERNS)
def _compiled(pattern: str) -> re.Pattern[str]:
    special = {"*": ".*", "?": "."}
    parts = (special.get(part) or re.escape(part) for part in re.split(r"([*?])", re.sub(r"\*+", "*", pattern)))
    return re.compile("".join(parts), re.DOTALL)
