"""Calls about events."""

from __future__ import annotations

from collections.abc import Iterator

from mlv.remote.channel import STREAM_SECONDS, Channel
from mlv_core.watching import EventFilter, EventPage


class EventCalls:
    """Events. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def watch(self, wanted: EventFilter, *, seconds: float = STREAM_SECONDS, again: bool = True) -> Iterator[EventPage]:
        """Pages of events on one line, until it breaks or `seconds` are over, which raises Unreachable.

        The first one is empty and says where the stream begins. With `again` the line is made anew while the server is
        away.
        """
        from mlv_proto.convert import events as convert
        from mlv_proto.v1 import events_pb2 as pb

        request, parse = convert.event_filter_to_wire(wanted), pb.WatchEventsResponse.FromString
        answers = self._channel.answers("EventsService/WatchEvents", request, parse, seconds=seconds, again=again)
        yield from map(convert.event_page_from_wire, answers)
