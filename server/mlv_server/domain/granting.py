"""Nobody grants what they lack (P6): which actions of a rule its maker does not have everywhere the rule speaks of."""

from __future__ import annotations

import re

from mlv_core.entities import Effect, Rule
from mlv_core.ids import fold
from mlv_core.paths import glob_match
from mlv_server.domain.globs import is_pattern, matches_name
from mlv_server.domain.networks import is_narrower, networks_in
from mlv_server.domain.policy import Policy, Principal, actions_of, is_live

_ANY = frozenset({"*", "**"})
_WILD = re.compile(r"[*?\[]")


def lacking_actions(principal: Principal, rule: Rule, policy: Policy, now: int) -> frozenset[str]:
    """The actions of `rule` that `principal` lacks in any part of its place, from any of its networks, or sooner.

    An admin of the server has what nobody forbids them. Where two globs may overlap, they do.
    """
    return frozenset(action for action in actions_of(rule) if _lacks(principal, action, rule, policy, now))


def _lacks(principal: Principal, action: str, rule: Rule, policy: Policy, now: int) -> bool:
    if principal.exchange or (principal.scope and action not in principal.scope):
        return True
    forbidding, allowing = policy.candidates(action, rule.repository)
    denied = any(
        _overlap(own.ref, rule.ref) and _overlap(own.path, rule.path)
        for own in forbidding.of(principal)
        if own.effect is Effect.DENY and is_live(own, now)
    )
    if denied:
        return True
    return not principal.server_admin and not any(
        is_live(own, now) and _reaches(own, rule) for own in allowing.of(principal)
    )


def _reaches(own: Rule, rule: Rule) -> bool:
    """Whether a rule that allows covers all of `rule`: its place, its networks, its time."""
    if own.expires_at is not None and (rule.expires_at is None or rule.expires_at > own.expires_at):
        return False
    if own.conditions:
        outer, inner = networks_in(own.conditions), networks_in(rule.conditions)
        if len(outer) != len(own.conditions) or not inner:
            return False
        if not all(any(is_narrower(one, other) for other in outer) for one in inner):
            return False
    return _holds_name(own.ref, rule.ref) and _holds_path(own.path, rule.path)


def _holds_name(outer: str, inner: str) -> bool:
    if outer in _ANY or fold(outer) == fold(inner):
        return True
    if not is_pattern(inner):
        return matches_name(outer, inner)
    stem = outer.removesuffix("*")
    return stem != outer and not is_pattern(stem) and fold(inner).startswith(fold(stem))


def _holds_path(outer: str, inner: str) -> bool:
    if outer in {"**", inner}:
        return True
    stem = outer.removesuffix("**")
    below = stem != outer and stem.endswith("/") and not _WILD.search(stem)
    return below and inner.startswith(stem) and glob_match(outer, stem + "a")


def _overlap(one: str, other: str) -> bool:
    """Whether two globs may match the same: unless what stands before their wildcards differs.

    A glob over paths without '/' matches at any depth, and one without a wildcard all below it too.
    """
    first, second = (fold(_WILD.split(glob, maxsplit=1)[0].strip("/")) for glob in (one, other))
    if "/" not in one.strip("/") or "/" not in other.strip("/"):
        return True
    return first.startswith(second) or second.startswith(first)
