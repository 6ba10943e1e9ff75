"""Approvals of versions: which rules ask for them, which count, and what is still missing (P3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mlv_core.deferred import dataclass
from mlv_core.entities import Effect, Rule
from mlv_core.paths import glob_match
from mlv_core.policies import EVERYBODY, GROUP
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import APPROVALS, BY, Policy, Principal, Resource, is_live


@dataclass(frozen=True, slots=True)
class Approver:
    """Who approved a version, with the groups that they are in now."""

    user: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a rule still asks for: `more` approvals by one of `by`; `given` count, those of `own` authors do not."""

    rule: int
    more: int
    wanted: int
    by: tuple[str, ...]
    given: tuple[str, ...]
    own: tuple[str, ...]

    def __str__(self) -> str:
        who = " or ".join(self.by)
        text = f"rule {self.rule}: {self.more} more of {_approvals(self.wanted)} by {who}"
        if self.given:
            text += f"; given by {', '.join(self.given)}"
        return (
            f"{text}; its author{'s' if len(self.own) > 1 else ''} {', '.join(self.own)} cannot" if self.own else text
        )


def asking(
    principal: Principal, action: str, resource: Resource, paths: Collection[str] | None, policy: Policy, now: int
) -> tuple[Rule, ...]:
    """The rules that ask for approvals of the version before `principal` does `action` on `resource`, by number.

    `paths` are those that it changes there, None stands for the whole version.
    """
    forbidding, _ = policy.candidates(action, resource.repository)
    found = [
        rule
        for rule in forbidding.of(principal)
        if rule.effect is Effect.REQUIRE
        and wanted_by(rule)[0]
        and is_live(rule, now)
        and (rule.ref in {"*", "**"} or matches_name(rule.ref, resource.ref))
        and (rule.path == "**" or paths is None or any(glob_match(rule.path, path) for path in paths))
    ]
    return tuple(sorted(found, key=lambda rule: rule.id))


def lacking(
    rules: Iterable[Rule], approvers: Iterable[Approver], authors: Collection[str], partial: Collection[str] = ()
) -> tuple[Lacking, ...]:
    """What each of `rules` still asks for; whoever wrote any of it cannot approve it.

    Nor can `partial`: the programs for which an author answers, and who answers for a program that is one.
    """
    given = sorted(approvers, key=lambda one: one.user)
    found: list[Lacking] = []
    for rule in rules:
        wanted, by = wanted_by(rule)
        counted = tuple(one.user for one in given if one.user not in {*authors, *partial} and _is_among(one, by))
        if len(counted) < wanted:
            own = tuple(sorted(authors))
            found.append(Lacking(rule.id, wanted - len(counted), wanted, by, counted, own))
    return tuple(found)


def wanted_by(rule: Rule) -> tuple[int, tuple[str, ...]]:
    """How many approvals `rule` asks for (0: none), and of whom, as the document writes them."""
    count = next((value for name, value in rule.conditions if name == APPROVALS), "0")
    return int(count) if count.isdecimal() else 0, tuple(value for name, value in rule.conditions if name == BY)


def in_words(rule: Rule) -> str:
    """What `rule` asks for: '2 approvals by group:reviewers'."""
    wanted, by = wanted_by(rule)
    return f"{_approvals(wanted)} by {' or '.join(by)}"


def _approvals(count: int) -> str:
    return f"{count} approval{'' if count == 1 else 's'}"


def _is_among(approver: Approver, by: tuple[str, ...]) -> bool:
    return any(
        who == EVERYBODY or who.removeprefix("user:") == approver.user or _group(who) in approver.groups for who in by
    )


def _group(who: str) -> str:
    return who.removeprefix(GROUP) if who.startswith(GROUP) else ""
