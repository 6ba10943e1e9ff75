"""The database in a backup: blocks of a few MiB, of which each snapshot adds only what changed since the last one."""

from __future__ import annotations

from pathlib import Path

from mlv_core.codecs import Codec, Encoded, decode, encode_group, encode_patch
from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.hashing import hash_content
from mlv_server.content.archive import Archive
from mlv_server.content.blobs.local import Draft
from mlv_server.content.manifest import Block, BlockPart

BLOCK_BYTES = 6 * 1024 * 1024
"""As long as the patch codec takes pains over, with its base: rows move between pages, and are found within a block."""
# What a restore decodes of a block is bounded by the number of its parts, what a backup holds of it by their bytes.
PARTS_LIMIT = 64
PATCHES_SHARE = 4
# Old blocks are stored anew at different snapshots, so that none of these is much larger than the others.
_SPREAD = 32


def store_database(
    archive: Archive, snapshot: str, ordinal: int, source: Path, before: tuple[Block, ...]
) -> tuple[tuple[Block, ...], int]:
    """Write what changed of the database file `source` since the blocks `before`; its blocks, and the bytes written.

    Raises: DiskFull, OSError.
    """
    blocks: list[Block] = []
    draft = archive.draft()
    try:
        with source.open("rb") as stream:
            while plain := stream.read(BLOCK_BYTES):
                index = len(blocks)
                old = before[index] if index < len(before) else None
                if old is not None and _is_worn(old, ordinal + index):
                    old = None
                blocks.append(_store(archive, snapshot, draft, plain, old))
        written = draft.length
        if written:
            draft.seal(archive.block_path(snapshot))
    finally:
        draft.discard()
    return tuple(blocks), written


def rebuild_database(archive: Archive, blocks: tuple[Block, ...], target: Draft) -> None:
    """Write a whole database file. Raises: DamagedContent naming the block; DiskFull."""
    for index, block in enumerate(blocks):
        target.write(read_block(archive, block, index))


def read_block(archive: Archive, block: Block, index: int) -> bytes:
    """The plain bytes of a block. Raises: DamagedContent."""
    plain: bytes | memoryview | None = None
    where = (f"block {index} of the database",)
    try:
        for part in block.parts:
            plain = decode(part.codec, archive.read_block_part(part), part.plain_length, plain, BLOCK_BYTES)
    except (DamagedContent, LimitExceeded) as error:
        raise DamagedContent(error.message, items=(*error.items, *where)) from error
    if plain is None or hash_content(plain) != block.hash:
        raise DamagedContent("The database in the backup is damaged.", items=where)
    return bytes(plain)


def _store(archive: Archive, snapshot: str, draft: Draft, plain: bytes, old: Block | None) -> Block:
    name = hash_content(plain)
    if old is not None and old.hash == name:
        return old
    coded = encode_group(plain)
    parts: tuple[BlockPart, ...] = ()
    if old is not None:
        patch = _patch(archive, plain, old)
        if patch is not None and len(patch.blob) < len(coded.blob):
            coded, parts = patch, old.parts
    part = BlockPart(snapshot, draft.length, len(coded.blob), coded.codec, len(plain))
    draft.write(coded.blob)
    return Block(name, (*parts, part))


def _is_worn(block: Block, turn: int) -> bool:
    """Whether a block has so many patches that it is to be stored as a whole."""
    first, *patches = block.parts
    if sum(part.length for part in patches) > PATCHES_SHARE * first.length:
        return True
    return len(block.parts) >= PARTS_LIMIT or (len(block.parts) >= _SPREAD and turn % _SPREAD == 0)


def _patch(archive: Archive, plain: bytes, old: Block) -> Encoded | None:
    try:
        coded = encode_patch(plain, read_block(archive, old, 0))
    except DamagedContent:
        return None  # the older snapshot is damaged: this one must not stand on it
    return coded if coded.codec == Codec.PATCH else None
