"""Looking again whenever something happens in a repository, for as long as somebody wants to see it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from mlv.actions.context import Context
from mlv_core.errors import InvalidRequest, LimitExceeded, Unreachable
from mlv_core.ids import RepositoryName
from mlv_core.watching import EventFilter

T = TypeVar("T")

LOOK_AGAIN_SECONDS = 30.0
"""Without any event: what is shown of time, such as how much of a lease is left, gets old."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 15.0
"""Between two tries while the server is away."""


def follow(
    context: Context,
    repository: str | None,
    kinds: tuple[str, ...],
    look: Callable[[], T],
    again_seconds: float = LOOK_AGAIN_SECONDS,
) -> Iterator[T]:
    """What `look` sees, now and after each event of these kinds (or first words), without end.

    It looks when the line was made anew too, so that nothing is missed while the server was away. Raises: what `look`
    and the connection raise; Unreachable only if the server was never reached.
    """
    name = str(RepositoryName.parse(repository or context.workspace.repository))
    server = context.server()
    place = next(iter(server.watch(EventFilter(name)))).sequence
    yield look()
    after: int | None = place
    pause, away = FIRST_PAUSE_SECONDS, False
    while True:
        until = time.monotonic() + again_seconds
        try:
            wanted = EventFilter(name, after, kinds, follow=True)
            for page in server.watch(wanted, seconds=again_seconds, again=False):
                after = page.sequence
                if page.events or away:
                    break
        except InvalidRequest:
            after = None  # the server was restored from a backup, and counts anew
        except (Unreachable, LimitExceeded) as error:
            if time.monotonic() < until - pause:  # it broke; a line that ran to its end is no failure
                if not away:
                    context.notice(f"{error.message} Trying again.")
                away = True
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, no secret
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
        try:
            seen = look()
        except Unreachable:
            away = True
            continue
        pause, away = FIRST_PAUSE_SECONDS, False
        yield seen
