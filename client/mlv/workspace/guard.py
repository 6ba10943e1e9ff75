"""Two commands never write at once, and no byte of the user's is lost: it moves aside before its place is taken."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mlv.workspace.layout import Layout
from mlv_core.errors import DiskFull, UsageError, WorkspaceBusy
from mlv_core.ids import escape

WAIT_SECONDS = 10.0
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
"""What the system says where there is no room on a disk, or for an open file."""
_STEP_SECONDS = 0.02


@contextmanager
def writing(layout: Layout, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the workspace while it is changed.

    Raises: WorkspaceBusy when another command holds it for longer than `wait_seconds`.
    """
    with _held(layout.write_lock, wait_seconds):
        yield


@contextmanager
def long_step(layout: Layout, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold off other commits and updates from the first step of one to its last; reading and `edit` go on (C6).

    Raises: WorkspaceBusy.
    """
    with _held(layout.long_lock, wait_seconds):
        yield


def is_free(lock_file: str) -> bool:
    """Whether nobody holds the lock right now."""
    try:
        with _held(lock_file, 0.0):
            return True
    except WorkspaceBusy:
        return False


@contextmanager
def _held(lock_file: str, wait_seconds: float) -> Iterator[None]:
    handle = os.open(lock_file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= end:
                    raise WorkspaceBusy("Another mlv command is at work in this workspace.") from error
                time.sleep(_STEP_SECONDS)
        yield
    finally:
        os.close(handle)


class Rescue:
    """One folder of `.mlv/rescue/` for one command; made when the first file needs it."""

    def __init__(self, layout: Layout, now: float) -> None:
        self._layout = layout
        self._name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
        self.saved: list[str] = []

    @property
    def folder(self) -> str:
        """The folder, relative to the workspace's root."""
        return os.path.join(".mlv", "rescue", self._name)

    def take(self, path: str) -> None:
        """Move the local file `path` aside; nothing happens where there is none.

        Raises: DiskFull; UsageError where the system does not let it, for want of a permission say.
        """
        source = self._layout.absolute(path)
        if not os.path.lexists(source):
            return
        target = os.path.join(self._layout.rescue, self._name, path)
        number = 0
        while os.path.lexists(target):
            number += 1
            target = os.path.join(self._layout.rescue, f"{self._name}-{number}", path)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(source, target)
        except OSError as error:
            text = f"'{escape(path)}' could not be moved to {self.folder}: {error.strerror}."
            if error.errno in NO_ROOM:
                raise DiskFull(text) from error
            raise UsageError(
                text, advice="Mend that, such as the folder's permissions: the next command finishes what was begun."
            ) from error
        self.saved.append(path)
