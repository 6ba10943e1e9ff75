"""`mlv-server restore`: a snapshot of a backup becomes a server's folder; it is none before everything lies in it."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import field
from pathlib import Path

from blake3 import blake3

from mlv_core.deferred import dataclass
from mlv_core.errors import AlreadyExists, DamagedContent, FolderBusy, LimitExceeded, NotFound, VersionSkew
from mlv_core.failpoints import failpoint
from mlv_core.packs import PackParser
from mlv_server.content.archive import Archive
from mlv_server.content.blobs.local import Draft, LocalBlobs, sync_folder
from mlv_server.content.blocks import rebuild_database
from mlv_server.content.manifest import Manifest, PackCopy
from mlv_server.metadata import migrations
from mlv_server.settings import SETTINGS_FILE, Settings, default_file, load_settings

BEGUN = "mlv-server.toml.restoring"
"""The settings until all the rest is there; its first line says which snapshot is being restored."""
_CHUNK = 1024 * 1024
_BESIDE = "file.restoring"
_MOVED = {"storage.database", "storage.content", "tls.certificate", "tls.key", "tls.authority"}


@dataclass(slots=True)
class RestoreReport:
    """What was brought back. `damaged` are packs that are not in the backup as its manifest says."""

    snapshot: str
    time: int
    packs: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def restore(source: Path, directory: Path, snapshot: str | None) -> tuple[RestoreReport, Settings]:
    """Bring a snapshot, the newest by default, into the empty folder `directory`; it is a server after `finish`.

    A restore that was interrupted goes on. Damaged packs are brought as they are and named: whatever in them is whole
    is worth having, and the server never delivers the rest (F4). Blocks.
    Raises: AlreadyExists when the folder is not empty; NotFound, VersionSkew, DiskFull; DamagedContent when manifest,
    database or settings are damaged; OSError.
    """
    archive = Archive.reading(source)
    manifest = archive.newest() if snapshot is None else archive.load(snapshot)
    if manifest is None:
        raise NotFound(f"{source} holds no whole snapshot.", advice="Let 'mlv-server backup' finish one.")
    if not migrations.knows(manifest.schema):
        raise VersionSkew(
            f"The snapshot's database has schema {manifest.schema}, which this program does not know.",
            advice=f"Use mlv-server {manifest.program} or newer.",
        )
    report = RestoreReport(manifest.name, manifest.time, len(manifest.packs))
    settings = _begin(archive, manifest, directory, report)
    failpoint("restore.begun")
    blobs = LocalBlobs(settings.content_folder)
    blobs.clear_drafts()
    _need_room(blobs, manifest)
    for pack in manifest.packs:
        if not _bring_pack(archive, pack, blobs):
            report.damaged.append(f"pack {pack.pack_id.hex()}")
        report.bytes += pack.length
        failpoint("restore.pack")
    failpoint("restore.packs")
    _bring_database(archive, manifest, settings)
    failpoint("restore.database")
    for file in manifest.files:
        if file.place != SETTINGS_FILE:
            _write(directory, directory / file.place, archive.read_private(file.hash), file.mode)
    failpoint("restore.files")
    return report, settings


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Make the folder if need be and hold it against other restores; one that stays empty is removed again.

    Raises: FolderBusy, OSError.
    """
    made = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderBusy(f"Another restore into {directory} is running.") from error
        yield
    finally:
        os.close(handle)
        if made:
            with suppress(OSError):
                directory.rmdir()


def finish(directory: Path) -> None:
    """Make the folder a server's, at once and durably."""
    failpoint("restore.verified")
    (directory / BEGUN).rename(directory / SETTINGS_FILE)
    sync_folder(directory)
    failpoint("restore.finished")


