"""Decoded segments of uploads on disk, until the proof of their file has read them: nothing is decoded twice."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from mlv_core.hashing import ContentHash, hash_content

# A file is dropped as a whole, so that the oldest go a few at a time.
FILE_BYTES = 64 * 1024 * 1024
# Smaller segments are decoded faster than they are found here.
SMALLEST = 256 * 1024


@dataclass(slots=True)
class _File:
    descriptor: int
    length: int = 0
    names: list[tuple[int, ContentHash]] = field(default_factory=list)
    readers: int = 0
    dropped: bool = False


class Spill:
    """At most `limit_bytes` of segments in unnamed files; they go with the process. May be used from any thread."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._files: deque[_File] = deque()
        self._where: dict[tuple[int, ContentHash], tuple[_File, int, int]] = {}

    def put(self, domain_id: int, name: ContentHash, plain: bytes | memoryview) -> None:
        """Keep a segment for a while; failures of the disk only mean that it is not kept."""
        length = len(plain)
        if length < SMALLEST or length > self._limit:
            return
        with contextlib.suppress(OSError):
            with self._lock:
                if (domain_id, name) in self._where:
                    return
                file = self._room(length)
                offset = file.length
                file.length += length
                file.readers += 1
            try:
                written = os.pwrite(file.descriptor, plain, offset)
            finally:
                self._leave(file)
            with self._lock:
                if written == length and not file.dropped:
                    self._where[domain_id, name] = (file, offset, length)
                    file.names.append((domain_id, name))

    def get(self, domain_id: int, name: ContentHash) -> bytes | None:
        """A segment, checked; None when it is not there."""
        with self._lock:
            found = self._where.get((domain_id, name))
            if found is None:
                return None
            file, offset, length = found
            file.readers += 1
        try:
            plain = os.pread(file.descriptor, length, offset)
        except OSError:
            return None
        finally:
            self._leave(file)
        return plain if hash_content(plain) == name else None

    def close(self) -> None:
        """Give all room back."""
        with self._lock:
            while self._files:
                self._drop(self._files.popleft())

    def _room(self, length: int) -> _File:
        """The file to append to; the oldest is dropped when there are too many."""
        if not self._files or self._files[-1].length + length > FILE_BYTES:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / uuid.uuid4().hex
            self._files.append(_File(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)))
            path.unlink()
            while len(self._files) > 1 and sum(file.length for file in self._files) + FILE_BYTES > self._limit:
                self._drop(self._files.popleft())
        return self._files[-1]

    def _drop(self, file: _File) -> None:
        file.dropped = True
        for key in file.names:
            if self._where.get(key, (None,))[0] is file:
                del self._where[key]
        if not file.readers:
            os.close(file.descriptor)

    def _leave(self, file: _File) -> None:
        with self._lock:
            file.readers -= 1
            if file.dropped and not file.readers:
                os.close(file.descriptor)
