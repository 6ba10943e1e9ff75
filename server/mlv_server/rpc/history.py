"""Reading history and versions."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert.checks import changeset as changeset_number_from_wire
from mlv_proto.convert.history import differences_to_wire, file_rows_to_wire, history_filter_from_wire
from mlv_proto.convert.slices import batches
from mlv_proto.convert.values import changes_to_wire, changeset_to_wire
from mlv_proto.v1 import history_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import aside
from mlv_server.services import history, logs
from mlv_server.services.call import Call


async def _resolve(call: Call, request: pb.ResolveRevisionRequest) -> pb.ResolveRevisionResponse:
    name = RepositoryName.parse(request.repository)
    number, branch = await history.resolve(call, name, request.revision, request.branch)
    return pb.ResolveRevisionResponse(changeset=number, branch=branch)


async def _get(call: Call, request: pb.GetChangesetRequest) -> AsyncIterator[pb.GetChangesetResponse]:
    name = RepositoryName.parse(request.repository)
    changeset, changes = await history.get(call, name, changeset_number_from_wire(request.changeset, "changeset"))
    first = pb.GetChangesetResponse(changeset=changeset_to_wire(changeset))
    for number, some in enumerate(batches(changes)):
        message = pb.GetChangesetResponse() if number else first
        message.changes.CopyFrom(await aside(len(some), changes_to_wire, some))
        yield message


async def _list_changesets(call: Call, request: pb.ListChangesetsRequest) -> pb.ListChangesetsResponse:
    name = RepositoryName.parse(request.repository)
    found, before = await logs.list_changesets(call, name, history_filter_from_wire(request))
    return pb.ListChangesetsResponse(changesets=[changeset_to_wire(c) for c in found], next_before=before)


async def _list_files(call: Call, request: pb.ListFilesRequest) -> AsyncIterator[pb.ListFilesResponse]:
    name = RepositoryName.parse(request.repository)
    async for rows in history.list_files(
        call, name, changeset_number_from_wire(request.changeset, "changeset"), tuple(request.paths)
    ):
        yield await aside(len(rows), file_rows_to_wire, rows)


async def _diff(call: Call, request: pb.DiffVersionsRequest) -> AsyncIterator[pb.DiffVersionsResponse]:
    name = RepositoryName.parse(request.repository)
    first = changeset_number_from_wire(getattr(request, "from"), "from")
    second = changeset_number_from_wire(request.to, "to")
    async for differences in history.diff_versions(call, name, first, second, tuple(request.paths)):
        yield await aside(len(differences), differences_to_wire, differences)


SERVICE = Service(
    "mlv.v1.HistoryService",
    (
        Method("ResolveRevision", "meta.read", _resolve),
        Method("GetChangeset", "meta.read", _get),
        Method("ListChangesets", "meta.read", _list_changesets),
        Method("ListFiles", "meta.read", _list_files),
        Method("DiffVersions", "meta.read", _diff),
    ),
)
