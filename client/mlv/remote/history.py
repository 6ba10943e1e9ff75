"""Calls about history, commits and content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from mlv.remote.channel import LONG_CALL_SECONDS, STREAM_SECONDS, Channel, Sending
from mlv_core.entities import Change, Changeset
from mlv_core.errors import InternalError
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName, RequestId
from mlv_core.paths import parents
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
from mlv_proto.convert.commits import begin_outcome_from_wire, bitmap_from_wire
from mlv_proto.convert.content import chunk_of_parts, chunk_view, plan_part_from_wire, ranges_to_wire
from mlv_proto.convert.history import differences_from_wire, file_rows_from_wire, history_filter_to_wire
from mlv_proto.convert.slices import BEGIN, PLAN, PUBLISH, PUBLISHED, UNDO, Gathering
from mlv_proto.convert.values import changes_from_wire, changeset_from_wire
from mlv_proto.v1 import commits_pb2, content_pb2
from mlv_proto.v1 import history_pb2 as pb

T = TypeVar("T")
ASKED_AT_ONCE = 32_000
"""Hashes in one FindMissing: 1 MiB."""
PATHS_AT_ONCE = 10_000
"""Paths that a server lets one listing name."""


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
        answers = self._channel.answers("HistoryService/GetChangeset", request, pb.GetChangesetResponse.FromString)
        changeset: Changeset | None = None
        changes: list[Change] = []
        for answer in answers:
            changeset = changeset or changeset_from_wire(answer.changeset)
            changes += changes_from_wire(answer.changes)
        return _there(changeset), tuple(changes)

    def list_changesets(self, repository: RepositoryName, wanted: HistoryFilter) -> tuple[tuple[Changeset, ...], int]:
        """A page of changesets, newest first, and where the next page begins (0: nowhere)."""
        request = history_filter_to_wire(repository, wanted)
        answer = self._channel.unary("HistoryService/ListChangesets", request, pb.ListChangesetsResponse)
        return tuple(changeset_from_wire(c) for c in answer.changesets), answer.next_before

    def list_files(
        self, repository: RepositoryName, number: ChangesetNumber, paths: tuple[str, ...] = ()
    ) -> Iterator[FileRow]:
        """The files of a version in the order of their paths."""
        for some in _path_groups(paths):
            request = pb.ListFilesRequest(repository=str(repository), changeset=number, paths=some)
            for message in self._channel.answers("HistoryService/ListFiles", request, pb.ListFilesResponse.FromString):
                yield from file_rows_from_wire(message)

    def diff_versions(
        self,
        repository: RepositoryName,
        first: ChangesetNumber,
        second: ChangesetNumber,
        paths: tuple[str, ...] = (),
    ) -> Iterator[VersionDifference]:
        """What differs between two versions."""
        for some in _path_groups(paths):
            request = pb.DiffVersionsRequest(repository=str(repository), to=second, paths=some, **{"from": first})
            answers = self._channel.answers("HistoryService/DiffVersions", request, pb.DiffVersionsResponse.FromString)
            for message in answers:
                yield from differences_from_wire(message)

    def begin(self, request: BeginRequest) -> BeginOutcome:
        """May these changes be committed? Asked before content is sent (C7)."""
        parse = commits_pb2.BeginResponse.FromString
        answers = self._channel.exchange("CommitsService/Begin", lambda: BEGIN.cut(request), parse)
        return begin_outcome_from_wire(_there(next(answers, None)))

    def find_missing(self, repository: RepositoryName, hashes: Sequence[ContentHash]) -> list[bool]:
        """Of each hash, whether the server lacks it."""
        missing: list[bool] = []
        for start in range(0, len(hashes), ASKED_AT_ONCE):
            some = hashes[start : start + ASKED_AT_ONCE]
            request = commits_pb2.FindMissingRequest(repository=str(repository), hashes=b"".join(some))
            answer = self._channel.unary("CommitsService/FindMissing", request, commits_pb2.FindMissingResponse)
            missing.extend(bitmap_from_wire(answer.missing, len(some)))
        return missing

    def publish(self, request: PublishRequest) -> Published:
        """Make the changeset; the same request id again gives the first answer (C3)."""
        parse = commits_pb2.PublishResponse.FromString
        return _published(self._channel.exchange("CommitsService/Publish", lambda: PUBLISH.cut(request), parse))

    def undo(self, request: UndoRequest) -> Published:
        """Take committed changesets back (C9)."""
        parse = commits_pb2.UndoResponse.FromString
        answers = self._channel.exchange("CommitsService/Undo", lambda: UNDO.cut(request), parse)
        return _published(answer.outcome for answer in answers)

    def outcome(self, repository: RepositoryName, request_id: RequestId) -> Published | None:
        """What became of a request id; None: the server knows nothing of it."""
        request = commits_pb2.GetOutcomeRequest(repository=str(repository), request_id=request_id)
        parse = commits_pb2.GetOutcomeResponse.FromString
        answers = self._channel.answers("CommitsService/GetOutcome", request, parse, seconds=LONG_CALL_SECONDS)
        first = _there(next(answers, None))
        if not first.HasField("outcome"):
            return None
        return _published(answer.outcome for answer in chain((first,), answers))

    def put_pack(
        self, repository: RepositoryName, upload: str, chunks: Iterable[Sequence[bytes | memoryview]]
    ) -> Sending[tuple[bytes, int]]:
        """Begin to send a pack, each message in parts; the answer is its id, and how many bytes the server kept."""
        metadata = (("mlv-repository", str(repository)), ("mlv-upload", upload))
        return self._channel.send(
            "ContentService/PutPack",
            chunks,
            chunk_of_parts,
            lambda data: _stored(content_pb2.PutPackResponse.FromString(data)),
            metadata,
        )

    def get_ranges(
        self, repository: RepositoryName, changeset: ChangesetNumber, ranges: Sequence[Range]
    ) -> Iterator[memoryview]:
        """The bytes of the ranges, back to back."""
        if not ranges:
            return iter(())
        request = content_pb2.GetRangesRequest(
            repository=str(repository), changeset=changeset, ranges=ranges_to_wire(ranges)
        )
        return self._channel.answers("ContentService/GetRanges", request, chunk_view)

    def plan_download(self, request: PlanRequest) -> Iterator[PlanPart]:
        """What to fetch, and how the files are put together."""
        parse = content_pb2.PlanDownloadResponse.FromString
        answers = self._channel.exchange(
            "ContentService/PlanDownload", lambda: PLAN.cut(request), parse, seconds=STREAM_SECONDS
        )
        return (plan_part_from_wire(answer) for answer in answers)


def _published(answers: Iterable[commits_pb2.PublishResponse]) -> Published:
    """The whole of an answer that came in one or more messages."""
    gathering = Gathering(PUBLISHED)
    for answer in answers:
        gathering.add(answer)
    return gathering.whole()


def _path_groups(paths: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """`paths` in as many groups as a server takes, in order; what lies below another one of them is left out."""
    if len(paths) <= PATHS_AT_ONCE:
        yield paths
        return
    named = frozenset(paths)
    outer = sorted(path for path in named if named.isdisjoint(parents(path)))
    for start in range(0, len(outer), PATHS_AT_ONCE):
        yield tuple(outer[start : start + PATHS_AT_ONCE])


def _there(answer: T | None) -> T:
    if answer is None:
        raise InternalError("The server's answer holds no message.")
    return answer


def _stored(answer: content_pb2.PutPackResponse) -> tuple[bytes, int]:
    return bytes(answer.pack), int(answer.stored_bytes)
