"""Hostile messages to every method of a real server: a refusal that names the field, never a failure of the server."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from tests.integration.conftest import BF16
from tests.servers import running_team
from tests.wire import METHODS, Wire, wire

from mlv_core.codecs import encode_group
from mlv_core.hashing import hash_content
from mlv_core.packs import Frame, PackBuilder, frame_of
from mlv_proto.v1 import commits_pb2, content_pb2, history_pb2, locks_pb2, repositories_pb2, values_pb2

ROUNDS = 200
REPOSITORY, HIDDEN = "fuzz/open", "fuzz/closed"
BUGS = {"INTERNAL", "UNKNOWN"}
F = FieldDescriptor
TEXTS = [
    "", REPOSITORY, HIDDEN, "fuzz/none", "main", "side", "v1", "@1", "@head", "1", "2026-11-24", "have", "alice", "nobody",
    "model.safetensors", "notes.txt", "../../etc/passwd", "/etc/passwd", "a/../b", ".mlv/state.db", "nul\0byte", "con",
    "a" * 5000, "x" * 70_000, "\x1b[31mred", "e\u0301", "\ufffd\U0001f600", "*" * 300, "**/**/**", "[", "reader", "admin ",
    "deadbeef", " ", ".", "%s%n", "'; DROP TABLE users; --",
]  # fmt: skip
NUMBERS = [0, 1, 2, 3, 7, 100, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
DOUBLES = [0.0, 1.0, math.nan, math.inf, -math.inf, -0.0, 1e308]
UNSIGNED = {F.TYPE_UINT32: 32, F.TYPE_UINT64: 64}
SIGNED = {F.TYPE_INT32: 32, F.TYPE_INT64: 64, F.TYPE_SINT32: 32, F.TYPE_SINT64: 64}


class Hostile:
    """Random messages of any type: fields missing, columns of other lengths, values out of range; seeded."""

    def __init__(self, seed: str, hashes: list[bytes]) -> None:
        self._random = random.Random(seed)
        self._hashes = hashes

    def message(self, kind: type[Message], depth: int = 0) -> Message:
        """A message; three times of four its columns are of one length."""
        made = kind()
        rows = self._random.choice([0, 1, 1, 2, 3])
        even = self._random.random() < 0.75
        for field in kind.DESCRIPTOR.fields:
            if field.name == "repository" and self._random.random() < 0.8:
                made.repository = REPOSITORY
            elif self._random.random() < 0.75 and depth < 5:
                self._fill(made, field, rows if even else self._random.randrange(4), depth)
        return made

    def _fill(self, made: Message, field: FieldDescriptor, rows: int, depth: int) -> None:
        if field.is_repeated:
            for _ in range(rows):
                if field.type == F.TYPE_MESSAGE:
                    kind = message_factory.GetMessageClass(field.message_type)
                    getattr(made, field.name).append(self.message(kind, depth + 1))
                else:
                    getattr(made, field.name).append(self._value(field, rows))
        elif field.type == F.TYPE_MESSAGE:
            kind = message_factory.GetMessageClass(field.message_type)
            getattr(made, field.name).CopyFrom(self.message(kind, depth + 1))
        else:
            setattr(made, field.name, self._value(field, rows))

    def _value(self, field: FieldDescriptor, rows: int) -> Any:
        pick = self._random
        if field.type == F.TYPE_STRING:
            return pick.choice(TEXTS)
        if field.type == F.TYPE_BYTES:
            exact = b"".join(pick.choice([*self._hashes, bytes(32), pick.randbytes(32)]) for _ in range(rows))
            return pick.choice([exact, exact, exact, b"", pick.randbytes(31), pick.randbytes(33), pick.randbytes(5000)])
        if field.type == F.TYPE_BOOL:
            return pick.random() < 0.5
        if field.type in {F.TYPE_DOUBLE, F.TYPE_FLOAT}:
            return pick.choice(DOUBLES)
        if field.type == F.TYPE_ENUM:
            return pick.choice([0, 1, 1, 2, 2, 3, 4, 5, 99, -1, 2**31 - 1])
        if field.type in UNSIGNED:
            limit = 2 ** UNSIGNED[field.type] - 1
            return pick.choice([1, 1, *(number for number in NUMBERS if number <= limit)])
        limit = 2 ** (SIGNED[field.type] - 1) - 1
        return pick.choice([1, -1, -limit - 1, *(number for number in NUMBERS if number <= limit)])


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A server with an open repository of two versions and a hidden one."""
    with running_team(tmp_path_factory.mktemp("team")) as made:
        for name in (REPOSITORY, HIDDEN):
            made.admin.mlv("repo", "create", name)
            folder = made.admin.home / name.replace("/", "-")
            made.admin.mlv("checkout", name, str(folder))
            (folder / "model.safetensors").write_bytes(BF16[0].read_bytes() + name.encode())
            (folder / "notes.txt").write_text("one\n")
            made.admin.mlv("add", ".", cwd=folder)
            made.admin.mlv("commit", "-m", "one", cwd=folder)
            (folder / "notes.txt").write_text("two\n")
            made.admin.mlv("commit", "-m", "two", cwd=folder)
        yield made


