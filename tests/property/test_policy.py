"""The policy's decision against a naive evaluator that was written from the rules' words."""

from __future__ import annotations

import fnmatch
import ipaddress
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.explaining import Weight
from mlv_server.domain.approving import Approver, asking, lacking
from mlv_server.domain.explaining import explain
from mlv_server.domain.policy import ROLES, Policy, Principal, Resource, decide

USERS = ("alice", "bob")
REPOSITORIES = ("a/x", "a/y", "b/x")
SOME_ACTIONS = ("list", "read", "write", "merge", "lock.break")
ADDRESSES = ("", "10.0.0.7", "192.168.1.1", "fd00::1")
REFS = ("branch/main", "branch/fix/typo", "label/v1")
BUILT = ("branch/*", "branch/main", "*", "label/v*")
MERGERS = ("merge", "label.create", "label.move")

sources = st.lists(st.sampled_from(["10.0.0.0/8", "192.168.1.1", "fd00::/8"]), max_size=2).map(
    lambda networks: tuple(("from", network) for network in networks)
)
approvals = st.one_of(
    st.just(()),
    st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["alice", "group:g", "everybody"])).map(
        lambda asked: (("approvals", asked[0]), ("by", asked[1]))
    ),
)
rules = st.builds(
    Rule,
    id=st.integers(1, 9),
    effect=st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY, Effect.REQUIRE]),
    subject_kind=st.sampled_from([SubjectKind.USER, SubjectKind.GROUP, SubjectKind.EVERYBODY]),
    subject=st.sampled_from([*USERS, "g"]),
    role=st.sampled_from([*ROLES, ""]),
    actions=st.lists(st.sampled_from(SOME_ACTIONS), max_size=2).map(tuple),
    repository=st.sampled_from([*REPOSITORIES, "a/*", "*/x", "*"]),
    ref=st.sampled_from(BUILT),
    conditions=sources,
    expires_at=st.sampled_from([None, 5, 15]),
)
requiring = st.builds(replace, rules, conditions=st.builds(lambda one, two: one + two, sources, approvals))
every = st.one_of(rules, requiring)
principals = st.builds(
    Principal,
    user_id=st.just(1),
    user=st.sampled_from(USERS),
    server_admin=st.booleans(),
    token_id=st.just("t"),
    scope=st.sets(st.sampled_from(SOME_ACTIONS)).map(frozenset),
    groups=st.sampled_from([frozenset(), frozenset({"g"})]),
    address=st.sampled_from(ADDRESSES),
)


def speaks(rule: Rule, who: Principal, action: str, place: Resource, now: int) -> bool:
    actions = ROLES[rule.role] if rule.role else rule.actions
    subjects = {
        SubjectKind.USER: {who.user},
        SubjectKind.GROUP: who.groups,
        SubjectKind.EVERYBODY: {rule.subject},
    }[rule.subject_kind]
    live = rule.expires_at is None or now < rule.expires_at
    there = fnmatch.fnmatch(place.repository, rule.repository)
    there = there and (
        fnmatch.fnmatch(place.ref, rule.ref) if place.ref else rule.effect is Effect.ALLOW or rule.ref == "*"
    )
    return live and there and action in actions and rule.subject in subjects


def comes(rule: Rule, who: Principal) -> bool | None:
    """Whether the call comes from where the rule says; None: nobody knows."""
    networks = [value for name, value in rule.conditions if name == "from"]
    if not networks:
        return True
    if not who.address:
        return None
    return any(ipaddress.ip_address(who.address) in ipaddress.ip_network(network) for network in networks)


def naive(who: Principal, action: str, place: Resource, policy: list[Rule], now: int) -> bool:
    if who.scope and action not in who.scope:
        return False
    may = who.server_admin
    for rule in policy:
        if not speaks(rule, who, action, place, now):
            continue
        asks = "approvals" in dict(rule.conditions)
        if rule.effect is Effect.ALLOW:
            may = may or (comes(rule, who) is True and not asks)
        elif rule.effect is Effect.DENY or not rule.conditions:
            if comes(rule, who) is not False:
                return False
        elif comes(rule, who) is not True or (asks and action not in MERGERS):
            return False
    return may