def _begin(archive: Archive, manifest: Manifest, directory: Path, report: RestoreReport) -> Settings:
    """Lay down the settings under another name, or find those of the same restore, interrupted."""
    made = dt.datetime.fromtimestamp(manifest.time / 1000, dt.UTC).isoformat(timespec="milliseconds")
    first = f"# Restored from snapshot {manifest.name}, made {made}.\n"
    beside = directory / BEGUN
    if directory.exists() and {entry.name for entry in directory.iterdir()} - {_BESIDE}:
        same = beside.is_file() and not (directory / SETTINGS_FILE).exists()
        if not same or beside.read_text(encoding="utf-8").splitlines(keepends=True)[:1] != [first]:
            raise AlreadyExists(f"{directory} is not empty.", advice="Name an empty folder, or a new one.")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in manifest.files:
        if file.place == SETTINGS_FILE:
            text = archive.read_private(file.hash).decode()
            break
    else:
        raise DamagedContent("The snapshot holds no settings.", items=(f"snapshot {manifest.name}",))
    _write(directory, beside, (first + text).encode(), 0o600)
    settings = load_settings(beside, {})
    root = directory.absolute()
    paths = (Path(settings.database_url.removeprefix("sqlite:///")), settings.content_folder, settings.certificate)
    if not all(path.is_relative_to(root) and ".." not in path.parts for path in (*paths, settings.key)):
        _write(directory, beside, (first + _inside(text)).encode(), 0o600)
        settings = load_settings(beside, {})
        report.notes.append("The settings named files outside of the server's folder; they all lie in it now.")
    return settings


def _inside(text: str) -> str:
    """The same settings with every file in the server's own folder."""
    tables = tomllib.loads(text)
    values = {f"{section}.{key}": value for section, table in tables.items() for key, value in table.items()}
    return default_file({name: value for name, value in values.items() if name not in _MOVED})


def _need_room(blobs: LocalBlobs, manifest: Manifest) -> None:
    wanted = [pack for pack in manifest.packs if not blobs.path(pack.domain_id, pack.pack_id).exists()]
    blobs.need_room(sum(pack.length for pack in wanted))


def _bring_pack(archive: Archive, pack: PackCopy, blobs: LocalBlobs) -> bool:
    """Copy one pack into its place; whether it is what the manifest says."""
    place = blobs.path(pack.domain_id, pack.pack_id)
    if place.exists() and _is_whole(place, pack):
        return True
    draft = blobs.draft()
    try:
        with archive.pack_path(pack).open("rb") as stream:
            while data := stream.read(_CHUNK):
                draft.write(data)
        draft.seal(place)
    except FileNotFoundError:
        return False
    finally:
        draft.discard()
    return _is_whole(place, pack)


def _is_whole(path: Path, pack: PackCopy) -> bool:
    hasher, parser = blake3(), PackParser()
    try:
        with path.open("rb") as stream:
            while data := stream.read(_CHUNK):
                hasher.update(data)
                parser.feed(data)
        return hasher.digest() == pack.file_hash and parser.finish() == pack.pack_id
    except (DamagedContent, LimitExceeded):
        return False


def _bring_database(archive: Archive, manifest: Manifest, settings: Settings) -> None:
    place = Path(settings.database_url.removeprefix("sqlite:///"))
    draft = _draft(place.with_name(place.name + ".restoring"), 0o600)
    try:
        rebuild_database(archive, manifest.blocks, draft)
        for left in ("-wal", "-shm"):
            place.with_name(place.name + left).unlink(missing_ok=True)
        draft.seal(place)
    finally:
        draft.discard()
    migrations.upgrade(settings.database_url)
    migrations.check(settings.database_url)


def _write(directory: Path, place: Path, data: bytes, mode: int) -> None:
    """Write a file of the server's folder durably. Raises: DamagedContent for a place outside of it; DiskFull."""
    if not place.absolute().is_relative_to(directory.absolute()) or ".." in place.parts:
        raise DamagedContent(f"The backup names a file outside of the server's folder: {place}.")
    draft = _draft(directory / _BESIDE, mode)
    try:
        draft.write(data)
        draft.seal(place)
    finally:
        draft.discard()


def _draft(path: Path, mode: int) -> Draft:
    """A temporary file in the place of one that an interrupted restore left."""
    path.unlink(missing_ok=True)
    return Draft(path, mode, "the restored server")
