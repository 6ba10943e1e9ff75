"""Hostile messages to every method of a real server: a refusal that names the field, never a failure of the server."""

from __future__ import annotations

import random

import pytest
from google.protobuf import message_factory
from google.protobuf.message import Message
from tests.integration.bad_input.conftest import (
    OTHER,
    REPOSITORY,
    ROUNDS,
    Hostile,
    bug_free,
    pack_of,
    publish,
)
from tests.wire import METHODS

from mlv_core.hashing import hash_content
from mlv_proto.v1 import commits_pb2, content_pb2, history_pb2, locks_pb2, repositories_pb2, values_pb2


@pytest.mark.parametrize("method", sorted(METHODS))
def test_random_messages_never_make_the_server_fail(team, line, boss, hashes, method):
    kind = message_factory.GetMessageClass(METHODS[method].input_type)
    hostile = Hostile(method, hashes)
    for name in (REPOSITORY, OTHER):  # whatever the messages of other methods took away
        team.admin.mlv("policy", "grant", "maintainer", "alice", name, code=None)
    for turn in range(ROUNDS):
        request = hostile.message(kind)
        if "follow" in kind.DESCRIPTOR.fields_by_name:
            request.ClearField("follow")  # a stream that is in order waits for ever
        sender = boss if turn % 4 == 0 else line
        reply = sender.send(method, request.SerializeToString(), (("mlv-repository", REPOSITORY),))
        bug_free(team, reply, request)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_bytes_that_are_no_message_are_refused(team, line, method):
    pick = random.Random(method)
    garbage = [b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 20, b"\x0a\x02\xff\xfe", *(pick.randbytes(40) for _ in range(20))]
    for data in garbage:
        reply = line.send(method, data, (("mlv-repository", REPOSITORY),))
        bug_free(team, reply, data)


def almost_right() -> dict[str, Message]:
    """A valid request of each method that decides much."""
    data = b"almost right\n"
    two = values_pb2.Changes(
        paths=["fresh.txt", "notes.txt"], operations=[1, 2], file_ids=[0, 2], modes=[1, 1], texts=[True, True],
        sizes=[len(data)] * 2, hashes=hash_content(data) * 2,
        properties=[values_pb2.RowProperties(row=0, properties=[values_pb2.Property(key="licence", value="MIT")])],
    )  # fmt: skip
    reference = values_pb2.DatasetReference(repository=OTHER, changeset=1, path="notes.txt", digest=hash_content(b"x"))
    records = values_pb2.Records(
        params=[values_pb2.Param(name="lr", value="1e-5")],
        metrics=[values_pb2.Metric(name="f1", value=0.5, kind=2, dataset=reference, step=3)],
        inputs=[values_pb2.Input(role=1, dataset=reference)],
        trained_from=1,
    )
    return {
        "mlv.v1.CommitsService.Begin": commits_pb2.BeginRequest(
            repository=OTHER, branch="main", changes=two, bases=[2, 2], tokens=[0, 0], codecs=[0, 1, 2, 3, 4]
        ),
        "mlv.v1.CommitsService.Publish": publish(
            two, bases=[2, 2], tokens=[0, 0], records=records, inline_pack=pack_of(data), dry_run=True, repository=OTHER
        ),
        "mlv.v1.CommitsService.Undo": commits_pb2.UndoRequest(
            repository=OTHER, request_id="almost", branch="main", first=2, last=2, dry_run=True
        ),
        "mlv.v1.LocksService.AcquireLocks": locks_pb2.AcquireLocksRequest(
            repository=OTHER,
            branch="main",
            workspace="w",
            mode=1,
            scope=1,
            paths=["notes.txt"],
            hashes=hash_content(b"two\n"),
            bases=[2],
            dry_run=True,
        ),
        "mlv.v1.LocksService.ListLocks": locks_pb2.ListLocksRequest(repository=OTHER, branch="main"),
        "mlv.v1.ContentService.PlanDownload": content_pb2.PlanDownloadRequest(
            repository=OTHER, base=1, target=2, codecs=[0, 1, 2, 3, 4], other_paths=["notes.txt"], other_bases=[1]
        ),
        "mlv.v1.ContentService.GetRanges": content_pb2.GetRangesRequest(
            repository=OTHER,
            changeset=2,
            ranges=content_pb2.Ranges(kinds=[2], ids=hash_content(b"two\n"), offsets=[0], lengths=[4]),
        ),
        "mlv.v1.HistoryService.ListChangesets": history_pb2.ListChangesetsRequest(repository=OTHER, branch="main"),
        "mlv.v1.HistoryService.DiffVersions": history_pb2.DiffVersionsRequest(
            **{"repository": OTHER, "from": 1, "to": 2}
        ),
        "mlv.v1.BranchesService.CreateBranch": repositories_pb2.CreateBranchRequest(
            repository=OTHER, name="side", kind=3, at="@1", target="main", dry_run=True
        ),
        "mlv.v1.WorkspacesService.RegisterWorkspace": repositories_pb2.RegisterWorkspaceRequest(
            repository=OTHER, id="w", host="h", directory="/d", branch="main", base=2
        ),
    }


@pytest.mark.parametrize("method", sorted(almost_right()))
def test_requests_that_are_almost_right_never_make_the_server_fail(team, line, hashes, method):
    good = almost_right()[method]
    registered = almost_right()["mlv.v1.WorkspacesService.RegisterWorkspace"].SerializeToString()
    assert line.send("mlv.v1.WorkspacesService.RegisterWorkspace", registered).status == "OK"
    first = line.send(method, good.SerializeToString())
    assert first.status == "OK", first
    hostile = Hostile(f"almost {method}", hashes)
    for _ in range(ROUNDS):
        request = hostile.spoil(good)
        bug_free(team, line.send(method, request.SerializeToString()), request)


def test_a_message_over_the_limit_is_refused(line):
    reply = line.send("mlv.v1.CommitsService.Publish", publish(inline_pack=bytes(9 << 20)).SerializeToString())
    assert reply.status == "RESOURCE_EXHAUSTED", reply
