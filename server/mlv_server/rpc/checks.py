"""External checks."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_proto.convert import checks as wire
from mlv_proto.convert import external_checks as convert
from mlv_proto.convert.slices import batches
from mlv_proto.convert.webhooks import SECRET_LIMIT
from mlv_proto.v1 import checks_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import checks
from mlv_server.services.call import Call


async def _add(call: Call, request: pb.AddCheckRequest) -> pb.AddCheckResponse:
    made, secret = await checks.add(call, convert.new_check_from_wire(request), dry_run=request.dry_run)
    return pb.AddCheckResponse(check=convert.check_to_wire(made), secret=secret)


async def _list(call: Call, request: pb.ListChecksRequest) -> AsyncIterator[pb.ListChecksResponse]:
    for some in batches(await checks.list_all(call, RepositoryName.parse(request.repository))):
        yield pb.ListChecksResponse(checks=map(convert.check_to_wire, some))


async def _delete(call: Call, request: pb.DeleteCheckRequest) -> pb.DeleteCheckResponse:
    name = RepositoryName.parse(request.repository)
    gone = await checks.delete(call, name, request.check, dry_run=request.dry_run)
    return pb.DeleteCheckResponse(check=convert.check_to_wire(gone))


async def _rotate(call: Call, request: pb.RotateCheckRequest) -> pb.RotateCheckResponse:
    name = RepositoryName.parse(request.repository)
    secret = wire.text(request.secret, "secret", SECRET_LIMIT)
    done, made = await checks.rotate(
        call, name, request.check, secret, request.overlap_seconds, dry_run=request.dry_run
    )
    return pb.RotateCheckResponse(check=convert.check_to_wire(done), secret=made)


async def _test(call: Call, request: pb.TestCheckRequest) -> pb.TestCheckResponse:
    name = RepositoryName.parse(request.repository)
    answer = await checks.try_out(call, name, request.check, dry_run=request.dry_run)
    return pb.TestCheckResponse() if answer is None else convert.check_answer_to_wire(answer)


SERVICE = Service(
    "mlv.v1.ChecksService",
    (
        Method("AddCheck", "admin", _add),
        Method("ListChecks", "admin", _list),
        Method("DeleteCheck", "admin", _delete),
        Method("RotateCheck", "admin", _rotate),
        Method("TestCheck", "admin", _test),
    ),
)
