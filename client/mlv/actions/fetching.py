"""Bring content from the server into the incoming folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from mlv.actions.context import Context
from mlv.transfer.download import download
from mlv.transfer.types import OldFile
from mlv_core.codecs import Codec
from mlv_core.deferred import dataclass
from mlv_core.errors import NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import PlannedChange, PlanPart, PlanRequest

CODECS = frozenset(int(codec) for codec in Codec)
"""What this client can decode."""
KEPT_ROWS = 150_000
"""Segments and pieces of a plan that are kept until it is known what happens to each path: some 40 MB of memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of a plan; `parts` are None where they hold no content, or were too many to be kept.

    `withheld` counts files that are left out, because their content is not for the user to read.
    """

    changes: list[PlannedChange]
    parts: list[PlanPart] | None
    withheld: int = 0


def fetch(
    context: Context, request: PlanRequest, old_file: OldFile, parts: Iterable[PlanPart] | None = None
) -> dict[str, str]:
    """Fetch what the plan names, which is asked for unless its `parts` are given; the verified file of each path.

    Raises: those of the connection, DamagedContent, DiskFull.
    """
    server = context.server()
    incoming = context.workspace.layout.incoming
    os.makedirs(incoming, exist_ok=True)
    named = server.plan_download(request) if parts is None else parts
    return {
        fetched.change.change.path: fetched.file
        for fetched in download(server, request.repository, named, old_file, incoming, context.progress)
    }


def plan(context: Context, request: PlanRequest) -> Plan:
    """All changes, asked for with content unless the request says otherwise, and for its parts where they are few."""
    if not request.without_content:
        parts: list[PlanPart] = []
        rows = 0
        for part in context.server().plan_download(request):
            parts.append(part)
            rows += len(part.segments) + len(part.pieces)
            if rows > KEPT_ROWS:
                break
        else:
            changes = [change for part in parts if not part.start for change in part.changes]
            return Plan(changes, parts, _withheld(parts))
    told = list(context.server().plan_download(replace(request, without_content=True)))
    return Plan([change for part in told for change in part.changes], None, _withheld(told))


def _withheld(parts: list[PlanPart]) -> int:
    """Each part counts what was left out up to it."""
    return max((part.withheld for part in parts), default=0)


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
        found.update(fetch(context, request, lambda _path: None))
    absent = tuple(f"{path}@{changeset}" for path, changeset in wanted if path not in found)
    if absent:
        raise NotFound("The server does not have these files there.", items=absent)
    return found
