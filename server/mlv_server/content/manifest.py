"""What a backup's manifest says: which packs, blocks of the database and small files make up one snapshot."""

from __future__ import annotations

import json
from typing import Any

from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, VersionSkew
from mlv_core.hashing import hash_content

FORMAT = 1
"""The version of manifests and of a backup folder."""


@dataclass(frozen=True, slots=True)
class PackCopy:
    """A pack in a backup.

    `print` is a short hash of the frames' checksums that the database held when the pack was copied and found to have
    them; it is empty for a pack that was damaged already. `file_hash` is the BLAKE3 of all its bytes.
    """

    domain_id: int
    pack_id: bytes
    print: bytes
    file_hash: bytes
    length: int

    @property
    def file_name(self) -> str:
        """The name of its file, which says everything but the length."""
        return f"{self.pack_id.hex()}.{self.print.hex() or 'damaged'}.{self.file_hash.hex()}"


@dataclass(frozen=True, slots=True)
class BlockPart:
    """A blob at `offset` of the block file of snapshot `snapshot`, coded as the codec of that id codes segments."""

    snapshot: str
    offset: int
    length: int
    codec: int
    plain_length: int


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the database: the first part stands alone, each further one is a patch of what came before."""

    hash: bytes
    parts: tuple[BlockPart, ...]


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A settings or certificate file: where it belongs in a server's folder, its content's hash, its mode."""

    place: str
    hash: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot. `time` in milliseconds since 1970 UTC; `ordinal` counts the snapshots of a folder from 1."""

    name: str
    time: int
    ordinal: int
    program: str
    schema: str
    packs: tuple[PackCopy, ...]
    blocks: tuple[Block, ...]
    files: tuple[SmallFile, ...]


def encode(manifest: Manifest) -> bytes:
    """The bytes of a manifest; the last of them are a hash of all others."""
    snapshots = sorted({part.snapshot for block in manifest.blocks for part in block.parts})
    number = {name: index for index, name in enumerate(snapshots)}
    body = {
        "format": FORMAT,
        "name": manifest.name,
        "time": manifest.time,
        "ordinal": manifest.ordinal,
        "program": manifest.program,
        "schema": manifest.schema,
        "packs": [
            [pack.domain_id, pack.pack_id.hex(), pack.print.hex(), pack.file_hash.hex(), pack.length]
            for pack in manifest.packs
        ],
        "snapshots": snapshots,
        "blocks": [
            [
                block.hash.hex(),
                [[number[one.snapshot], one.offset, one.length, one.codec, one.plain_length] for one in block.parts],
            ]
            for block in manifest.blocks
        ],
        "files": [[file.place, file.hash.hex(), file.mode] for file in manifest.files],
    }
    return json.dumps({**body, "check": _check(body)}, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes) -> Manifest:
    """The manifest of its bytes. Raises: DamagedContent; VersionSkew for one of a newer program."""
    try:
        body: dict[str, Any] = json.loads(data)
        check = body.pop("check")
        check_format(body)
        if check != _check(body):
            raise DamagedContent("A backup's manifest is damaged.")
        snapshots = body["snapshots"]
        return Manifest(
            body["name"],
            body["time"],
            body["ordinal"],
            body["program"],
            body["schema"],
            tuple(
                PackCopy(domain, bytes.fromhex(name), bytes.fromhex(short), bytes.fromhex(whole), length)
                for domain, name, short, whole, length in body["packs"]
            ),
            tuple(
                Block(
                    bytes.fromhex(name),
                    tuple(BlockPart(snapshots[part[0]], *part[1:]) for part in parts),
                )
                for name, parts in body["blocks"]
            ),
            tuple(SmallFile(place, bytes.fromhex(name), mode) for place, name, mode in body["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise DamagedContent("A backup's manifest is damaged.") from error


def check_format(body: dict[str, Any]) -> None:
    """Check the key `format` of a document of a backup. Raises: VersionSkew, DamagedContent."""
    found = body.get("format")
    if not isinstance(found, int):
        raise DamagedContent("A backup does not say which format it has.")
    if found > FORMAT:
        raise VersionSkew(
            f"The backup has format {found}; this program reads up to {FORMAT}.", advice="Use a newer mlv-server."
        )


def _check(body: dict[str, Any]) -> str:
    return hash_content(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hex()
