"""The policy's decision against a naive evaluator that was written from the rules' words."""

from __future__ import annotations

import fnmatch
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.explaining import Weight
from mlv_server.domain.explaining import explain
from mlv_server.domain.policy import ROLES, Policy, Principal, Resource, decide

USERS = ("alice", "bob")
REPOSITORIES = ("a/x", "a/y", "b/x")
SOME_ACTIONS = ("list", "read", "write", "lock.break")

rules = st.builds(
    Rule,
    id=st.integers(1, 9),
    effect=st.sampled_from([Effect.ALLOW, Effect.DENY]),
    subject_kind=st.sampled_from([SubjectKind.USER, SubjectKind.GROUP, SubjectKind.EVERYBODY]),
    subject=st.sampled_from([*USERS, "g"]),
    role=st.sampled_from([*ROLES, ""]),
    actions=st.lists(st.sampled_from(SOME_ACTIONS), max_size=2).map(tuple),
    repository=st.sampled_from([*REPOSITORIES, "a/*", "*/x", "*"]),
    expires_at=st.sampled_from([None, 5, 15]),
)
principals = st.builds(
    Principal,
    user_id=st.just(1),
    user=st.sampled_from(USERS),
    server_admin=st.booleans(),
    token_id=st.just("t"),
    scope=st.sets(st.sampled_from(SOME_ACTIONS)).map(frozenset),
    groups=st.sampled_from([frozenset(), frozenset({"g"})]),
)


def naive(who: Principal, action: str, repository: str, policy: list[Rule], now: int) -> bool:
    if who.scope and action not in who.scope:
        return False
    effects = set()
    for rule in policy:
        actions = ROLES[rule.role] if rule.role else rule.actions
        subjects = {
            SubjectKind.USER: {who.user},
            SubjectKind.GROUP: who.groups,
            SubjectKind.EVERYBODY: {rule.subject},
        }[rule.subject_kind]
        live = rule.expires_at is None or now < rule.expires_at
        if live and action in actions and rule.subject in subjects and fnmatch.fnmatch(repository, rule.repository):
            effects.add(rule.effect)
    return Effect.DENY not in effects and (Effect.ALLOW in effects or who.server_admin)


@given(
    st.lists(rules, max_size=6),
    principals,
    st.sampled_from(SOME_ACTIONS),
    st.sampled_from(REPOSITORIES),
    st.sampled_from([0, 10, 20]),
    st.randoms(use_true_random=False),
)
def test_P1_P2_the_decision_is_the_naive_one_in_any_order(
    policy: list[Rule], who: Principal, action: str, repository: str, now: int, shuffle: random.Random
) -> None:
    expected = naive(who, action, repository, policy, now)
    assert decide(who, action, Resource(repository), Policy(1, tuple(policy)), now).allowed is expected
    shuffle.shuffle(policy)
    assert decide(who, action, Resource(repository), Policy(1, tuple(policy)), now).allowed is expected


@given(
    st.lists(rules, max_size=6),
    principals,
    st.sampled_from(SOME_ACTIONS),
    st.sampled_from(REPOSITORIES),
    st.sampled_from([0, 10, 20]),
    st.randoms(use_true_random=False),
)
def test_P6_an_explanation_is_the_decision_and_names_what_was_weighed(
    drawn: list[Rule], who: Principal, action: str, repository: str, now: int, shuffle: random.Random
) -> None:
    policy = [replace(rule, id=number) for number, rule in enumerate(drawn, start=1)]
    found = explain(who, action, Resource(repository), Policy(1, tuple(policy)), now)
    assert found.allowed is naive(who, action, repository, policy, now)

    weighed = {one.rule.id: one.weight for one in found.rules}
    named = [one.rule for one in found.rules]
    assert naive(who, action, repository, named, now) is found.allowed
    deciding = [one.rule for one in found.rules if one.weight is Weight.DECIDES]
    assert [rule.id for rule in deciding] == ([] if found.rule is None else [found.rule])
    if deciding:
        assert naive(who, action, repository, deciding, now) is found.allowed
        for rule in named:
            alone = decide(who, action, Resource(repository), Policy(1, (rule,)), now)
            same = alone.rule is not None and alone.allowed is found.allowed
            assert same is (weighed[rule.id] in {Weight.DECIDES, Weight.AGREES})
    for rule in policy:
        if rule.id not in weighed:
            assert decide(who, action, Resource(repository), Policy(1, (rule,)), now).rule is None

    shuffle.shuffle(policy)
    assert explain(who, action, Resource(repository), Policy(1, tuple(policy)), now) == found


def test_a_policy_that_is_asked_about_ever_other_repositories_holds_little_and_still_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlv_server.domain.policy.COMPILED_LIMIT", 300)
    who = Principal(1, "alice", server_admin=False, token_id="t")
    rule = Rule(1, Effect.ALLOW, SubjectKind.USER, "alice", "reader", (), "a/*")
    policy = Policy(1, (rule,))
    for number in range(50):
        for place, expected in ((f"a/{number}", True), (f"b/{number}", False)):
            for _ in range(2):
                assert decide(who, "read", Resource(place), policy, 0).allowed is expected
