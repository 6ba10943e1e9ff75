"""Answers fit into messages, whatever the properties of files say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.integration.server.commit_kit import add, publish, request_for, undo
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.codecs import ALL_CODECS
from mlv_core.entities import Change, Param, Records
from mlv_core.errors import LimitExceeded
from mlv_core.ids import ChangesetNumber, RequestId, WorkspaceId
from mlv_core.requests import HistoryFilter, PlanRequest, ProposedChange, Published, UndoRequest
from mlv_proto.convert.content import plan_part_to_wire
from mlv_proto.convert.history import differences_to_wire, file_rows_to_wire
from mlv_proto.convert.slices import PUBLISHED, Gathering
from mlv_proto.convert.values import changeset_to_wire
from mlv_server.services import commits, content, history, logs

FILES = 600
PROPERTIES = tuple((f"key{number:02d}", "v" * 4000) for number in range(4))
MESSAGE_LIMIT = 8 << 20


@pytest.fixture
def talkative(detector: House) -> House:
    """@2 has 600 files with 16 KB of properties each: more than a message holds."""
    proposed = [add(f"notes/{number:04d}.txt", b"") for number in range(FILES)]
    changes = [ProposedChange(_with_properties(one.change), one.base, one.token) for one in proposed]
    assert publish(detector, "alice", request_for(*changes)).changeset == 2
    return detector


def _with_properties(change: Change) -> Change:
    assert change.state is not None
    return replace(change, state=replace(change.state, properties=PROPERTIES))


def test_listings_differences_and_plans_come_in_messages_that_fit(talkative: House) -> None:
    call, two = talkative.call("rita"), ChangesetNumber(2)
    plan = PlanRequest(DETECTOR, ChangesetNumber(1), two, frozenset(int(codec) for codec in ALL_CODECS))

    async def sizes() -> list[list[tuple[int, int]]]:
        listing = history.list_files(call, DETECTOR, two, ())
        rows = [(len(m), file_rows_to_wire(m).ByteSize()) async for m in listing]
        differences = history.diff_versions(call, DETECTOR, ChangesetNumber(1), two, ())
        told = [(len(m), differences_to_wire(m).ByteSize()) async for m in differences]
        parts = content.plan_download(call, DETECTOR, plan)
        return [rows, told, [(len(p.changes), plan_part_to_wire(p).ByteSize()) async for p in parts]]

    for messages, files in zip(talkative.run(sizes()), (FILES + 3, FILES, FILES), strict=True):
        assert sum(count for count, _ in messages) == files
        assert max(size for _, size in messages) < MESSAGE_LIMIT


def test_an_undo_keeps_to_the_limit_of_a_commit(talkative: House) -> None:
    call = talkative.call("alice")
    narrow = replace(call, settings=replace(call.settings, files_per_commit=599))
    second = ChangesetNumber(2)
    asked = UndoRequest(DETECTOR, RequestId("undo"), "main", WorkspaceId(""), "", second, second)
    with pytest.raises(LimitExceeded, match="600 files") as caught:
        talkative.run(commits.undo(narrow, asked))
    assert "Undo in parts" in caught.value.advice
    assert undo(talkative, first=second, last=second, paths=("notes/0001.txt",)).changeset == 3


def test_answers_of_a_commit_come_in_messages_that_fit_and_are_the_same_when_asked_again(talkative: House) -> None:
    kept = talkative.run(history.get(talkative.call("rita"), DETECTOR, ChangesetNumber(2)))[1]
    published = Published(ChangesetNumber(2), ChangesetNumber(1), bytes(32), "main", 1, ("a", "b"), kept, 5)
    messages = list(PUBLISHED.cut(published))
    gathering = Gathering(PUBLISHED)
    assert len(messages) > 8
    assert max(message.ByteSize() for message in messages) < MESSAGE_LIMIT // 4
    for message in messages:
        gathering.add(message)
    assert gathering.whole() == published


def test_limits_of_the_settings_are_kept(detector: House) -> None:
    call = detector.call("alice")
    narrow = replace(call, settings=replace(call.settings, files_per_commit=1, file_bytes=2))
    with pytest.raises(LimitExceeded, match="2 files in one commit"):
        detector.run(commits.publish(narrow, request_for(add("a", b"a"), add("b", b"b"), contents=(b"a", b"b"))))
    with pytest.raises(LimitExceeded, match="'a' is larger") as caught:
        detector.run(commits.publish(narrow, request_for(add("a", b"abc"), contents=(b"abc",))))
    assert caught.value.exit_code == 8
    assert detector.run(commits.publish(narrow, request_for(add("a", b"ab"), contents=(b"ab",)))).changeset == 2


def test_a_page_of_changesets_with_long_records_fits_and_the_next_one_follows(detector: House) -> None:
    params = tuple(Param(f"p{number}", "v" * 1000) for number in range(900))
    for number in range(5):
        path, data = f"{number}.txt", b"%d\n" % number
        request = request_for(add(path, data, base=number + 1), contents=(data,), prepared=number + 1)
        publish(detector, "alice", replace(request, records=Records(params=params)))
    found: list[int] = []
    before = 0
    while True:
        wanted = HistoryFilter(page_size=100, before=before)
        page, before = detector.run(logs.list_changesets(detector.call("rita"), DETECTOR, wanted))
        assert sum(changeset_to_wire(one).ByteSize() for one in page) < MESSAGE_LIMIT // 2
        found += [one.number for one in page]
        if not before:
            break
    assert found == [6, 5, 4, 3, 2, 1]
