"""Names, places and sight of shelves, decided from values alone."""

from __future__ import annotations

import pytest

from mlv_core.errors import AlreadyExists, InvalidName, LimitExceeded
from mlv_core.shelving import Shelf
from mlv_server.domain.shelving import Sight, decide_place, name_for


def shelf(name: str, *, owner: str = "ann", branch: str = "main", private: bool = False) -> Shelf:
    return Shelf(1, owner, name, branch, "", "w", "h", 0, 1, 1, 1, private)


@pytest.mark.parametrize(
    ("own", "name"), [((), "shelf-1"), (("shelf-1", "Shelf-4", "try"), "shelf-5"), (("shelf-x",), "shelf-1")]
)
def test_a_name_is_found_for_who_gives_none(own: tuple[str, ...], name: str):
    assert name_for("", [shelf(one) for one in own]) == name


@pytest.mark.parametrize("name", ["a/b", "12", "have", "", " x"])
def test_names_that_cannot_be_said(name: str):
    if not name:
        assert name_for(name, ()) == "shelf-1"
        return
    with pytest.raises(InvalidName):
        name_for(name, ())


def test_a_place_is_free_taken_or_one_too_many():
    own = [shelf("one")]
    assert decide_place("two", own, 2, replace=False) is None
    assert decide_place("ONE", own, 1, replace=True) == own[0]
    with pytest.raises(AlreadyExists):
        decide_place("One", own, 2, replace=False)
    with pytest.raises(LimitExceeded):
        decide_place("two", own, 1, replace=True)


@pytest.mark.parametrize(
    ("private", "branch", "user", "admin", "listed", "read"),
    [
        (False, "main", "bob", False, True, True),
        (False, "secret", "bob", False, False, False),
        (True, "main", "bob", False, False, False),
        (True, "main", "bob", True, True, False),
        (True, "secret", "bob", True, False, False),
        (True, "secret", "ann", False, True, True),
    ],
)
def test_P4_who_sees_a_shelf(*, private: bool, branch: str, user: str, admin: bool, listed: bool, read: bool):
    sight = Sight(user, frozenset({"main"}), admin)
    one = shelf("one", private=private, branch=branch)
    assert (sight.lists(one), sight.reads(one)) == (listed, read)
