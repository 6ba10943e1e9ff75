"""Changes that come with content: checked by themselves, their packs kept, all of it proved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from mlv_core.entities import VERSION_PATH, Change, FileMode, FileState, Operation
from mlv_core.errors import InvalidRequest, LimitExceeded
from mlv_core.hashing import ContentHash
from mlv_core.paths import check_symlink, show_path
from mlv_core.requests import ProposedChange
from mlv_server.domain import changes as lists
from mlv_server.domain import commits as rules
from mlv_server.services.call import Call

PACK_CHUNK = 1024 * 1024

Item = tuple[ContentHash, int, ContentHash | None]
"""A content's hash, its size and the recipe it is said to have."""


def check_shape(call: Call, changes: Sequence[ProposedChange], act: str = "Commit") -> None:
    """Check what the changes say by themselves. Raises: LimitExceeded, InvalidRequest, InvalidPath, PathClash."""
    largest = call.settings.file_bytes
    check_count(call, len(changes), act)
    lists.check_proposed([proposed.change for proposed in changes])
    large = [one.change.path for one in changes if (state := one.change.state) is not None and state.size > largest]
    if large:
        raise LimitExceeded(
            f"'{show_path(large[0])}' is larger than the {largest:,} bytes that this server allows.",
            advice="Leave it out or split it; an admin can raise limits.file.",
            items=tuple(show_path(path) for path in large[: rules.SHOWN_LIMIT]),
        )


def check_count(call: Call, count: int, act: str) -> None:
    """Check the length of a change list. Raises: LimitExceeded."""
    most = call.settings.files_per_commit
    if count > most:
        raise LimitExceeded(
            f"{count:,} files in one commit; this server allows {most:,}.",
            advice=f"{act} in parts: name folders or files.",
        )


def contents_of(changes: Iterable[Change], recipes: Iterable[tuple[ContentHash, ContentHash]]) -> tuple[Item, ...]:
    """Every content that the changes bring, with the recipe it is said to have. Raises: InvalidRequest."""
    named = dict(recipes)
    found: dict[ContentHash, Item] = {}
    for change in changes:
        state = change.state
        if state is None or change.path == VERSION_PATH or change.operation is Operation.META:
            continue
        if state.content == lists.UNKNOWN_CONTENT:
            raise InvalidRequest(f"The content hash of '{show_path(change.path)}' is missing.")
        item = found.get(state.content)
        if item is None:
            found[state.content] = (state.content, state.size, named.get(state.content))
        elif item[1] != state.size:
            raise InvalidRequest(f"The content of '{show_path(change.path)}' is given with two sizes.")
    return tuple(found.values())


async def take(
    call: Call, domain_id: int, upload: str, pack: bytes, items: Sequence[Item], changes: Iterable[Change]
) -> int:
    """Keep the pack that came along (b"": none) and prove all content; the bytes by which packs grew.

    Raises: NotFound and DamagedContent for content that is not there or not what it says; UnsupportedFile.
    """
    grown = 0
    if pack:
        _, grown = await call.store.put_pack(domain_id, upload, _pieces(pack))
    await call.store.prove(domain_id, items)
    for change in changes:
        if change.state is not None and change.state.mode is FileMode.SYMLINK:
            await _check_target(call, domain_id, change.path, change.state)
    return grown


async def _check_target(call: Call, domain_id: int, path: str, state: FileState) -> None:
    """Check where a symbolic link points to (F1). Raises: UnsupportedFile, InvalidRequest."""
    data = b"".join([piece async for piece in call.store.read_range(domain_id, state.content, 0, state.size)])
    try:
        target = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The target of the symbolic link '{show_path(path)}' is no text.") from error
    check_symlink(path, target)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PACK_CHUNK):
        yield data[start : start + PACK_CHUNK]
