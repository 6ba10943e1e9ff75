"""Freezes: what they stop, until when, and what the refused are told (L2, L12)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlv_core.errors import Frozen, InvalidName, InvalidPath, InvalidRequest
from mlv_core.releasing import Freeze
from mlv_server.domain import freezes

NOON = 1_700_000_000_000
MAIN = Freeze(1, "main", "", "", "ann", NOON, None, "release week")
DATA = Freeze(2, "", "", "data", "ann", NOON, NOON + 60_000, "the audit looks at it")
LABELS = Freeze(3, "", "v*", "", "rex", NOON, None, "signed off")


def test_L2_a_branch_is_frozen_whatever_is_touched_there():
    for paths in ((), ("a.py",), ("data/x",)):
        with pytest.raises(Frozen):
            freezes.check((MAIN,), NOON, branch="main", paths=paths)
    freezes.check((MAIN,), NOON, branch="dev", paths=("a.py",))
    freezes.check((MAIN,), NOON, label="main")


def test_L2_paths_are_frozen_on_one_branch_or_on_every_one():
    with pytest.raises(Frozen, match=r"data/x \(data on every branch\)"):
        freezes.check((DATA,), NOON, branch="dev", paths=("a.py", "data/x"))
    freezes.check((DATA,), NOON, branch="dev", paths=("a.py",))
    here = replace(DATA, branch="main")
    freezes.check((here,), NOON, branch="dev", paths=("data/x",))
    with pytest.raises(Frozen, match=r"data/x \(data on main\)"):
        freezes.check((here,), NOON, branch="main", paths=("data/x",))


def test_L12_labels_are_frozen_by_name_or_pattern_whatever_the_case():
    for label in ("v1", "V2.0"):
        with pytest.raises(Frozen):
            freezes.check((LABELS,), NOON, label=label)
    freezes.check((LABELS,), NOON, label="nightly")
    freezes.check((LABELS,), NOON, branch="v1", paths=("v1",))


def test_L2_a_freeze_ends_at_its_date_and_when_it_is_lifted():
    with pytest.raises(Frozen):
        freezes.check((DATA,), NOON + 59_999, branch="main", paths=("data/x",))
    freezes.check((DATA,), NOON + 60_000, branch="main", paths=("data/x",))
    lifted = replace(MAIN, lifted_at=NOON + 1, lifted_by="ann")
    freezes.check((lifted,), NOON, branch="main")


def test_a_refusal_says_who_why_until_when_and_how_it_is_lifted():
    with pytest.raises(Frozen) as one:
        freezes.check((MAIN,), NOON, branch="main")
    assert one.value.message == ("main is frozen by ann since 2023-11-14 22:13 UTC, until it is lifted: release week.")
    assert "'mlv unfreeze main'" in one.value.advice
    with pytest.raises(Frozen) as two:
        freezes.check((MAIN, DATA), NOON, branch="main", paths=("data/x",))
    assert len(two.value.items) == 2
    assert "until 2023-11-14 22:14 UTC" in two.value.items[1]
    assert "'mlv unfreeze --path data'" in two.value.advice
    with pytest.raises(Frozen) as three:  # a pattern stands in quotes, or a shell would make names of files of it
        freezes.check((replace(DATA, path="**/*.bin"),), NOON, branch="main", paths=("data/x.bin",))
    assert """'mlv unfreeze --path "**/*.bin"'""" in three.value.advice


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (replace(MAIN, branch=""), InvalidRequest),
        (replace(MAIN, label="v1"), InvalidRequest),
        (replace(LABELS, path="x"), InvalidRequest),
        (replace(MAIN, reason="  "), InvalidRequest),
        (replace(MAIN, reason="x" * 1001), InvalidRequest),
        (replace(MAIN, until=NOON), InvalidRequest),
        (replace(LABELS, label="a..b"), InvalidName),
        (replace(LABELS, label="v*" * 200), InvalidRequest),
        (replace(DATA, path="x" * 5000), InvalidRequest),
        (replace(DATA, path="x" * 4096), InvalidPath),
    ],
)
def test_what_says_nothing_or_too_much_is_no_freeze(wanted, error):
    with pytest.raises(error):
        freezes.check_new(wanted, NOON)


def test_freezes_of_one_place_are_known_as_such():
    for one in (MAIN, DATA, LABELS):
        freezes.check_new(one, NOON)
        assert freezes.same_place(one, replace(one, by="bob", reason="x", until=None))
    assert not freezes.same_place(MAIN, replace(MAIN, path="data"))
    assert freezes.same_place(LABELS, replace(LABELS, label="V*"))
    assert [freezes.ref_of(one) for one in (MAIN, DATA, LABELS)] == ["branch/main", "branch/*", "label/v*"]
    assert freezes.place_of(replace(DATA, branch="dev")) == "dev --path data"
    with pytest.raises(InvalidRequest):
        freezes.check_lifting(replace(MAIN, branch=""))
    with pytest.raises(InvalidRequest):
        freezes.check_lifting(replace(MAIN, reason="x" * 1001))
