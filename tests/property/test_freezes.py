"""Freezes against a naive evaluator that was written from the rule's words (L2)."""

from __future__ import annotations

import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from mlv_core.errors import Frozen
from mlv_core.releasing import Freeze
from mlv_server.domain import freezes

BRANCHES = ("main", "dev")
PATHS = ("a.py", "data/x", "data/deep/y")
LABELS = ("v1", "V2", "nightly")

places = st.one_of(
    st.tuples(st.sampled_from(BRANCHES), st.just(""), st.just("")),
    st.tuples(st.sampled_from(["", *BRANCHES]), st.just(""), st.sampled_from(["**", "data", "/data/*", "*.py"])),
    st.tuples(st.just(""), st.sampled_from(["v*", "v1", "*"]), st.just("")),
)
some = st.builds(
    lambda place, until, lifted: Freeze(1, *place, "ann", 0, until, "why", lifted),
    places,
    st.sampled_from([None, 5, 15]),
    st.sampled_from([None, None, 3]),
)


def naive(one: Freeze, now: int, branch: str, paths: list[str], label: str) -> bool:
    """Whether the freeze holds and something in it is touched."""
    if one.lifted_at is not None or (one.until is not None and now >= one.until):
        return False
    if one.label:
        return bool(label) and fnmatch.fnmatchcase(label.lower(), one.label.lower())
    if not branch or one.branch not in {"", branch}:
        return False
    inside = {
        "": set(PATHS) | {""},
        "**": set(PATHS),
        "data": {"data/x", "data/deep/y"},
        "/data/*": {"data/x"},
        "*.py": {"a.py"},
    }[one.path]
    return bool(inside.intersection(paths)) or (not one.path)


@given(
    frozen=st.lists(some, max_size=5),
    now=st.sampled_from([0, 4, 5, 14, 15, 99]),
    branch=st.sampled_from(BRANCHES),
    paths=st.lists(st.sampled_from(PATHS), max_size=3, unique=True),
    label=st.sampled_from(LABELS),
)
def test_L2_what_is_frozen_is_what_the_words_say(frozen, now, branch, paths, label):
    for asked in ({"branch": branch, "paths": paths}, {"label": label}):
        told = 0
        try:
            freezes.check(frozen, now, **asked)
        except Frozen as error:
            told = len(error.items)
        assert told == sum(naive(one, now, asked.get("branch", ""), paths, asked.get("label", "")) for one in frozen)
