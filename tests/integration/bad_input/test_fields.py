"""One wrong field each, which the refusal names: columns, enums, numbers, ids, paths and links."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from tests.integration.bad_input.conftest import HIDDEN, REPOSITORY, one_change, pack_of, publish
from tests.integration.conftest import BF16
from tests.wire import Wire

from mlv_core.hashing import hash_content
from mlv_proto.v1 import commits_pb2, content_pb2, history_pb2, locks_pb2, repositories_pb2, values_pb2


def refused(line: Wire, method: str, request: Message, field: str, status: str = "INVALID_ARGUMENT") -> None:
    reply = line.send(f"mlv.v1.{method}", request.SerializeToString())
    assert reply.status == status, reply
    assert field in reply.message, reply


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"operations": [99]}, "operations"),
        ({"operations": [0]}, "operations"),
        ({"operations": [-1]}, "operations"),
        ({"modes": [7]}, "modes"),
        ({"modes": []}, "modes"),
        ({"sizes": [4, 4]}, "sizes"),
        ({"sizes": [2**64 - 1]}, "sizes"),
        ({"texts": [True, False]}, "texts"),
        ({"hashes": b"short"}, "hashes"),
        ({"hashes": bytes(64)}, "hashes"),
        ({"file_ids": [2**64 - 1]}, "file_ids"),
        ({"sources": ["a", "b"]}, "sources"),
        ({"properties": [values_pb2.RowProperties(row=5)]}, "properties"),
    ],
)
def test_a_change_list_with_a_wrong_column_is_refused_by_its_name(line, columns, field):
    refused(line, "CommitsService.Publish", publish(one_change(**columns)), field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"bases": [2, 2]}, "bases"),
        ({"bases": [2**63]}, "bases"),
        ({"bases": [99]}, "99"),
        ({"tokens": [1, 2]}, "tokens"),
        ({"prepared_min": 9, "prepared_max": 3}, "prepared_m"),
        ({"prepared_max": 2**64 - 1}, "prepared_max"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "a\x1b[0m"}, "request_id"),
        ({"request_id": "x" * 65}, "request_id"),
        ({"message": "x" * 70_000}, "message"),
        ({"content_hashes": b"123"}, "content_hashes"),
        ({"content_hashes": bytes(32), "recipe_hashes": bytes(31)}, "recipe_hashes"),
        ({"repository": ""}, "repository"),
        ({"repository": "no-slash"}, "no-slash"),
    ],
)
def test_a_commit_with_a_wrong_field_is_refused_by_its_name(line, fields, field):
    reply = line.send("mlv.v1.CommitsService.Publish", publish(**fields).SerializeToString())
    assert reply.status in {"INVALID_ARGUMENT", "NOT_FOUND"}, reply
    assert field in reply.message, reply


@pytest.mark.parametrize(
    ("records", "field"),
    [
        (values_pb2.Records(metrics=[values_pb2.Metric(name="f1", value=1.0, kind=99)]), "records.metrics.kind"),
        (values_pb2.Records(metrics=[values_pb2.Metric(name="f1", value=1.0)]), "records.metrics.kind"),
        (values_pb2.Records(metrics=[values_pb2.Metric(name="", value=1.0, kind=1)]), "records.metrics.name"),
        (values_pb2.Records(metrics=[values_pb2.Metric(name="f1", kind=1, step=-2)]), "records.metrics.step"),
        (values_pb2.Records(metrics=[values_pb2.Metric(name="f1", kind=1, time=-1)]), "records.metrics.time"),
        (values_pb2.Records(inputs=[values_pb2.Input(role=77)]), "records.inputs.role"),
        (values_pb2.Records(params=[values_pb2.Param(name="")]), "records.params.name"),
        (values_pb2.Records(trained_from=2**64 - 1), "records.trained_from"),
    ],
)
def test_records_with_a_wrong_field_are_refused_by_its_name(line, records, field):
    refused(line, "CommitsService.Publish", publish(records=records), field)


def test_a_lock_request_with_wrong_fields_is_refused_by_their_names(line):
    request = {"repository": REPOSITORY, "branch": "main", "workspace": "w", "mode": 1, "paths": ["notes.txt"]}
    request.update(hashes=hash_content(b"two\n"), bases=[2])
    for more, field in (
        ({"mode": 99}, "mode"),
        ({"scope": 99}, "scope"),
        ({"hashes": b"12"}, "hashes"),
        ({"bases": [1, 2, 3]}, "bases"),
    ):
        refused(line, "LocksService.AcquireLocks", locks_pb2.AcquireLocksRequest(**{**request, **more}), field)


def test_a_branch_of_an_unknown_kind_is_refused(line):
    request = repositories_pb2.CreateBranchRequest(repository=REPOSITORY, name="b", kind=99, at="@1")
    refused(line, "BranchesService.CreateBranch", request, "kind")


@pytest.mark.parametrize(
    ("ranges", "field"),
    [
        ({"kinds": [1], "ids": bytes(31), "offsets": [0], "lengths": [1]}, "ranges.ids"),
        ({"kinds": [9], "ids": bytes(32), "offsets": [0], "lengths": [1]}, "ranges.kinds"),
        ({"kinds": [1], "ids": bytes(32), "offsets": [], "lengths": [1]}, "ranges.offsets"),
        ({"kinds": [1], "ids": bytes(32), "offsets": [2**63 - 1], "lengths": [5]}, "ranges.lengths"),
        ({"kinds": [1], "ids": bytes(32), "offsets": [0], "lengths": [2**64 - 1]}, "ranges.lengths"),
    ],
)
def test_ranges_out_of_bounds_are_refused(line, ranges, field):
    request = content_pb2.GetRangesRequest(repository=REPOSITORY, changeset=2, ranges=content_pb2.Ranges(**ranges))
    refused(line, "ContentService.GetRanges", request, field)


def test_P4_ids_of_another_repository_are_not_known_here(line, team):
    hidden = hash_content(BF16[0].read_bytes() + HIDDEN.encode())
    ranges = content_pb2.Ranges(kinds=[2], ids=hidden, offsets=[0], lengths=[10])
    request = content_pb2.GetRangesRequest(repository=REPOSITORY, changeset=2, ranges=ranges)
    reply = line.send("mlv.v1.ContentService.GetRanges", request.SerializeToString())
    assert reply.status == "NOT_FOUND", reply
    asked = commits_pb2.FindMissingRequest(repository=REPOSITORY, hashes=hash_content(b"one\n") + hidden)
    known = line.send("mlv.v1.CommitsService.FindMissing", asked.SerializeToString())
    assert known.answers[0].missing[0] & 0b10, "content of a repository that the asker may not see counts as missing"
    changes = one_change(
        paths=["stolen.bin"], texts=[False], sizes=[BF16[0].stat().st_size + len(HIDDEN)], hashes=hidden
    )
    stolen = line.send("mlv.v1.CommitsService.Publish", publish(changes).SerializeToString())
    assert stolen.status == "NOT_FOUND", stolen
    for method, kind in (
        ("HistoryService.GetChangeset", history_pb2.GetChangesetRequest),
        ("HistoryService.ListFiles", history_pb2.ListFilesRequest),
    ):
        refused(line, method, kind(repository=HIDDEN, changeset=1), "There is no repository", "NOT_FOUND")
        absent = line.send(f"mlv.v1.{method}", kind(repository="fuzz/none", changeset=1).SerializeToString())
        assert absent.status == "NOT_FOUND"


@pytest.mark.parametrize(
    "path",
    [
        "../out", "a/../../out", "/etc/passwd", "a//b", "a/", "", "./a", "nul\0byte", "x" * 256, "d/" * 2100 + "f",
        "con", "aux.txt", "dot.", "space ", ".mlv/state.db", "sub/.MLV/x", "tab\there", "esc\x1b[2J", "back\\slash",
        "lpt1", "e\u0301.txt",
    ],
)  # fmt: skip
def test_a_path_that_no_system_can_hold_is_refused_and_shown_escaped(line, path):
    reply = line.send("mlv.v1.CommitsService.Publish", publish(one_change(paths=[path])).SerializeToString())
    assert (reply.status, reply.code) == ("INVALID_ARGUMENT", "INVALID_PATH"), reply
    assert not any(ord(character) < 32 for character in reply.message)


@pytest.mark.parametrize(
    "pair", [("Data.csv", "data.csv"), ("\u00e9.txt", "e\u0301.txt"), ("a", "a/b"), ("A/x", "a/y")]
)
def test_F2_paths_that_clash_are_refused_both_named(line, pair):
    changes = values_pb2.Changes(
        paths=sorted(pair), operations=[1, 1], file_ids=[0, 0], modes=[1, 1], texts=[True, True], sizes=[4, 4],
        hashes=hash_content(b"new\n") * 2,
    )  # fmt: skip
    reply = line.send("mlv.v1.CommitsService.Publish", publish(changes).SerializeToString())
    assert (reply.status, reply.code) == ("INVALID_ARGUMENT", "PATH_CLASH"), reply


@pytest.mark.parametrize("target", ["/etc/passwd", "../../out", "a/../../../x", ".mlv/x", "x" * 5000, "a\x1b"])
def test_F1_a_link_that_leaves_the_workspace_is_refused_by_the_server_too(line, target):
    data = target.encode()
    changes = one_change(paths=["link"], modes=[3], texts=[False], sizes=[len(data)], hashes=hash_content(data))
    reply = line.send("mlv.v1.CommitsService.Publish", publish(changes, inline_pack=pack_of(data)).SerializeToString())
    assert reply.status == "INVALID_ARGUMENT", reply
