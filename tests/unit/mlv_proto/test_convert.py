"""The wire to values and back; what is refused, and by which field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core import entities as e
from mlv_core import requests as r
from mlv_core.errors import InvalidRequest, LockHeld
from mlv_core.hashing import hash_content
from mlv_core.ids import (
    BranchId,
    ChangesetNumber,
    FencingToken,
    FileId,
    RepositoryName,
    RequestId,
    WorkspaceId,
)
from mlv_core.policies import AccessChange, Approval, PolicySet, PolicyTestResult, PolicyVersion, Verdict
from mlv_core.signing_in import Identity, ServerInfo
from mlv_proto.convert import commits, content, errors, history, identity, locks, policy, repositories, server, values
from mlv_proto.v1 import commits_pb2, content_pb2, history_pb2, locks_pb2, values_pb2

REPO = RepositoryName("fraud", "detector")
ONE, TWO = ChangesetNumber(1), ChangesetNumber(2)
HASHES = [hash_content(bytes([n])) for n in range(4)]
STATE = e.FileState(FileId(7), e.FileMode.REGULAR, True, 12, HASHES[0], (("a", "1"), ("b", "2")))
LINK = e.FileState(FileId(8), e.FileMode.SYMLINK, False, 3, HASHES[1])
CHANGES = (
    e.Change("new", e.Operation.MOVE, FileId(7), STATE, "old"),
    e.Change("old", e.Operation.DELETE, FileId(7), None),
    e.Change("x", e.Operation.ADD, FileId(8), LINK),
)
DATASET = e.DatasetReference("fraud/data", TWO, "train.csv", HASHES[2])
RECORDS = e.Records(
    (e.Param("lr", "2e-5", "a:1"),),
    (e.Metric("f1", 0.5, e.MetricKind.EVALUATION, DATASET, 3, 9, (("k", "v"),), "sdk"), e.Metric("inf", float("inf"))),
    (e.Input(e.DatasetRole.TEST, DATASET),),
    ChangesetNumber(0),
    e.Environment((("python", "3"),), (("numpy", "2"),), "active"),
    "run",
)
LOCK = e.Lock(
    FileId(7),
    "x",
    "bob",
    WorkspaceId("w"),
    "host",
    e.LockMode.EXCLUSIVE,
    e.LockScope.LINE,
    "main",
    ONE,
    "why",
    5,
    None,
    FencingToken(9),
)
CHANGESET = e.Changeset(TWO, HASHES[3], (ONE,), "main", "bob", 5, "m", ONE, TWO, RECORDS, 3, ("v1",))
PROPOSED = tuple(r.ProposedChange(change, TWO, FencingToken(at)) for at, change in enumerate(CHANGES))
PUBLISHED = r.Published(TWO, ONE, HASHES[0], "main", 4, ("x",), CHANGES, 100)
ACQUIRE = r.AcquireRequest(REPO, "main", WorkspaceId("w"), ("x", "y"), (HASHES[0], HASHES[1]), (ONE, ONE), many=True)
PLAN = r.PlanPart(
    TWO,
    tuple(r.PlannedChange(change, e.LockNeed.REQUIRED, TWO) for change in CHANGES),
    (
        r.PlannedSegment(HASHES[0], 10, 0, 5),
        r.PlannedSegment(HASHES[1], 6, None, 0, ((0, 3, 4), (0, 9, 2))),
    ),
    (r.Range(r.RangeKind.PACK, HASHES[2], 8, 100), r.Range(r.RangeKind.FILE, HASHES[3], 0, 1)),
    (r.Piece(0, 0, 2, 8), r.Piece(2, 1, 0, 6)),
)
UNDO = r.UndoRequest(
    REPO, RequestId("q"), "main", WorkspaceId("w"), "m", ONE, TWO, None, ("x",), (("x", FencingToken(3)),), True
)
PUBLISH = r.PublishRequest(
    REPO,
    RequestId("q"),
    "main",
    WorkspaceId("w"),
    "m",
    PROPOSED,
    ONE,
    TWO,
    RECORDS,
    ((HASHES[0], HASHES[1]),),
    b"pack",
    "up",
    True,
    True,
)
BRANCH = e.Branch(BranchId(3), "exp", e.BranchKind.EXPERIMENT, "main", TWO, ONE, "bob", 5)
ABANDONED = e.Branch(BranchId(4), "old", e.BranchKind.RELEASE, "main", TWO, ONE, "bob", 5, 7, "ann", "it led nowhere")
WORKSPACE = e.Workspace(WorkspaceId("w"), REPO, "bob", "host", "/d", "main", ONE, 6)
ROLE_RULE = e.Rule(1, e.Effect.ALLOW, e.SubjectKind.USER, "bob", "reader", (), "fraud/*", conditions=(("until", "x"),))

PAIRS: list[tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = [
    (CHANGES, values.changes_to_wire, values.changes_from_wire),
    ((), values.changes_to_wire, values.changes_from_wire),
    (RECORDS, values.records_to_wire, values.records_from_wire),
    (e.Records(), values.records_to_wire, values.records_from_wire),
    (CHANGESET, values.changeset_to_wire, values.changeset_from_wire),
    (LOCK, locks.lock_to_wire, locks.lock_from_wire),
    (BRANCH, values.branch_to_wire, values.branch_from_wire),
    (ABANDONED, values.branch_to_wire, values.branch_from_wire),
    (e.Label("v1", TWO, "m", "bob", 5), values.label_to_wire, values.label_from_wire),
    (WORKSPACE, values.workspace_to_wire, values.workspace_from_wire),
    (e.Repository(REPO, "d", 1, "bob", 4, 5, 6, 7), repositories.repository_to_wire, repositories.repository_from_wire),
    (e.User("bob", True, False, 1, "admin"), identity.user_to_wire, identity.user_from_wire),
    (
        e.TokenInfo("t", "bob", "d", ("read",), 1, 2, None, True),
        identity.token_info_to_wire,
        identity.token_info_from_wire,
    ),
    (Identity("bob", True, "t", (), None, True), identity.identity_to_wire, identity.identity_from_wire),
    (ServerInfo("1", b"der", frozenset({0, 3})), server.server_info_to_wire, server.server_info_from_wire),
    (ROLE_RULE, policy.rule_to_wire, policy.rule_from_wire),
    (PolicySet(3, 2, 1, 4, 5, 6, ("tests",)), policy.policy_set_to_wire, policy.policy_set_from_wire),
    (
        PolicyTestResult("a read = deny", Verdict.APPROVAL, True, "why", 7),
        policy.policy_test_to_wire,
        policy.policy_test_from_wire,
    ),
    (
        AccessChange("group:g", ("read",), "a/*", "branch/x", "**", Verdict.DENY, Verdict.ALLOW, ("bob",)),
        policy.access_change_to_wire,
        policy.access_change_from_wire,
    ),
    (
        PolicyVersion(3, 5, "bob", "why", "set", 1, 2),
        policy.policy_version_to_wire,
        policy.policy_version_from_wire,
    ),
    (Approval(2, "bob", "m", 5), policy.approval_to_wire, policy.approval_from_wire),
    (ACQUIRE, locks.acquire_request_to_wire, locks.acquire_request_from_wire),
    (
        r.AcquireOutcome((LOCK,), (e.LockNeed.REQUIRED, e.LockNeed.NONE)),
        locks.acquire_outcome_to_wire,
        locks.acquire_outcome_from_wire,
    ),
    (
        r.ReleaseRequest(REPO, WorkspaceId("w"), "main", ("x",), False, True, "why", True, (FencingToken(7),)),
        locks.release_request_to_wire,
        locks.release_request_from_wire,
    ),
    (
        r.BeginRequest(REPO, "main", WorkspaceId("w"), PROPOSED, frozenset({0, 1})),
        commits.begin_request_to_wire,
        commits.begin_request_from_wire,
    ),
    (
        r.BeginOutcome("up", frozenset({0}), TWO, (e.LockNeed.NONE,)),
        commits.begin_outcome_to_wire,
        commits.begin_outcome_from_wire,
    ),
    (PUBLISH, commits.publish_request_to_wire, commits.publish_request_from_wire),
    (PUBLISHED, commits.published_to_wire, commits.published_from_wire),
    (UNDO, commits.undo_request_to_wire, commits.undo_request_from_wire),
    (PLAN, content.plan_part_to_wire, content.plan_part_from_wire),
    (
        r.PlanRequest(REPO, ONE, TWO, frozenset({0}), ("a",), ("*.py",), ("x",), (("o", ONE),), ("w",), True),
        content.plan_request_to_wire,
        content.plan_request_from_wire,
    ),
    (
        (r.FileRow("a", STATE, ONE, e.LockNeed.OPTIONAL), r.FileRow("b", LINK, TWO, e.LockNeed.NONE)),
        history.file_rows_to_wire,
        history.file_rows_from_wire,
    ),
    (
        (
            r.VersionDifference("a", None, STATE),
            r.VersionDifference("b", STATE, None),
            r.VersionDifference("c", LINK, STATE, "old"),
        ),
        history.differences_to_wire,
        history.differences_from_wire,
    ),
    (
        r.HistoryFilter("main", "p", "bob", 1, 2, True, 10, 3),
        lambda value: history.history_filter_to_wire(REPO, value),
        history.history_filter_from_wire,
    ),
]


@pytest.mark.parametrize(("value", "to_wire", "from_wire"), PAIRS)
def test_values_come_back_as_they_went(value: Any, to_wire: Callable[[Any], Any], from_wire: Callable[[Any], Any]):
    message = to_wire(value)
    assert from_wire(type(message).FromString(message.SerializeToString())) == value


def changed(message: Any, /, **fields: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    for name, value in fields.items():
        copy.ClearField(name)
        if isinstance(value, list):
            getattr(copy, name).extend(value)
        else:
            setattr(copy, name, value)
    return copy


WIRE_CHANGES = values.changes_to_wire(CHANGES)
WIRE_PLAN = content.plan_part_to_wire(PLAN)
WIRE_PUBLISH = commits.publish_request_to_wire(PUBLISH)
WIRE_ACQUIRE = locks.acquire_request_to_wire(ACQUIRE)


@pytest.mark.parametrize(
    ("read", "message", "field"),
    [
        (values.changes_from_wire, changed(WIRE_CHANGES, operations=[4, 3]), "operations"),
        (values.changes_from_wire, changed(WIRE_CHANGES, operations=[4, 3, 99]), "operations"),
        (values.changes_from_wire, changed(WIRE_CHANGES, operations=[4, 3, 0]), "operations"),
        (values.changes_from_wire, changed(WIRE_CHANGES, modes=[1, 0, 0]), "modes"),
        (values.changes_from_wire, changed(WIRE_CHANGES, modes=[1, 0, 9]), "modes"),
        (values.changes_from_wire, changed(WIRE_CHANGES, sizes=[1, 0, 2**64 - 1]), "sizes"),
        (values.changes_from_wire, changed(WIRE_CHANGES, hashes=b"x"), "hashes"),
        (values.changes_from_wire, changed(WIRE_CHANGES, sources=["a"]), "sources"),
        (values.changes_from_wire, changed(WIRE_CHANGES, file_ids=[2**63, 1, 2]), "file_ids"),
        (values.changes_from_wire, changed(WIRE_CHANGES, properties=[values_pb2.RowProperties(row=3)]), "row"),
        (commits.publish_request_from_wire, changed(WIRE_PUBLISH, repository="nonsense"), "repository"),
        (commits.publish_request_from_wire, changed(WIRE_PUBLISH, request_id=""), "request_id"),
        (commits.publish_request_from_wire, changed(WIRE_PUBLISH, prepared_min=5), "prepared_min"),
        (commits.publish_request_from_wire, changed(WIRE_PUBLISH, bases=[1, 2]), "bases"),
        (commits.publish_request_from_wire, changed(WIRE_PUBLISH, recipe_hashes=b""), "recipe_hashes"),
        (commits.publish_request_from_wire, changed(WIRE_PUBLISH, message="m" * 100_000), "message"),
        (locks.acquire_request_from_wire, changed(WIRE_ACQUIRE, mode=0), "mode"),
        (locks.acquire_request_from_wire, changed(WIRE_ACQUIRE, scope=77), "scope"),
        (locks.acquire_request_from_wire, changed(WIRE_ACQUIRE, hashes=b""), "hashes"),
        (locks.release_request_from_wire, locks_pb2.ReleaseLocksRequest(repository="a/b"), "paths"),
        (commits.undo_request_from_wire, commits_pb2.UndoRequest(repository="a/b", request_id="q"), "first"),
        (
            commits.undo_request_from_wire,
            commits_pb2.UndoRequest(repository="a/b", request_id="q", first=3, last=2),
            "first",
        ),
        (history.history_filter_from_wire, history_pb2.ListChangesetsRequest(page_size=10_000_000), "page_size"),
        (values.metric_from_wire, values_pb2.Metric(name="a"), "kind"),
        (values.metric_from_wire, values_pb2.Metric(name="", kind=1), "name"),
        (values.metric_from_wire, values_pb2.Metric(name="a", kind=1, step=-2), "step"),
        (values.metric_from_wire, values_pb2.Metric(name="a", kind=1, time=-5), "time"),
        (values.dataset_from_wire, values_pb2.DatasetReference(digest=b"short"), "digest"),
        (
            content.ranges_from_wire,
            content_pb2.Ranges(kinds=[1], ids=HASHES[0], offsets=[2**62], lengths=[2**62]),
            "len",
        ),
        (content.ranges_from_wire, content_pb2.Ranges(kinds=[0], ids=HASHES[0], offsets=[0], lengths=[1]), "kinds"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, segment_ranges=[3, 0]), "segment_ranges"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, segment_lengths=[10, 7]), "old_lengths"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, piece_rows=[0, 3]), "piece_rows"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, piece_segments=[0, 2]), "segment 2"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, piece_lengths=[8, 2**63]), "piece_offsets"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, old_segments=[2, 1]), "old_segments"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, old_rows=[9, 0]), "old_rows"),
        (content.plan_part_from_wire, changed(WIRE_PLAN, lock_needs=[1]), "lock_needs"),
        (commits.hashes_from_wire, b"123", "hashes"),
    ],
)
def test_what_cannot_be_is_refused_by_field(read: Callable[[Any], Any], message: Any, field: str):
    with pytest.raises(InvalidRequest, match=field):
        read(message)


@given(st.binary(max_size=200))
def test_no_message_raises_anything_else(data: bytes):
    for read, cls in (
        (commits.publish_request_from_wire, commits_pb2.PublishRequest),
        (content.plan_part_from_wire, content_pb2.PlanDownloadResponse),
        (locks.acquire_request_from_wire, locks_pb2.AcquireLocksRequest),
        (history.differences_from_wire, history_pb2.DiffVersionsResponse),
    ):
        try:
            message = cls.FromString(data)
        except Exception:  # noqa: BLE001 - what protobuf does not take is not ours to judge
            continue
        try:
            read(message)
        except InvalidRequest as error:
            assert error.exit_code == 2  # noqa: PT017 - the only class that may come


def test_begin_may_come_without_hashes():
    state = e.FileState(FileId(0), e.FileMode.REGULAR, False, 5, commits.hashes_from_wire(bytes(32))[0])
    row = r.ProposedChange(e.Change("a", e.Operation.ADD, FileId(0), state), ONE, FencingToken(0))
    request = r.BeginRequest(REPO, "main", WorkspaceId("w"), (row,), frozenset({0}))
    message = commits.begin_request_to_wire(request)
    assert message.changes.hashes == b""
    assert commits.begin_request_from_wire(message) == request


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 1 << 20, (1 << 21) + 3])
def test_a_chunk_by_hand_is_the_same_as_protobufs(size: int):
    data = bytes(size)
    assert content.chunk_to_bytes(data) == content_pb2.Chunk(data=data).SerializeToString()
    assert content.chunk_from_bytes(content.chunk_to_bytes(data)) == data


@given(st.binary(max_size=300))
def test_chunks_are_the_same_as_protobufs(data: bytes):
    assert content.chunk_to_bytes(data) == content_pb2.Chunk(data=data).SerializeToString()
    assert content.chunk_from_bytes(content_pb2.Chunk(data=data).SerializeToString()) == data


def test_odd_but_legal_chunks_are_read():
    assert content.chunk_from_bytes(b"\x0a\x83\x00abc") == b"abc"
    assert content.chunk_from_bytes(b"\x0a\x01a\x0a\x01b") == b"b"
    assert content.chunk_from_bytes(b"\x10\x05\x0a\x01b") == b"b"
    with pytest.raises(InvalidRequest, match="Chunk"):
        content.chunk_from_bytes(b"\x0a\x05ab")


@given(st.lists(st.booleans(), max_size=40))
def test_bitmaps(bits: list[bool]):
    data = commits.bitmap_to_wire(bits)
    assert commits.bitmap_from_wire(data, len(bits)) == bits
    assert len(data) == (len(bits) + 7) // 8


def test_an_error_is_the_same_class_on_the_other_side():
    error = LockHeld("held by bob", advice="ask", items=tuple(f"path{n} \ud800" for n in range(1000)))
    back = errors.detail_to_error(errors.error_to_detail(error, "id").SerializeToString())
    assert type(back) is LockHeld
    assert (back.message, back.advice) == ("held by bob", "ask")
    assert back.items[-1].startswith("... and 9")
    assert sum(len(item) for item in back.items) < 8000
    assert errors.detail_to_error(b"\xff\xff").code == "INTERNAL"
