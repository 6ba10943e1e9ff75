"""What is seen in the parts of a repository, against an evaluator that asks every rule at every place (P2, P4)."""

from __future__ import annotations

import fnmatch
import re

from hypothesis import given
from hypothesis import strategies as st

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_server.domain.policy import Decision, Policy, Principal, Resource, decide
from mlv_server.domain.sight import Sight

ACTIONS = ("list", "read", "write")
REFS = ("branch/main", "branch/exp/a", "branch/exp/b", "label/v1")
PATHS = (".", "a.txt", "docs/a.txt", "docs/deep/b.md", "weights/a.bin", "weights/deep/a.bin", "weightsx/a.bin")
REF_GLOBS = ("*", "**", "branch/*", "branch/exp/*", "branch/main", "label/v?")
PATH_GLOBS = {
    "**": ".*", "docs/**": "docs/.*", "weights/*": "weights/[^/]*", "*.txt": "(.*/)?[^/]*[.]txt",
    "weights": "(.*/)?weights(/.*)?", "/docs": "docs(/.*)?", "a.txt": "(.*/)?a[.]txt(/.*)?",
    "**/deep/*": "(.*/)?deep/[^/]*",
}  # fmt: skip
"""Globs of paths, and what they mean as regular expressions that were written from the words about them."""
WHO = Principal(1, "alice", server_admin=False, token_id="t", groups=frozenset({"g"}))

rules = st.builds(
    Rule,
    id=st.integers(1, 9),
    effect=st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY]),
    subject_kind=st.sampled_from([SubjectKind.USER, SubjectKind.GROUP]),
    subject=st.sampled_from(["alice", "bob", "g"]),
    role=st.just(""),
    actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3).map(tuple),
    repository=st.sampled_from(["a/x", "a/*", "b/*"]),
    ref=st.sampled_from(REF_GLOBS),
    path=st.sampled_from(sorted(PATH_GLOBS)),
    expires_at=st.sampled_from([None, 5, 15]),
)


def naive(policy: list[Rule], action: str, ref: str, path: str) -> bool:
    """Whether alice may, at time 10, by looking at each rule by itself."""
    effects = {
        rule.effect
        for rule in policy
        if action in rule.actions
        and (rule.subject_kind, rule.subject) in {(SubjectKind.USER, "alice"), (SubjectKind.GROUP, "g")}
        and (rule.expires_at is None or rule.expires_at > 10)
        and fnmatch.fnmatchcase("a/x", rule.repository)
        and fnmatch.fnmatchcase(ref, rule.ref)
        and re.fullmatch(PATH_GLOBS[rule.path], path)
    }
    return Effect.ALLOW in effects and Effect.DENY not in effects


def sight_of(policy: list[Rule]) -> tuple[Sight, list[tuple[str, str, str]]]:
    """What alice sees, and what the policy was asked for that."""
    asked: list[tuple[str, str, str]] = []
    compiled = Policy(1, tuple(policy))

    def ask(action: str, ref: str, path: str) -> Decision:
        asked.append((action, ref, path))
        return decide(WHO, action, Resource("a/x", ref, path), compiled, 10)

    return Sight(ask, compiled, WHO, "a/x"), asked


@given(st.lists(rules, max_size=6))
def test_P4_every_place_is_seen_as_the_naive_evaluator_says(policy: list[Rule]) -> None:
    sight, _ = sight_of(policy)
    for action in ACTIONS:
        for ref in REFS:
            allowed = {path: naive(policy, action, ref, path) for path in PATHS}
            assert {path: sight.may(action, ref, path) for path in PATHS} == allowed
            if sight.all_paths(action, ref):
                assert all(allowed.values())
            if not sight.tells_paths(action):
                assert len(set(allowed.values())) == 1
            refused = sight.refused(action, ref, PATHS)
            assert refused == ([path for path in PATHS if not allowed[path]] if sight.tells_paths(action) else [])
            assert set(sight.forbidden(action, ref, PATHS)) <= set(refused)


@given(st.lists(rules, max_size=6))
def test_P4_refs_that_no_rule_tells_apart_are_seen_alike(policy: list[Rule]) -> None:
    sight, _ = sight_of(policy)
    for action in ACTIONS:
        if not sight.tells_refs(action):
            for path in PATHS:
                assert len({naive(policy, action, ref, path) for ref in REFS}) == 1


def test_P4_a_hundred_thousand_paths_ask_the_policy_once_for_each_way_in_which_globs_match() -> None:
    allow = Rule(1, Effect.ALLOW, SubjectKind.USER, "alice", "", ("list",), "a/x")
    deny = Rule(2, Effect.DENY, SubjectKind.USER, "alice", "", ("list",), "a/x", path="weights/**")
    paths = [f"{folder}/{number}" for folder in ("docs", "weights") for number in range(50_000)]

    sight, asked = sight_of([allow])
    assert sight.all_paths("list", "branch/main")
    assert sight.refused("list", "branch/main", paths) == []
    assert len(asked) == 1

    sight, asked = sight_of([allow, deny])
    assert not sight.all_paths("list", "branch/main")
    assert len(sight.refused("list", "branch/main", paths)) == 50_000
    assert len(asked) == 2
