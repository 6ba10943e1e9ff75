"""Watching what happens in a repository."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from mlv_proto.convert import events as convert
from mlv_proto.v1 import events_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import events
from mlv_server.services.call import Call


async def _watch(call: Call, request: pb.WatchEventsRequest) -> AsyncIterator[pb.WatchEventsResponse]:
    async for page in events.watch(call, convert.event_filter_from_wire(request), _now):
        yield convert.event_page_to_wire(page)


def _now() -> int:
    """The time of each look: a stream outlives the moment of its call."""
    return time.time_ns() // 1_000_000


SERVICE = Service("mlv.v1.EventsService", (Method("WatchEvents", "list", _watch, watches=True),))
