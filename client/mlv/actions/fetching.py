"""Bring content from the server into the incoming folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from mlv.actions.context import Context
from mlv.transfer.download import download
from mlv_core.codecs import Codec
from mlv_core.errors import NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import PlannedChange, PlanPart, PlanRequest

CODECS = frozenset(int(codec) for codec in Codec)
"""What this client can decode."""


def fetch(
    context: Context, request: PlanRequest, old_file: Callable[[str], str | None]
) -> tuple[list[PlannedChange], dict[str, str]]:
    """Fetch what the plan names; all its changes, and the verified file of each path that has content.

    Raises: those of the connection, DamagedContent, DiskFull.
    """
    server = context.server()
    changes: list[PlannedChange] = []

    def noted(parts: Iterable[PlanPart]) -> Iterator[PlanPart]:
        for part in parts:
            changes.extend(part.changes)
            yield part

    parts = noted(server.plan_download(request))
    incoming = context.workspace.layout.incoming
    os.makedirs(incoming, exist_ok=True)
    files = {
        fetched.change.change.path: fetched.file
        for fetched in download(server, request.repository, parts, old_file, incoming, context.progress)
    }
    return changes, files


def planned(context: Context, request: PlanRequest) -> list[PlannedChange]:
    """The changes of a plan, without content."""
    return [change for part in context.server().plan_download(request) for change in part.changes]


def fetch_versions(context: Context, wanted: list[tuple[str, int]]) -> dict[str, str]:
    """The files (path, changeset) whole, by path.

    Raises: NotFound, and as `fetch`.
    """
    repository = RepositoryName.parse(context.workspace.repository)
    by_changeset: dict[int, list[str]] = {}
    for path, changeset in wanted:
        by_changeset.setdefault(changeset, []).append(path)
    found: dict[str, str] = {}
    for changeset, paths in by_changeset.items():
        request = PlanRequest(repository, ChangesetNumber(0), ChangesetNumber(changeset), CODECS, tuple(paths))
        found.update(fetch(context, request, lambda _path: None)[1])
    absent = tuple(f"{path}@{changeset}" for path, changeset in wanted if path not in found)
    if absent:
        raise NotFound("The server does not have these files there.", items=absent)
    return found
