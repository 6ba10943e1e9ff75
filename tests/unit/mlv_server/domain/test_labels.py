"""Labels: made once, moved and deleted with a reason, never given to another version unseen, kept for some."""

from __future__ import annotations

import pytest

from mlv_core.entities import Label
from mlv_core.errors import AlreadyExists, Denied, InvalidRequest, NotFound
from mlv_core.ids import ChangesetNumber as N
from mlv_core.releasing import LabelAct, LabelEntry, Reservation
from mlv_server.domain import labels

V1 = Label("v1", N(1), "notes", "ann", 5)
MADE = LabelEntry("v1", LabelAct.CREATED, N(1), "ann", 5, "notes")
GONE = LabelEntry("v1", LabelAct.DELETED, N(1), "rex", 6, "too early")
KEPT = Reservation("v*", ("group:Releasers", "user:rex"), "root", 1, 1)


def test_a_label_is_made_once():
    assert labels.decide_create(V1, None, ()) == V1
    with pytest.raises(AlreadyExists, match="@1 already"):
        labels.decide_create(V1, V1, (MADE,))


def test_a_deleted_label_is_made_again_only_where_it_was():
    again = Label("V1", N(1), "more notes", "bob", 9)
    assert labels.decide_create(again, None, (MADE, GONE)) == Label("v1", N(1), "more notes", "bob", 9)
    with pytest.raises(AlreadyExists, match="until rex deleted it: too early"):
        labels.decide_create(Label("v1", N(2), "", "bob", 9), None, (MADE, GONE))


def test_a_move_counts_keeps_the_message_and_brings_back_what_was_deleted():
    assert labels.decide_move("v1", N(2), V1, (MADE,), "rex", 9) == Label("v1", N(2), "notes", "rex", 9, 1)
    back = labels.decide_move("V1", N(3), None, (MADE, GONE), "rex", 9)
    assert back == Label("v1", N(3), "notes", "rex", 9, 1)
    with pytest.raises(InvalidRequest):
        labels.decide_move("v1", N(1), V1, (MADE,), "rex", 9)
    with pytest.raises(NotFound):
        labels.decide_move("v2", N(1), None, (), "rex", 9)


def test_kept_names_are_for_their_groups_and_users_alone():
    labels.check_reserved("v1", "ann", {"releasers"}, (KEPT,))
    labels.check_reserved("v1", "rex", (), (KEPT,))
    labels.check_reserved("nightly", "ann", (), (KEPT,))
    for name in ("v1", "V2"):
        with pytest.raises(Denied, match="kept for group:Releasers, user:rex"):
            labels.check_reserved(name, "ann", {"readers"}, (KEPT,))
    narrower = Reservation("v1*", ("user:ann",), "root", 1, 2)
    with pytest.raises(Denied):
        labels.check_reserved("v1", "rex", (), (KEPT, narrower))


@pytest.mark.parametrize(
    ("pattern", "subjects"),
    [
        ("", ("user:ann",)), ("x" * 256, ()), ("a\n", ()), ("v*", ("ann",)), ("v*", ("group:",)),
        ("v*", tuple(f"user:u{number}" for number in range(101))),
    ],
)  # fmt: skip
def test_what_is_no_reservation_is_refused(pattern, subjects):
    with pytest.raises(InvalidRequest):
        labels.check_reservation(pattern, subjects)


def test_reasons_are_asked_for_and_bounded():
    labels.check_reason("why", "moved")
    for reason in (" ", "x" * 1001):
        with pytest.raises(InvalidRequest):
            labels.check_reason(reason, "moved")
    with pytest.raises(InvalidRequest):
        labels.check_message("x" * (64 * 1024 + 1))