@pytest.fixture(scope="module")
def contributor(team):
    """A user who may write in the open repository and does not know of the hidden one."""
    return team.member("alice", maintainer=REPOSITORY.replace("/", "__"))


@pytest.fixture(scope="module")
def hashes(team):
    """Hashes of content that each repository has."""
    rows = [
        row
        for name in (REPOSITORY, HIDDEN)
        for row in team.admin.mlv("ls", "--json", f"@2", cwd=team.admin.home / name.replace("/", "-")).json
    ]
    return [bytes.fromhex(row["content"]) for row in rows if "content" in row] or [hash_content(b"one\n")]


@pytest.fixture(scope="module")
def line(contributor):
    with wire(contributor) as made:
        yield made


@pytest.fixture(scope="module")
def boss(team):
    with wire(team.admin) as made:
        yield made


def bug_free(team, reply, request) -> None:
    failures = [entry for entry in team.server.log if "call failed" in entry]
    assert reply.status not in BUGS, f"{reply}\n{request}\n{failures[-1:]}"
    assert not failures, f"{request}\n{failures[-1]}"
    if reply.status == "INVALID_ARGUMENT":
        assert reply.code, f"{reply}\n{request}"
        assert reply.message


@pytest.mark.parametrize("method", sorted(METHODS))
def test_random_messages_never_make_the_server_fail(team, line, boss, hashes, method):
    kind = message_factory.GetMessageClass(METHODS[method].input_type)
    hostile = Hostile(method, hashes)
    for turn in range(ROUNDS):
        request = hostile.message(kind)
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


def test_after_all_that_the_server_is_whole(team):
    team.server.stop()
    report = team.server.verify()
    team.server.start()
    assert (report["damaged"], report["foreign"]) == ([], [])


# --- one message each, whose refusal names the field ------------------------------------------------------------------


def refused(line: Wire, method: str, request: Message, field: str, status: str = "INVALID_ARGUMENT") -> None:
    reply = line.send(f"mlv.v1.{method}", request.SerializeToString())
    assert reply.status == status, reply
    assert field in reply.message, reply


def one_change(**columns: Any) -> values_pb2.Changes:
    """One new file, with some columns otherwise."""
    values: dict[str, Any] = {
        "paths": ["new.txt"], "operations": [1], "file_ids": [0], "modes": [1], "texts": [True], "sizes": [4],
        "hashes": hash_content(b"new\n"),
    }  # fmt: skip
    return values_pb2.Changes(**{**values, **columns})


def publish(changes: values_pb2.Changes | None = None, **fields: Any) -> commits_pb2.PublishRequest:
    values: dict[str, Any] = {
        "repository": REPOSITORY, "request_id": f"bad-{random.random()}", "branch": "main", "message": "bad",
        "changes": changes or one_change(), "bases": [2], "prepared_min": 2, "prepared_max": 2,
    }  # fmt: skip
    return commits_pb2.PublishRequest(**{**values, **fields})


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
    changes = one_change(paths=["stolen.bin"], texts=[False], sizes=[BF16[0].stat().st_size + len(HIDDEN)], hashes=hidden)
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
        "../out", "a/../../out", "/etc/passwd", "a//b", "a/", "", "./a", "nul\0byte", "x" * 256, "d/" * 2100 + "f", "con",
        "aux.txt", "lpt1", "dot.", "space ", ".mlv/state.db", "sub/.MLV/x", "tab\there", "esc\x1b[2J", "back\\slash",
        "e\u0301.txt",
    ],
)  # fmt: skip
def test_a_path_that_no_system_can_hold_is_refused_and_shown_escaped(line, path):
    reply = line.send("mlv.v1.CommitsService.Publish", publish(one_change(paths=[path])).SerializeToString())
    assert (reply.status, reply.code) == ("INVALID_ARGUMENT", "INVALID_PATH"), reply
    assert not any(ord(character) < 32 for character in reply.message)


@pytest.mark.parametrize("pair", [("Data.csv", "data.csv"), ("\u00e9.txt", "e\u0301.txt"), ("a", "a/b"), ("A/x", "a/y")])
def test_F2_paths_that_clash_are_refused_both_named(line, pair):
    changes = values_pb2.Changes(
        paths=sorted(pair), operations=[1, 1], file_ids=[0, 0], modes=[1, 1], texts=[True, True], sizes=[4, 4],
        hashes=hash_content(b"new\n") * 2,
    )  # fmt: skip
    reply = line.send("mlv.v1.CommitsService.Publish", publish(changes).SerializeToString())
    assert (reply.status, reply.code) == ("INVALID_ARGUMENT", "PATH_CLASH"), reply


@pytest.mark.parametrize("target", ["/etc/passwd", "../../out", "a/../../../out", ".mlv/state.db", "x" * 5000, "a\x1b"])
def test_F1_a_link_that_leaves_the_workspace_is_refused_by_the_server_too(line, target):
    data = target.encode()
    changes = one_change(paths=["link"], modes=[3], texts=[False], sizes=[len(data)], hashes=hash_content(data))
    reply = line.send("mlv.v1.CommitsService.Publish", publish(changes, inline_pack=pack_of(data)).SerializeToString())
    assert reply.status == "INVALID_ARGUMENT", reply


