"""Who may do what: default deny, any deny wins, roles, scopes, expiry."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidRequest
from mlv_server.domain.policy import (
    ACTIONS,
    ROLES,
    Policy,
    Principal,
    Resource,
    decide,
    decide_on_server,
    expand_scope,
)

ALICE = Principal(1, "alice", server_admin=False, token_id="t1", groups=frozenset({"research"}))
ROOT = Principal(2, "root", server_admin=True, token_id="t2")
MODEL = Resource("fraud/detector")


def rule(number: int = 1, effect: Effect = Effect.ALLOW, role: str = "reader", **more: object) -> Rule:
    fields: dict[str, object] = {"subject_kind": SubjectKind.USER, "subject": "alice", "repository": "fraud/detector"}
    return Rule(id=number, effect=effect, role=role, **{"actions": (), **fields, **more})  # type: ignore[arg-type]


def allowed(
    rules: tuple[Rule, ...], action: str, *, who: Principal = ALICE, on: Resource = MODEL, now: int = 0
) -> bool:
    return decide(who, action, on, Policy(1, rules), now).allowed


def test_P1_without_a_matching_allow_it_is_denied() -> None:
    assert not any(allowed((), action) for action in ACTIONS)
    assert not allowed((rule(subject="bob"),), "read")
    assert not allowed((rule(repository="fraud/other"),), "read")
    assert not allowed((rule(),), "write")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_P2_any_matching_deny_wins_whatever_the_order(order: tuple[int, ...]) -> None:
    rules = (
        rule(1, role="admin"),
        rule(2, Effect.DENY, role="", actions=("write",), repository="fraud/*"),
        rule(3, role="contributor", subject_kind=SubjectKind.EVERYBODY, subject=""),
    )
    shuffled = tuple(rules[place] for place in order)
    decision = decide(ALICE, "write", MODEL, Policy(1, shuffled), 0)
    assert (decision.allowed, decision.rule) == (False, 2)
    assert allowed(shuffled, "read")


def test_P2_a_deny_also_binds_admins_of_the_server() -> None:
    deny = rule(1, Effect.DENY, role="", actions=("write",), subject_kind=SubjectKind.EVERYBODY, subject="")
    assert not allowed((deny,), "write", who=ROOT)
    assert allowed((deny,), "read", who=ROOT)


def test_roles_are_the_sets_of_actions_that_are_promised() -> None:
    assert ROLES["reader"] == {"list", "read", "meta.read"}
    assert ROLES["releaser"] == ROLES["reader"] | {"label.create"}
    assert ROLES["contributor"] == ROLES["reader"] | {"open", "write", "merge", "branch.create"}
    assert ROLES["maintainer"] == ROLES["contributor"] | {"lock.break", "label.create", "freeze", "branch.delete"}
    assert ROLES["admin"] == ACTIONS


def test_an_unknown_role_gives_nothing() -> None:
    assert not allowed((rule(role="emperor"),), "read")


def test_a_rule_ends_at_its_expiry() -> None:
    assert allowed((rule(expires_at=10),), "read", now=9)
    assert not allowed((rule(expires_at=10),), "read", now=10)
    assert allowed((rule(), rule(2, Effect.DENY, expires_at=10)), "read", now=10)


def test_subjects_are_users_groups_tokens_and_everybody() -> None:
    assert allowed((rule(subject_kind=SubjectKind.GROUP, subject="research"),), "read")
    assert not allowed((rule(subject_kind=SubjectKind.GROUP, subject="sales"),), "read")
    assert allowed((rule(subject_kind=SubjectKind.TOKEN, subject="t1"),), "read")
    assert not allowed((rule(subject_kind=SubjectKind.TOKEN, subject="t2"),), "read")
    assert allowed((rule(subject_kind=SubjectKind.EVERYBODY, subject=""),), "read")


def test_P8_a_token_never_exceeds_its_user_nor_its_scope() -> None:
    narrow = replace(ALICE, scope=frozenset({"read", "write"}))
    assert allowed((rule(),), "read", who=narrow)
    assert not allowed((rule(),), "list", who=narrow)
    assert not allowed((rule(),), "write", who=narrow)
    assert not allowed((), "write", who=replace(ROOT, scope=frozenset({"read"})))


def test_P7_the_first_token_may_do_nothing_but_be_exchanged() -> None:
    first = replace(ROOT, exchange=True)
    assert not any(allowed((), action, who=first) for action in ACTIONS)
    assert not decide_on_server(first, "admin").allowed


def test_P7_nobody_is_nobody_even_where_everybody_may() -> None:
    everybody = rule(subject_kind=SubjectKind.EVERYBODY, subject="", role="admin")
    assert not allowed((everybody,), "read", who=Principal.anonymous())


def test_the_server_itself_is_for_its_admins_whatever_rules_say() -> None:
    assert decide_on_server(ROOT, "admin").allowed
    assert decide_on_server(Principal.host(), "admin").allowed
    assert not decide_on_server(ALICE, "admin").allowed
    assert not decide_on_server(replace(ROOT, scope=frozenset({"read"})), "admin").allowed


def test_a_rule_on_a_ref_and_a_path_speaks_of_no_other() -> None:
    narrow = (rule(ref="branch/dev*", path="src/**", role="contributor"),)
    at = {"repository": "fraud/detector"}
    assert allowed(narrow, "write", on=Resource(**at, ref="branch/dev-1", path="src/a.py"))
    assert not allowed(narrow, "write", on=Resource(**at, ref="branch/main", path="src/a.py"))
    assert not allowed(narrow, "write", on=Resource(**at, ref="branch/dev-1", path="weights/a.pt"))


def test_without_ref_or_path_the_question_is_whether_it_is_allowed_anywhere() -> None:
    narrow = rule(ref="branch/dev", role="contributor")
    deny = rule(2, Effect.DENY, ref="branch/main", role="contributor")
    assert allowed((narrow, deny), "write")
    assert not allowed((narrow, deny), "write", on=Resource("fraud/detector", "branch/main"))


def test_repositories_are_compared_without_regard_to_case() -> None:
    assert allowed((rule(),), "read", on=Resource("Fraud/Detector"))
    assert allowed((rule(repository="FRAUD/*"),), "read")


def test_P3_what_cannot_be_checked_never_allows_and_always_denies() -> None:
    condition = (("from", "10.0.0.0/8"),)
    assert not allowed((rule(conditions=condition),), "read")
    assert not allowed((rule(), rule(2, Effect.DENY, conditions=condition)), "read")
    assert not allowed((rule(), rule(2, Effect.REQUIRE, conditions=(("approvals", "2"),))), "read")


def test_a_scope_names_actions_or_roles() -> None:
    assert expand_scope(("reader", "write")) == {"list", "read", "meta.read", "write"}
    with pytest.raises(InvalidRequest, match="'fly'"):
        expand_scope(("fly",))
