"""What a command is in the middle of, written before it starts to be visible, so that the next one can end it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeVar

from mlv.workspace.layout import Layout
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent
from mlv_core.failpoints import failpoint

T = TypeVar("T")

Stamp = tuple[int, int, int, int]
"""size, mtime_ns, ctime_ns, inode."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rename or removal.

    `file` is the name in the incoming folder of what goes to `path`; '' removes `path`. `expected` is the stamp of
    what may be replaced there, None for nothing: anything else is the user's and moves to the rescue folder first.
    `source` moves the file that lies there instead.
    """

    path: str
    file: str = ""
    expected: Stamp | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class UpdateJournal:
    """Everything that brings disk and state to another version; all new bytes are on the disk when it is written.

    `rows` are the tracked files as they will be, `trusted` the paths among them whose bytes on the disk are then those
    of the version. With `join` all files but those in conflict stand at the new base afterwards.
    """

    label: str
    steps: tuple[Step, ...] = ()
    rows: tuple[TrackedFile, ...] = ()
    trusted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    pending_dropped: tuple[str, ...] = ()
    pending_added: tuple[tuple[str, str, str], ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    conflicts_dropped: tuple[str, ...] = ()
    edits_dropped: tuple[str, ...] = ()
    edits_added: tuple[tuple[str, str, str | None], ...] = ()
    join: bool = False
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """A path of a commit with the stamp of the bytes that were read; None for what has no bytes."""

    path: str
    stamp: Stamp | None
    need: int


@dataclass(frozen=True, slots=True)
class CommitJournal:
    """A commit that was, or was about to be, published (C3)."""

    request_id: str
    branch: str
    keep_locks: bool
    files: tuple[CommittedFile, ...]


@dataclass(frozen=True, slots=True)
class ShelveJournal:
    """A shelve that was, or was about to be, sent (C3); `name` is '' where the server finds one."""

    request_id: str
    name: str


@dataclass(frozen=True, slots=True)
class RequestJournal:
    """An undo or merge that was, or was about to be, sent (C3): all that it does here is to end locks.

    `verb` names it to the user; `tokens` are the locks that the workspace believed to hold, by path.
    """

    request_id: str
    verb: str
    tokens: tuple[tuple[str, int], ...]


Journal = UpdateJournal | CommitJournal | ShelveJournal | RequestJournal


def write(layout: Layout, journal: Journal) -> None:
    """Make `journal` durable."""
    place = _place_of(layout, journal)
    text = json.dumps({"format": 1, **_shallow(journal)}, default=_plain)
    beside = f"{place}.new"
    with open(beside, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        failpoint("journal.written")
        os.fsync(stream.fileno())
    failpoint("journal.synced")
    os.rename(beside, place)
    sync_folder(layout.control)


def read(layout: Layout) -> UpdateJournal | None:
    """The journal of an interrupted switch, if there is one.

    Raises: DamagedContent.
    """
    return _read(layout.journal, _read_update)


def read_commit(layout: Layout) -> CommitJournal | None:
    """The journal of an interrupted commit, if there is one.

    Raises: DamagedContent.
    """
    return _read(layout.commit_journal, _read_commit)


def read_shelve(layout: Layout) -> ShelveJournal | None:
    """The journal of an interrupted shelve, if there is one.

    Raises: DamagedContent.
    """
    return _read(layout.shelve_journal, lambda found: ShelveJournal(found["request_id"], found["name"]))


def read_request(layout: Layout) -> RequestJournal | None:
    """The journal of an interrupted undo or merge, if there is one.

    Raises: DamagedContent.
    """
    return _read(layout.request_journal, _read_request)


def _place_of(layout: Layout, journal: Journal) -> str:
    if isinstance(journal, UpdateJournal):
        return layout.journal
    if isinstance(journal, CommitJournal):
        return layout.commit_journal
    return layout.shelve_journal if isinstance(journal, ShelveJournal) else layout.request_journal


def _read(place: str, parse: Callable[[dict[str, Any]], T]) -> T | None:
    try:
        with open(place, encoding="utf-8") as stream:
            return parse(json.load(stream))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedContent(
            f"The workspace's journal cannot be read: {error}.",
            advice="'mlv update --verify' compares every file with the server.",
        ) from error


def remove(layout: Layout) -> None:
    """The switch is done."""
    _remove(layout, layout.journal)


def drop(layout: Layout, journal: Journal) -> None:
    """What came of the request in `journal` is in the state, or it is known that nothing did."""
    _remove(layout, _place_of(layout, journal))


def _remove(layout: Layout, place: str) -> None:
    try:
        os.unlink(place)
    except FileNotFoundError:
        return
    sync_folder(layout.control)


def encode_row(file: TrackedFile | None) -> str:
    """A tracked file as text; 'null' for none."""
    return json.dumps(file and tuple(file), default=_plain)


def decode_row(text: str) -> TrackedFile | None:
    """What `encode_row` wrote."""
    values = json.loads(text)
    return _row(values) if values else None


def sync_folder(folder: str) -> None:
    """Make renames in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_commit(found: dict[str, Any]) -> CommitJournal:
    files = tuple(CommittedFile(f["path"], _stamp(f["stamp"]), f["need"]) for f in found["files"])
    return CommitJournal(found["request_id"], found["branch"], found["keep_locks"], files)


def _read_request(found: dict[str, Any]) -> RequestJournal:
    tokens = tuple((str(path), token) for path, token in found["tokens"])
    if not all(isinstance(token, int) for _, token in tokens):
        raise TypeError("a token is no number")
    return RequestJournal(str(found["request_id"]), str(found["verb"]), tokens)


def _read_update(found: dict[str, Any]) -> UpdateJournal:
    steps = tuple(Step(s["path"], s["file"], _stamp(s["expected"]), s["source"]) for s in found["steps"])
    return UpdateJournal(
        label=found["label"],
        steps=steps,
        rows=tuple(_row(values) for values in found["rows"]),
        trusted=tuple(found["trusted"]),
        dropped=tuple(found["dropped"]),
        pending_dropped=tuple(found["pending_dropped"]),
        pending_added=tuple((a, b, c) for a, b, c in found["pending_added"]),
        conflicts=tuple((a, b) for a, b in found["conflicts"]),
        conflicts_dropped=tuple(found["conflicts_dropped"]),
        edits_dropped=tuple(found["edits_dropped"]),
        edits_added=tuple((a, b, c) for a, b, c in found.get("edits_added", ())),
        join=bool(found["join"]),
        settings=dict(found["settings"]),
    )


def _row(values: list[Any]) -> TrackedFile:
    file = TrackedFile._make(values)
    return file._replace(content=bytes.fromhex(file.content))  # type: ignore[arg-type]  # hex in JSON


def _stamp(values: list[int] | None) -> Stamp | None:
    return (values[0], values[1], values[2], values[3]) if values else None


def _shallow(value: Journal | Step | CommittedFile) -> dict[str, object]:
    """The fields by name, as they are: `asdict` copies each of 100,000 rows."""
    return {name: getattr(value, name) for name in value.__slots__}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (Step, CommittedFile)):
        return _shallow(value)
    raise TypeError(type(value).__name__)
