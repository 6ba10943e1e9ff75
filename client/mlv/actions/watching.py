"""Watching a repository: every event once and in order, however often the line breaks."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

from mlv.actions.context import Context
from mlv_core.errors import Unreachable
from mlv_core.ids import RepositoryName
from mlv_core.watching import EventFilter, EventRecord

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 15.0
"""Between two tries: a thousand watchers must not storm a server that has just come back."""


def watch(context: Context, wanted: EventFilter, address: str | None = None) -> Iterator[EventRecord]:
    """The events that are wanted; `repository` '' is the workspace's.

    With `follow` it ends only by an error: a line that breaks is made anew, from the last event that was given out.
    Raises: NotFound, Denied, NotSignedIn; InvalidRequest; Unreachable if the server was never reached, or without
    `follow`.
    """
    wanted = replace(wanted, repository=str(RepositoryName.parse(wanted.repository or context.workspace.repository)))
    server = context.server(address)
    known = reached = False
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            for page in server.watch(wanted):
                if not reached:
                    pause, known, reached = FIRST_PAUSE_SECONDS, True, True
                for event in page.events:
                    wanted = replace(wanted, after=event.sequence)
                    yield event
                wanted = replace(wanted, after=page.sequence)
        except Unreachable as error:
            if not known or not wanted.follow:
                raise
            if reached:
                context.notice(f"{error.message} Trying again, from event {wanted.after} on.")
            reached = False
        else:
            if not wanted.follow:
                return
        time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, no secret
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
