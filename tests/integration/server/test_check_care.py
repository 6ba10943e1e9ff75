"""External checks as their admins make, try and delete them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.hook_kit import Post
from tests.receivers import SECRET, Receiver, receiving

from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, NotFound
from mlv_core.hooks import Check, Moment, NewCheck
from mlv_server.services import checks, labels
from mlv_server.services.checks import CHECKS_LIMIT

BEGIN, PUBLISH, LABEL, MERGE = Moment


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as made:
        made.answer = lambda _: (200, b'{"allow": true}')
        yield made


@pytest.fixture
def post(detector: House, receiver: Receiver) -> Post:
    return Post.of(detector, receiver)


@pytest.fixture
def guard(post: Post, receiver: Receiver) -> Callable[..., Check]:
    """A function that makes a check which the receiver answers."""

    def make(*moments: Moment, **more: Any) -> Check:
        asked = NewCheck(str(DETECTOR), receiver.url, moments, **{"secret": SECRET, "name": "ci", **more})
        return post.house.run(checks.add(post.house.call("root"), asked, dry_run=False))[0]

    return make


def test_P4_checks_are_for_admins_and_hidden_from_strangers(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    made = guard(PUBLISH)
    asked = NewCheck(str(DETECTOR), receiver.url, (PUBLISH,), name="x")
    for user, refusal in (("alice", Denied), ("rita", Denied), ("stranger", NotFound)):
        for act in (
            lambda call: checks.add(call, asked, dry_run=False),
            lambda call: checks.list_all(call, DETECTOR),
            lambda call: checks.delete(call, DETECTOR, made.id, dry_run=False),
            lambda call: checks.rotate(call, DETECTOR, made.id, "", 60, dry_run=False),
            lambda call: checks.try_out(call, DETECTOR, made.id, dry_run=False),
        ):
            with pytest.raises(refusal):
                post.house.run(act(post.house.call(user)))
    assert receiver.got == []


def test_a_check_is_tried_listed_and_deleted(post: Post, receiver: Receiver, guard: Callable[..., Check]) -> None:
    made = guard(LABEL, MERGE)
    house = post.house
    answer = house.run(checks.try_out(house.call("root"), DETECTOR, "ci", dry_run=False))
    assert answer is not None
    assert (answer.allowed, receiver.got[0].json["act"]) == (True, "test")
    assert house.run(checks.try_out(house.call("root"), DETECTOR, "ci", dry_run=True)) is None
    assert house.run(checks.list_all(house.call("root"), DETECTOR)) == (made,)
    house.run(checks.delete(house.call("root"), DETECTOR, made.id, dry_run=False))
    assert house.run(checks.list_all(house.call("root"), DETECTOR)) == ()
    house.run(labels.create(house.call("root"), DETECTOR, "v1", "@1", "first", False))
    assert len(receiver.got) == 1
    assert [one["action"] for one in post.audit() if one["action"].startswith("check")] == [
        "check.add", "check.test", "check.delete",
    ]  # fmt: skip
    assert SECRET not in repr((made, post.audit()))


@pytest.mark.parametrize(
    "asked",
    [
        {"moments": ()},
        {"deadline": 99},
        {"deadline": 30_001},
        {"ref": "main"},
        {"ref": "branch/" + "x" * 300},
        {"secret": "short"},
        {"url": "https://127.0.0.9.nothing:99999/"},
        {"url": "http://hook.example/"},
    ],
)
def test_what_is_no_check_is_refused(post: Post, receiver: Receiver, asked: dict[str, Any]) -> None:
    values = {"repository": str(DETECTOR), "url": receiver.url, "moments": (PUBLISH,), **asked}
    with pytest.raises(InvalidRequest):
        post.house.run(checks.add(post.house.call("root"), NewCheck(**values), dry_run=False))


def test_a_repository_has_a_bounded_number_of_checks(guard: Callable[..., Check]) -> None:
    for number in range(CHECKS_LIMIT):
        guard(PUBLISH, name=f"check{number}")
    with pytest.raises(LimitExceeded):
        guard(PUBLISH, name="more")


def test_a_check_changes_its_secret_and_both_sign_for_a_while(
    post: Post, receiver: Receiver, guard: Callable[..., Check]
) -> None:
    made = guard(LABEL)
    house = post.house

    def rotate(secret: str, overlap_seconds: int, *, dry_run: bool = False) -> tuple[Check, str]:
        call = house.call("root")
        return house.run(checks.rotate(call, DETECTOR, "ci", secret, overlap_seconds, dry_run=dry_run))

    def signed() -> tuple[bool, bool]:
        house.run(checks.try_out(house.call("root"), DETECTOR, made.id, dry_run=False))
        return receiver.got[-1].is_signed(SECRET), receiver.got[-1].is_signed(new)

    assert rotate("", 60, dry_run=True)[1] == ""
    done, new = rotate("", 60)
    assert (done.id, done.old_secret_until) == (made.id, house.now + 60_000)
    assert signed() == (True, True)
    house.now += 60_000
    assert signed() == (False, True)
    # The question of an act is signed so too; a leaked secret ends at once.
    _, told = rotate("another secret of the tests", 0)
    house.run(labels.create(house.call("root"), DETECTOR, "v1", "@1", "first", False))
    assert (told, receiver.got[-1].json["act"] == "test") == ("", False)
    assert receiver.got[-1].is_signed("another secret of the tests")
    assert not receiver.got[-1].is_signed(new)
    for secret, overlap in (("short", 0), ("", -1), ("", 30 * 86_400 + 1)):
        with pytest.raises(InvalidRequest):
            rotate(secret, overlap)
    with pytest.raises(NotFound):
        house.run(checks.rotate(house.call("root"), DETECTOR, "none", "", 0, dry_run=False))
    entries = post.audit("check.rotate")
    assert [(one["object"], one["user"], one["detail"]["overlap"]) for one in entries] == [
        ("ci", "root", "60"), ("ci", "root", "0"),
    ]  # fmt: skip
    listed = house.run(checks.list_all(house.call("root"), DETECTOR))
    assert new not in repr((listed, done, post.audit()))
