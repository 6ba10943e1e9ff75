"""Who gains and loses what by a change of the policy, worked out by asking both policies (P6)."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from mlv_core.deferred import dataclass
from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.ids import fold
from mlv_core.paths import glob_match
from mlv_core.policies import EVERYBODY, GROUP, AccessChange, PolicyDifference, Verdict, who_of
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import Policy, Principal, Resource, actions_of
from mlv_server.domain.policy_document import key_of
from mlv_server.domain.policy_people import People, judge, member_of

QUESTIONS_LIMIT = 150_000
"""Asked of each policy: about a second; beyond it only those whom rules name are looked at."""
PARTS_LIMIT = 200_000
"""Pairs of places of which one may lie in the other: half a second."""
ANY = "~any~"
"""Stands for a name that no rule has."""
_WILD = re.compile(r"\*+|\?|\[[^\]]*\]")

Place = tuple[str, str, str]
Outcome = tuple[Verdict, Verdict]


def changed_rules(before: Iterable[Rule], after: Iterable[Rule]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules that come and those that go; rules that say the same are the same, whoever made them."""
    old = [(key_of(rule), rule) for rule in before]
    new = {key_of(rule): rule for rule in after}
    known = {key for key, _ in old}
    added = tuple(rule for key, rule in new.items() if key not in known)
    return added, tuple(rule for key, rule in old if key not in new)


def difference(
    before: Policy, after: Policy, changes: tuple[Sequence[Rule], Sequence[Rule]], people: People, now: int
) -> PolicyDifference:
    """What `changes`, the rules that come and those that go, mean for whom. Methods and limits: ask, then sum up.

    A place is asked about by a name that only its own globs match, so that what holds in a part of it does not count
    as a change of the whole; parts that other rules forbid are asked about for themselves.
    """
    added, removed = changes
    asking = _Asking(before, after, now)
    rules = [*added, *removed]
    everyone = list(people.active())
    questions = sum(len(actions_of(rule)) * (1 + _crowd(rule, everyone)) for rule in rules)
    known_parts = _parts(rules, [*before.rules, *after.rules]) if questions <= QUESTIONS_LIMIT else None
    complete, parts = known_parts is not None, known_parts or {}
    for rule in rules:
        asking.ask(who_of(rule), _stand_in(rule, people), rule, parts)
        if complete and rule.subject_kind is not SubjectKind.USER:
            for user in everyone:
                if rule.subject_kind is SubjectKind.EVERYBODY or rule.subject in user.groups:
                    asking.ask(user.user, user, rule, parts)
        if len(asking.known) > 2 * QUESTIONS_LIMIT:
            complete, parts, everyone = False, {}, []
    access = _sum_up(_without_implied(asking.found, parts), people)
    new = tuple(replace(rule, id=max(0, rule.id)) for rule in added)
    return PolicyDifference(before.version, after.version, new, tuple(removed), access, complete)


@dataclass(slots=True)
class _Asking:
    """Questions asked of both policies, each once; `found` holds what differs, by whom, where and action."""

    before: Policy
    after: Policy
    now: int
    found: dict[tuple[str, Place, str], Outcome] = field(default_factory=dict)
    known: dict[tuple[str, Place, str], Outcome] = field(default_factory=dict)

    def ask(self, who: str, principal: Principal, rule: Rule, parts: dict[Place, list[Place]]) -> None:
        """What both say about the actions and the place of `rule`, and about the parts that differ from it."""
        whole = _place(rule)
        for action in actions_of(rule):
            outcome = self._outcome(who, principal, whole, action)
            if outcome[0] is outcome[1]:
                continue
            self.found[who, whole, action] = outcome
            for part in parts.get(whole, ()):
                narrower = self._outcome(who, principal, part, action)
                if narrower != outcome:
                    self.found[who, part, action] = narrower

    def _outcome(self, who: str, principal: Principal, place: Place, action: str) -> Outcome:
        """What both say, asked once."""
        found = self.known.get((who, place, action))
        if found is None:
            resource = Resource(*_examples(place))
            old = judge(principal, action, resource, self.before, self.now)[0]
            found = old, judge(principal, action, resource, self.after, self.now)[0]
            self.known[who, place, action] = found
        return found


def _crowd(rule: Rule, everyone: Sequence[Principal]) -> int:
    """How many users a rule speaks of by a group or as everybody."""
    if rule.subject_kind is SubjectKind.EVERYBODY:
        return len(everyone)
    if rule.subject_kind is SubjectKind.GROUP:
        return sum(rule.subject in user.groups for user in everyone)
    return 0


