"""Webhooks on a real database, told over real HTTPS, with the clock in the test's hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.server.commit_kit import MODEL, lock, modify, publish, request_for
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.hook_kit import CHANCE, Post
from tests.receivers import SECRET, Receiver, receiving

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, NotFound
from mlv_core.hooks import HookState, NewWebhook
from mlv_core.ids import RepositoryName
from mlv_server.domain.delivering import FIRST_PAUSE_MS, GIVE_UP_MS
from mlv_server.domain.events import webhook_event
from mlv_server.metadata.webhooks import KEPT_DELIVERIES
from mlv_server.services import identity, policy, webhooks
from mlv_server.services.deliveries import TURN
from mlv_server.services.webhooks import WEBHOOKS_LIMIT


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as made:
        yield made


@pytest.fixture
def post(detector: House, receiver: Receiver) -> Post:
    return Post.of(detector, receiver)


def test_events_come_signed_in_order_from_the_adding_on(post: Post, receiver: Receiver) -> None:
    post.happen("before")
    hook = post.add(receiver.url)
    post.happen("one", "two")
    post.sweep()
    assert post.told(receiver) == [2, 3]
    first = receiver.got[0]
    assert first.is_signed(SECRET)
    assert not first.is_signed("another secret!!")
    assert (first.json["repository"], first.json["webhook"]) == (str(DETECTOR), hook.id)
    assert (first.json["kind"], first.json["facts"]["branch"]) == ("branch.created", "one")
    assert (first.headers["x-mlv-event"], first.headers["x-mlv-kind"]) == (str(post.start + 2), "branch.created")
    assert post.look(hook).position == post.start + 3
    post.sweep()
    assert post.told(receiver) == [2, 3]


def test_kinds_branches_and_paths_narrow_what_is_told(post: Post, receiver: Receiver) -> None:
    post.happen("one")
    wanted = [
        {"kinds": ("lock",)},
        {"branch": "one"},
        {"paths": ("*.bin",)},
        {"kinds": ("branch",)},
        {"branch": "main"},
    ]
    hooks = [post.add(receiver.url, **more) for more in wanted]
    post.house.now += 1
    lock(post.house, "alice", "wa")
    post.happen("two")
    post.sweep()
    told = {hook.id: [one.json["kind"] for one in receiver.got if one.json["webhook"] == hook.id] for hook in hooks}
    assert list(told.values()) == [["lock.acquired"], [], [], ["branch.created"], ["lock.acquired"]]
    assert [post.look(hook).position for hook in hooks] == [post.start + 3] * 5
    refused = NewWebhook(str(DETECTOR), receiver.url, kinds=("comit",))
    with pytest.raises(InvalidRequest, match="no kind of events"):
        post.house.run(webhooks.add(post.house.call("root"), refused, dry_run=False))


def test_a_failure_holds_the_order_and_is_tried_again_with_growing_pauses(post: Post, receiver: Receiver) -> None:
    statuses = iter([500, 302, 404, 200, 200])
    receiver.answer = lambda _: (next(statuses), b"sorry \x1b[31m")
    hook = post.add(receiver.url)
    post.happen("one", "two")
    pauses = []
    for attempt in range(1, 4):
        post.sweep()
        at = post.house.now
        seen = post.look(hook)
        assert (seen.attempts, seen.state) == (attempt, HookState.ACTIVE)
        assert seen.next_at is not None
        pauses.append(seen.next_at - at)
        post.house.now = seen.next_at - 2000
        post.sweep()
        assert len(receiver.got) == attempt, "it was tried before its time"
        post.house.now = seen.next_at
    post.sweep()
    assert pauses == [round(CHANCE * FIRST_PAUSE_MS * 2**n) for n in range(3)]
    assert post.told(receiver) == [1, 1, 1, 1, 2]
    assert len({one.body for one in receiver.got[:4]}) == 1
    assert [one.headers["x-mlv-attempt"] for one in receiver.got] == ["1", "2", "3", "4", "1"]
    assert (post.look(hook).attempts, post.look(hook).position) == (0, post.start + 2)
    listed = post.deliveries(hook)
    assert [(one.sequence - post.start, one.attempt, one.status) for one in listed] == [
        (2, 1, 200), (1, 4, 200), (1, 3, 404), (1, 2, 302), (1, 1, 500),
    ]  # fmt: skip
    assert [bool(one.fault) for one in listed] == [False, False, True, True, True]
    assert listed[-1].answer == "sorry \\x1b[31m"
    assert [one.number for one in listed] == [5, 4, 3, 2, 1]


def test_a_day_of_failures_ends_in_a_pause_that_audit_and_events_tell(post: Post, receiver: Receiver) -> None:
    receiver.answer = lambda _: (503, b"")
    hook = post.add(receiver.url)
    post.happen("one")
    post.sweep()
    post.house.now += GIVE_UP_MS
    post.sweep()
    seen = post.look(hook)
    assert (seen.state, seen.reason) == (HookState.FAILING, "it answered with status 503")
    (entry,) = post.audit("webhook.stop")
    assert (entry["user"], entry["object"], entry["reason"]) == ("server", hook.id, seen.reason)
    kinds = post.house.db.read_now(lambda tx: [event.kind.value for _, _, event in tx.events.after(1, post.start, 9)])
    assert kinds == ["branch.created", "webhook.stopped"]
    post.house.now += GIVE_UP_MS
    post.sweep()
    assert len(receiver.got) == 2
    receiver.answer = lambda _: (200, b"")
    post.house.run(webhooks.resume(post.house.call("root"), DETECTOR, hook.id, from_now=False, dry_run=False))
    post.sweep()
    assert post.told(receiver) == [1, 1, 1, 2]
    assert receiver.got[-1].json["kind"] == "webhook.stopped"


def test_pause_keeps_what_happens_and_resume_may_leave_it_out(post: Post, receiver: Receiver) -> None:
    kept, left = post.add(receiver.url), post.add(receiver.url)
    for hook in (kept, left):
        post.house.run(webhooks.pause(post.house.call("root"), DETECTOR, hook.id, dry_run=False))
    post.happen("one", "two")
    post.sweep()
    assert receiver.got == []
    assert post.look(kept).reason == "paused by root"
    resume = webhooks.resume
    post.house.run(resume(post.house.call("root"), DETECTOR, kept.id, from_now=False, dry_run=False))
    post.house.run(resume(post.house.call("root"), DETECTOR, left.id, from_now=True, dry_run=False))
    post.happen("three")
    post.sweep()
    assert post.told(receiver, kept) == [1, 2, 3]
    assert post.told(receiver, left) == [3]


def test_P4_only_what_its_creator_may_see_is_told_and_a_lost_right_stops_it(post: Post, receiver: Receiver) -> None:
    house = post.house
    house.add_user("anna")
    house.grant("admin", "anna")
    hook, other = post.add(receiver.url, "anna"), post.add(receiver.url, "root")
    post.happen("one")
    post.sweep()
    house.grant("reader", "anna")
    house.run(policy.revoke(house.host(), str(DETECTOR), "admin", "anna", dry_run=False))
    house.db.write_now(lambda tx: tx.events.append(1, house.now, (webhook_event("w", "for admins alone"),)))
    post.happen("two")
    post.sweep()
    assert post.branches(receiver, hook) == post.branches(receiver, other) == ["one", "two"]
    of_admins = [one.json["webhook"] for one in receiver.got if one.json["kind"] == "webhook.stopped"]
    assert of_admins == [other.id]
    before = post.look(hook).position
    house.run(policy.revoke(house.host(), str(DETECTOR), "reader", "anna", dry_run=False))
    post.happen("three")
    post.sweep()
    assert post.branches(receiver, hook) == ["one", "two"]
    assert post.branches(receiver, other) == ["one", "two", "three"]
    seen = post.look(hook)
    assert (seen.state, seen.position) == (HookState.STOPPED, before)
    assert "may no longer list" in seen.reason
    assert post.audit("webhook.stop")[-1]["object"] == hook.id


def test_P4_an_event_says_no_more_than_a_watcher_would_read(post: Post, receiver: Receiver) -> None:
    """A rule hides some files from the creator: the count of a commit leaves them out, and locks on them are untold."""
    house = post.house
    house.add_user("anna")
    house.grant("admin", "anna")
    hook, other = post.add(receiver.url, "anna"), post.add(receiver.url, "root")
    hidden = Rule(
        0, Effect.DENY, SubjectKind.USER, "anna", "", ("list", "meta.read"), str(DETECTOR), path="*.safetensors"
    )
    house.db.write_now(lambda tx: tx.rules.change((hidden,), (), "root", house.now))
    token = lock(house, "alice", "wa")
    changes = (modify(MODEL, b"\0two", token=token), modify("train.py", b"print(2)\n"))
    publish(house, "alice", request_for(*changes, contents=(b"\0two", b"print(2)\n")))
    post.sweep()
    said = {one.id: [got.json for got in receiver.got if got.json["webhook"] == one.id] for one in (hook, other)}
    assert [one["kind"] for one in said[other.id]] == ["lock.acquired", "commit.published", "lock.released"]
    assert [one["kind"] for one in said[hook.id]] == ["commit.published"]
    assert (said[other.id][1]["facts"]["files"], said[hook.id][0]["facts"]["files"]) == (2, 1)


def test_P8_a_program_s_webhook_stops_when_who_answers_for_it_is_disabled(post: Post, receiver: Receiver) -> None:
    post.house.add_user("anna")
    made = identity.add_user(post.house.host(), "robot", server_admin=False, dry_run=False, owner="anna", service=True)
    post.house.tokens["robot"] = post.house.run(made)[1]
    post.house.grant("admin", "robot")
    hook = post.add(receiver.url, "robot")
    post.house.run(identity.disable_user(post.house.host(), "anna", dry_run=False))
    post.happen("one")
    post.sweep()
    assert receiver.got == []
    assert "disabled" in post.look(hook).reason


def test_P4_a_disabled_creator_stops_it(post: Post, receiver: Receiver) -> None:
    post.house.add_user("anna")
    post.house.grant("admin", "anna")
    hook = post.add(receiver.url, "anna")
    post.house.run(identity.disable_user(post.house.host(), "anna", dry_run=False))
    post.happen("one")
    post.sweep()
    assert receiver.got == []
    assert post.look(hook).state is HookState.STOPPED
    assert "disabled" in post.look(hook).reason
    with pytest.raises(NotFound):
        post.house.run(webhooks.send(post.house.call("root"), DETECTOR, hook.id, post.start + 1, dry_run=False))


def test_P4_webhooks_are_for_admins_and_hidden_from_strangers(post: Post, receiver: Receiver) -> None:
    hook = post.add(receiver.url)
    asked = NewWebhook(str(DETECTOR), receiver.url)
    for user, refusal in (("alice", Denied), ("rita", Denied), ("stranger", NotFound)):
        acts = [
            lambda call: webhooks.add(call, asked, dry_run=False),
            lambda call: webhooks.list_all(call, DETECTOR),
            lambda call: webhooks.delete(call, DETECTOR, hook.id, dry_run=False),
            lambda call: webhooks.pause(call, DETECTOR, hook.id, dry_run=False),
            lambda call: webhooks.resume(call, DETECTOR, hook.id, from_now=False, dry_run=False),
            lambda call: webhooks.rotate(call, DETECTOR, hook.id, "", 0, dry_run=False),
            lambda call: webhooks.deliveries(call, DETECTOR, hook.id),
            lambda call: webhooks.send(call, DETECTOR, hook.id, 0, dry_run=False),
        ]
        for act in acts:
            with pytest.raises(refusal):
                post.house.run(act(post.house.call(user)))
    assert receiver.got == []


def test_a_webhook_of_another_repository_is_not_found(post: Post, receiver: Receiver) -> None:
    other = RepositoryName("fraud", "other")
    post.house.add_repository(other)
    hook = post.add(receiver.url)
    with pytest.raises(NotFound):
        post.house.run(webhooks.deliveries(post.house.call("root"), other, hook.id))


def test_a_webhook_that_is_far_behind_lets_others_have_their_turn(post: Post, receiver: Receiver) -> None:
    hook = post.add(receiver.url)
    one = post.house.db.read_now(lambda tx: tx.events.after(1, 0, 1))[0][2]
    post.house.db.write_now(lambda tx: tx.events.append(1, post.house.now, (one,) * (TURN + 5)))
    post.sweep()
    assert post.told(receiver) == list(range(1, TURN + 1))
    post.sweep()
    assert post.told(receiver) == list(range(1, TURN + 6))
    assert post.look(hook).position == post.start + TURN + 5


def test_two_secrets_sign_while_they_change(post: Post, receiver: Receiver) -> None:
    hook = post.add(receiver.url)
    call = post.house.call("root")
    _, made = post.house.run(webhooks.rotate(call, DETECTOR, hook.id, "", 60, dry_run=False))
    post.happen("one")
    post.sweep()
    assert receiver.got[0].is_signed(SECRET)
    assert receiver.got[0].is_signed(made)
    post.house.now += 60_000
    post.happen("two")
    post.sweep()
    assert not receiver.got[1].is_signed(SECRET)
    assert receiver.got[1].is_signed(made)


def test_a_test_and_a_redelivery_are_sent_at_once_beside_the_order(post: Post, receiver: Receiver) -> None:
    hook = post.add(receiver.url)
    post.happen("one", "two")
    call = post.house.call("root")
    test = post.house.run(webhooks.send(call, DETECTOR, hook.id, 0, dry_run=False))
    assert (test.status, test.kind, test.number) == (200, "ping", 1)
    post.sweep()
    again = post.house.run(webhooks.send(post.house.call("root"), DETECTOR, hook.id, post.start + 1, dry_run=False))
    assert (again.sequence, again.number) == (post.start + 1, 4)
    assert post.told(receiver) == [0, 1, 2, 1]
    assert receiver.got[1].body == receiver.got[3].body
    assert post.look(hook).position == post.start + 2
    with pytest.raises(NotFound):
        post.house.run(webhooks.send(post.house.call("root"), DETECTOR, hook.id, 99, dry_run=False))
    post.house.run(webhooks.send(post.house.call("root"), DETECTOR, hook.id, post.start + 1, dry_run=True))
    assert len(receiver.got) == 4


def test_what_is_kept_of_deliveries_and_webhooks_is_bounded(post: Post, receiver: Receiver) -> None:
    hook = post.add(receiver.url)
    post.happen("one")
    post.sweep()
    (made,) = post.deliveries(hook)
    post.house.db.write_now(lambda tx: [tx.webhooks.note(1, hook.id, made) for _ in range(KEPT_DELIVERIES + 5)])
    numbers = [one.number for one in post.deliveries(hook)]
    assert numbers == list(range(KEPT_DELIVERIES + 6, 6, -1))
    for _ in range(WEBHOOKS_LIMIT - 1):
        post.add(receiver.url)
    with pytest.raises(LimitExceeded):
        post.add(receiver.url)


def test_a_dry_run_and_a_delete_leave_nothing(post: Post, receiver: Receiver) -> None:
    asked = NewWebhook(str(DETECTOR), receiver.url)
    _, secret = post.house.run(webhooks.add(post.house.call("root"), asked, dry_run=True))
    assert secret == ""
    assert post.house.run(webhooks.list_all(post.house.call("root"), DETECTOR)) == ()
    hook = post.add(receiver.url)
    post.happen("one")
    post.sweep()
    post.house.run(webhooks.delete(post.house.call("root"), DETECTOR, hook.id, dry_run=False))
    post.happen("two")
    post.sweep()
    assert post.told(receiver) == [1]
    with pytest.raises(NotFound):
        post.deliveries(hook)


def test_secrets_are_in_no_answer_and_no_audit_entry(post: Post, receiver: Receiver) -> None:
    asked = NewWebhook(str(DETECTOR), f"{receiver.url}/services/T0SECRET")
    hook, made = post.house.run(webhooks.add(post.house.call("root"), asked, dry_run=False))
    assert "T0SECRET" not in repr(post.audit())
    assert receiver.url.partition("://")[2].partition("/")[0] in repr(post.audit("webhook.add"))
    _, next_one = post.house.run(webhooks.rotate(post.house.call("root"), DETECTOR, hook.id, "", 60, dry_run=False))
    post.happen("one")
    post.sweep()
    told = repr((hook, post.look(hook), post.deliveries(hook), post.audit(), [one.headers for one in receiver.got]))
    assert made not in told
    assert next_one not in told
    assert [one["action"] for one in post.audit() if one["action"].startswith("webhook")] == [
        "webhook.add", "webhook.rotate",
    ]  # fmt: skip


def test_C3_a_repeated_act_is_done_once(post: Post, receiver: Receiver) -> None:
    hook = post.add(receiver.url)
    call = replace(post.house.call("root"), named=True)
    for _ in range(2):
        done = post.house.run(webhooks.pause(call, DETECTOR, hook.id, dry_run=False))
        assert done == post.look(hook)
    assert len(post.audit("webhook.pause")) == 1


def test_addresses_inside_are_refused_at_once_by_default(detector: House) -> None:
    for url in ("https://127.0.0.1/x", "https://169.254.169.254/", "http://hook.example/", "https://localhost:1/"):
        with pytest.raises(InvalidRequest):
            detector.run(webhooks.add(detector.call("root"), NewWebhook(str(DETECTOR), url), dry_run=False))


def test_a_name_that_leads_inside_fails_at_delivery(detector: House, receiver: Receiver) -> None:
    """The resolver makes 127.0.0.1 of 127.1, which no look at the URL can tell."""
    post = Post(detector)
    hook = post.add(receiver.url.replace("127.0.0.1", "127.1"))
    post.happen("one")
    post.sweep()
    (made,) = post.deliveries(hook)
    assert "loopback" in made.fault
    assert (receiver.got, post.look(hook).attempts) == ([], 1)
