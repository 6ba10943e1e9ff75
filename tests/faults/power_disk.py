"""A disk as the calls of a recorded run left it, and what of it may be there after a power cut.

What was synced is there. Of all else any part may be: writes by sectors, lengths with zeros in them, names one by one;
only a rename is there as a whole or not at all. That is more than any one file system does, and all that POSIX grants.
"""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HEAD = struct.Struct("<IiiIIQQ")
BLOCK, SECTOR = 4096, 512
MODES = ("none", "all", "names", "bytes", "some", "some", "some")
"""What of the unsynced is there: nothing, everything, names without bytes, bytes without names, any part."""


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call: `kind` is its letter in the recorder, `a` an acknowledgement, whose text is in `first`."""

    kind: str
    process: int
    handle: int
    first: str
    second: str
    offset: int
    data: bytes


def read_log(path: Path) -> list[Call]:
    """All calls of a recording, in order."""
    log, at, calls = path.read_bytes(), 0, []
    while at < len(log):
        kind, process, handle, first, second, offset, length = HEAD.unpack_from(log, at)
        at += HEAD.size
        texts = []
        for size in (first, second):
            texts.append(log[at : at + size].decode())
            at += size
        calls.append(Call(chr(kind), process, handle, texts[0], texts[1], offset, log[at : at + length]))
        at += length
    return calls


def acknowledge(log: Path, said: Any) -> None:
    """Append that the user was told something, after all that was recorded until now."""
    text = json.dumps(said).encode()
    with log.open("ab", buffering=0) as stream:
        stream.write(HEAD.pack(ord("a"), os.getpid(), -1, len(text), 0, 0, 0) + text)


def is_shared(name: str) -> bool:
    """Memory that SQLite's processes share through a file, and make anew after a restart."""
    return name.endswith("-shm")


def write_out(folder: Path, tree: Iterable[tuple[str, bytes | None]]) -> None:
    """Make `folder` hold what `Disk.crash` gave."""
    folder.mkdir()
    for name, data in tree:
        if data is None:
            (folder / name).mkdir()
        elif not is_shared(name):
            (folder / name).write_bytes(data)


@dataclass(eq=False, slots=True)
class File:
    """The bytes that are safe, and what was done since: (offset, bytes), or (size, None) for a truncation."""

    safe: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Folder:
    """Names as processes see them, and those that are safe."""

    now: dict[str, File | Folder] = field(default_factory=dict)
    safe: dict[str, File | Folder] = field(default_factory=dict)


Node = File | Folder


@dataclass(eq=False, slots=True)
class Naming:
    """Names given and taken in one call."""

    changes: list[tuple[Folder, str, Node | None]]

    def keys(self) -> set[tuple[int, str]]:
        """What it touches."""
        return {(id(folder), name) for folder, name, _ in self.changes}


