"""What one caller may do in the parts of one repository, decided once for all parts that no rule tells apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlv_core.deferred import dataclass
from mlv_core.entities import Rule
from mlv_core.paths import glob_match
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import Decision, Policy, Principal

Ask = Callable[[str, str, str], Decision]
"""The decision about an action on a ref and a path."""

_EVERY_REF = frozenset({"*", "**"})
_EVERY_PATH = "**"
_KNOWN_LIMIT = 100_000
"""Decisions kept for one call: as many as there are ways in which globs match, few unless a policy is absurd."""


@dataclass(frozen=True, slots=True)
class _Globs:
    """What rules about one action say narrower than the whole repository."""

    refs: tuple[str, ...]
    paths: tuple[str, ...]


_NONE = _Globs((), ())


class Sight:
    """What a caller may do where. It asks the policy, but only once for all places that the same globs match.

    So it is right whatever the policy comes to mean, as long as a rule looks at refs and paths by its globs alone.
    """

    __slots__ = ("_ask", "_globs", "_known", "_policy", "_principal", "_repository")

    def __init__(self, ask: Ask, policy: Policy, principal: Principal, repository: str) -> None:
        self._ask = ask
        self._policy = policy
        self._principal = principal
        self._repository = repository
        self._globs: dict[str, _Globs] = {}
        self._known: dict[tuple[object, ...], Decision] = {}

    def decision(self, action: str, ref: str = "", path: str = "") -> Decision:
        """As `policy.decide`: '' in `ref` or `path` means somewhere in there."""
        globs = self._globs_of(action)
        of_ref = tuple(matches_name(glob, ref) for glob in globs.refs) if ref else None
        of_path = tuple(glob_match(glob, path) for glob in globs.paths) if path else None
        key = (action, of_ref, of_path)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            found = self._known[key] = self._ask(action, ref, path)
        return found

    def may(self, action: str, ref: str = "", path: str = "") -> bool:
        """Whether it is allowed."""
        return self.decision(action, ref, path).allowed

    def tells_refs(self, action: str) -> bool:
        """Whether a rule about `action` speaks of some refs only."""
        return bool(self._globs_of(action).refs)

    def tells_paths(self, action: str) -> bool:
        """Whether a rule about `action` speaks of some paths only; where none does, no path need be looked at."""
        return bool(self._globs_of(action).paths)

    def all_paths(self, action: str, ref: str = "") -> bool:
        """Whether `action` is allowed on every path of `ref`, which is told without looking at one."""
        return not self.tells_paths(action) and self.may(action, ref)

    def refused(self, action: str, ref: str, paths: Iterable[str]) -> list[str]:
        """Those of `paths`, in their order, on which `action` is not allowed; none where no rule tells paths apart.

        Whether `action` is allowed on the ref at all is not asked.
        """
        return [path for path in paths if not self.may(action, ref, path)] if self.tells_paths(action) else []

    def forbidden(self, action: str, ref: str, paths: Iterable[str]) -> list[str]:
        """Those of `paths` on which a rule forbids `action`: not those on which merely none allows it."""
        if not self.tells_paths(action):
            return []
        decided = ((path, self.decision(action, ref, path)) for path in paths)
        return [path for path, decision in decided if not decision.allowed and decision.rule is not None]

    def _globs_of(self, action: str) -> _Globs:
        found = self._globs.get(action)
        if found is None:
            both = self._policy.candidates(action, self._repository)
            # Asked with every call: mostly no rule about anybody is narrow.
            rules = [rule for some in both if some.narrow for rule in some.of(self._principal)]
            found = self._globs[action] = _Globs(_narrower_refs(rules), _narrower_paths(rules)) if rules else _NONE
        return found


def _narrower_refs(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(sorted({rule.ref for rule in rules} - _EVERY_REF))


def _narrower_paths(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(sorted({rule.path for rule in rules} - {_EVERY_PATH}))
