"""Branches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto import convert
from mlv_proto.v1 import repositories_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import branches
from mlv_server.services.call import Call


async def _create(call: Call, request: pb.CreateBranchRequest) -> pb.CreateBranchResponse:
    kind = convert.branch_kind_from_wire(request.kind) if request.kind else None
    name = RepositoryName.parse(request.repository)
    branch = await branches.create(call, name, request.name, kind, request.at, request.target, request.dry_run)
    return pb.CreateBranchResponse(branch=convert.branch_to_wire(branch))


async def _list(call: Call, request: pb.ListBranchesRequest) -> AsyncIterator[pb.ListBranchesResponse]:
    for some in convert.batches(await branches.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListBranchesResponse(branches=map(convert.branch_to_wire, some))


SERVICE = Service(
    "mlv.v1.BranchesService",
    (Method("CreateBranch", "branch.create", _create), Method("ListBranches", "list", _list)),
)
