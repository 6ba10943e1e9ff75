"""Bases of files that are open for edit: a reflink where the file system has them, else a copy."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil

from mlv.workspace.layout import Layout
from mlv.workspace.scan import SYMLINK
from mlv.workspace.state import State, TrackedFile
from mlv_core.errors import DiskFull

TEXT_LIMIT_BYTES = 256 * 1024
"""Text files up to this size keep their base packed in the state, so that they can be edited without `edit`."""
_FICLONE = 0x40049409
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def clone(source: str, target: str, *, durable: bool = True) -> None:
    """Make `target` a file with the bytes of `source`, sharing blocks where the file system can.

    Raises: DiskFull.
    """
    beside = f"{target}.new"
    try:
        with open(source, "rb", buffering=0) as reader, open(beside, "wb", buffering=0) as writer:
            try:
                fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
            except OSError:
                shutil.copyfileobj(reader, writer, 1 << 20)
            if durable:
                os.fdatasync(writer.fileno())
        os.rename(beside, target)
    except OSError as error:
        if os.path.exists(beside):
            os.unlink(beside)
        if error.errno in _NO_ROOM:
            raise DiskFull(f"No room for the base of '{os.path.basename(source)}'.") from error
        raise


def keep(layout: Layout, file: TrackedFile, absolute: str) -> None:
    """Keep the base of an unchanged file before it is opened; small text and links are kept elsewhere or not at all.

    Raises: DiskFull.
    """
    if file.mode == SYMLINK or (file.text and file.size <= TEXT_LIMIT_BYTES):
        return
    target = layout.base_file(file.content)
    if not os.path.exists(target):
        clone(absolute, target)


def base_of(layout: Layout, state: State, file: TrackedFile) -> str | bytes | None:
    """What is kept of the file's base: a file name, the bytes, or None."""
    target = layout.base_file(file.content)
    if os.path.exists(target):
        return target
    return state.text(file.content)


def drop_unused(layout: Layout, state: State) -> None:
    """Delete bases that no open file has any more."""
    try:
        there = os.listdir(layout.pristine)
    except FileNotFoundError:
        return
    if there:
        needed = {file.content.hex() for file in state.files().values() if file.opened}
        for name in there:
            if name not in needed:
                os.unlink(os.path.join(layout.pristine, name))
