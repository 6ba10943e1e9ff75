"""Repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert.releasing import created_to_wire, template_to_wire
from mlv_proto.convert.repositories import repository_to_wire
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import repositories_pb2 as pb
from mlv_server.domain.templates import templates
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import repositories
from mlv_server.services.call import Call


async def _create(call: Call, request: pb.CreateRepositoryRequest) -> pb.CreateRepositoryResponse:
    name = RepositoryName.parse(request.repository)
    return created_to_wire(
        await repositories.create_from(call, name, request.description, request.template, request.dry_run)
    )


async def _list(call: Call, _: pb.ListRepositoriesRequest) -> AsyncIterator[pb.ListRepositoriesResponse]:
    for some in batches(await repositories.list_visible(call)):
        yield pb.ListRepositoriesResponse(repositories=map(repository_to_wire, some))


async def _get(call: Call, request: pb.GetRepositoryRequest) -> pb.GetRepositoryResponse:
    repository = await repositories.get(call, RepositoryName.parse(request.repository))
    return pb.GetRepositoryResponse(repository=repository_to_wire(repository))


async def _list_templates(_call: Call, _request: pb.ListTemplatesRequest) -> pb.ListTemplatesResponse:
    return pb.ListTemplatesResponse(templates=map(template_to_wire, templates()))


SERVICE = Service(
    "mlv.v1.RepositoriesService",
    (
        Method("CreateRepository", Access.SIGNED_IN, _create),
        Method("ListRepositories", Access.SIGNED_IN, _list),
        Method("GetRepository", "list", _get),
        Method("ListTemplates", Access.SIGNED_IN, _list_templates),
    ),
)