class Disk:
    """What lies below `root`: `apply` calls one after the other, `crash` gives what may be left at that moment."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._tree = Folder()
        self._namings: list[Naming] = []
        self._dirty: dict[File, None] = {}
        self._open: dict[tuple[int, int], Node] = {}

    def apply(self, call: Call) -> None:
        """Do what a recorded call did. Raises: AssertionError for one that the model does not know."""
        assert call.kind != "!", f"a call that the model does not know: {call}"
        act = {
            "o": self._opened,
            "c": self._closed,
            "w": self._wrote,
            "t": self._cut,
            "s": self._synced,
            "S": self._synced_all,
            "u": self._unlinked,
            "d": self._made,
            "r": self._renamed,
            "l": self._linked,
        }
        if call.kind in act:
            act[call.kind](call)

    def files(self) -> dict[str, bytes]:
        """Every file as processes see it now."""
        return {name: _contents(node) for name, node in _walk(self._tree, "now") if isinstance(node, File)}

    def crash(self, rng: random.Random, mode: str) -> Iterator[tuple[str, bytes | None]]:
        """One state after a power cut now: every folder (None) and file with its bytes, outer ones first."""
        kept = [
            one
            for one in self._namings
            if mode in {"all", "names"} or (mode == "some" and rng.random() < rng.choice((0.1, 0.5, 0.9)))
        ]
        changed: dict[int, dict[str, Node | None]] = {}
        for one in kept:
            for folder, name, node in one.changes:
                changed.setdefault(id(folder), {})[name] = node
        yield from self._after(self._tree, "", changed, rng, mode)

    def _after(
        self, folder: Folder, prefix: str, changed: dict[int, dict[str, Node | None]], rng: random.Random, mode: str
    ) -> Iterator[tuple[str, bytes | None]]:
        names = {**folder.safe, **changed.get(id(folder), {})}
        for name, node in sorted(names.items()):
            if isinstance(node, Folder):
                yield prefix + name, None
                yield from self._after(node, f"{prefix}{name}/", changed, rng, mode)
            elif node is not None:
                yield prefix + name, _torn(node, rng, mode)

    # --- calls

    def _find(self, path: str) -> tuple[Folder, str]:
        """The folder that a path lies in, and its last name."""
        parts = os.path.relpath(os.path.normpath(path), self._root).split("/")
        folder = self._tree
        for part in parts[:-1]:
            inner = folder.now[part]
            assert isinstance(inner, Folder)
            folder = inner
        return folder, parts[-1]

    def _name(self, *changes: tuple[Folder, str, Node | None]) -> None:
        for folder, name, node in changes:
            if node is None:
                folder.now.pop(name, None)
            else:
                folder.now[name] = node
        self._namings.append(Naming(list(changes)))

    def _opened(self, call: Call) -> None:
        if os.path.normpath(call.first) == self._root:
            self._open[call.process, call.handle] = self._tree
            return
        folder, name = self._find(call.first)
        node = folder.now.get(name)
        if node is None:
            node = File()
            self._name((folder, name, node))
        if call.offset & os.O_TRUNC and isinstance(node, File) and (node.safe or node.pending):
            self._write(node, 0, None)
        self._open[call.process, call.handle] = node

    def _closed(self, call: Call) -> None:
        del self._open[call.process, call.handle]

    def _wrote(self, call: Call) -> None:
        self._write(self._open[call.process, call.handle], call.offset, call.data)

    def _cut(self, call: Call) -> None:
        self._write(self._open[call.process, call.handle], call.offset, None)

    def _write(self, node: Node, offset: int, data: bytes | None) -> None:
        assert isinstance(node, File)
        node.pending.append((offset, data))
        self._dirty[node] = None

    def _synced(self, call: Call) -> None:
        node = self._open[call.process, call.handle]
        if isinstance(node, File):
            self._settle(node)
        else:
            self._settle_names(node)

    def _synced_all(self, _call: Call) -> None:
        for node in list(self._dirty):
            self._settle(node)
        self._settle_names(None)

    def _settle(self, node: File) -> None:
        node.safe, node.pending = _contents(node), []
        self._dirty.pop(node, None)

    def _settle_names(self, folder: Folder | None) -> None:
        """Make safe what was named in a folder (None: in all), and what came before it under the same names."""
        wanted: list[Naming] = []
        keys: set[tuple[int, str]] = set()
        for one in reversed(self._namings):
            if folder is None or any(place is folder for place, _, _ in one.changes) or keys & one.keys():
                wanted.append(one)
                keys |= one.keys()
        for one in reversed(wanted):
            self._namings.remove(one)
            for place, name, node in one.changes:
                if node is None:
                    place.safe.pop(name, None)
                else:
                    place.safe[name] = node

    def _unlinked(self, call: Call) -> None:
        folder, name = self._find(call.first)
        self._name((folder, name, None))

    def _made(self, call: Call) -> None:
        folder, name = self._find(call.first)
        self._name((folder, name, Folder()))

    def _renamed(self, call: Call) -> None:
        source, name = self._find(call.first)
        target, other = self._find(call.second)
        self._name((source, name, None), (target, other, source.now[name]))

    def _linked(self, call: Call) -> None:
        source, name = self._find(call.first)
        target, other = self._find(call.second)
        self._name((target, other, source.now[name]))


def _walk(folder: Folder, which: str, prefix: str = "") -> Iterator[tuple[str, Node]]:
    for name, node in getattr(folder, which).items():
        yield prefix + name, node
        if isinstance(node, Folder):
            yield from _walk(node, which, f"{prefix}{name}/")


def _contents(node: File) -> bytes:
    data = bytearray(node.safe)
    for offset, written in node.pending:
        _put(data, offset, written)
    return bytes(data)


def _put(data: bytearray, offset: int, written: bytes | None) -> None:
    if written is None:
        _resize(data, offset)
        return
    if len(data) < offset:
        _resize(data, offset)
    data[offset : offset + len(written)] = written


def _resize(data: bytearray, size: int) -> None:
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


def _torn(node: File, rng: random.Random, mode: str) -> bytes:
    """The bytes of a file after a power cut."""
    if not node.pending or mode == "none":
        return node.safe
    if mode in {"all", "bytes"}:
        return _contents(node)
    data = bytearray(node.safe)
    share = 0.0 if mode == "names" else rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    piece = rng.choice((SECTOR, BLOCK))
    grows = mode == "names" or rng.random() < 0.5
    for offset, written in node.pending:
        if written is None:
            if rng.random() < share:
                _resize(data, offset)
            continue
        at, end = offset, offset + len(written)
        while at < end:
            until = min(end, (at // piece + 1) * piece)
            if rng.random() < share:
                _put(data, at, written[at - offset : until - offset])
            at = until
        if grows and len(data) < end:
            _resize(data, end)
    return bytes(data)
