"""What a workspace knows of itself, in one SQLite file that survives a crash between any two steps."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

from mlv_core.errors import DamagedContent, DiskFull, UsageError, VersionSkew, WorkspaceBusy
from mlv_core.failpoints import failpoint

P = ParamSpec("P")
T = TypeVar("T")

SCHEMA = 1
_TABLES = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY, file_id INTEGER NOT NULL, mode INTEGER NOT NULL, text INTEGER NOT NULL,
    size INTEGER NOT NULL, content BLOB NOT NULL, changeset INTEGER NOT NULL, need INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, doubtful INTEGER NOT NULL,
    opened INTEGER NOT NULL, token INTEGER NOT NULL, properties TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (path TEXT PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE property_edits (path TEXT, key TEXT, value TEXT, PRIMARY KEY (path, key)) WITHOUT ROWID;
CREATE TABLE conflicts (path TEXT PRIMARY KEY, theirs TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE texts (content BLOB PRIMARY KEY, packed BLOB NOT NULL);
"""
_KEPT_FILES = 100_000
"""Tracked files that are kept in memory between two questions: some 50 MB."""
_TEXT_LEVEL = 1
"""Of zlib: half of the time of the usual level for a tenth more bytes. A quicker packer takes longer to be imported."""
_TEXTS_AT_ONCE = 500
"""Values in one statement: below 999, the least that an SQLite may be built for."""


def _damaged(reason: object) -> DamagedContent:
    return DamagedContent(
        f"The workspace's database cannot be read: {reason}.",
        advice="'mlv update --verify' rebuilds it from the server and the disk.",
    )


