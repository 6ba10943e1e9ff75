"""Registered workspaces."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_proto.convert.checks import changeset as changeset_number_from_wire
from mlv_proto.convert.slices import batches
from mlv_proto.convert.values import workspace_to_wire
from mlv_proto.v1 import repositories_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import workspaces
from mlv_server.services.call import Call


async def _register(call: Call, request: pb.RegisterWorkspaceRequest) -> pb.RegisterWorkspaceResponse:
    workspace = await workspaces.register(
        call,
        RepositoryName.parse(request.repository),
        WorkspaceId(request.id),
        request.host,
        request.directory,
        request.branch,
        changeset_number_from_wire(request.base, "base"),
    )
    return pb.RegisterWorkspaceResponse(workspace=workspace_to_wire(workspace))


async def _list(call: Call, request: pb.ListWorkspacesRequest) -> AsyncIterator[pb.ListWorkspacesResponse]:
    for some in batches(await workspaces.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListWorkspacesResponse(workspaces=map(workspace_to_wire, some))


async def _remove(call: Call, request: pb.RemoveWorkspaceRequest) -> pb.RemoveWorkspaceResponse:
    name = RepositoryName.parse(request.repository)
    return pb.RemoveWorkspaceResponse(locks_released=await workspaces.remove(call, name, WorkspaceId(request.id)))


SERVICE = Service(
    "mlv.v1.WorkspacesService",
    (
        Method("RegisterWorkspace", "read", _register),
        Method("ListWorkspaces", "list", _list),
        Method("RemoveWorkspace", "read", _remove),
    ),
)
