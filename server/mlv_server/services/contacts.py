"""Signs of life of workspaces (L8): noted in memory by each call, written down together and seldom."""

from __future__ import annotations

Key = tuple[str, str, int]
"""A repository's name, a workspace's id, the id of the user who calls."""

NOTED_MS = 30_000
"""Between two notes of one workspace: a tenth of the shortest lease."""
KEPT = 100_000
"""Workspaces remembered, about 20 MB; whoever calls may name any."""
ID_LIMIT = 64
"""Characters of a workspace's id, as it may be registered."""


class Contacts:
    """When each workspace was last heard of, as far as that is not in the database yet."""

    def __init__(self) -> None:
        self._noted: dict[Key, int] = {}
        self._waiting: dict[Key, int] = {}

    def note(self, repository: str, workspace: str, user_id: int, now: int) -> None:
        """An allowed call named this workspace at `now` (ms)."""
        key = (repository, workspace, user_id)
        last = self._noted.get(key)
        if last is not None and now - last < NOTED_MS:
            return
        if len(workspace) > ID_LIMIT or len(self._waiting) >= KEPT:
            return
        if len(self._noted) >= KEPT:
            self._noted.clear()
        self._noted[key] = now
        self._waiting[key] = now

    def take(self) -> dict[Key, int]:
        """What is to be written down; the caller does it."""
        taken, self._waiting = self._waiting, {}
        return taken

    def put_back(self, taken: dict[Key, int]) -> None:
        """What could not be written down."""
        self._waiting = {**taken, **self._waiting}
