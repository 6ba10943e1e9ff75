"""What concerns a workspace, on a real database: found, hidden, bounded; and nothing read where nothing happened."""

from __future__ import annotations

import pytest
from tests.integration.server.commit_kit import MODEL, lock
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.errors import Denied
from mlv_core.ids import WorkspaceId
from mlv_core.noticing import NoticeKind, Notices
from mlv_core.requests import ReleaseRequest
from mlv_server.services import locks, notices
from mlv_server.services.notices import LEASES_MS, SHOWN, NoticeBoard

NAME = str(DETECTOR)


def ask(house: House, user: str, workspace: str, after: int = 0) -> Notices:
    return house.run(notices.list_new(house.call(user), DETECTOR, WorkspaceId(workspace), after))


def break_lock(house: House, path: str = MODEL) -> None:
    request = ReleaseRequest(DETECTOR, WorkspaceId("wb"), "main", (path,), force=True, reason="why")
    house.run(locks.release(house.call("root"), request))


def newest(house: House) -> int:
    return house.db.read_now(lambda tx: tx.events.last(tx.repositories.get(DETECTOR).id))


def look(house: House, board: NoticeBoard, user: str, workspace: str, seen: int | None, now: int = 0) -> int | None:
    return house.run(board.look(NAME, user, workspace, seen, now or house.now))


def test_L9_a_broken_lock_is_told_to_its_workspace_alone(detector: House):
    before = newest(detector)
    lock(detector, "alice", "wa")
    break_lock(detector)
    found = ask(detector, "alice", "wa", before)
    assert [(one.kind, one.path, one.by, one.reason) for one in found.notices] == [
        (NoticeKind.LOCK_BROKEN, MODEL, "root", "why")
    ]
    assert found.sequence == newest(detector)
    assert ask(detector, "alice", "wa", found.sequence).notices == ()
    assert ask(detector, "alice", "wa2", before).notices == ()
    assert ask(detector, "bob", "wb", before).notices == ()
    with pytest.raises(Denied):
        ask(detector, "bob", "wa", before)


def test_notices_are_bounded_and_say_how_many_there_are(detector: House):
    for _ in range(SHOWN + 2):
        lock(detector, "alice", "wa")
        break_lock(detector)
    found = ask(detector, "alice", "wa")
    assert (len(found.notices), found.more) == (SHOWN, 2)


def test_the_board_reads_nothing_unless_somebody_is_concerned(detector: House, monkeypatch):
    board = NoticeBoard(detector.db)
    begin = look(detector, board, "alice", "wa", None)
    assert begin == newest(detector)
    assert look(detector, board, "alice", "wa", begin) is None
    glances: list[object] = []
    glance = type(detector.db).glance

    async def counted(self, fn):
        glances.append(fn)
        return await glance(self, fn)

    monkeypatch.setattr(type(detector.db), "glance", counted)
    lock(detector, "bob", "wb", "train.py", b"print()\n")
    glances.clear()
    assert look(detector, board, "alice", "wa", begin) is None
    assert glances == []
    monkeypatch.undo()
    lock(detector, "alice", "wa")
    break_lock(detector)
    assert look(detector, board, "alice", "wa", begin) == newest(detector)
    assert look(detector, board, "bob", "wb", begin) is None
    assert look(detector, board, "alice", "wa", newest(detector)) is None
    # A board that begins later knows it from the database.
    assert look(detector, NoticeBoard(detector.db), "alice", "wa", begin) == newest(detector)


def test_L8_a_lease_that_nothing_leads_on_is_warned_of_once(detector: House):
    token = lock(detector, "alice", "wa")
    board, begin = NoticeBoard(detector.db), newest(detector)
    held = detector.db.read_now(lambda tx: tx.locks.of_workspace(tx.repositories.get(DETECTOR).id, WorkspaceId("wa")))
    limit, ttl = held[0].limit, held[0].ttl
    assert limit is not None
    assert look(detector, board, "alice", "wa", begin, detector.now) is None
    assert ask(detector, "alice", "wa", begin).notices == ()
    detector.now = limit - ttl // 5 + LEASES_MS
    assert look(detector, board, "alice", "wa", begin, detector.now) == begin
    assert look(detector, board, "alice", "wa", begin, detector.now + 2 * LEASES_MS) is None
    (warned,) = ask(detector, "alice", "wa", begin).notices
    assert (warned.kind, warned.sequence, warned.path, warned.until) == (
        NoticeKind.LOCK_ENDS_SOON, token, MODEL, limit,
    )  # fmt: skip