@contextmanager
def _telling() -> Iterator[None]:
    """Raise failures of SQLite inside of the block under the names they have in mlv."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else sqlite3.SQLITE_CORRUPT
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise WorkspaceBusy("Another mlv command is at work in this workspace.") from error
        if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            raise DiskFull(f"The workspace's database could not be written: {error}.") from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            raise UsageError(
                f"The workspace's database cannot be opened: {error}.", advice="Check the permissions of .mlv."
            ) from error
        raise _damaged(error) from error


def _told(method: Callable[P, T]) -> Callable[P, T]:
    """`method` of State, raising as `_telling`."""

    @wraps(method)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        with _telling():
            return method(*args, **kwargs)

    return told


class TrackedFile(NamedTuple):
    """A file of the workspace's version: its state there, and the stat stamp under which the disk had those bytes.

    A named tuple, not a dataclass: 20,000 of them are made by every `status`. `changeset` is the one at which this
    path was last updated or committed; 0 means the workspace's base, so that an update touches no other row. The
    stamp is taken where the bytes are (the new path of a recorded move); `doubtful` says that it is too fresh to
    prove anything. `token` 0: no lock. `properties` is a JSON object.
    """

    path: str
    file_id: int
    mode: int
    text: int
    size: int
    content: bytes
    changeset: int
    need: int
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    doubtful: int = 1
    opened: int = 0
    token: int = 0
    properties: str = "{}"


class Pending(NamedTuple):
    """A recorded act that the next commit takes: `kind` add, delete, move or copy; `source` of the last two."""

    path: str
    kind: str
    source: str


class State:
    """The workspace's database.

    Readers may use it while another process writes. Every change is one transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._files: dict[str, TrackedFile] = {}
        self._files_at: tuple[int, int] | None = None

    @classmethod
    def create(cls, file: str, settings: dict[str, str]) -> State:
        """A new database at `file`, in place of one that is there: it appears whole or not at all."""
        beside = f"{file}.new"
        for end in ("", "-journal"):
            with suppress(FileNotFoundError):
                os.remove(beside + end)
        connection = sqlite3.connect(beside, isolation_level=None, timeout=10)
        with closing(connection):
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
            failpoint("workspace.tables")
            state = cls(connection)
            with state.transaction():
                state.set_settings(settings)
        failpoint("workspace.written")
        os.replace(beside, file)
        failpoint("workspace.made")
        folder = os.open(os.path.dirname(file), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return cls.open(file)

    @classmethod
    def open(cls, file: str) -> State:
        """The database at `file`.

        Raises: VersionSkew for one of a newer mlv, DamagedContent for one that cannot be read.
        """
        with _telling():
            connection = sqlite3.connect(f"file:{_quoted(file)}?mode=rw", uri=True, isolation_level=None, timeout=10)
        try:
            with _telling():
                (version,) = connection.execute("PRAGMA user_version").fetchone()
        except BaseException:
            connection.close()
            raise
        if version == 0:
            connection.close()
            raise _damaged("it holds nothing")
        if version != SCHEMA:
            connection.close()
            raise VersionSkew(
                f"The workspace's database has format {version}; this mlv knows {SCHEMA}.",
                advice="Use the mlv that made it, or check out again.",
            )
        return cls(connection)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @_told
    def is_whole(self) -> bool:
        """Whether SQLite finds nothing wrong with the file."""
        return bool(self._db.execute("PRAGMA quick_check").fetchone() == ("ok",))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside become durable together, or none does."""
        with _telling():
            self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        with _telling():
            try:
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    # --- settings ---

    @_told
    def settings(self) -> dict[str, str]:
        """All settings: workspace, repository, server, branch, base, only, exclude."""
        return dict(self._db.execute("SELECT key, value FROM settings"))

    @_told
    def set_settings(self, values: dict[str, str]) -> None:
        """Replace the named settings."""
        self._db.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", values.items())

    # --- tracked files ---

    @_told
    def files(self) -> dict[str, TrackedFile]:
        """All tracked files by path, in the order of paths.

        A command asks several times: they are read again when another process wrote since, or this one did.
        """
        (others,) = self._db.execute("PRAGMA data_version").fetchone()
        now = (others, self._db.total_changes)
        if now == self._files_at:
            return self._files.copy()
        make = TrackedFile._make
        found = {row[0]: make(row) for row in self._db.execute("SELECT * FROM files ORDER BY path")}
        if len(found) <= _KEPT_FILES and not self._db.in_transaction:
            self._files, self._files_at = found.copy(), now
        return found

    @_told
    def file(self, path: str) -> TrackedFile | None:
        """The tracked file `path`; None, too, for a name on the disk that is no Unicode text: no version has such."""
        try:
            row = self._db.execute("SELECT * FROM files WHERE path = ?", (path,)).fetchone()
        except UnicodeEncodeError:
            return None
        return TrackedFile._make(row) if row else None

    @_told
    def put_files(self, files: Iterable[TrackedFile]) -> None:
        """Add or replace tracked files."""
        self._db.executemany(f"INSERT OR REPLACE INTO files VALUES ({','.join('?' * 15)})", files)  # noqa: S608

    @_told
    def drop_files(self, paths: Iterable[str]) -> None:
        """Track these paths no longer."""
        self._db.executemany("DELETE FROM files WHERE path = ?", ((path,) for path in paths))

    @_told
    def join_base(self, *, keep: Iterable[str]) -> None:
        """Every file now stands at the workspace's base, save those in `keep`."""
        kept = set(keep)
        rows = self._db.execute("SELECT path FROM files WHERE changeset <> 0").fetchall()
        self._db.executemany(
            "UPDATE files SET changeset = 0 WHERE path = ?", ((path,) for (path,) in rows if path not in kept)
        )

    @_told
    def set_stamps(self, stamps: Iterable[tuple[int, int, int, int, str]]) -> None:
        """Replace stamps: (mtime_ns, ctime_ns, inode, doubtful, path) each."""
        self._db.executemany(
            "UPDATE files SET mtime_ns = ?, ctime_ns = ?, inode = ?, doubtful = ? WHERE path = ?", stamps
        )

    # --- recorded acts ---

    @_told
    def pending(self) -> dict[str, Pending]:
        """All recorded acts by path."""
        return {row[0]: Pending._make(row) for row in self._db.execute("SELECT * FROM pending ORDER BY path")}

    @_told
    def put_pending(self, acts: Iterable[Pending]) -> None:
        """Record acts."""
        self._db.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?, ?)", acts)

    @_told
    def drop_pending(self, paths: Iterable[str]) -> None:
        """Forget the acts recorded for these paths."""
        self._db.executemany("DELETE FROM pending WHERE path = ?", ((path,) for path in paths))

    @_told
    def property_edits(self) -> dict[str, dict[str, str | None]]:
        """Edited properties by path ('.' is the version); None: unset."""
        found: dict[str, dict[str, str | None]] = {}
        for path, key, value in self._db.execute("SELECT path, key, value FROM property_edits ORDER BY path, key"):
            found.setdefault(path, {})[key] = value
        return found

    @_told
    def edit_property(self, path: str, key: str, value: str | None) -> None:
        """Record that `key` of `path` is to be `value`, or unset."""
        self._db.execute("INSERT OR REPLACE INTO property_edits VALUES (?, ?, ?)", (path, key, value))

    @_told
    def drop_property_edits(self, paths: Iterable[str]) -> None:
        """Forget the property edits of these paths."""
        self._db.executemany("DELETE FROM property_edits WHERE path = ?", ((path,) for path in paths))

    @_told
    def conflicts(self) -> dict[str, str]:
        """Paths in conflict, and what the server has there as JSON (journal.encode_row), 'null' where it deleted it."""
        return dict(self._db.execute("SELECT path, theirs FROM conflicts ORDER BY path"))

    @_told
    def put_conflict(self, path: str, theirs: str) -> None:
        """Mark a conflict."""
        self._db.execute("INSERT OR REPLACE INTO conflicts VALUES (?, ?)", (path, theirs))

    @_told
    def drop_conflicts(self, paths: Iterable[str]) -> None:
        """Conflicts that are decided."""
        self._db.executemany("DELETE FROM conflicts WHERE path = ?", ((path,) for path in paths))

    # --- what status tells besides ---

    @_told
    def elsewhere(self, base: int) -> list[tuple[str, int]]:
        """The files that stand at another version than `base`, with that version, by path."""
        rows = self._db.execute(
            "SELECT path, changeset FROM files WHERE changeset NOT IN (0, ?) ORDER BY path", (base,)
        )
        return [(str(path), int(changeset)) for path, changeset in rows]

    @_told
    def opened(self) -> list[str]:
        """The files that are open for edit or locked here, by path."""
        rows = self._db.execute("SELECT path FROM files WHERE opened <> 0 OR token <> 0 ORDER BY path")
        return [str(path) for (path,) in rows]

    # --- bases of small text files ---

    @_told
    def text(self, content: bytes) -> bytes | None:
        """The bytes of a small text file of the base, if they are kept.

        Raises: DamagedContent.
        """
        row = self._db.execute("SELECT packed FROM texts WHERE content = ?", (content,)).fetchone()
        try:
            return zlib.decompress(row[0]) if row else None
        except zlib.error as error:
            raise _damaged("a kept text is none") from error

    @_told
    def lacking_texts(self, contents: Collection[bytes]) -> set[bytes]:
        """Those of the hashes `contents` whose texts are not kept."""
        lacking = set(contents)
        wanted = list(lacking)
        for start in range(0, len(wanted), _TEXTS_AT_ONCE):
            some = wanted[start : start + _TEXTS_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._db.execute(f"SELECT content FROM texts WHERE content IN ({marks})", some)  # noqa: S608
            lacking.difference_update(content for (content,) in rows)
        return lacking

    @_told
    def put_texts(self, texts: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep the bytes of small text files: (hash, bytes) each."""
        rows = ((content, zlib.compress(data, _TEXT_LEVEL)) for content, data in texts)
        self._db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", rows)

    @_told
    def drop_stale_texts(self) -> None:
        """Forget text bases that no tracked text file has any more."""
        # Of the texts only the index is read: they themselves are most of the database.
        stale = "SELECT content FROM texts EXCEPT SELECT content FROM files WHERE text <> 0"
        self._db.execute(f"DELETE FROM texts WHERE content IN ({stale})")  # noqa: S608


def decode_properties(text: str) -> tuple[tuple[str, str], ...]:
    """The properties of a TrackedFile, sorted by key."""
    return tuple(sorted(json.loads(text).items())) if text != "{}" else ()


def encode_properties(properties: Iterable[tuple[str, str]]) -> str:
    """Properties as a TrackedFile holds them."""
    return json.dumps(dict(properties), sort_keys=True) if properties else "{}"


def _quoted(file: str) -> str:
    """`file` as the path of a URI."""
    absolute = os.path.abspath(file)
    return absolute.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
