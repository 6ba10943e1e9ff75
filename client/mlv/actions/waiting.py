"""Waiting for locks that others hold (L10): a place in the server's queue, kept over broken lines and restarts."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mlv.actions.context import Context
from mlv_core.asking import Asked, AskRequest, WithdrawRequest
from mlv_core.errors import InvalidRequest, LimitExceeded, LockDenied, LockHeld, MlvError, StaleBase, Unreachable
from mlv_core.paths import parents
from mlv_core.watching import EventFilter, EventPage

if TYPE_CHECKING:
    from mlv.remote import Server

T = TypeVar("T")

PAUSE_SECONDS = 2.0
"""Between two tries while the server is away: many may wait, and must not storm one that has just come back."""
_SPANS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))
_OWN_KINDS = frozenset({"lock.requested", "lock.acquired"})
"""Events that never make it anybody's turn."""


def until_taken(
    context: Context, take: Callable[[], T], request: AskRequest, seconds: float, refresh: Callable[[], object]
) -> T:
    """What `take` gives once it is not refused for a lock; the workspace stands in the queue for at most `seconds`.

    Where a file got a new version meanwhile, `refresh` brings it when it is this workspace's turn: once, or as often as
    it gives another version that it brought. However it ends but well, the place is given up. Raises: LockHeld when
    the time is over, LockDenied; what `take` and `refresh` raise.
    """
    try:
        return take()
    except LockHeld as error:
        refused = error
    waiting = _Waiting(context, request, seconds, refused)
    try:
        return waiting.for_turn(take, refresh)
    except LockDenied:
        raise  # who was denied has no place any more
    except BaseException:
        waiting.leave()
        raise


class _Waiting:
    """One workspace in the queue."""

    def __init__(self, context: Context, request: AskRequest, seconds: float, refused: LockHeld) -> None:
        self._context = context
        self._server: Server = context.server()
        self._request = request
        self._wanted = frozenset(request.paths)
        self._above = {folder for path in request.paths for folder in parents(path)}
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._refused = refused
        self._after = self._newest()
        self._told = ""
        self._away = False

    def for_turn(self, take: Callable[[], T], refresh: Callable[[], object]) -> T:
        """Wait for the turn, and take the locks. Raises: StaleBase where the newest version here is not enough (L5)."""
        fresh: list[object] = []
        while True:
            asked = self._ask()
            if asked is not None and asked.turn:
                try:
                    return take()
                except StaleBase:
                    if None in fresh or (fresh and self._left() <= 0):
                        raise
                    with self._alive(asked.contact_ms / 1000):
                        brought = refresh()
                    if brought in fresh:
                        raise
                    fresh.append(brought)
                    continue
                except LockHeld as error:
                    self._refused, fresh = error, []
            if self._left() <= 0:
                raise self._over()
            self._listen(PAUSE_SECONDS if asked is None else asked.contact_ms / 1000)

    def leave(self) -> None:
        """Give the place up; a server that is away forgets it by itself."""
        request = WithdrawRequest(
            repository=self._request.repository,
            branch=self._request.branch,
            workspace=self._request.workspace,
            paths=self._request.paths,
            tree=self._request.tree,
        )
        with suppress(MlvError):
            self._server.withdraw_lock_request(request, again=False)

    def _ask(self) -> Asked | None:
        """Say that the workspace is there; None while the server is away."""
        left = max(1, int(self._left() * 1000))
        try:
            asked = self._server.ask_for_locks(replace(self._request, wait_ms=left), again=False)
        except Unreachable as error:
            if not self._away:
                self._context.notice(f"{error.message} Trying again; the place in the queue is kept.")
            self._away = True
            return None
        self._away = False
        self._request = replace(self._request, again=True)
        self._tell(asked)
        return asked

    def _tell(self, asked: Asked) -> None:
        if asked.turn:
            return
        who = ", ".join(asked.holders[:3]) or "others"
        behind = f", {asked.ahead} before you" if asked.ahead else ""
        text = f"Waiting for {who}{behind}."
        if text != self._told:
            self._context.notice(text)
            self._told = text

    def _listen(self, seconds: float) -> None:
        """Until something happens to one of the locks, at most `seconds` and never beyond the end."""
        until = time.monotonic() + min(seconds, max(0.0, self._left()))
        wanted = EventFilter(str(self._request.repository), self._after, ("lock",), follow=True)
        try:
            for page in self._server.watch(wanted, seconds=max(0.05, until - time.monotonic()), again=False):
                self._after = page.sequence
                if self._concerns(page):
                    return
        except InvalidRequest:
            self._after = None  # the server was restored from a backup, and counts anew
        except (Unreachable, LimitExceeded):
            # A line that ran to its end is no failure; without one it is asked again after a pause.
            time.sleep(max(0.0, min(until - time.monotonic(), random.uniform(0.5, 1) * PAUSE_SECONDS)))  # noqa: S311 - jitter

    def _concerns(self, page: EventPage) -> bool:
        return any(
            self._near(str(event.facts.get("path", ""))) for event in page.events if event.kind not in _OWN_KINDS
        )

    def _near(self, path: str) -> bool:
        """Whether a lock at this path may be waited for: at, above or, of a folder, below what is wanted."""
        return path in self._above or not self._wanted.isdisjoint((path, *parents(path)))

    def _newest(self) -> int | None:
        """The number of the newest event: what happens from now on is told."""
        try:
            for page in self._server.watch(EventFilter(str(self._request.repository))):
                return page.sequence
        except (Unreachable, LimitExceeded):
            return None
        return None

    @contextmanager
    def _alive(self, contact_seconds: float) -> Iterator[None]:
        """Go on telling that the workspace is there, while it brings a new version: that may take an hour."""
        done = threading.Event()

        def tell() -> None:
            while not done.wait(contact_seconds):
                with suppress(MlvError):
                    left = max(1, int(self._left() * 1000))
                    self._server.ask_for_locks(replace(self._request, wait_ms=left), again=False)

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _over(self) -> LockHeld:
        refused = self._refused
        return LockHeld(
            f"Waited {_span(self._seconds)} in vain. {refused.message}", advice=refused.advice, items=refused.items
        )


def _span(seconds: float) -> str:
    """How long that is, in the unit that one would type."""
    unit, word = next(((size, word) for size, word in _SPANS if seconds >= size), (1.0, "s"))
    return f"{seconds / unit:.3g} {word}"
