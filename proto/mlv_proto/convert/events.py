"""Events: events.proto."""

from __future__ import annotations

from mlv_core.errors import InvalidRequest
from mlv_core.watching import EventFilter, EventPage, EventRecord, FactValue
from mlv_proto.convert import checks
from mlv_proto.v1 import events_pb2 as pb

FILTER_LIMIT = 100
"""Kinds and globs of one watcher: each is tried on each event."""


def event_filter_to_wire(wanted: EventFilter) -> pb.WatchEventsRequest:
    """What is asked for."""
    return pb.WatchEventsRequest(
        repository=wanted.repository,
        after=wanted.after,
        kinds=wanted.kinds,
        paths=wanted.paths,
        branch=wanted.branch,
        follow=wanted.follow,
    )


def event_filter_from_wire(message: pb.WatchEventsRequest) -> EventFilter:
    """What is asked for. Raises: InvalidRequest."""
    for field, values in (("kinds", message.kinds), ("paths", message.paths)):
        if len(values) > FILTER_LIMIT:
            raise InvalidRequest(f"{field} has {len(values)} entries; the limit is {FILTER_LIMIT}.")
    return EventFilter(
        str(checks.repository(message.repository, "repository")),
        checks.number(message.after, "after") if message.HasField("after") else None,
        checks.texts(message.kinds, "kinds"),
        checks.texts(message.paths, "paths"),
        checks.text(message.branch, "branch"),
        message.follow,
    )


def event_page_to_wire(page: EventPage) -> pb.WatchEventsResponse:
    """A page of events."""
    return pb.WatchEventsResponse(events=map(_event_to_wire, page.events), sequence=page.sequence)


def event_page_from_wire(message: pb.WatchEventsResponse) -> EventPage:
    """A page of events. Raises: InvalidRequest."""
    return EventPage(tuple(map(_event_from_wire, message.events)), checks.number(message.sequence, "sequence"))


def _event_to_wire(event: EventRecord) -> pb.Event:
    facts = [_fact_to_wire(name, value) for name, value in event.facts.items()]
    return pb.Event(sequence=event.sequence, time=event.time, kind=event.kind, facts=facts)


def _fact_to_wire(name: str, value: FactValue) -> pb.EventFact:
    if isinstance(value, bool):
        return pb.EventFact(name=name, flag=value)
    if isinstance(value, int):
        return pb.EventFact(name=name, number=value)
    return pb.EventFact(name=name) if value is None else pb.EventFact(name=name, text=value)


def _event_from_wire(message: pb.Event) -> EventRecord:
    return EventRecord(
        checks.number(message.sequence, "sequence"),
        checks.number(message.time, "time"),
        message.kind,
        {fact.name: _fact_from_wire(fact) for fact in message.facts},
    )


def _fact_from_wire(fact: pb.EventFact) -> FactValue:
    which = fact.WhichOneof("value")
    if which == "text":
        return fact.text
    if which == "number":
        return fact.number
    return fact.flag if which == "flag" else None