@given(
    st.lists(every, max_size=6),
    principals,
    st.sampled_from(SOME_ACTIONS),
    st.builds(Resource, st.sampled_from(REPOSITORIES), st.sampled_from(["", *REFS])),
    st.sampled_from([0, 10, 20]),
    st.randoms(use_true_random=False),
)
def test_P1_P2_the_decision_is_the_naive_one_in_any_order(
    policy: list[Rule], who: Principal, action: str, place: Resource, now: int, shuffle: random.Random
) -> None:
    expected = naive(who, action, place, policy, now)
    assert decide(who, action, place, Policy(1, tuple(policy)), now).allowed is expected
    shuffle.shuffle(policy)
    assert decide(who, action, place, Policy(1, tuple(policy)), now).allowed is expected


@given(
    st.lists(every, max_size=6),
    principals,
    st.builds(Resource, st.sampled_from(REPOSITORIES), st.sampled_from(REFS)),
    st.sampled_from([0, 10, 20]),
    st.dictionaries(st.sampled_from(["alice", "bob", "carol"]), st.sampled_from([frozenset(), frozenset({"g"})])),
    st.sets(st.sampled_from(["alice", "bob", "carol"])),
)
def test_P3_what_is_asked_for_is_counted_as_a_naive_reader_would(
    policy: list[Rule],
    who: Principal,
    place: Resource,
    now: int,
    given_by: dict[str, frozenset[str]],
    authors: set[str],
) -> None:
    policy = [replace(rule, id=number) for number, rule in enumerate(policy, start=1)]
    missing = {}
    for rule in policy:
        asked = dict(rule.conditions)
        if rule.effect is Effect.REQUIRE and "approvals" in asked and speaks(rule, who, "merge", place, now):
            counted = [
                user
                for user, groups in given_by.items()
                if user not in authors
                and (asked["by"] in {"everybody", user} or asked["by"].removeprefix("group:") in groups)
            ]
            if len(counted) < int(asked["approvals"]):
                missing[rule.id] = int(asked["approvals"]) - len(counted)
    found = asking(who, "merge", place, None, Policy(1, tuple(policy)), now)
    left = lacking(found, [Approver(user, groups) for user, groups in given_by.items()], authors)
    assert {one.rule: one.more for one in left} == missing


@given(
    st.lists(every, max_size=6),
    principals,
    st.sampled_from(SOME_ACTIONS),
    st.builds(Resource, st.sampled_from(REPOSITORIES), st.sampled_from(["", *REFS])),
    st.sampled_from([0, 10, 20]),
    st.randoms(use_true_random=False),
)
def test_P6_an_explanation_is_the_decision_and_names_what_was_weighed(
    drawn: list[Rule], who: Principal, action: str, place: Resource, now: int, shuffle: random.Random
) -> None:
    policy = [replace(rule, id=number) for number, rule in enumerate(drawn, start=1)]
    found = explain(who, action, place, Policy(1, tuple(policy)), now)
    assert found.allowed is naive(who, action, place, policy, now)

    weighed = {one.rule.id: one.weight for one in found.rules}
    named = [one.rule for one in found.rules]
    assert naive(who, action, place, named, now) is found.allowed
    deciding = [one.rule for one in found.rules if one.weight is Weight.DECIDES]
    assert [rule.id for rule in deciding] == ([] if found.rule is None else [found.rule])
    if deciding:
        assert naive(who, action, place, deciding, now) is found.allowed
        for rule in named:
            alone = decide(who, action, place, Policy(1, (rule,)), now)
            same = alone.rule is not None and alone.allowed is found.allowed
            assert same is (weighed[rule.id] in {Weight.DECIDES, Weight.AGREES})
    for rule in policy:
        if rule.id not in weighed:
            assert decide(who, action, place, Policy(1, (rule,)), now).rule is None

    shuffle.shuffle(policy)
    assert explain(who, action, place, Policy(1, tuple(policy)), now) == found


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
