"""Shelves: shelves.proto."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mlv_core.entities import Change, Operation
from mlv_core.errors import InvalidRequest
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_core.requests import PlanPart, ProposedChange
from mlv_core.shelving import PlanShelfRequest, Shelf, ShelvedChange, ShelveRequest, origin_of
from mlv_proto.convert import checks, content
from mlv_proto.convert.commits import hashes_from_wire, request_id_from_wire
from mlv_proto.convert.slices import Sliced, batches
from mlv_proto.convert.values import changes_from_wire, changes_to_wire
from mlv_proto.v1 import shelves_pb2 as pb


def shelf_to_wire(shelf: Shelf) -> pb.Shelf:
    """A shelf."""
    return pb.Shelf(
        id=shelf.id,
        owner=shelf.owner,
        name=shelf.name,
        branch=shelf.branch,
        message=shelf.message,
        workspace=shelf.workspace,
        host=shelf.host,
        created_at=shelf.created_at,
        files=shelf.files,
        raw_bytes=shelf.raw_bytes,
        stored_bytes=shelf.stored_bytes,
        private=shelf.private,
    )


def shelf_from_wire(message: pb.Shelf) -> Shelf:
    """A shelf. Raises: InvalidRequest."""
    return Shelf(
        id=checks.number(message.id, "id"),
        owner=message.owner,
        name=message.name,
        branch=message.branch,
        message=message.message,
        workspace=message.workspace,
        host=message.host,
        created_at=checks.number(message.created_at, "created_at"),
        files=checks.number(message.files, "files"),
        raw_bytes=checks.number(message.raw_bytes, "raw_bytes"),
        stored_bytes=checks.number(message.stored_bytes, "stored_bytes"),
        private=message.private,
    )


def shelve_request_to_wire(request: ShelveRequest) -> pb.ShelveRequest:
    """What to keep, and under which name."""
    bases = [row.base for row in request.changes]
    return pb.ShelveRequest(
        repository=str(request.repository),
        request_id=request.request_id,
        branch=request.branch,
        workspace=request.workspace,
        name=request.name,
        message=request.message,
        changes=changes_to_wire([row.change for row in request.changes]),
        bases=bases[:1] if len(set(bases)) == 1 else bases,
        private=request.private,
        replace=request.replace,
        content_hashes=b"".join(content for content, _ in request.recipes),
        recipe_hashes=b"".join(recipe for _, recipe in request.recipes),
        inline_pack=request.inline_pack,
        upload=request.upload,
        dry_run=request.dry_run,
    )


def shelve_request_from_wire(message: pb.ShelveRequest) -> ShelveRequest:
    """What to keep, and under which name. Raises: InvalidRequest."""
    contents = hashes_from_wire(message.content_hashes, "content_hashes")
    recipes = checks.hashes(message.recipe_hashes, len(contents), "recipe_hashes")
    changes = changes_from_wire(message.changes)
    bases = checks.spread(message.bases, len(changes), "bases") if changes else []
    return ShelveRequest(
        repository=checks.repository(message.repository, "repository"),
        request_id=request_id_from_wire(message.request_id),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        name=checks.text(message.name, "name"),
        message=checks.text(message.message, "message"),
        changes=tuple(
            ProposedChange(change, ChangesetNumber(base), FencingToken(0))
            for change, base in zip(changes, bases, strict=True)
        ),
        private=message.private,
        replace=message.replace,
        recipes=tuple(zip(contents, recipes, strict=True)),
        inline_pack=message.inline_pack,
        upload=checks.text(message.upload, "upload"),
        dry_run=message.dry_run,
    )


def plan_shelf_to_wire(request: PlanShelfRequest) -> pb.PlanShelfRequest:
    """What to bring of a shelf."""
    return pb.PlanShelfRequest(
        repository=str(request.repository),
        shelf=request.shelf,
        paths=request.paths,
        codecs=sorted(request.codecs),
        without_old=request.without_old,
    )


def plan_shelf_from_wire(message: pb.PlanShelfRequest) -> PlanShelfRequest:
    """What to bring of a shelf. Raises: InvalidRequest."""
    return PlanShelfRequest(
        repository=checks.repository(message.repository, "repository"),
        shelf=checks.number(message.shelf, "shelf"),
        codecs=checks.codecs(message.codecs, "codecs"),
        paths=checks.texts(message.paths, "paths"),
        without_old=checks.texts(message.without_old, "without_old"),
    )


def shelf_contents_to_wire(shelf: Shelf, changes: Sequence[ShelvedChange]) -> Iterator[pb.GetShelfResponse]:
    """A shelf and what is on it, in messages of bounded size."""
    start = 0
    for group in batches([one.change for one in changes]):
        some = changes[start : start + len(group)]
        yield pb.GetShelfResponse(
            shelf=shelf_to_wire(shelf) if not start else None,
            changes=changes_to_wire(group),
            bases=[one.base for one in some],
            befores=changes_to_wire([_before(one) for one in some]),
        )
        start += len(group)


def shelf_contents_from_wire(messages: Iterable[pb.GetShelfResponse]) -> tuple[Shelf, tuple[ShelvedChange, ...]]:
    """A shelf and what is on it. Raises: InvalidRequest."""
    shelf: Shelf | None = None
    found: list[ShelvedChange] = []
    for message in messages:
        shelf = shelf or shelf_from_wire(message.shelf)
        changes = changes_from_wire(message.changes)
        bases = checks.bounded(message.bases, len(changes), "bases")
        befores = checks.column(changes_from_wire(message.befores, "befores"), len(changes), "befores")
        found += [
            ShelvedChange(change, ChangesetNumber(base), before.state)
            for change, base, before in zip(changes, bases, befores, strict=True)
        ]
    if shelf is None:
        raise InvalidRequest("The answer holds no message.")
    return shelf, tuple(found)


def _before(one: ShelvedChange) -> Change:
    path = origin_of(one.change)
    if one.before is None:
        return Change(path, Operation.DELETE, FileId(0), None)
    return Change(path, Operation.META, one.before.file_id, one.before)


SHELVE = Sliced(
    shelve_request_to_wire,
    shelve_request_from_wire,
    (("changes",), ("recipes",)),
    frozenset({"changes", "bases", "content_hashes", "recipe_hashes"}),
    lambda request: replace(request, inline_pack=b"", message=""),
    ("inline_pack", "message"),
)
PLAN_SHELF = Sliced(
    plan_shelf_to_wire,
    plan_shelf_from_wire,
    (("paths",), ("without_old",)),
    frozenset({"paths", "without_old"}),
)


def plan_part_to_wire(part: PlanPart) -> pb.PlanShelfResponse:
    """A part of the plan that brings a shelf."""
    return pb.PlanShelfResponse(part=content.plan_part_to_wire(part))
