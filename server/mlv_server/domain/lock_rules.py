"""Which files must be locked before a change, how far such a lock reaches and how long it stands (L3, L4, L8)."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH, BranchKind, FileMode, FileState, LockNeed, LockScope
from mlv_core.paths import glob_match
from mlv_server.domain.file_kinds import ARCHIVES, DATASETS, DOCUMENTS, MEDIA, PROGRAMS, TABLES, TOKENIZERS, WEIGHTS

HOUR = 3_600_000
"""Milliseconds."""
LEASE = 12 * HOUR
"""A lease where no rule says another: a working day, or the night of a training."""
LONGEST_LEASE = 14 * 24 * HOUR
"""From taking a lock to the end of its last renewal, where no rule says another: a holiday."""

_SYMLINK = FileMode.SYMLINK
ENDINGS = 1 << 12
"""Endings of which it is remembered whether a rule names them: more than there are formats."""
MATCHES = 1 << 16
"""Answers remembered of whether a glob matches a path, some 10 MB: the same files are locked again and again."""


@dataclass(frozen=True, slots=True)
class LockRule:
    """Files that it speaks of: any of `endings`, or `glob`; of `text` or not, of at least `size` bytes.

    What is None, or empty, narrows nothing. `scope`, `ttl`, `max` and `grant_after` (ms) are None where the rule says
    nothing of them. Of all rules that match a file the strictest word on each counts; order has no meaning.
    """

    need: LockNeed
    endings: frozenset[str] = frozenset()
    glob: str = "**"
    text: bool | None = None
    size: int = 0
    scope: LockScope | None = None
    ttl: int | None = None
    max: int | None = None
    grant_after: int | None = None


LockRules = tuple[LockRule, ...]


@dataclass(frozen=True, slots=True)
class LockTerms:
    """What the rules say of locks on one file; times in ms.

    `scope` None: by the kind of the branch. A lease is `ttl` long, and no renewal leads past `max` after the lock was
    taken. A queue gets the lock once its holder has been silent for `grant_after`; None: never by itself.
    """

    need: LockNeed
    scope: LockScope | None
    ttl: int
    max: int
    grant_after: int | None

    def scope_on(self, kind: BranchKind) -> LockScope:
        """How far a lock taken on a branch of this kind reaches unless its taker says otherwise (L4)."""
        if self.scope is not None:
            return self.scope
        return LockScope.BRANCH if kind is BranchKind.EXPERIMENT else LockScope.LINE


TABLE_BYTES = 1 << 20
"""A table of text this large is a dataset: nobody reviews a merge of its rows. A smaller one is merged by lines."""
DATA_BYTES = 16 << 20
"""Text that no client merges by lines any more is data too."""

DEFAULT_RULES: LockRules = (
    LockRule(LockNeed.REQUIRED, endings=WEIGHTS | ARCHIVES | MEDIA | DOCUMENTS | PROGRAMS),
    LockRule(LockNeed.REQUIRED, endings=DATASETS, scope=LockScope.REPOSITORY),
    LockRule(LockNeed.REQUIRED, endings=TABLES, size=TABLE_BYTES, scope=LockScope.REPOSITORY),
    LockRule(LockNeed.REQUIRED, text=False),
    LockRule(LockNeed.REQUIRED, text=True, size=DATA_BYTES),
    LockRule(LockNeed.NONE, text=True),
    *(LockRule(LockNeed.NONE, glob=glob, scope=LockScope.REPOSITORY) for glob in TOKENIZERS),
)
"""The rules of a repository that has set none.

Formats that nobody merges need a lock, whatever is in the file at the moment; so does anything that is not text.
Datasets and tokenizers are the same for all branches, so a lock on one reaches all of them.
"""


def need_of(path: str, state: FileState | None, rules: LockRules) -> LockNeed:
    """What policy asks for before the file at `path` is changed; `state` None when nothing is known but the path."""
    if path == VERSION_PATH or (state is not None and state.mode is FileMode.SYMLINK):
        return LockNeed.NONE
    return _strictest(rules, path, _ending(path), state)


class Needs:
    """`need_of` under the same rules for very many files: what it says of a kind of file is worked out once."""

    __slots__ = ("_by_glob", "_by_kind", "_endings", "_kinds", "_named", "_rules", "_sizes")

    def __init__(self, rules: LockRules) -> None:
        asking = [rule for rule in rules if rule.need is not LockNeed.NONE]
        self._rules = rules
        self._by_kind = tuple(rule for rule in asking if rule.glob == "**")
        self._by_glob = tuple(rule for rule in asking if rule.glob != "**")
        self._sizes = sorted({rule.size for rule in self._by_kind})
        self._named = frozenset(ending for rule in self._by_kind for ending in rule.endings)
        self._endings: dict[str, str] = {}
        self._kinds: dict[tuple[str, bool, int], LockNeed] = {}

    def of(self, path: str, state: FileState | None) -> LockNeed:
        """As `need_of`."""
        if state is None or state.mode is _SYMLINK or path == VERSION_PATH:
            return need_of(path, state, self._rules)
        ending = path[path.rfind(".") + 1 :]
        known = self._endings.get(ending)
        if known is None:
            folded = _ending(path)
            known = folded if folded in self._named else ""
            if len(self._endings) < ENDINGS:
                self._endings[ending] = known
        kind = (known, state.text, bisect_right(self._sizes, state.size))
        need = self._kinds.get(kind)
        if need is None:
            need = self._kinds[kind] = _strictest(self._by_kind, path, known, state)
        return max(need, _strictest(self._by_glob, path, _ending(path), state)) if self._by_glob else need


def _strictest(rules: LockRules, path: str, ending: str, state: FileState | None) -> LockNeed:
    need = LockNeed.NONE
    for rule in rules:
        # What could not change the answer is not looked at.
        if rule.need > need and _speaks_of(rule, path, ending, state):
            need = rule.need
    return need


def terms_of(path: str, state: FileState | None, rules: LockRules) -> LockTerms:
    """Everything that the rules say of locks on the file at `path`: the widest scope, the shortest times."""
    ending = _ending(path)
    free = path == VERSION_PATH or (state is not None and state.mode is FileMode.SYMLINK)
    need, scope = LockNeed.NONE, 0
    ttl = longest = grant_after = None
    for rule in rules:
        # Asked with every lock: what could not change the answer is not looked at.
        says = rule.need > need or (rule.scope or 0) > scope or rule.ttl or rule.max or rule.grant_after
        if says and _speaks_of(rule, path, ending, state):
            need, scope = max(need, rule.need), max(scope, rule.scope or 0)
            ttl, longest = _least(ttl, rule.ttl), _least(longest, rule.max)
            grant_after = _least(grant_after, rule.grant_after)
    most = LONGEST_LEASE if longest is None else longest
    return LockTerms(
        need=LockNeed.NONE if free else need,
        scope=LockScope(scope) if scope else None,
        ttl=min(most, LEASE if ttl is None else ttl),
        max=most,
        grant_after=grant_after,
    )


def _least(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].casefold()


def _speaks_of(rule: LockRule, path: str, ending: str, state: FileState | None) -> bool:
    if rule.endings and ending not in rule.endings:
        return False
    if rule.text is not None and (state is None or state.text is not rule.text):
        return False
    if rule.size and (state is None or state.size < rule.size):
        return False
    return rule.glob == "**" or _matches(rule.glob, path)


@lru_cache(maxsize=MATCHES)
def _matches(glob: str, path: str) -> bool:
    return glob_match(glob, path)
