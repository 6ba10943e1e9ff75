"""A backup folder: packs, blocks of databases, private files, and one manifest for each snapshot."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlv_core.errors import AlreadyExists, DamagedContent, DiskFull, FolderBusy, NotFound, UsageError
from mlv_core.hashing import hash_content
from mlv_server.content import manifest as manifests
from mlv_server.content.blobs.local import Draft, make_folder, sync_folder
from mlv_server.content.manifest import BlockPart, Manifest, PackCopy

MARK = "mlv-backup.json"
"""The file that says that a folder is a backup, and of which format."""
RESERVED_BYTES = 16 * 1024 * 1024
"""Left free on the backup's disk: the snapshot's last files are small, and must find room."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PACK = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{16}|damaged)\.([0-9a-f]{64})")
_PRIVATE = 0o600


class Archive:
    """A backup folder. Everything in it is written beside, synced, renamed; a manifest comes last of its snapshot."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._packs: dict[Path, dict[tuple[bytes, bytes], PackCopy]] = {}

    @classmethod
    @contextmanager
    def writing(cls, root: Path) -> Iterator[Archive]:
        """The backup folder `root`, made where there is none or an empty one, for one process at a time.

        Raises: AlreadyExists when it holds something else; FolderBusy, VersionSkew, OSError.
        """
        archive = cls(root)
        make_folder(root)
        if not (root / MARK).exists():
            if any(entry.name not in {"tmp", "lock"} for entry in root.iterdir()):
                raise AlreadyExists(f"{root} holds something that is no backup.", advice="Name an empty folder.")
            root.chmod(0o700)
            archive.write(root / MARK, json.dumps({"format": manifests.FORMAT}).encode() + b"\n")
        archive.check()
        handle = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderBusy(f"Another backup into {root} is running.") from error
            shutil.rmtree(root / "tmp", ignore_errors=True)
            (root / "tmp").mkdir(mode=0o700)
            yield archive
        finally:
            os.close(handle)

    @classmethod
    def reading(cls, root: Path) -> Archive:
        """An existing backup folder. Raises: NotFound, VersionSkew, DamagedContent."""
        if not (root / MARK).is_file():
            raise NotFound(f"{root} is no backup.", advice="'mlv-server backup DIR DEST' makes one.")
        archive = cls(root)
        archive.check()
        return archive

    def check(self) -> None:
        """Whether this program reads the folder. Raises: VersionSkew, DamagedContent."""
        try:
            body = json.loads((self.root / MARK).read_bytes())
        except (ValueError, RecursionError) as error:
            raise DamagedContent(f"{self.root / MARK} is damaged.") from error
        manifests.check_format(body if isinstance(body, dict) else {})

    # --- snapshots

    def names(self) -> list[str]:
        """The snapshots that are whole, sorted by name."""
        return sorted(path.name.removesuffix(".json") for path in (self.root / "snapshots").glob("*.json"))

    def load(self, name: str) -> Manifest:
        """The manifest of a snapshot. Raises: NotFound, DamagedContent, VersionSkew."""
        try:
            found = manifests.decode(self._manifest(name).read_bytes())
        except FileNotFoundError as error:
            items = tuple(self.names())
            raise NotFound(f"There is no snapshot '{name}'.", advice="Name one of these.", items=items) from error
        except DamagedContent as error:
            raise DamagedContent(error.message, items=(f"snapshot {name}",), advice=_OTHER) from error
        if found.name != name:
            raise DamagedContent("A manifest bears the name of another.", items=(f"snapshot {name}",), advice=_OTHER)
        return found

    def newest(self, *, damaged: list[str] | None = None) -> Manifest | None:
        """The last snapshot made; None where there is none. Damaged manifests are skipped where `damaged` takes them.

        Raises: DamagedContent, VersionSkew.
        """
        found: Manifest | None = None
        for name in self.names():
            try:
                one = self.load(name)
            except DamagedContent:
                if damaged is None:
                    raise
                damaged.append(f"snapshot {name}")
                continue
            if found is None or one.ordinal > found.ordinal:
                found = one
        return found

    def check_name(self, name: str) -> None:
        """Whether a new snapshot may be called so. Raises: UsageError, AlreadyExists."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"'{name}' is no name for a snapshot.", advice="Use letters, digits, '.', '_' and '-'.")
        if self._manifest(name).exists():
            raise AlreadyExists(f"There is a snapshot '{name}' already.")

    def finish(self, manifest: Manifest) -> int:
        """Make a snapshot whose parts all lie here visible, at once and durably; the bytes of its manifest."""
        data = manifests.encode(manifest)
        self.write(self._manifest(manifest.name), data)
        return len(data)

    def _manifest(self, name: str) -> Path:
        return self.root / "snapshots" / f"{name}.json"

    def drop(self, name: str) -> None:
        """Take a snapshot back; what only it named stays until `unneeded` files are removed."""
        self._manifest(name).unlink(missing_ok=True)
        sync_folder(self.root / "snapshots")

    def unneeded(self, kept: Iterable[Manifest]) -> Iterator[Path]:
        """Packs, blocks and small files that none of the snapshots `kept` names."""
        needed: set[Path] = set()
        for manifest in kept:
            needed.update(self.pack_path(pack) for pack in manifest.packs)
            needed.update(self.block_path(part.snapshot) for block in manifest.blocks for part in block.parts)
            needed.update(self._private(file.hash) for file in manifest.files)
        for folder, pattern in (("packs", "*/*/*"), ("databases", "*"), ("private", "*")):
            yield from (path for path in sorted((self.root / folder).glob(pattern)) if path not in needed)

    # --- packs

    def find_pack(self, domain_id: int, pack_id: bytes, short: bytes) -> PackCopy | None:
        """The sound copy of a pack whose frames have the checksums that `short` stands for."""
        return self._folder(domain_id, pack_id).get((pack_id, short))

    def pack_path(self, pack: PackCopy) -> Path:
        """Where a copied pack lies."""
        return self._pack_folder(pack.domain_id, pack.pack_id) / pack.file_name

    def add_pack(self, draft: Draft, pack: PackCopy) -> None:
        """Give a copied pack its place. Raises: DiskFull."""
        draft.seal(self.pack_path(pack))
        self._folder(pack.domain_id, pack.pack_id)[pack.pack_id, pack.print] = pack

    def _pack_folder(self, domain_id: int, pack_id: bytes) -> Path:
        return self.root / "packs" / str(domain_id) / pack_id.hex()[:2]

    def _folder(self, domain_id: int, pack_id: bytes) -> dict[tuple[bytes, bytes], PackCopy]:
        folder = self._pack_folder(domain_id, pack_id)
        if folder not in self._packs:
            known: dict[tuple[bytes, bytes], PackCopy] = {}
            for entry in os.scandir(folder) if folder.is_dir() else ():
                match = _PACK.fullmatch(entry.name)
                if match is not None and match[2] != "damaged":
                    name, short, whole = (bytes.fromhex(part) for part in match.groups())
                    known[name, short] = PackCopy(domain_id, name, short, whole, entry.stat().st_size)
            self._packs[folder] = known
        return self._packs[folder]

    # --- blocks and small files

    def block_path(self, snapshot: str) -> Path:
        """Where the blocks lie that came with a snapshot."""
        return self.root / "databases" / snapshot

    def read_block_part(self, part: BlockPart) -> bytes:
        """A coded blob. Raises: DamagedContent when it is not there whole."""
        try:
            with self.block_path(part.snapshot).open("rb") as stream:
                stream.seek(part.offset)
                data = stream.read(part.length)
        except FileNotFoundError:
            data = b""
        if len(data) != part.length:
            raise DamagedContent(
                "A backup lacks a part of its database.", items=(f"databases/{part.snapshot}",), advice=_OTHER
            )
        return data

    def add_private(self, data: bytes) -> tuple[bytes, int]:
        """Keep a file that only the owner may read; its hash, and the bytes written: 0 when it is here already."""
        name = hash_content(data)
        path = self._private(name)
        if path.exists():
            return name, 0
        self.write(path, data)
        return name, len(data)

    def read_private(self, name: bytes) -> bytes:
        """A small file. Raises: DamagedContent."""
        try:
            data = self._private(name).read_bytes()
        except FileNotFoundError:
            data = b""
        if hash_content(data) != name:
            raise DamagedContent("A file of the backup is damaged.", items=(f"private/{name.hex()}",), advice=_OTHER)
        return data

    def _private(self, name: bytes) -> Path:
        return self.root / "private" / name.hex()

    # --- writing

    def draft(self) -> Draft:
        """A new temporary file. Raises: DiskFull."""
        return Draft(self.root / "tmp" / uuid.uuid4().hex, _PRIVATE, f"the backup {self.root}")

    def write(self, place: Path, data: bytes) -> None:
        """Write a file durably. Raises: DiskFull."""
        draft = self.draft()
        try:
            draft.write(data)
            draft.seal(place)
        finally:
            draft.discard()

    def need_room(self, length: int) -> None:
        """Raises: DiskFull when `length` bytes more do not fit."""
        free = max(0, shutil.disk_usage(self.root).free - RESERVED_BYTES)
        if free < length:
            raise DiskFull(f"The backup's disk is full: {length} bytes are needed, {free} are free.")


_OTHER = "Restore another snapshot; 'ls DEST/snapshots' lists them."
