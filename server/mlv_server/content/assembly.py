"""Files put together while their segments arrive: hashed and copied on the way, so that Publish finds them proved."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Sequence

from mlv_core.codecs.streams import NOISE_BITS, entropy
from mlv_core.deferred import dataclass
from mlv_core.errors import MlvError
from mlv_core.hashing import ContentHash, ContentHasher
from mlv_core.recipes import Recipe
from mlv_server.content.materialized import CopyDraft, MaterializedFiles
from mlv_server.content.plain import PlainReader

# One step of hashing and copying; others may add to the file meanwhile.
STEP_BYTES = 4 * 1024 * 1024
STEP_PIECES = 1024
# Segments that came before those in front of them, of all files together; a file that waits with more is given up.
HELD_BYTES = 48 * 1024 * 1024
# Files being put together; each holds a file handle. The oldest is given up: its uploader is slow or dead.
OPEN_LIMIT = 4
# A longer recipe, of about 100,000 segments, is proved at Publish alone.
RECIPE_BYTES = 4 * 1024 * 1024
# Segments of all recipes that wait for their Publish, about 400 bytes each.
DONE_SEGMENTS = 50_000
# Content that begins with so many raw bytes is served from its packs as they lie: a copy would be one more of the same.
RAW_BYTES = 4 * 1024 * 1024

Stored = Callable[[int, Collection[ContentHash]], Collection[ContentHash]]
"""(domain, names) -> those names that the domain has."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """What came of a recipe: the name of the file that it gives."""

    recipe: Recipe
    content: ContentHash


class _Copy:
    """The copy of a file, appended to in order; it is not begun while all that came is raw."""

    def __init__(self, materialized: MaterializedFiles, size: int) -> None:
        self._materialized = materialized
        self._size = size
        self._draft: CopyDraft | None = None
        self._raw: list[bytes | memoryview] = []
        self._raw_bytes = 0
        self._wanted = True

    def write(self, parts: Sequence[bytes | memoryview], *, raw: bool) -> None:
        """The next bytes."""
        if not self._wanted:
            return
        if self._draft is None:
            if raw and self._raw_bytes <= RAW_BYTES:
                self._raw += parts
                self._raw_bytes += sum(map(len, parts))
                return
            self._draft = None if raw else self._materialized.draft(self._size)
            self._wanted = self._draft is not None
            parts, self._raw = [*self._raw, *parts], []
        if self._draft is not None:
            self._draft.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def keep(self, domain_id: int, content: ContentHash, recipe: Recipe) -> None:
        """All bytes are there, and are those of `content`."""
        if self._draft is not None:
            self._materialized.keep(self._draft, domain_id, content, recipe)

    def discard(self) -> None:
        """Give it up."""
        if self._draft is not None:
            self._draft.discard()


class _Assembly:
    """One file. `lock` guards everything but hash and copy, which belong to the thread that set `busy`."""

    def __init__(self, domain_id: int, upload: str, recipe: Recipe, copy: _Copy) -> None:
        self.domain_id, self.upload, self.recipe = domain_id, upload, recipe
        self.lock = threading.Condition()
        self.busy = False
        self.failed = False
        self.content: ContentHash | None = None
        self.held: dict[ContentHash, tuple[memoryview, bool]] = {}
        self.uses: defaultdict[ContentHash, int] = defaultdict(int)
        self.copy = copy
        self.hasher = ContentHasher()
        names = [segment.hash for segment in recipe.segments()]
        self.pieces = [(names[piece.index], piece.offset, piece.length) for piece in recipe.pieces() if piece.length]
        for name, _, _ in self.pieces:
            self.uses[name] += 1
        self.front = 0
        self.asked = 0
        self.stored: set[ContentHash] = set()


class Assemblies:
    """All files of a server that are being put together. May be used from any thread; every method may block."""

    def __init__(self, reader: PlainReader, materialized: MaterializedFiles, stored: Stored) -> None:
        self._reader = reader
        self._materialized = materialized
        self._stored = stored
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[int, ContentHash], _Assembly] = OrderedDict()
        self._waiting: dict[tuple[int, str, ContentHash], list[_Assembly]] = {}
        self._done: OrderedDict[tuple[int, ContentHash], Assembled] = OrderedDict()
        self._done_segments = 0
        self._held = 0

    def expect(self, domain_id: int, upload: str, name: ContentHash, recipe: Recipe) -> None:
        """A recipe came before its segments in an upload: its file is put together from now on."""
        key = (domain_id, name)
        with self._lock:
            if key in self._open or key in self._done:
                return
        assembly = _Assembly(domain_id, upload, recipe, _Copy(self._materialized, recipe.size))
        gone: list[_Assembly] = []
        with self._lock:
            if key in self._open:
                return
            self._open[key] = assembly
            for segment in assembly.uses:
                self._waiting.setdefault((domain_id, upload, segment), []).append(assembly)
            while len(self._open) > OPEN_LIMIT:
                gone.append(self._forget(next(iter(self._open))))
        for one in gone:
            self._give_up(one)
        self._advance(assembly)

    def arrived(
        self,
        domain_id: int,
        upload: str,
        members: Sequence[tuple[ContentHash, int]],
        plains: Sequence[memoryview],
        *,
        raw: bool,
    ) -> bool:
        """Verified segments of an upload came; whether files that are being put together have taken them all."""
        touched: dict[int, _Assembly] = {}
        taken = 0
        for (name, length), plain in zip(members, plains, strict=True):
            waiting = self._waiting.get((domain_id, upload, name), ())
            for assembly in tuple(waiting):
                with assembly.lock:
                    if assembly.uses.get(name) and name not in assembly.held and not assembly.failed:
                        assembly.held[name] = (plain, raw)
                        self._count(length)
                touched[id(assembly)] = assembly
            taken += bool(waiting)
        for assembly in touched.values():
            self._advance(assembly)
        return taken == len(members)

    def finish(self, domain_id: int, recipe: ContentHash) -> Assembled | None:
        """What the recipe gives, where its file was put together or can be now; None: it is to be read through."""
        with self._lock:
            assembly = self._open.get((domain_id, recipe))
        if assembly is not None:
            with assembly.lock:
                while assembly.busy:
                    assembly.lock.wait()
                begun = assembly.front or assembly.held
                assembly.stored.update(assembly.uses)
                assembly.asked = len(assembly.pieces)
            if begun:
                self._advance(assembly)
            else:
                self._fail(assembly, mine=False)  # its segments came before it: several threads read it faster
        with self._lock:
            return self._done.get((domain_id, recipe))

    def note(self, domain_id: int, recipe: ContentHash, made: Assembled) -> None:
        """It is known what a recipe gives, of which every byte was hashed."""
        with self._lock:
            self._done[domain_id, recipe] = made
            self._done_segments += len(made.recipe.segments())
            while self._done_segments > DONE_SEGMENTS and len(self._done) > 1:
                self._done_segments -= len(self._done.popitem(last=False)[1].recipe.segments())

    def drop(self, domain_id: int, upload: str) -> None:
        """An upload broke off: its files are not waited for."""
        with self._lock:
            keys = [key for key, one in self._open.items() if (one.domain_id, one.upload) == (domain_id, upload)]
            gone = [self._forget(key) for key in keys]
        for one in gone:
            self._give_up(one)

    def close(self) -> None:
        """Give everything up."""
        with self._lock:
            gone = [self._forget(key) for key in list(self._open)]
        for one in gone:
            self._give_up(one)

    def _advance(self, assembly: _Assembly) -> None:
        """Hash and copy as far as segments are there; one thread at a time does it for all that came meanwhile."""
        with assembly.lock:
            if assembly.busy or assembly.failed or assembly.content is not None:
                return
            assembly.busy = True
        try:
            while self._step(assembly):
                pass
        except (MlvError, OSError):
            self._fail(assembly)  # reading it through at Publish says what is wrong, and where
        except BaseException:
            self._fail(assembly)
            raise
        if self._held > HELD_BYTES and assembly.held:
            self._fail(assembly, mine=False)

    def _step(self, assembly: _Assembly) -> bool:
        """The next pieces; whether to go on. It ends with `busy` unset in the same breath as it finds nothing."""
        with assembly.lock:
            if assembly.failed:
                assembly.busy = False
                assembly.lock.notify_all()
                return False
            ready = self._ready(assembly)
            unknown = self._unasked(assembly) if not ready and assembly.front < len(assembly.pieces) else []
            if not ready and not unknown and assembly.front < len(assembly.pieces):
                assembly.busy = False
                assembly.lock.notify_all()
                return False
        if unknown:
            found = self._stored(assembly.domain_id, unknown)
            with assembly.lock:
                assembly.stored.update(found)
            return True
        if not ready:
            self._complete(assembly)
            return False
        self._take(assembly, ready)
        return True

    def _ready(self, assembly: _Assembly) -> list[tuple[ContentHash, int, int]]:
        """The pieces from the front on that can be had now: one step of them."""
        found: list[tuple[ContentHash, int, int]] = []
        total = 0
        for piece in assembly.pieces[assembly.front : assembly.front + STEP_PIECES]:
            if total > STEP_BYTES or (piece[0] not in assembly.held and piece[0] not in assembly.stored):
                break
            found.append(piece)
            total += piece[2]
        return found

    def _unasked(self, assembly: _Assembly) -> list[ContentHash]:
        """The names ahead of which it is not known whether they are stored, when the front waits for one of them."""
        start = max(assembly.asked, assembly.front)
        if start > assembly.front:
            return []
        ahead = assembly.pieces[start : start + STEP_PIECES]
        assembly.asked = start + len(ahead)
        return [name for name in dict.fromkeys(piece[0] for piece in ahead) if name not in assembly.held]

    def _take(self, assembly: _Assembly, ready: list[tuple[ContentHash, int, int]]) -> None:
        absent = [name for name in dict.fromkeys(piece[0] for piece in ready) if name not in assembly.held]
        read = self._reader.read_all(assembly.domain_id, absent) if absent else {}
        parts: list[memoryview] = []
        # How these are stored is not known; what looks like noise is stored as it is.
        raw = all(entropy(plain) >= NOISE_BITS for plain in read.values())
        for name, offset, length in ready:
            plain, is_raw = (memoryview(read[name]), raw) if name in read else assembly.held[name]
            raw = raw and is_raw
            part = plain[offset : offset + length]
            assembly.hasher.update(part)
            parts.append(part)
        assembly.copy.write(parts, raw=raw)
        freed = 0
        with assembly.lock:
            assembly.front += len(ready)
            for name, _, _ in ready:
                assembly.uses[name] -= 1
                if not assembly.uses[name] and name in assembly.held:
                    freed += len(assembly.held.pop(name)[0])
        self._count(-freed)

    def _complete(self, assembly: _Assembly) -> None:
        content = assembly.hasher.digest()
        assembly.copy.keep(assembly.domain_id, content, assembly.recipe)
        key = (assembly.domain_id, assembly.recipe.recipe_id())
        with self._lock:
            if self._open.get(key) is assembly:
                self._forget(key)
        self.note(*key, Assembled(assembly.recipe, content))
        with assembly.lock:
            assembly.content = content
            assembly.busy = False
            assembly.lock.notify_all()

    def _forget(self, key: tuple[int, ContentHash]) -> _Assembly:
        """Take an assembly out of the tables, with `_lock` held."""
        assembly = self._open.pop(key)
        for name in assembly.uses:
            place = (assembly.domain_id, assembly.upload, name)
            others = [one for one in self._waiting.get(place, ()) if one is not assembly]
            if others:
                self._waiting[place] = others
            else:
                self._waiting.pop(place, None)
        return assembly

    def _fail(self, assembly: _Assembly, *, mine: bool = True) -> None:
        with self._lock:
            for key in [key for key, one in self._open.items() if one is assembly]:
                self._forget(key)
        self._give_up(assembly, mine=mine)

    def _give_up(self, assembly: _Assembly, *, mine: bool = False) -> None:
        """Free what it holds, once no other thread works on it."""
        with assembly.lock:
            assembly.failed = True
            while assembly.busy and not mine:
                assembly.lock.wait()
            assembly.busy = False
            freed = sum(len(plain) for plain, _ in assembly.held.values())
            assembly.held.clear()
            assembly.copy.discard()
            assembly.lock.notify_all()
        self._count(-freed)

    def _count(self, more: int) -> None:
        with self._lock:
            self._held += more
