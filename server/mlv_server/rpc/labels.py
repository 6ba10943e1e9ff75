"""Labels."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto import convert
from mlv_proto.v1 import repositories_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import labels
from mlv_server.services.call import Call


async def _create(call: Call, request: pb.CreateLabelRequest) -> pb.CreateLabelResponse:
    name = RepositoryName.parse(request.repository)
    label = await labels.create(call, name, request.name, request.at, request.message, request.dry_run)
    return pb.CreateLabelResponse(label=convert.label_to_wire(label))


async def _list(call: Call, request: pb.ListLabelsRequest) -> AsyncIterator[pb.ListLabelsResponse]:
    for some in convert.batches(await labels.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListLabelsResponse(labels=map(convert.label_to_wire, some))


SERVICE = Service(
    "mlv.v1.LabelsService",
    (Method("CreateLabel", "label.create", _create), Method("ListLabels", "list", _list)),
)
