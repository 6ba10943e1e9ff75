"""Reads and cuts content; some of it while the command still connects and asks whether it may be committed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from mlv.transfer.coding import PATCHED_BYTES, Item
from mlv.transfer.reading import BytesSource, CutContent, FileSource, Source, cut_content
from mlv.transfer.types import UploadInput
from mlv_core.recipes import needs_recipe

APART_BYTES = 4 << 20
"""From this size on a content and its base are read and cut by two threads at the same time."""
AHEAD_BYTES = 256 << 20
"""So much is read ahead: that takes as long as connecting does, and nobody waits for it when the commit is refused."""


class Ahead:
    """Contents that another thread reads and cuts."""

    def __init__(self, reading: dict[str, Future[Item]]) -> None:
        self._reading = reading

    def take(self, given: UploadInput) -> Item | None:
        """What was made of `given`, once; None when it is not read ahead. Raises: as `open_input`."""
        found = self._reading.pop(given.path, None)
        return found.result() if found is not None else None


@contextmanager
def reading_ahead(inputs: Sequence[UploadInput]) -> Iterator[Ahead]:
    """Read and cut the first large changed files, in the order of `inputs`, beside what the block does.

    A file without a base is left to `upload_changes`, which may send it while it is read.
    """
    chosen: list[UploadInput] = []
    left = AHEAD_BYTES
    for given in inputs:
        size = size_of(given.source)
        if isinstance(given.base, str) and APART_BYTES <= size <= left:
            chosen.append(given)
            left -= size
    if not chosen:
        yield Ahead({})
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="mlv-ahead")
    try:
        yield Ahead({given.path: pool.submit(open_input, given) for given in chosen})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def size_of(source: str | bytes) -> int:
    """The length of what is to be read, in bytes; 0 for a file that cannot be looked at."""
    if isinstance(source, bytes):
        return len(source)
    try:
        return os.stat(source).st_size
    except OSError:
        return 0  # said by name when it is opened


def open_input(given: UploadInput) -> Item:
    """Read and cut a content and its base. Raises: MissingFile, FileChanging, LimitExceeded."""
    if given.base is None:
        source, cut = _cut(given.source, given.path)
        return Item(given, cut, source)
    if size_of(given.source) < APART_BYTES:
        base, base_cut = _cut(given.base, given.path, named=False)
        source, cut = _cut(given.source, given.path)
    else:
        with ThreadPoolExecutor(1, thread_name_prefix="mlv-cut") as pool:
            cutting = pool.submit(_cut, given.base, given.path, named=False)
            source, cut = _cut(given.source, given.path)
            base, base_cut = cutting.result()
    if not needs_recipe(base_cut.recipe) and base_cut.recipe.size < PATCHED_BYTES:
        return Item(given, cut, source)
    return Item(given, cut, source, base_cut, base)


def _cut(given: str | bytes, path: str, *, named: bool = True) -> tuple[Source, CutContent]:
    source: Source = BytesSource(given) if isinstance(given, bytes) else FileSource(given, path)
    try:
        cut = cut_content(source, path, named=named)
        if isinstance(source, FileSource):
            source.check_unchanged()
    finally:
        source.rest()
    return source, cut
