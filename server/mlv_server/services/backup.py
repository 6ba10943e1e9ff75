"""`mlv-server backup`: the database first, then every pack that it names, then a manifest that makes it count."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from blake3 import blake3

from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded, Unreachable, UsageError
from mlv_core.failpoints import failpoint
from mlv_core.packs import PackParser
from mlv_server.auth.certificates import authority_key
from mlv_server.content.archive import Archive
from mlv_server.content.blobs.local import Draft, LocalBlobs
from mlv_server.content.blocks import store_database
from mlv_server.content.frames import checksum
from mlv_server.content.manifest import Manifest, PackCopy, SmallFile
from mlv_server.metadata import migrations
from mlv_server.metadata.engine import Database
from mlv_server.metadata.packs import PackRow
from mlv_server.metadata.segments import FramePlace
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.settings import SETTINGS_FILE, Settings

ATTEMPTS = 20
"""Fresh snapshots where packs are replaced while they are copied; each time only the newest packs are left to copy."""
_CHUNK = 1024 * 1024


@dataclass(slots=True)
class BackupReport:
    """What a backup came to. `damaged` are packs of the server whose bytes are not as its database says."""

    snapshot: str
    packs: int = 0
    packs_copied: int = 0
    pack_bytes: int = 0
    pack_bytes_copied: int = 0
    database_bytes: int = 0
    database_bytes_copied: int = 0
    bytes_copied: int = 0
    attempts: int = 0
    damaged: list[str] = field(default_factory=list)


def snapshot_name(now: int) -> str:
    """The name of a snapshot whose maker gives none: its time in UTC. `now` in milliseconds since 1970 UTC."""
    return dt.datetime.fromtimestamp(now / 1000, dt.UTC).strftime("%Y-%m-%dT%H%M%S.") + f"{now % 1000:03}Z"


def backup(db: Database, settings: Settings, destination: Path, name: str, now: int, program: str) -> BackupReport:
    """Add a snapshot of the server of `settings` to the backup folder `destination`, beside a running server.

    What is there already is not copied again; a pack that a repack removes meanwhile is told by a fresh look at the
    database. What an interrupted backup copied is used. Blocks.
    Raises: UsageError when one folder lies in the other; AlreadyExists, FolderBusy, VersionSkew, DiskFull, Unreachable
    when content kept moving, DamagedContent for a database that cannot be copied, OSError.
    """
    _check_apart(settings, destination)
    with Archive.writing(destination) as archive:
        archive.check_name(name)
        failpoint("backup.begun")
        return _Backup(db, settings, archive, name, now, program).run()


class _Backup:
    def __init__(self, db: Database, settings: Settings, archive: Archive, name: str, now: int, program: str) -> None:
        self._db = db
        self._settings = settings
        self._archive = archive
        self._blobs = LocalBlobs(settings.content_folder)
        self._now = now
        self._program = program
        self._report = BackupReport(name)

    def run(self) -> BackupReport:
        before = self._archive.newest(damaged=self._report.damaged)
        ordinal = 1 if before is None else before.ordinal + 1
        copied: list[PackCopy] | None = None
        while copied is None:
            self._report.attempts += 1
            if self._report.attempts > ATTEMPTS:
                raise Unreachable("Content kept moving to other packs.", advice="Type the same command again.")
            file = self._archive.root / "tmp" / f"{uuid.uuid4().hex}.db"
            self._db.copy_now(file)
            failpoint("backup.snapshot")
            copied = self._copy_packs(file)
        failpoint("backup.packs")

        name = self._report.snapshot
        blocks, written = store_database(self._archive, name, ordinal, file, () if before is None else before.blocks)
        failpoint("backup.database")
        files, small = self._copy_files()
        failpoint("backup.files")
        schema = migrations.current_revision(f"sqlite:///{file}") or ""
        manifest = Manifest(name, self._now, ordinal, self._program, schema, tuple(copied), blocks, files)
        last = self._archive.finish(manifest)
        failpoint("backup.finished")

        report = self._report
        report.packs, report.pack_bytes = len(copied), sum(pack.length for pack in copied)
        report.database_bytes, report.database_bytes_copied = file.stat().st_size, written
        report.bytes_copied = report.pack_bytes_copied + written + small + last
        file.unlink()
        return report

    def _copy_packs(self, file: Path) -> list[PackCopy] | None:
        """Copy what the database copy `file` names and the backup lacks; None when a pack was replaced meanwhile."""
        with Database.open_now(f"sqlite:///{file}", readers=1) as copy:
            copy.write_now(_forget_retired)
            rows, prints = copy.read_now(lambda tx: (tx.packs.list_all(), tx.packs.prints()))
            found = {row.id: self._archive.find_pack(row.domain_id, row.pack_id, prints[row.id]) for row in rows}
            missing = [row for row in rows if found[row.id] is None]
            self._archive.need_room(sum(row.length for row in missing) + file.stat().st_size // 4)
            whole = True
            # The newest packs first: they are the likeliest to be replaced.
            for row in reversed(missing):
                done = self._copy_pack(row, prints[row.id], _frames(copy, row))
                if done is None:
                    whole = whole and not self._is_moved(row)
                else:
                    found[row.id] = done
        return [pack for row in rows if (pack := found[row.id]) is not None] if whole else None

    def _is_moved(self, row: PackRow) -> bool:
        """Whether a pack without a file was replaced since the snapshot; else it is lost, and named."""
        now = self._db.read_now(lambda tx: tx.packs.find(row.domain_id, row.pack_id))
        if now is None or not now.live_bytes:
            return True
        self._report.damaged.append(f"pack {row.pack_id.hex()}: its file is gone")
        return False

    def _copy_pack(self, row: PackRow, short: bytes, frames: Sequence[FramePlace]) -> PackCopy | None:
        """Copy one pack and look whether it is as the database says; None when it has no file."""
        try:
            source = self._blobs.path(row.domain_id, row.pack_id).open("rb")
        except FileNotFoundError:
            return None
        hasher, parser, sound = blake3(), PackParser(), True
        draft = self._archive.draft()
        try:
            with source:
                while data := source.read(_CHUNK):
                    draft.write(data)
                    hasher.update(data)
                    sound = sound and _feeds(parser, data)
            sound = sound and _is_whole(parser, row, draft, frames)
            if not sound:
                self._report.damaged.append(f"pack {row.pack_id.hex()}")
            pack = PackCopy(row.domain_id, row.pack_id, short if sound else b"", hasher.digest(), draft.length)
            self._archive.add_pack(draft, pack)
            failpoint("backup.pack")
        finally:
            draft.discard()
        self._report.packs_copied += 1
        self._report.pack_bytes_copied += draft.length
        return pack

    def _copy_files(self) -> tuple[tuple[SmallFile, ...], int]:
        """Keep the settings and the certificates with their keys; the bytes written."""
        total, files = 0, []
        for place, path in sorted(_small_files(self._settings).items()):
            name, written = self._archive.add_private(path.read_bytes())
            files.append(SmallFile(place, name, path.stat().st_mode & 0o777))
            total += written
        return tuple(files), total


def _forget_retired(tx: Transaction) -> None:
    """Drop the rows of packs that only wait to be removed: their files need not be copied."""
    for row in tx.packs.list_all():
        if not row.live_bytes:
            tx.packs.forget(row.id)


def _frames(copy: Database, row: PackRow) -> list[FramePlace]:
    return copy.read_now(lambda tx: tx.packs.frames_between(row.domain_id, row.pack_id, 0, row.length))


def _feeds(parser: PackParser, data: bytes) -> bool:
    try:
        parser.feed(data)
    except (DamagedContent, LimitExceeded):
        return False
    return True


def _is_whole(parser: PackParser, row: PackRow, draft: Draft, frames: Sequence[FramePlace]) -> bool:
    try:
        formed = parser.finish() == row.pack_id and draft.length == row.length
    except (DamagedContent, LimitExceeded):
        return False
    return formed and all(checksum(draft.read(place.offset, place.length)) == place.checksum for place in frames)


def _check_apart(settings: Settings, destination: Path) -> None:
    target = destination.resolve()
    for folder in (settings.directory.resolve(), settings.content_folder.resolve()):
        if target == folder or folder in target.parents or target in folder.parents:
            raise UsageError(
                f"The backup {target} and the server's {folder} lie one in the other.",
                advice="Name a folder elsewhere, best on another disk.",
            )


def _small_files(settings: Settings) -> dict[str, Path]:
    """Where the settings and certificates are to lie in a server's folder, and where they lie now."""
    root = settings.directory
    files = {SETTINGS_FILE: root / SETTINGS_FILE}
    key = authority_key(settings)
    for usual, path in (("server.pem", settings.certificate), ("server.key", settings.key),
                        ("ca.pem", settings.authority), ("ca.key", key)):  # fmt: skip
        if path.is_file():
            inside = path.resolve().is_relative_to(root.resolve())
            files[str(path.relative_to(root)) if inside else f"tls/{usual}"] = path
    return files