# --- packs ------------------------------------------------------------------------------------------------------------


def frame(data: bytes) -> Frame:
    return frame_of(encode_group(data), (), ((hash_content(data), len(data)),))


def pack_of(*plains: bytes, frames: tuple[Frame, ...] = ()) -> bytes:
    builder = PackBuilder()
    parts = [builder.start(), *(builder.add(one) for one in (*(frame(p) for p in plains if p), *frames))]
    return b"".join([*parts, builder.finish()])


def put(line: Wire, pack: bytes):
    chunks = [content_pb2.Chunk(data=pack[at : at + 5000]).SerializeToString() for at in range(0, len(pack), 5000)]
    return line.send("mlv.v1.ContentService.PutPack", chunks, (("mlv-repository", REPOSITORY),))


def missing(line: Wire, *names: bytes) -> int:
    asked = commits_pb2.FindMissingRequest(repository=REPOSITORY, hashes=b"".join(names))
    (answer,) = line.send("mlv.v1.CommitsService.FindMissing", asked.SerializeToString()).answers
    return int.from_bytes(answer.missing, "little").bit_count()


REFUSALS = {"DATA_LOSS", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}


def test_a_pack_with_any_damage_is_refused_as_a_whole(team, line):
    pick = random.Random(11)
    plains = [pick.randbytes(3000), b"text " * 800, pick.randbytes(100)]
    good = pack_of(*plains)
    for turn in range(ROUNDS):
        bad = bytearray(good)
        act = turn % 4
        if act == 0:
            bad[pick.randrange(len(bad))] ^= 1 << pick.randrange(8)
        elif act == 1:
            del bad[pick.randrange(len(bad)) :]
        elif act == 2:
            at = pick.randrange(len(bad) - 8)
            bad[at : at + 8] = struct.pack("<Q", pick.choice(NUMBERS))
        else:
            bad += pick.randbytes(pick.randrange(1, 50))
        if bytes(bad) == good:
            continue
        reply = put(line, bytes(bad))
        bug_free(team, reply, bytes(bad))
        assert reply.status in REFUSALS, (turn, reply)
    assert missing(line, *(hash_content(plain) for plain in plains)) == len(plains)
    assert put(line, good).status == "OK"
    assert missing(line, *(hash_content(plain) for plain in plains)) == 0


def test_a_segment_that_decodes_to_another_hash_is_refused_by_its_name(line):
    data = b"not what it says" * 50
    name = hash_content(b"something else")
    lying = frame_of(encode_group(data), (), ((name, len(data)),))
    reply = put(line, pack_of(frames=(lying,)))
    assert (reply.status, reply.code) == ("DATA_LOSS", "DAMAGED_CONTENT"), reply


def test_an_unknown_base_and_a_base_cycle_are_refused(line):
    pick = random.Random(12)
    first, second = pick.randbytes(4096), pick.randbytes(4096)
    for base in (hash_content(b"nobody has this"), hash_content(second)):
        delta = Frame(codec=3, bases=(base,), members=((hash_content(first), 4096),), blob=pick.randbytes(100))
        back = Frame(codec=3, bases=(hash_content(first),), members=((hash_content(second), 4096),), blob=pick.randbytes(100))
        reply = put(line, pack_of(frames=(delta, back)))
        assert reply.status in REFUSALS, reply
    assert missing(line, hash_content(first), hash_content(second)) == 2


def test_a_compressed_bomb_stops_at_its_declared_size(line):
    bomb = encode_group(bytes(32 << 20))
    lying = Frame(bomb.codec, (), ((hash_content(b"\0"), 1),), bomb.blob)
    reply = put(line, pack_of(frames=(lying,)))
    assert reply.status in REFUSALS, reply


def test_a_publish_whose_content_is_not_there_is_refused_whole(line):
    gone = hash_content(b"never sent")
    changes = one_change(paths=["gone.txt"], sizes=[10], hashes=gone)
    reply = line.send("mlv.v1.CommitsService.Publish", publish(changes).SerializeToString())
    assert reply.status == "NOT_FOUND", reply
    recipe = publish(changes, content_hashes=gone, recipe_hashes=hash_content(b"nor this"))
    reply = line.send("mlv.v1.CommitsService.Publish", recipe.SerializeToString())
    assert reply.status in {"NOT_FOUND", "DATA_LOSS"}, reply


def test_a_publish_with_a_size_that_is_not_the_contents_is_refused(line):
    data = b"sixteen bytes..\n"
    changes = one_change(paths=["size.txt"], sizes=[2**40], hashes=hash_content(data))
    request = publish(changes, inline_pack=pack_of(data))
    reply = line.send("mlv.v1.CommitsService.Publish", request.SerializeToString())
    assert reply.status in REFUSALS | {"NOT_FOUND"}, reply
