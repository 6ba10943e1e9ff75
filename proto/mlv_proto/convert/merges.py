"""Merging branches: merges.proto."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from mlv_core.entities import FileMode, FileState
from mlv_core.errors import InvalidRequest
from mlv_core.hashing import ContentHash
from mlv_core.ids import FencingToken, FileId, WorkspaceId
from mlv_core.merging import Conflict, ConflictKind, Merged, MergeRequest, Place, Resolution, Side
from mlv_proto.convert import checks
from mlv_proto.convert.commits import hashes_from_wire, request_id_from_wire
from mlv_proto.convert.slices import PUBLISHED, Gathering, batches
from mlv_proto.convert.values import pairs_from_wire, pairs_to_wire
from mlv_proto.v1 import merges_pb2 as pb

_MODES = {int(mode) + 1: mode for mode in FileMode}
"""By the wire's number, which starts one higher."""


def merge_request_to_wire(request: MergeRequest) -> pb.MergeRequest:
    """What to merge, and how conflicts were decided."""
    return pb.MergeRequest(
        repository=str(request.repository),
        request_id=request.request_id,
        branch=request.branch,
        source=request.source,
        workspace=request.workspace,
        message=request.message,
        source_head=request.source_head,
        branch_head=request.branch_head,
        resolutions=[_resolution_to_wire(path, resolution) for path, resolution in request.resolutions],
        token_paths=[path for path, _ in request.tokens],
        tokens=[token for _, token in request.tokens],
        content_hashes=b"".join(content for content, _ in request.recipes),
        recipe_hashes=b"".join(recipe for _, recipe in request.recipes),
        inline_pack=request.inline_pack,
        upload=request.upload,
        dry_run=request.dry_run,
    )


def merge_request_from_wire(message: pb.MergeRequest) -> MergeRequest:
    """What to merge, and how conflicts were decided. Raises: InvalidRequest."""
    contents = hashes_from_wire(message.content_hashes, "content_hashes")
    recipes = checks.hashes(message.recipe_hashes, len(contents), "recipe_hashes")
    tokens = checks.bounded(message.tokens, len(message.token_paths), "tokens")
    held = zip(checks.texts(message.token_paths, "token_paths"), map(FencingToken, tokens), strict=True)
    resolutions = tuple(_resolution_from_wire(one) for one in message.resolutions)
    if len(dict(resolutions)) != len(resolutions):
        raise InvalidRequest("A path stands in resolutions twice.")
    return MergeRequest(
        repository=checks.repository(message.repository, "repository"),
        request_id=request_id_from_wire(message.request_id),
        branch=checks.text(message.branch, "branch"),
        source=checks.text(message.source, "source"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        message=checks.text(message.message, "message"),
        source_head=checks.changeset(message.source_head, "source_head"),
        branch_head=checks.changeset(message.branch_head, "branch_head"),
        resolutions=resolutions,
        tokens=tuple(held),
        recipes=tuple(zip(contents, recipes, strict=True)),
        inline_pack=message.inline_pack,
        upload=checks.text(message.upload, "upload"),
        dry_run=message.dry_run,
    )


def merged_to_wire(merged: Merged) -> Iterator[pb.MergeResponse]:
    """What a merge came to, in messages of bounded size; the first one holds the numbers."""
    outcome = PUBLISHED.cut(merged.published) if merged.published is not None else ()
    lists = zip_longest(batches(merged.conflicts), batches(merged.texts), outcome)
    for number, (conflicts, texts, part) in enumerate(lists):
        yield pb.MergeResponse(
            source=0 if number else merged.source,
            target=0 if number else merged.target,
            bases=() if number else merged.bases,
            texts=texts or (),
            conflicts=[_conflict_to_wire(conflict) for conflict in conflicts or ()],
            outcome=part,
        )


def merged_from_wire(messages: Iterable[pb.MergeResponse]) -> Merged:
    """What a merge came to, from all its messages. Raises: InvalidRequest."""
    head: pb.MergeResponse | None = None
    texts: list[str] = []
    conflicts: list[Conflict] = []
    outcome = Gathering(PUBLISHED)
    published = False
    for message in messages:
        head = head or message
        texts += message.texts
        conflicts += (_conflict_from_wire(one) for one in message.conflicts)
        if message.HasField("outcome"):
            outcome.add(message.outcome)
            published = True
    if head is None:
        raise InvalidRequest("The stream ended before its first message.")
    return Merged(
        source=checks.changeset(head.source, "source"),
        target=checks.changeset(head.target, "target"),
        bases=tuple(checks.changeset(base, "bases") for base in head.bases),
        texts=tuple(texts),
        conflicts=tuple(conflicts),
        published=outcome.whole() if published else None,
    )


def _resolution_to_wire(path: str, resolution: Resolution) -> pb.Resolution:
    side = checks.wire_enum(resolution.side)
    state = resolution.state
    if state is None:
        return pb.Resolution(path=path, side=side)
    mode = checks.wire_enum(int(state.mode) + 1)
    return pb.Resolution(path=path, side=side, mode=mode, text=state.text, size=state.size, hash=state.content)


def _resolution_from_wire(message: pb.Resolution) -> tuple[str, Resolution]:
    side = checks.enum(Side, message.side, "resolutions.side")
    path = checks.text(message.path, "resolutions.path")
    if side is not Side.CONTENT:
        return path, Resolution(side)
    size = checks.number(message.size, "resolutions.size")
    content = ContentHash(checks.one_hash(message.hash, "resolutions.hash"))
    mode = _mode(message.mode, "resolutions.mode")
    return path, Resolution(side, FileState(FileId(0), mode, message.text, size, content))


def _conflict_to_wire(conflict: Conflict) -> pb.Conflict:
    return pb.Conflict(
        path=conflict.path,
        kind=checks.wire_enum(conflict.kind),
        base=_place_to_wire(conflict.base),
        mine=_place_to_wire(conflict.mine),
        theirs=_place_to_wire(conflict.theirs),
    )


def _conflict_from_wire(message: pb.Conflict) -> Conflict:
    sides = {
        name: _place_from_wire(getattr(message, name)) if message.HasField(name) else None
        for name in ("base", "mine", "theirs")
    }
    return Conflict(message.path, checks.enum(ConflictKind, message.kind, "conflicts.kind"), **sides)


def _place_to_wire(place: Place | None) -> pb.Place | None:
    if place is None:
        return None
    state = place.state
    return pb.Place(
        path=place.path,
        file_id=state.file_id,
        mode=checks.wire_enum(int(state.mode) + 1),
        text=state.text,
        size=state.size,
        hash=state.content,
        properties=pairs_to_wire(state.properties),
    )


def _place_from_wire(message: pb.Place) -> Place:
    state = FileState(
        FileId(checks.number(message.file_id, "place.file_id")),
        _mode(message.mode, "place.mode"),
        message.text,
        checks.number(message.size, "place.size"),
        ContentHash(checks.one_hash(message.hash, "place.hash")),
        pairs_from_wire(message.properties, "place.properties"),
    )
    return Place(message.path, state)


def _mode(value: int, field: str) -> FileMode:
    if value not in _MODES:
        raise InvalidRequest(f"{field} is {value}; known values are 1, 2, 3.")
    return _MODES[value]
