"""Calls about history, commits and content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mlv.remote.channel import LONG_CALL_SECONDS, Channel, Sending
from mlv_core.entities import Change, Changeset
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName, RequestId
from mlv_core.requests import (
    BeginOutcome,
    BeginRequest,
    FileRow,
    HistoryFilter,
    PlanPart,
    PlanRequest,
    Published,
    PublishRequest,
    Range,
    UndoRequest,
    VersionDifference,
)
from mlv_proto import convert
from mlv_proto.v1 import commits_pb2, content_pb2
from mlv_proto.v1 import history_pb2 as pb

ASKED_AT_ONCE = 100_000
"""Hashes in one FindMissing: 3.2 MB of a message's 8 MiB."""


class HistoryCalls:
    """Versions, commits and content. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def resolve(self, repository: RepositoryName, revision: str, branch: str = "") -> tuple[ChangesetNumber, str]:
        """The changeset that a revision names, and its branch."""
        request = pb.ResolveRevisionRequest(repository=str(repository), revision=revision, branch=branch)
        answer = self._channel.unary("HistoryService/ResolveRevision", request, pb.ResolveRevisionResponse)
        return ChangesetNumber(answer.changeset), answer.branch

    def get_changeset(
        self, repository: RepositoryName, number: ChangesetNumber
    ) -> tuple[Changeset, tuple[Change, ...]]:
        """A changeset and its change list."""
        request = pb.GetChangesetRequest(repository=str(repository), changeset=number)
        answer = self._channel.unary("HistoryService/GetChangeset", request, pb.GetChangesetResponse)
        return convert.changeset_from_wire(answer.changeset), convert.changes_from_wire(answer.changes)

    def list_changesets(self, repository: RepositoryName, wanted: HistoryFilter) -> tuple[tuple[Changeset, ...], int]:
        """A page of changesets, newest first, and where the next page begins (0: nowhere)."""
        request = convert.history_filter_to_wire(repository, wanted)
        answer = self._channel.unary("HistoryService/ListChangesets", request, pb.ListChangesetsResponse)
        return tuple(convert.changeset_from_wire(c) for c in answer.changesets), answer.next_before

    def list_files(
        self, repository: RepositoryName, number: ChangesetNumber, paths: tuple[str, ...] = ()
    ) -> Iterator[FileRow]:
        """The files of a version in the order of their paths."""
        request = pb.ListFilesRequest(repository=str(repository), changeset=number, paths=paths)
        for message in self._channel.answers("HistoryService/ListFiles", request, pb.ListFilesResponse.FromString):
            yield from convert.file_rows_from_wire(message)

    def diff_versions(
        self,
        repository: RepositoryName,
        first: ChangesetNumber,
        second: ChangesetNumber,
        paths: tuple[str, ...] = (),
    ) -> Iterator[VersionDifference]:
        """What differs between two versions."""
        request = pb.DiffVersionsRequest(repository=str(repository), to=second, paths=paths, **{"from": first})
        answers = self._channel.answers("HistoryService/DiffVersions", request, pb.DiffVersionsResponse.FromString)
        for message in answers:
            yield from convert.differences_from_wire(message)

    def begin(self, request: BeginRequest) -> BeginOutcome:
        """May these changes be committed? Asked before content is sent (C7)."""
        message = convert.begin_request_to_wire(request)
        answer = self._channel.unary("CommitsService/Begin", message, commits_pb2.BeginResponse)
        return convert.begin_outcome_from_wire(answer)

    def find_missing(self, repository: RepositoryName, hashes: Sequence[ContentHash]) -> list[bool]:
        """Of each hash, whether the server lacks it."""
        missing: list[bool] = []
        for start in range(0, len(hashes), ASKED_AT_ONCE):
            some = hashes[start : start + ASKED_AT_ONCE]
            request = commits_pb2.FindMissingRequest(repository=str(repository), hashes=b"".join(some))
            answer = self._channel.unary("CommitsService/FindMissing", request, commits_pb2.FindMissingResponse)
            missing.extend(convert.bitmap_from_wire(answer.missing, len(some)))
        return missing

    def publish(self, request: PublishRequest) -> Published:
        """Make the changeset; the same request id again gives the first answer (C3)."""
        message = convert.publish_request_to_wire(request)
        answer = self._channel.unary(
            "CommitsService/Publish", message, commits_pb2.PublishResponse, seconds=LONG_CALL_SECONDS
        )
        return convert.published_from_wire(answer)

    def undo(self, request: UndoRequest) -> Published:
        """Take committed changesets back (C9)."""
        message = convert.undo_request_to_wire(request)
        answer = self._channel.unary(
            "CommitsService/Undo", message, commits_pb2.UndoResponse, seconds=LONG_CALL_SECONDS
        )
        return convert.published_from_wire(answer.outcome)

    def outcome(self, repository: RepositoryName, request_id: RequestId) -> Published | None:
        """What became of a request id; None: the server knows nothing of it."""
        request = commits_pb2.GetOutcomeRequest(repository=str(repository), request_id=request_id)
        answer = self._channel.unary("CommitsService/GetOutcome", request, commits_pb2.GetOutcomeResponse)
        return convert.published_from_wire(answer.outcome) if answer.HasField("outcome") else None

    def put_pack(
        self, repository: RepositoryName, upload: str, chunks: Iterable[Sequence[bytes | memoryview]]
    ) -> Sending[tuple[bytes, int]]:
        """Begin to send a pack, each message in parts; the answer is its id, and how many bytes the server kept."""
        metadata = (("mlv-repository", str(repository)), ("mlv-upload", upload))
        return self._channel.send(
            "ContentService/PutPack",
            chunks,
            convert.chunk_of_parts,
            lambda data: _stored(content_pb2.PutPackResponse.FromString(data)),
            metadata,
        )

    def get_ranges(
        self, repository: RepositoryName, changeset: ChangesetNumber, ranges: Sequence[Range]
    ) -> Iterator[bytes]:
        """The bytes of the ranges, back to back."""
        if not ranges:
            return iter(())
        request = content_pb2.GetRangesRequest(
            repository=str(repository), changeset=changeset, ranges=convert.ranges_to_wire(ranges)
        )
        return self._channel.answers("ContentService/GetRanges", request, convert.chunk_from_bytes)

    def plan_download(self, request: PlanRequest) -> Iterator[PlanPart]:
        """What to fetch, and how the files are put together."""
        message = convert.plan_request_to_wire(request)
        answers = self._channel.answers(
            "ContentService/PlanDownload", message, content_pb2.PlanDownloadResponse.FromString
        )
        return (convert.plan_part_from_wire(answer) for answer in answers)


def _stored(answer: content_pb2.PutPackResponse) -> tuple[bytes, int]:
    return bytes(answer.pack), int(answer.stored_bytes)
