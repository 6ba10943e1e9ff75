"""The checker of histories: it finds what must not be, and lets pass what may be; then a run of real clients."""

from __future__ import annotations

import random

import pytest
from tests.faults.history import NEVER, Operation, faults, order_faults
from tests.faults.test_kills import RUN_SECONDS, driven


def op(text: str, start: float, end: float = NEVER) -> Operation:
    """'a lock p -> 1' succeeded with 1; 'a lock p ! LOCK_HELD' was refused; 'a commit p = x ?' is not known."""
    left, _, result = text.partition(" -> ")
    left, _, code = left.partition(" ! ")
    unknown = left.endswith(" ?")
    left, _, argument = left.removesuffix(" ?").partition(" = ")
    client, verb, key = left.replace("label of", "label_of").replace("commit keep", "commit_keep").split(" ", 2)
    return Operation(client, verb.replace("_", " "), key, argument, result, None if unknown else code, start, end)


GOOD = {
    "one after the other": ["a lock p -> 1", "a commit p = x -> 1", "b lock p -> 2", "b unlock p", "c read p -> x"],
    "renewed with the same token": ["a lock p -> 1", "a lock p -> 1", "b lock p ! LOCK_HELD", "a unlock p"],
    "broken, then taken": ["a lock p -> 1", "b break p", "b lock p -> 2", "b commit p = y -> 1", "a read p -> y"],
    "an unknown lock is found taken": ["a lock p ?", "b lock p ! LOCK_HELD", "a lock p -> 1", "c holder p -> a"],
    "an unknown commit landed": ["a lock p -> 1", "a commit p = x ?", "b read p -> x", "b lock p -> 2"],
    "an unknown commit did not land": ["a lock p -> 1", "a commit p = x ?", "b read p -> ", "b holder p -> a"],
    "a kept lock": ["a lock p -> 1", "a commit keep p = x -> 1", "b holder p -> a", "a commit p = y -> 2"],
    "a label once": ["a label label v1 = 3", "b label label v1 = 4 ! ALREADY_EXISTS", "b label of label v1 -> 3"],
}
BAD = {
    "N5 two holders": ["a lock p -> 1", "b lock p -> 2"],
    "N5 a commit on a broken lock": ["a lock p -> 1", "b break p", "a commit p = x -> 1"],
    "N5 a commit without a lock": ["a commit p = x -> 1"],
    "N1 a lost lock": ["a lock p -> 1", "b holder p -> "],
    "N1 a lost commit": ["a lock p -> 1", "a commit p = x -> 1", "b read p -> "],
    "a read of what was replaced": [
        "a lock p -> 1", "a commit keep p = x -> 1", "a commit p = y -> 2", "b read p -> x",
    ],
    "a token that went back": ["a lock p -> 5", "a unlock p", "b lock p -> 4"],
    "refused though free": ["a lock p -> 1", "a unlock p", "b lock p ! LOCK_HELD"],
    "released by another": ["a lock p -> 1", "b unlock p"],
    "an unknown commit landed and went": [
        "a lock p -> 1", "a commit keep p = x ?", "b read p -> x", "b read p -> ",
    ],
    "a label moved": ["a label label v1 = 3", "b label label v1 = 4"],
    "a label lost": ["a label label v1 = 3", "b label of label v1 -> "],
}  # fmt: skip


def in_a_row(texts: list[str]) -> list[Operation]:
    return [op(text, place, NEVER if text.endswith("?") else place + 0.5) for place, text in enumerate(texts)]


@pytest.mark.parametrize("name", GOOD)
def test_what_may_be_passes(name):
    assert faults(in_a_row(GOOD[name])) == []


@pytest.mark.parametrize("name", BAD)
def test_what_must_not_be_is_found(name):
    assert faults(in_a_row(BAD[name]))


def test_operations_at_the_same_time_may_take_any_order():
    history = [op("a lock p -> 2", 0, 10), op("b lock p -> 1", 0, 10), op("b unlock p", 11, 12)]
    assert faults(history)
    assert faults([*history[:2], op("b unlock p", 3, 9)]) == []
    assert faults([op("a lock p -> 1", 0, 10), op("b holder p -> a", 1, 2), op("b holder p -> ", 3, 4)])


def test_many_at_once_are_checked_quickly():
    pick, history, at = random.Random(1), [], 0.0
    for token in range(1, 300):
        who = pick.choice("abcd")
        history += [op(f"{who} lock p -> {token}", at, at + 3), op(f"{who} unlock p", at + 3.5, at + 4)]
        history += [op(f"{other} lock p ! LOCK_HELD", at + 3.1, at + 3.6) for other in "abcd" if other != who]
        at += 5
    assert faults(history) == []
    assert faults([*history, op("e holder p -> a", at + 1, at + 2)])


def test_the_order_of_commits_is_real_time():
    first, second = op("a commit p = x -> 1", 0, 1), op("b commit q = y -> 2", 2, 3)
    assert order_faults([first, second, op("c head main -> 2", 4, 5)], [(1, "x"), (2, "y")]) == []
    assert order_faults([first, op("b commit q = y ?", 2), op("c head main -> 1", 4, 5)], [(1, "x")]) == []
    assert order_faults([first, second], [(1, "x")])
    assert order_faults([first, second], [(1, "x"), (2, "y"), (3, "x")])
    assert order_faults([first, second], [(1, "x"), (2, "y"), (3, "z")])
    assert order_faults([first, second, op("c head main -> 1", 4, 5)], [(1, "x"), (2, "y")])
    assert order_faults([op("a commit p = x -> 2", 0, 1), op("b commit q = y -> 1", 2, 3)], [(1, "y"), (2, "x")])


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS)
def test_N5_histories_over_kills_and_restarts_are_linearizable(tmp_path):
    report = driven("recorded", tmp_path, "--rounds", "3", "--seed", "1")
    counts = report["counts"]
    assert counts["rounds"] == 3
    assert counts["server kills"] > 3
    assert counts["client kills"] > 3
    for answer in ("lock ok", "lock LOCK_HELD", "commit ok", "read ok", "holder ok"):
        assert counts[answer] > 0, answer


def test_L1_an_unlock_that_finds_nothing_says_that_the_lock_it_knew_is_gone():
    mine, gone = op("a lock p -> 1", 0, 1), op("a unlock p ! NOT_FOUND", 8, 9)
    assert faults([mine, gone])
    assert faults([mine, op("b break p", 2, 3), gone]) == []
    assert faults([mine, op("b break p", 2, 3), op("b lock p -> 2", 4, 5), gone]) == []
    # Its own, of which a killed client never heard, is none that it knew.
    assert faults([mine, op("b break p", 2, 3), op("a lock p ?", 4), gone, op("b holder p -> a", 10, 11)]) == []
    assert faults([mine, op("b break p", 2, 3), op("a lock p -> 2", 4, 5), gone])
