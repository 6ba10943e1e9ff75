"""Properties of the version itself: they reach every workspace, offline too, and are merged with other commits."""

from __future__ import annotations

import pytest


@pytest.fixture
def pair(workspace, member):
    """Two workspaces at @1; the first one has given the version a licence in @2."""
    first = workspace()
    first.write("train.py", b"print()\n")
    first.mlv("add", ".")
    first.mlv("commit", "-m", "base")
    second = workspace(member())
    first.mlv("meta", "set", ".", "licence=apache-2.0")
    first.mlv("commit", "-m", "licence")
    return first, second


def properties(who):
    return who.json("meta", "show", ".")["properties"]


def test_an_update_brings_them(pair):
    first, second = pair
    assert properties(first) == {"licence": "apache-2.0"}
    assert properties(second) == {}
    second.mlv("update")
    assert properties(second) == {"licence": "apache-2.0"}
    assert "apache-2.0" in second.mlv("meta", "show", ".")


def test_a_checkout_brings_them(pair, workspace, member):
    late = workspace(member())
    assert properties(late) == {"licence": "apache-2.0"}


def test_going_back_takes_them_away_and_forward_again_brings_them(pair):
    first, _ = pair
    first.mlv("update", "@1")
    assert properties(first) == {}
    first.mlv("update")
    assert properties(first) == {"licence": "apache-2.0"}


def test_an_undo_takes_them_back(pair):
    first, second = pair
    first.mlv("undo", "@2")
    first.mlv("update")
    second.mlv("update")
    assert (properties(first), properties(second)) == ({}, {})


def test_C4_a_stale_change_of_them_is_refused_and_lands_after_an_update(pair):
    first, second = pair
    second.mlv("meta", "set", ".", "owner=fraud-team")
    assert second.json("commit", "-m", "owner", code=3)["code"] == "HEAD_MOVED"
    second.mlv("update")
    assert properties(second) == {"licence": "apache-2.0", "owner": "fraud-team"}
    second.mlv("commit", "-m", "owner")
    first.mlv("update")
    assert properties(first) == {"licence": "apache-2.0", "owner": "fraud-team"}


def test_C4_a_commit_of_something_else_keeps_them(pair):
    first, second = pair
    second.write("train.py", b"print(1)\n")
    second.mlv("commit", "-m", "code")
    second.mlv("update")
    first.mlv("update")
    assert (properties(first), properties(second)) == ({"licence": "apache-2.0"}, {"licence": "apache-2.0"})
    first.mlv("meta", "unset", ".", "licence")
    first.mlv("commit", "-m", "none")
    second.mlv("update")
    assert properties(second) == {}
