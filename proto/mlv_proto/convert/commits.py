"""Making changesets: commits.proto."""

from __future__ import annotations

from collections.abc import Sequence

from mlv_core.deferred import maker
from mlv_core.errors import InvalidRequest
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, RequestId, WorkspaceId
from mlv_core.requests import (
    BeginOutcome,
    BeginRequest,
    ProposedChange,
    Published,
    PublishRequest,
    UndoRequest,
)
from mlv_proto.convert import checks
from mlv_proto.convert.values import (
    changes_from_wire,
    changes_to_wire,
    needs_from_wire,
    needs_to_wire,
    records_from_wire,
    records_to_wire,
)
from mlv_proto.v1 import commits_pb2 as pb
from mlv_proto.v1 import values_pb2

REQUEST_ID_LIMIT = 64
"""Characters: a UUID with room for a prefix."""


def begin_request_to_wire(request: BeginRequest) -> pb.BeginRequest:
    """May these be committed? A column of hashes that are all zeros is left out."""
    changes = changes_to_wire([row.change for row in request.changes])
    if not changes.hashes.strip(b"\0"):
        changes.hashes = b""
    return pb.BeginRequest(
        repository=str(request.repository),
        branch=request.branch,
        workspace=request.workspace,
        changes=changes,
        bases=_bases(request.changes),
        tokens=_tokens(request.changes),
        codecs=sorted(request.codecs),
    )


def begin_request_from_wire(message: pb.BeginRequest) -> BeginRequest:
    """May these be committed? Raises: InvalidRequest."""
    return BeginRequest(
        repository=checks.repository(message.repository, "repository"),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        changes=_proposed(message.changes, message.bases, message.tokens, known=False),
        codecs=checks.codecs(message.codecs, "codecs"),
    )


def begin_outcome_to_wire(outcome: BeginOutcome) -> pb.BeginResponse:
    """The upload's name and terms."""
    return pb.BeginResponse(
        upload=outcome.upload,
        codecs=sorted(outcome.codecs),
        head=outcome.head,
        lock_needs=needs_to_wire(outcome.needs),
    )


def begin_outcome_from_wire(message: pb.BeginResponse) -> BeginOutcome:
    """The upload's name and terms. Raises: InvalidRequest."""
    return BeginOutcome(
        message.upload,
        checks.codecs(message.codecs, "codecs"),
        checks.changeset(message.head, "head"),
        needs_from_wire(message.lock_needs, len(message.lock_needs), "lock_needs"),
    )


def hashes_to_wire(hashes: Sequence[bytes]) -> bytes:
    """Hashes back to back."""
    return b"".join(hashes)


def hashes_from_wire(data: bytes, field: str = "hashes") -> list[ContentHash]:
    """Hashes of 32 bytes, back to back. Raises: InvalidRequest."""
    count, rest = divmod(len(data), HASH_LENGTH)
    if rest:
        raise InvalidRequest(f"{field} has {len(data)} bytes, which is no multiple of {HASH_LENGTH}.")
    return checks.hashes(data, count, field)


