"""Labels."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert.releasing import label_entry_to_wire, reservation_to_wire, subjects_from_wire
from mlv_proto.convert.slices import batches
from mlv_proto.convert.values import label_to_wire
from mlv_proto.v1 import repositories_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import labels
from mlv_server.services.call import Call


async def _create(call: Call, request: pb.CreateLabelRequest) -> pb.CreateLabelResponse:
    name = RepositoryName.parse(request.repository)
    label = await labels.create(call, name, request.name, request.at, request.message, request.dry_run)
    return pb.CreateLabelResponse(label=label_to_wire(label))


async def _list(call: Call, request: pb.ListLabelsRequest) -> AsyncIterator[pb.ListLabelsResponse]:
    for some in batches(await labels.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListLabelsResponse(labels=map(label_to_wire, some))


async def _move(call: Call, request: pb.MoveLabelRequest) -> pb.MoveLabelResponse:
    name = RepositoryName.parse(request.repository)
    label = await labels.move(call, name, request.name, request.at, request.reason, request.dry_run)
    return pb.MoveLabelResponse(label=label_to_wire(label))


async def _delete(call: Call, request: pb.DeleteLabelRequest) -> pb.DeleteLabelResponse:
    name = RepositoryName.parse(request.repository)
    label = await labels.delete(call, name, request.name, request.reason, request.dry_run)
    return pb.DeleteLabelResponse(label=label_to_wire(label))


async def _list_history(call: Call, request: pb.ListLabelHistoryRequest) -> AsyncIterator[pb.ListLabelHistoryResponse]:
    found = await labels.list_history(call, RepositoryName.parse(request.repository), request.name)
    for some in batches(found):
        yield pb.ListLabelHistoryResponse(entries=map(label_entry_to_wire, some))


async def _reserve(call: Call, request: pb.ReserveLabelsRequest) -> pb.ReserveLabelsResponse:
    name = RepositoryName.parse(request.repository)
    subjects = subjects_from_wire(request.subjects)
    made = await labels.reserve(call, name, request.pattern, subjects, request.dry_run)
    return pb.ReserveLabelsResponse(reservation=reservation_to_wire(made))


async def _list_reservations(call: Call, request: pb.ListReservationsRequest) -> pb.ListReservationsResponse:
    found = await labels.list_reservations(call, RepositoryName.parse(request.repository))
    return pb.ListReservationsResponse(reservations=map(reservation_to_wire, found))


SERVICE = Service(
    "mlv.v1.LabelsService",
    (
        Method("CreateLabel", "label.create", _create),
        Method("ListLabels", "list", _list),
        Method("MoveLabel", "label.move", _move),
        Method("DeleteLabel", "label.move", _delete),
        Method("ListLabelHistory", "list", _list_history),
        Method("ReserveLabels", "admin", _reserve),
        Method("ListReservations", "list", _list_reservations),
    ),
)
