"""Whom an event concerns by name, and what it says to them (L9, L10)."""

from __future__ import annotations

import pytest

from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_core.noticing import Notice, NoticeKind, line_of
from mlv_server.domain.events import Event, EventKind, asking_event, lock_event
from mlv_server.domain.noticing import EVERYBODY, KINDS, addressees, is_personal, last_warning, notice_of

ANN, BOB = ("ann", "wa"), ("bob", "wb")


def lock(owner: str = "ann", workspace: str = "wa", **more) -> Lock:
    values = {
        "token": FencingToken(3), "file_id": FileId(1), "path": "w.bin",
        "mode": LockMode.EXCLUSIVE, "scope": LockScope.LINE, "owner": owner, "workspace": WorkspaceId(workspace),
        "host": "h", "branch": "main", "base": ChangesetNumber(1), "reason": "", "acquired_at": 0, "lease_until": None,
    }  # fmt: skip
    return Lock(**{**values, **more})


@pytest.mark.parametrize("kind", [EventKind.LOCK_BROKEN, EventKind.LOCK_STOLEN, EventKind.LOCK_EXPIRED])
def test_L9_a_lock_that_is_lost_concerns_its_holder(kind: EventKind):
    event = lock_event(kind, lock(), "bob", "why")
    assert addressees(event, ()) == {ANN}
    notice = notice_of(event, 5, 100, ANN, "main", ())
    assert notice is not None
    assert (notice.kind.value, notice.sequence, notice.by, notice.reason) == (kind.value, 5, "bob", "why")
    assert notice_of(event, 5, 100, BOB, "main", ()) is None
    assert notice_of(event, 5, 100, ("ann", "other"), "main", ()) is None


def test_L9_a_lock_that_its_user_ended_elsewhere_concerns_the_workspace_that_had_it():
    event = lock_event(EventKind.LOCK_RELEASED, lock(), "ann", "why", elsewhere=True)
    assert addressees(event, ()) == {ANN}
    notice = notice_of(event, 5, 100, ANN, "main", ())
    assert notice is not None
    assert (notice.kind, notice.reason) == (NoticeKind.LOCK_RELEASED, "why")
    assert notice_of(event, 5, 100, ("ann", "other"), "main", ()) is None


def test_locks_that_people_take_and_give_back_concern_nobody():
    assert not is_personal(lock_event(EventKind.LOCK_ACQUIRED, lock(), "ann"))
    assert not is_personal(lock_event(EventKind.LOCK_RELEASED, lock(), "ann"))
    assert addressees(lock_event(EventKind.LOCK_ACQUIRED, lock(), "ann"), ()) == frozenset()


def test_L10_who_asks_concerns_the_holders_and_the_answer_who_asked():
    asked = asking_event(EventKind.LOCK_REQUESTED, "w.bin", "main", "bob", "wb", "mine", "bob")
    held = (lock(), lock("bob", "wb"))
    assert addressees(asked, held) == {ANN}
    notice = notice_of(asked, 1, 1, ANN, "main", held)
    assert notice is not None
    assert (notice.kind, notice.by) == (NoticeKind.LOCK_REQUESTED, "bob")
    waiting = asking_event(EventKind.LOCK_REQUESTED, "w.bin", "main", "bob", "wb", "mine", "bob", "again")
    assert addressees(waiting, held) == frozenset()
    denied = asking_event(EventKind.LOCK_DENIED, "w.bin", "main", "bob", "wb", "no", "ann")
    assert addressees(denied, held) == {BOB}
    granted = lock_event(EventKind.LOCK_ACQUIRED, lock("bob", "wb"), "ann")
    assert addressees(granted, ()) == {BOB}
    taken = lock_event(EventKind.LOCK_GIVEN, lock(), "server", "to bob")
    assert addressees(taken, ()) == {ANN}


def test_L10_who_is_given_a_folder_is_told_to_take_it_up_whole():
    def line(**more: object) -> str:
        event = lock_event(EventKind.LOCK_ACQUIRED, lock("bob", "wb", path="model", **more), "ann")
        notice = notice_of(event, 1, 1, BOB, "main", ())
        assert notice is not None
        return line_of(notice)

    assert line(tree=True, file_id=FileId(0)).endswith("'mlv lock --tree model' takes it up here.")
    assert line().endswith("'mlv edit model' opens it.")


def test_L1_L10_who_is_asked_for_a_part_of_a_folder_is_told_of_the_folder():
    asked = asking_event(EventKind.LOCK_REQUESTED, "model/deep/w.bin", "main", "bob", "wb", "mine", "bob")
    wide, narrow = (lock(path=path, tree=True, file_id=FileId(0)) for path in ("model", "model/deep"))
    others = lock("eve", "we", path="model", tree=True, file_id=FileId(0))

    def folder(*held: Lock) -> str:
        notice = notice_of(asked, 1, 1, ANN, "main", held)
        assert notice is not None
        assert ("--give" in line_of(notice)) is not bool(notice.folder)
        return notice.folder

    file = lock(path="model/deep/w.bin")
    assert [folder(wide), folder(narrow, wide), folder(file)] == ["model", "model", ""]
    assert folder(file, others) == ""
    told = line_of(Notice(NoticeKind.LOCK_REQUESTED, 1, 1, "my model/w.bin", "main", "bob", folder="my model"))
    assert """'mlv unlock "my model"'""" in told
    assert '-m WHY "my model/w.bin"' in told
    whole = asking_event(EventKind.LOCK_REQUESTED, "model", "main", "bob", "wb", "mine", "bob")
    notice = notice_of(whole, 1, 1, ANN, "main", [wide])
    assert notice is not None
    assert notice.folder == ""


def test_a_freeze_concerns_who_works_on_the_branch_and_not_who_set_it():
    frozen = Event(
        EventKind.FREEZE_SET,
        {"freeze": 1, "branch": "main", "label": "", "path": "", "until": 9, "by": "bob", "reason": "release"},
    )
    assert addressees(frozen, ()) == {EVERYBODY}
    notice = notice_of(frozen, 1, 1, ANN, "main", ())
    assert notice is not None
    assert (notice.kind, notice.until) == (NoticeKind.BRANCH_FROZEN, 9)
    assert notice_of(frozen, 1, 1, ANN, "dev", ()) is None
    assert notice_of(frozen, 1, 1, BOB, "main", ()) is None
    label = Event(EventKind.FREEZE_SET, {**frozen.data, "branch": "", "label": "v1"})
    assert not is_personal(label)


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_notice_is_one_line_without_what_a_terminal_acts_on(kind: NoticeKind):
    line = line_of(Notice(kind, 1, 1, "a\x1b[31m\nb", "main\n", "bob\r", "x\ny"))
    assert line.isprintable()


def test_every_kind_that_may_concern_somebody_is_read():
    quiet = {kind for kind in EventKind if kind not in KINDS}
    assert EventKind.COMMIT_PUBLISHED in quiet
    assert EventKind.LOCK_WITHDRAWN in quiet


def test_L8_the_last_warning_comes_before_the_end_that_nothing_leads_on():
    assert last_warning(lock(ttl=1000, limit=50_000, lease_until=40_000)) == 49_800
    assert last_warning(lock()) is None
