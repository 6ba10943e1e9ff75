"""Packs as files of one folder: written beside, synced, renamed; read by ranges; never changed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from mlv_core.deferred import dataclass
from mlv_core.errors import DiskFull, LimitExceeded, NotFound
from mlv_core.failpoints import failpoint

# Room that an upload leaves free: the database must be able to write its log and say so.
RESERVED_BYTES = 16 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_HANDLES = frozenset({errno.EMFILE, errno.ENFILE})


@contextlib.contextmanager
def named_failures(what: str) -> Iterator[None]:
    """Turn a full disk and exhausted file handles inside the block into DiskFull and LimitExceeded."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"The disk is full: {what} could not be written.") from error
        if error.errno in _NO_HANDLES:
            raise LimitExceeded(f"The server has no file handles left for {what}.") from error
        raise


@dataclass(frozen=True, slots=True)
class PackPlace:
    """A pack file that lies in the folder."""

    domain_id: int
    pack_id: bytes
    length: int


class Draft:
    """A file under a temporary name; `seal` gives it its place, `discard` removes it. Not thread-safe."""

    __slots__ = ("_descriptor", "_path", "_what", "length")

    def __init__(self, path: Path, mode: int = 0o640, what: str = "a pack") -> None:
        self._path = path
        self._what = what
        self.length = 0
        with named_failures(self._what):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`. Raises: DiskFull."""
        view = memoryview(data).cast("B")
        with named_failures(self._what):
            while view:
                written = os.write(self._descriptor, view)
                self.length += written
                view = view[written:]

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes already written at `offset`."""
        return _read_exactly(self._descriptor, offset, length)

    def seal(self, place: Path) -> None:
        """Make the bytes durable under the name `place`, in this order: bytes, name, folder. Raises: DiskFull."""
        with named_failures(self._what):
            failpoint("content.pack.written")
            os.fdatasync(self._descriptor)
            failpoint("content.pack.synced")
            make_folder(place.parent)
            self._path.rename(place)
            failpoint("content.pack.renamed")
            sync_folder(place.parent)
            failpoint("content.pack.sealed")
        self._close()

    def discard(self) -> None:
        """Remove the file, if it is not sealed."""
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalBlobs:
    """The packs under `root`: `<domain id>/packs/<2 hex>/<pack id>`. All methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def draft(self) -> Draft:
        """A new temporary file. Raises: DiskFull, LimitExceeded."""
        return Draft(self.root / "tmp" / uuid.uuid4().hex)

    def path(self, domain_id: int, pack_id: bytes) -> Path:
        """Where a pack lies or would lie."""
        name = pack_id.hex()
        return self.root / str(domain_id) / "packs" / name[:2] / name

    def read(self, domain_id: int, pack_id: bytes, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset` of a pack; fewer where the file ends early.

        Raises: NotFound when there is no such file.
        """
        try:
            with named_failures("a read"):
                descriptor = os.open(self.path(domain_id, pack_id), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(f"Pack {pack_id.hex()} is not there.") from error
        try:
            return _read_exactly(descriptor, offset, length)
        finally:
            os.close(descriptor)

    def delete(self, domain_id: int, pack_id: bytes) -> None:
        """Unlink a pack; one that is not there is no error."""
        self.path(domain_id, pack_id).unlink(missing_ok=True)

    def list_packs(self) -> Iterator[PackPlace]:
        """Every pack file, in no order; files of other names are left alone."""
        for folder in self.root.glob("[0-9]*/packs/[0-9a-f][0-9a-f]"):
            with os.scandir(folder) as found:
                entries = list(found)
            for entry in entries:
                name = entry.name
                if len(name) == 64 and name[:2] == folder.name and not name.strip("0123456789abcdef"):  # noqa: PLR2004 - hex of 32 bytes
                    yield PackPlace(int(folder.parent.parent.name), bytes.fromhex(name), entry.stat().st_size)

    def written_at(self, domain_id: int, pack_id: bytes) -> int | None:
        """When a pack was written, in milliseconds since 1970 UTC; None when it is not there."""
        try:
            return self.path(domain_id, pack_id).stat().st_mtime_ns // 1_000_000
        except FileNotFoundError:
            return None

    def old_drafts(self, before: int) -> list[tuple[Path, int]]:
        """Temporary files that nobody has written to since `before` (milliseconds since 1970 UTC), and their bytes."""
        found = []
        for path in (self.root / "tmp").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                state = path.stat()
                if state.st_mtime_ns // 1_000_000 < before:
                    found.append((path, state.st_size))
        return found

    def clear_drafts(self) -> int:
        """Remove temporary files of uploads that died with an earlier process; how many there were."""
        drafts = list((self.root / "tmp").glob("*"))
        for path in drafts:
            path.unlink(missing_ok=True)
        return len(drafts)

    def free_bytes(self) -> int:
        """Bytes that may still be written, less a reserve for the database."""
        self.root.mkdir(parents=True, exist_ok=True)
        return max(0, shutil.disk_usage(self.root).free - RESERVED_BYTES)

    def need_room(self, length: int) -> None:
        """Raises: DiskFull when `length` bytes more do not fit."""
        free = self.free_bytes()
        if free < length:
            raise DiskFull(f"The server's disk is full: {length} bytes are needed, {free} are free.")


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Create `folder` and make its name and those of all newly created parents durable."""
    missing: list[Path] = []
    current = folder
    while not current.exists():
        missing.append(current)
        current = current.parent
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    for path in missing:
        sync_folder(path.parent)


def _read_exactly(descriptor: int, offset: int, length: int) -> bytes:
    parts: list[bytes] = []
    while length > 0:
        part = os.pread(descriptor, length, offset)
        if not part:
            break
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
