"""Requests of any number of files go in messages of about 1 MiB; what no message holds is refused unsent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from mlv.remote import connect
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.errors import LimitExceeded
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.requests import BeginRequest, ProposedChange
from mlv_proto.convert.slices import BEGIN, Gathering
from mlv_proto.v1 import commits_pb2

STATE = FileState(FileId(0), FileMode.REGULAR, text=False, size=1, content=ContentHash(bytes(range(32))))


def asked(files: int, branch: str = "main") -> BeginRequest:
    changes = tuple(
        ProposedChange(
            Change(f"train/shard-{number // 1000:04d}/image-{number:08d}.jpg", Operation.ADD, FileId(0), STATE),
            ChangesetNumber(1),
            FencingToken(0),
        )
        for number in range(files)
    )
    return BeginRequest(RepositoryName("fraud", "detector"), branch, WorkspaceId("w"), changes, frozenset({0}))


def test_C7_a_commit_of_60_000_files_is_asked_for_in_messages_of_bounded_size(plain: Any) -> None:
    got: list[bytes] = []

    def answer(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        got.extend(requests)
        yield commits_pb2.BeginResponse(upload="u", codecs=[0]).SerializeToString()

    plain.answers["Begin"] = answer
    server = connect(plain.address(plaintext=True), "secret", None)
    assert server.begin(asked(60_000)).upload == "u"
    server.close()
    assert 10 < len(got) < 20
    assert max(map(len, got)) < 2 << 20
    gathering = Gathering(BEGIN)
    for message in got:
        gathering.add(commits_pb2.BeginRequest.FromString(message))
    assert gathering.whole() == asked(60_000)


def test_a_small_request_is_one_message() -> None:
    (message,) = BEGIN.cut(asked(3))
    assert (message.rows, len(message.changes.paths)) == (0, 3)


def test_what_no_message_can_hold_is_refused_before_it_is_sent(plain: Any) -> None:
    server = connect(plain.address(plaintext=True), "secret", None)
    with pytest.raises(LimitExceeded, match="beside its list of files") as caught:
        server.begin(asked(1, branch="b" * (9 << 20)))
    server.close()
    assert caught.value.exit_code == 8
    assert (plain.seen, server.counters.sent_bytes) == ([], 0)
