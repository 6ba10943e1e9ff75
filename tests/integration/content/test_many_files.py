"""A commit and a plan of 150,000 files go over a real wire, in messages of bounded size."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from tests.site import Site

from mlv.transfer.types import UploadInput
from mlv.transfer.upload import upload_changes
from mlv_core.codecs import ALL_CODECS
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, RequestId, WorkspaceId
from mlv_core.requests import BeginRequest, PlanRequest, ProposedChange, PublishRequest

FILES = 150_000
CODECS = frozenset(int(codec) for codec in ALL_CODECS)


@pytest.mark.slow
def test_150_000_files_are_committed_listed_compared_planned_and_told_again(site: Site, tmp_path: Path) -> None:
    name = RepositoryName.parse(site.repository().name)
    server, none = site.server, ChangesetNumber(0)
    (tmp_path / "one").write_bytes(b"one\n")
    inputs = [UploadInput("train/0000/00000000.txt", str(tmp_path / "one"))]
    state = FileState(FileId(0), FileMode.REGULAR, text=True, size=4, content=hash_content(b"one\n"))
    changes = tuple(
        ProposedChange(
            Change(f"train/{number // 1000:04d}/{number:08d}.txt", Operation.ADD, FileId(0), state),
            none,
            FencingToken(0),
        )
        for number in range(FILES)
    )
    begun = server.begin(BeginRequest(name, "main", WorkspaceId(""), changes, CODECS))
    assert len(begun.needs) == FILES
    sent = upload_changes(server, name, inputs, upload=begun.upload, codecs=begun.codecs)
    request = PublishRequest(
        repository=name,
        request_id=RequestId(str(uuid.uuid4())),
        branch="main",
        workspace=WorkspaceId(""),
        message="all",
        changes=changes,
        prepared_min=none,
        prepared_max=none,
        recipes=sent.recipes,
        inline_pack=sent.inline_pack,
        upload=begun.upload,
    )
    published = server.publish(request)
    assert [change.file_id for change in published.changes] == list(range(1, FILES + 1))
    assert server.publish(request) == published
    assert server.outcome(name, request.request_id) == published
    one = published.changeset
    assert server.get_changeset(name, one)[1] == published.changes
    assert sum(1 for _ in server.list_files(name, one)) == FILES
    assert sum(1 for _ in server.list_files(name, one, tuple(c.path for c in published.changes[:25_000]))) == 25_000
    assert sum(1 for _ in server.diff_versions(name, none, one)) == FILES
    parts = list(server.plan_download(PlanRequest(name, none, one, CODECS)))
    assert sum(len(part.pieces) for part in parts) == FILES
    assert max(len(part.changes) for part in parts) <= 5_000
