"""More than a message can hold: refused by the client with advice, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from mlv.remote import connect
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.errors import LimitExceeded
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.requests import BeginRequest, ProposedChange

STATE = FileState(FileId(0), FileMode.REGULAR, text=False, size=1, content=ContentHash(bytes(range(32))))


def asked(files: int) -> BeginRequest:
    changes = tuple(
        ProposedChange(
            Change(f"train/shard-{number // 1000:04d}/image-{number:08d}.jpg", Operation.ADD, FileId(0), STATE),
            ChangesetNumber(1),
            FencingToken(0),
        )
        for number in range(files)
    )
    return BeginRequest(RepositoryName("fraud", "detector"), "main", WorkspaceId("w"), changes, frozenset({0}))


def test_C7_a_commit_of_150_000_files_is_refused_before_it_is_sent(plain: Any) -> None:
    server = connect(plain.address(plaintext=True), "secret", None)
    with pytest.raises(LimitExceeded, match="about 100,000 files") as caught:
        server.begin(asked(150_000))
    server.close()
    assert caught.value.exit_code == 8
    assert "parts" in caught.value.advice
    assert (plain.seen, server.counters.sent_bytes) == ([], 0)
