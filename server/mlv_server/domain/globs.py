"""Globs of the access policy and of lock rules: of paths, where '*' stays in one part, and of names."""

from __future__ import annotations

import re
from functools import lru_cache

from mlv_core.ids import fold

CACHED_PATTERNS = 4096
"""More patterns than a sensible policy has; a compiled one is about 1 KB."""

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")


def matches_path(pattern: str, path: str) -> bool:
    """Whether `path` matches: '*' and '?' stay within one part, '**' crosses them, '**/' also stands for nothing."""
    return _compiled(pattern, in_part="[^/]").fullmatch(path) is not None


def matches_name(pattern: str, name: str) -> bool:
    """Whether a repository, branch or label name matches, without regard to case; '*' matches any characters."""
    return _compiled(fold(pattern), in_part=".").fullmatch(fold(name)) is not None


@lru_cache(CACHED_PATTERNS)
def _compiled(pattern: str, *, in_part: str) -> re.Pattern[str]:
    special = {"**/": "(?:.*/)?", "**": ".*", "*": f"{in_part}*", "?": in_part}
    parts = (special.get(token) or re.escape(token) for token in _TOKEN.findall(pattern))
    return re.compile("".join(parts), re.DOTALL)
