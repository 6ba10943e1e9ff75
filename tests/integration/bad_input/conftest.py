"""A server to be harmed, two users of it, and the makers of what harms it."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from tests.integration.conftest import BF16
from tests.servers import Team, running_team
from tests.wire import Reply, wire

from mlv_core.codecs import encode_group
from mlv_core.hashing import hash_content
from mlv_core.packs import Frame, PackBuilder, frame_of
from mlv_proto.v1 import commits_pb2, values_pb2

ROUNDS = 200
REPOSITORY, HIDDEN, OTHER = "fuzz/open", "fuzz/closed", "fuzz/other"
BUGS = {"INTERNAL", "UNKNOWN"}
F = FieldDescriptor
TEXTS = [
    "", REPOSITORY, HIDDEN, "fuzz/none", "main", "side", "v1", "@1", "@head", "1", "2026-11-24", "have", "alice",
    "nobody", "model.safetensors", "notes.txt", "../../etc/passwd", "/etc/passwd", "a/../b", ".mlv/state.db",
    "nul\0byte", "con", "a" * 5000, "x" * 70_000, "\x1b[31mred", "e\u0301", "\ufffd\U0001f600", "*" * 300, "**/**/**",
    "[", "reader", "admin ", "deadbeef", " ", ".", "%s%n", "'; DROP TABLE users; --",
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

    def spoil(self, good: Message) -> Message:
        """A copy of `good` with one or two things in it replaced, at any depth."""
        made = type(good)()
        made.CopyFrom(good)
        for _ in range(self._random.choice([1, 1, 2])):
            at, depth = made, 0
            while True:
                fields = [f for f in type(at).DESCRIPTOR.fields if f.name not in {"repository", "dry_run"}]
                field = self._random.choice(fields)
                inner = getattr(at, field.name)
                nested = field.type == F.TYPE_MESSAGE and (len(inner) if field.is_repeated else at.HasField(field.name))
                if not nested or self._random.random() < 0.1:
                    break
                at = self._random.choice(inner) if field.is_repeated else inner
                depth += 1
            count = len(inner) if field.is_repeated else 1
            at.ClearField(field.name)
            self._fill(at, field, self._random.choice([count, count, count + 1, 0]), depth)
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


def frame(data: bytes) -> Frame:
    return frame_of(encode_group(data), (), ((hash_content(data), len(data)),))


def pack_of(*plains: bytes, frames: tuple[Frame, ...] = ()) -> bytes:
    builder = PackBuilder()
    parts = [builder.start(), *(builder.add(one) for one in (*(frame(p) for p in plains if p), *frames))]
    return b"".join([*parts, builder.finish()])


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A server with open repositories of two versions and a hidden one; after all that is done to it, it is whole."""
    with running_team(tmp_path_factory.mktemp("team")) as made:
        for name in (REPOSITORY, HIDDEN, OTHER):
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
        made.server.stop()
        report = made.server.verify()
        assert (report["damaged"], report["foreign"]) == ([], [])


@pytest.fixture(scope="module")
def contributor(team):
    """A user who may write in the open repository and does not know of the hidden one."""
    team.admin.mlv("user", "add", "alice")
    for name in (REPOSITORY, OTHER):
        team.admin.mlv("policy", "grant", "maintainer", "alice", name)
    return team.sign_in("alice", team.admin.mlv("token", "create", "--user", "alice", "--json").json["token"])


@pytest.fixture(scope="module")
def hashes(team):
    """Hashes of content that each repository has."""
    rows = [
        row
        for name in (REPOSITORY, HIDDEN)
        for row in team.admin.mlv("ls", "--json", "@2", cwd=team.admin.home / name.replace("/", "-")).json
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


def bug_free(team: Team, reply: Reply, request: object) -> None:
    """A refusal or an answer, never a failure of the server; a wrong argument is named."""
    failures = [entry for entry in team.server.log if "call failed" in entry]
    assert reply.status not in BUGS, f"{reply}\n{request}\n{failures[-1:]}"
    assert not failures, f"{request}\n{failures[-1]}"
    if reply.status == "INVALID_ARGUMENT":
        assert reply.code, f"{reply}\n{request}"
        assert reply.message
