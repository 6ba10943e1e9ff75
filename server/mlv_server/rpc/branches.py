"""Branches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert.releasing import standing_to_wire
from mlv_proto.convert.slices import batches
from mlv_proto.convert.values import branch_kind_from_wire, branch_to_wire
from mlv_proto.v1 import repositories_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import branches, standings
from mlv_server.services.call import Call


async def _create(call: Call, request: pb.CreateBranchRequest) -> pb.CreateBranchResponse:
    kind = branch_kind_from_wire(request.kind) if request.kind else None
    name = RepositoryName.parse(request.repository)
    branch = await branches.create(call, name, request.name, kind, request.at, request.target, request.dry_run)
    return pb.CreateBranchResponse(branch=branch_to_wire(branch))


async def _list(call: Call, request: pb.ListBranchesRequest) -> AsyncIterator[pb.ListBranchesResponse]:
    for some in batches(await branches.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListBranchesResponse(branches=map(branch_to_wire, some))


async def _survey(call: Call, request: pb.SurveyBranchesRequest) -> AsyncIterator[pb.SurveyBranchesResponse]:
    found = await standings.list_all(call, RepositoryName.parse(request.repository), request.abandoned)
    for some in batches(found):
        yield pb.SurveyBranchesResponse(standings=map(standing_to_wire, some))


async def _abandon(call: Call, request: pb.AbandonBranchRequest) -> pb.AbandonBranchResponse:
    name = RepositoryName.parse(request.repository)
    branch, released = await branches.abandon(call, name, request.name, request.reason, request.dry_run)
    return pb.AbandonBranchResponse(branch=branch_to_wire(branch), locks_released=released)


async def _reopen(call: Call, request: pb.ReopenBranchRequest) -> pb.ReopenBranchResponse:
    name = RepositoryName.parse(request.repository)
    branch = await branches.reopen(call, name, request.name, request.reason, request.dry_run)
    return pb.ReopenBranchResponse(branch=branch_to_wire(branch))


SERVICE = Service(
    "mlv.v1.BranchesService",
    (
        Method("CreateBranch", "branch.create", _create),
        Method("ListBranches", "list", _list),
        Method("SurveyBranches", "list", _survey),
        Method("AbandonBranch", "branch.delete", _abandon),
        Method("ReopenBranch", "branch.delete", _reopen),
    ),
)
