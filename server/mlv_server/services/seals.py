"""What a server's own files were when it stopped: whatever differs since, though nobody wrote to it, has rotted.

A file that was written to has another time or size, and is left to those who wrote it; a bit that flips on a disk
changes neither. Packs and caches need no seal: they are checked whenever they are read.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from mlv_core.errors import DamagedContent
from mlv_core.hashing import hash_content
from mlv_server.auth.certificates import authority_key
from mlv_server.content.blobs.local import sync_folder
from mlv_server.settings import SETTINGS_FILE

if TYPE_CHECKING:
    from mlv_server.settings import Settings

NAME = "mlv.seal"
FORMAT = 1
TICK_SECONDS = 0.02
"""Longer than the clock that stamps files stands still: what is written after it has another time."""
_SQLITE = "sqlite:///"


def seal(settings: Settings) -> None:
    """Note size, time and hash of the database, settings, certificates and keys of a server that has just stopped.

    Raises: OSError.
    """
    stamps = {name: _stamp(path) for name, path in _files(settings).items()}
    time.sleep(TICK_SECONDS)
    files = {name: [*stamps[name], _hash(path)] for name, path in _files(settings).items() if path.is_file()}
    if {name: _stamp(path) for name, path in _files(settings).items()} != stamps:
        return  # another process writes to them
    body = {"format": FORMAT, "files": files}
    text = json.dumps({**body, "check": _check(body)}, indent=1)
    beside = settings.directory / f"{NAME}.new"
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(settings.directory / NAME)


def remove(settings: Settings) -> None:
    """Take the seal off before anything is written: a power cut may keep new bytes and lose the time of writing."""
    place = settings.directory / NAME
    if place.exists():
        place.unlink(missing_ok=True)
        sync_folder(settings.directory)


def faults(settings: Settings) -> list[str]:
    """The files that differ from the seal though nobody wrote to them; none without a seal. Raises: OSError."""
    try:
        body: dict[str, Any] = json.loads((settings.directory / NAME).read_bytes())
        check = body.pop("check")
        sealed: dict[str, list[Any]] = body["files"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"file {NAME}"]
    if check != _check(body):
        return [f"file {NAME}"]
    found = []
    for name, path in _files(settings).items():
        size, modified, content = sealed.get(name) or (None, None, None)
        if path.is_file() and _stamp(path) == (size, modified) and _hash(path) != content:
            found.append(f"file {name}")
    return found


def check(settings: Settings) -> None:
    """Refuse to work with files that have rotted. Raises: DamagedContent naming them."""
    found = [one for one in faults(settings) if one != f"file {NAME}"]
    if found:
        raise DamagedContent(
            "Files of the server have changed although nobody wrote to them: the disk has damaged them.",
            items=tuple(found),
            advice=f"Look at the disk and restore from a backup; without {NAME} the server takes them as they are.",
        )


def _files(settings: Settings) -> dict[str, Path]:
    """The files that are sealed, by the names under which they are told."""
    files = {
        SETTINGS_FILE: settings.directory / SETTINGS_FILE,
        "server certificate": settings.certificate,
        "server key": settings.key,
        "authority certificate": settings.authority,
        "authority key": authority_key(settings),
    }
    if settings.database_url.startswith(_SQLITE):
        files["database"] = Path(settings.database_url.removeprefix(_SQLITE))
    return files


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of a file; (-1, 0) for none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


def _hash(path: Path) -> str:
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def _check(body: dict[str, Any]) -> str:
    return hash_content(json.dumps(body, sort_keys=True).encode()).hex()