def _stand_in(rule: Rule, people: People) -> Principal:
    """Whoever `rule` speaks of, and nobody else's rule does."""
    if rule.subject_kind is SubjectKind.USER:
        return people.users.get(rule.subject) or Principal(0, rule.subject, server_admin=False, token_id="")
    if rule.subject_kind is SubjectKind.TOKEN:
        return Principal(0, "\0", server_admin=False, token_id=rule.subject)
    return member_of(rule.subject if rule.subject_kind is SubjectKind.GROUP else "")


def _place(rule: Rule) -> Place:
    return rule.repository, "*" if rule.ref == "**" else rule.ref, rule.path


def _parts(changed: Sequence[Rule], rules: Sequence[Rule]) -> dict[Place, list[Place]] | None:
    """For each changed place the smaller ones in it of which a rule forbids something, or that changed too.

    None where too many would have to be looked at; only those whose ref begins as the place's are.
    """
    wide = {_place(rule) for rule in changed}
    narrow = {_place(rule) for rule in rules if rule.effect is not Effect.ALLOW} | wide
    examples = sorted((fold(_example(part[1])), part, _examples(part)) for part in narrow)
    begins = [ref for ref, _, _ in examples]
    found: dict[Place, list[Place]] = {}
    looked_at = 0
    for place in wide:
        stem = "" if place[1] == "*" else fold(_WILD.split(place[1], maxsplit=1)[0])
        some = examples[bisect_left(begins, stem) : bisect_right(begins, stem + chr(0x10FFFF))]
        looked_at += len(some)
        if looked_at > PARTS_LIMIT:
            return None
        found[place] = [part for _, part, named in some if part != place and _is_within(named, place)]
    return found


def _is_within(named: Place, place: Place) -> bool:
    """Whether an example of a place lies in another place."""
    repository, ref, path = named
    return (
        (place[1] == "*" or matches_name(place[1], ref))
        and (place[2] == "**" or glob_match(place[2], path))
        and matches_name(place[0], repository)
    )


def _examples(place: Place) -> Place:
    return _example(place[0]), _example(place[1]), _example(place[2])


def _example(glob: str) -> str:
    """A name that `glob` matches, and only such globs as are as wide."""
    return _WILD.sub(
        lambda wild: ANY if wild[0][0] == "*" else "x" if wild[0] == "?" else wild[0].strip("[]!^")[:1], glob
    )


def _without_implied(
    found: dict[tuple[str, Place, str], Outcome], parts: dict[Place, list[Place]]
) -> dict[tuple[str, Place, str], Outcome]:
    """What is not said by the same change of a place around it."""
    around: dict[Place, set[Place]] = {}
    for whole, some in parts.items():
        for part in some:
            around.setdefault(part, set()).add(whole)

    def said(place: Place, whole: Place) -> bool:
        """Of two places that are the same in other words the first one speaks."""
        return place not in around.get(whole, ()) or whole < place

    return {
        (who, place, action): outcome
        for (who, place, action), outcome in found.items()
        if not any(found.get((who, whole, action)) == outcome and said(place, whole) for whole in around.get(place, ()))
    }


def _sum_up(found: dict[tuple[str, Place, str], Outcome], people: People) -> tuple[AccessChange, ...]:
    """Actions with the same change for the same people in one row; a user whom a group's row names has none."""
    members: dict[tuple[str, Place, str], set[str]] = {}
    named = set(found)
    for (who, place, action), outcome in found.items():
        user = people.users.get(who)
        over = [EVERYBODY, *(GROUP + group for group in sorted(user.groups))] if user is not None else []
        for group in over:
            if found.get((group, place, action)) == outcome:
                members.setdefault((group, place, action), set()).add(who)
                named.discard((who, place, action))
    rows: dict[tuple[str, Place, Outcome, tuple[str, ...]], set[str]] = {}
    for who, place, action in named:
        users = tuple(sorted(members.get((who, place, action), ())))
        rows.setdefault((who, place, found[who, place, action], users), set()).add(action)
    changes = [
        AccessChange(who, tuple(sorted(actions)), *place, *outcome, users)
        for (who, place, outcome, users), actions in rows.items()
    ]
    return tuple(sorted(changes, key=lambda one: (one.subject, one.repository, one.ref, one.path, one.actions)))