def bitmap_to_wire(bits: Sequence[bool]) -> bytes:
    """Bit i of byte i / 8, lowest first."""
    value = int("".join("1" if bit else "0" for bit in reversed(bits)) or "0", 2)
    return value.to_bytes((len(bits) + 7) // 8, "little")


def bitmap_from_wire(data: bytes, count: int, field: str = "missing") -> list[bool]:
    """`count` bits. Raises: InvalidRequest."""
    if len(data) != (count + 7) // 8:
        raise InvalidRequest(f"{field} has {len(data)} bytes for {count} bits.")
    return [bool(data[at >> 3] >> (at & 7) & 1) for at in range(count)]


def publish_request_to_wire(request: PublishRequest) -> pb.PublishRequest:
    """Everything of a commit."""
    return pb.PublishRequest(
        repository=str(request.repository),
        request_id=request.request_id,
        branch=request.branch,
        workspace=request.workspace,
        message=request.message,
        changes=changes_to_wire([row.change for row in request.changes]),
        bases=_bases(request.changes),
        tokens=_tokens(request.changes),
        prepared_min=request.prepared_min,
        prepared_max=request.prepared_max,
        records=records_to_wire(request.records),
        content_hashes=b"".join(content for content, _ in request.recipes),
        recipe_hashes=b"".join(recipe for _, recipe in request.recipes),
        inline_pack=request.inline_pack,
        keep_locks=request.keep_locks,
        dry_run=request.dry_run,
        upload=request.upload,
    )


def publish_request_from_wire(message: pb.PublishRequest) -> PublishRequest:
    """Everything of a commit. Raises: InvalidRequest."""
    contents = hashes_from_wire(message.content_hashes, "content_hashes")
    recipes = checks.hashes(message.recipe_hashes, len(contents), "recipe_hashes")
    lowest = checks.changeset(message.prepared_min, "prepared_min")
    highest = checks.changeset(message.prepared_max, "prepared_max")
    if lowest > highest:
        raise InvalidRequest(f"prepared_min {lowest} is greater than prepared_max {highest}.")
    return PublishRequest(
        repository=checks.repository(message.repository, "repository"),
        request_id=request_id_from_wire(message.request_id),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        message=checks.text(message.message, "message"),
        changes=_proposed(message.changes, message.bases, message.tokens, known=True),
        prepared_min=lowest,
        prepared_max=highest,
        records=records_from_wire(message.records),
        recipes=tuple(zip(contents, recipes, strict=True)),
        inline_pack=message.inline_pack,
        upload=checks.text(message.upload, "upload"),
        keep_locks=message.keep_locks,
        dry_run=message.dry_run,
    )


def published_to_wire(published: Published) -> pb.PublishResponse:
    """The changeset that was made."""
    return pb.PublishResponse(
        changeset=published.changeset,
        parent=published.parent,
        id=published.id,
        branch=published.branch,
        time=published.time,
        released=published.released,
        changes=changes_to_wire(published.changes),
        stored_bytes=published.stored_bytes,
    )


def published_from_wire(message: pb.PublishResponse) -> Published:
    """The changeset that was made; a dry run has no id. Raises: InvalidRequest."""
    return Published(
        checks.changeset(message.changeset, "changeset"),
        checks.changeset(message.parent, "parent"),
        checks.one_hash(message.id, "id") if message.id else b"",
        message.branch,
        checks.number(message.time, "time"),
        tuple(message.released),
        changes_from_wire(message.changes),
        checks.number(message.stored_bytes, "stored_bytes"),
    )


def undo_request_to_wire(request: UndoRequest) -> pb.UndoRequest:
    """What to take back."""
    return pb.UndoRequest(
        repository=str(request.repository),
        request_id=request.request_id,
        branch=request.branch,
        workspace=request.workspace,
        message=request.message,
        first=request.first,
        last=request.last,
        to=request.to,
        paths=request.paths,
        token_paths=[path for path, _ in request.tokens],
        tokens=[token for _, token in request.tokens],
        dry_run=request.dry_run,
    )


def undo_request_from_wire(message: pb.UndoRequest) -> UndoRequest:
    """What to take back: a range, or with `to` everything after a version. Raises: InvalidRequest."""
    first, last = checks.changeset(message.first, "first"), checks.changeset(message.last, "last")
    to = checks.changeset(message.to, "to") if message.HasField("to") else None
    if (to is None) == (first == 0 and last == 0):
        raise InvalidRequest("Exactly one of first..last and to is given.")
    if to is None and not 0 < first <= last:
        raise InvalidRequest(f"first..last is {first}..{last}, which is no range of changesets.")
    count = len(message.token_paths)
    tokens = checks.bounded(message.tokens, count, "tokens")
    pairs = zip(checks.texts(message.token_paths, "token_paths"), map(FencingToken, tokens), strict=True)
    return UndoRequest(
        repository=checks.repository(message.repository, "repository"),
        request_id=request_id_from_wire(message.request_id),
        branch=checks.text(message.branch, "branch"),
        workspace=WorkspaceId(checks.text(message.workspace, "workspace")),
        message=checks.text(message.message, "message"),
        first=first,
        last=last,
        to=to,
        paths=checks.texts(message.paths, "paths"),
        tokens=tuple(pairs),
        dry_run=message.dry_run,
    )


def request_id_from_wire(value: str) -> RequestId:
    """A request's id. Raises: InvalidRequest."""
    if not 0 < len(value) <= REQUEST_ID_LIMIT or not value.isprintable():
        raise InvalidRequest(f"request_id must have 1 to {REQUEST_ID_LIMIT} printable characters.")
    return RequestId(value)


def _bases(rows: Sequence[ProposedChange]) -> list[int]:
    bases = [row.base for row in rows]
    return list(bases[:1] if len(set(bases)) == 1 else bases)


def _tokens(rows: Sequence[ProposedChange]) -> list[int]:
    tokens = [row.token for row in rows]
    return list(tokens) if any(tokens) else []


def _proposed(
    message: values_pb2.Changes, bases: Sequence[int], tokens: Sequence[int], *, known: bool
) -> tuple[ProposedChange, ...]:
    changes = changes_from_wire(message, known=known)
    count = len(changes)
    spread = checks.spread(bases, count, "bases") if count else []
    held = checks.bounded(checks.column_or(tokens, count, "tokens", 0), count, "tokens")
    new = maker(ProposedChange)
    return tuple(
        [
            new(change, ChangesetNumber(base), FencingToken(token))
            for change, base, token in zip(changes, spread, held, strict=True)
        ]
    )
