"""C3: answers are kept for thirty days, by user and request id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlv_core.errors import RequestReused
from mlv_core.ids import RequestId
from mlv_server.metadata.requests import KEPT_MILLISECONDS

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

ID = RequestId("r1")
DIGEST = bytes(32)


def user_id(house: House, name: str) -> int:
    house.add_user(name)
    return house.db.read_now(lambda tx: tx.users.get(name)[0])


def test_C3_the_same_request_gets_the_first_answer(house: House) -> None:
    alice = user_id(house, "alice")
    assert house.db.read_now(lambda tx: tx.requests.answer(alice, ID, "publish", DIGEST)) is None
    house.db.write_now(lambda tx: tx.requests.keep(alice, ID, "publish", DIGEST, b"@1", 1000))
    assert house.db.read_now(lambda tx: tx.requests.answer(alice, ID, "publish", DIGEST)) == b"@1"
    assert house.db.read_now(lambda tx: tx.requests.find(alice, ID, "publish")) == b"@1"
    assert house.db.read_now(lambda tx: tx.requests.find(alice, ID, "undo")) is None


def test_C3_the_same_id_for_another_request_is_refused(house: House) -> None:
    alice = user_id(house, "alice")
    house.db.write_now(lambda tx: tx.requests.keep(alice, ID, "publish", DIGEST, b"@1", 1000))
    for method, digest in (("publish", b"\1" * 32), ("undo", DIGEST)):
        with pytest.raises(RequestReused):
            house.db.read_now(lambda tx, m=method, d=digest: tx.requests.answer(alice, ID, m, d))


def test_C3_ids_of_different_users_do_not_meet(house: House) -> None:
    alice, bob = user_id(house, "alice"), user_id(house, "bob")
    house.db.write_now(lambda tx: tx.requests.keep(alice, ID, "publish", DIGEST, b"@1", 1000))
    assert house.db.read_now(lambda tx: tx.requests.answer(bob, ID, "publish", b"\1" * 32)) is None


def test_C3_answers_are_forgotten_after_thirty_days(house: House) -> None:
    alice = user_id(house, "alice")
    house.db.write_now(lambda tx: tx.requests.keep(alice, ID, "publish", DIGEST, b"@1", 1000))
    later = 1000 + KEPT_MILLISECONDS
    house.db.write_now(lambda tx: tx.requests.keep(alice, RequestId("r2"), "publish", DIGEST, b"@2", later))
    assert house.db.read_now(lambda tx: tx.requests.find(alice, ID, "publish")) == b"@1"
    house.db.write_now(lambda tx: tx.requests.keep(alice, RequestId("r3"), "publish", DIGEST, b"@3", later + 1))
    assert house.db.read_now(lambda tx: tx.requests.find(alice, ID, "publish")) is None
