"""Moving content."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.ids import RepositoryName
from mlv_core.requests import PlanRequest
from mlv_proto.convert.checks import changeset as changeset_number_from_wire
from mlv_proto.convert.content import chunk_to_bytes, chunk_view, plan_part_to_wire, ranges_from_wire
from mlv_proto.convert.slices import PLAN
from mlv_proto.v1 import content_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import aside
from mlv_server.services import content
from mlv_server.services.call import Call


async def _put_pack(call: Call, chunks: AsyncIterator[memoryview], metadata: dict[str, str]) -> pb.PutPackResponse:
    name = RepositoryName.parse(metadata["mlv-repository"])
    pack, stored = await content.put_pack(call, name, metadata.get("mlv-upload", ""), chunks)
    return pb.PutPackResponse(pack=pack, stored_bytes=stored)


async def _get_ranges(call: Call, request: pb.GetRangesRequest) -> AsyncIterator[memoryview]:
    name = RepositoryName.parse(request.repository)
    ranges = ranges_from_wire(request.ranges)
    async for data in content.get_ranges(
        call, name, changeset_number_from_wire(request.changeset, "changeset"), ranges
    ):
        yield data


async def _plan_download(call: Call, request: PlanRequest) -> AsyncIterator[pb.PlanDownloadResponse]:
    parts = content.plan_download(call, request.repository, request)
    return (await aside(len(p.changes) + len(p.pieces), plan_part_to_wire, p) async for p in parts)


SERVICE = Service(
    "mlv.v1.ContentService",
    (
        Method("PutPack", "write", _put_pack, deserializer=chunk_view, instead="open"),
        Method("GetRanges", "read", _get_ranges, serializer=chunk_to_bytes),
        Method("PlanDownload", "read", _plan_download, sliced=PLAN),
    ),
)
