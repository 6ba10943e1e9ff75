"""Merging branches."""

from __future__ import annotations

from mlv_proto import convert
from mlv_proto.v1 import merges_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import merges
from mlv_server.services.call import Call


async def _merge(call: Call, request: pb.MergeRequest) -> pb.MergeResponse:
    return convert.merged_to_wire(await merges.merge(call, convert.merge_request_from_wire(request)))


SERVICE = Service("mlv.v1.MergesService", (Method("Merge", "merge", _merge),))
