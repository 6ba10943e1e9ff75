"""Merging branches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_proto.convert.merges import merge_request_from_wire, merged_to_wire
from mlv_proto.v1 import merges_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.rpc.slices import aside
from mlv_server.services import merges
from mlv_server.services.call import Call


async def _merge(call: Call, request: pb.MergeRequest) -> AsyncIterator[pb.MergeResponse]:
    merged = await merges.merge(call, merge_request_from_wire(request))
    rows = len(merged.conflicts) + (len(merged.published.changes) if merged.published is not None else 0)
    messages = merged_to_wire(merged)
    while (message := await aside(rows, next, messages, None)) is not None:
        yield message


SERVICE = Service("mlv.v1.MergesService", (Method("Merge", "merge", _merge),))
