"""The frames of an upload in the order in which they came: what no recipe was sent ahead of is hashed as it comes.

Frames are decoded by several threads and done in any order. Here they stand in line again. A file whose recipe came
first is put together by `Assemblies`. All that comes after one recipe and before the next, and belongs to no such file,
is taken for a file whose recipe comes last: when that recipe names just these segments, and all are stored as they are,
the file is proved. One that is coded is read through at Publish, which also makes its copy.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.errors import MlvError
from mlv_core.hashing import ContentHash, ContentHasher
from mlv_core.recipes import MAGIC, Recipe
from mlv_server.content.assembly import RECIPE_BYTES, Assembled, Assemblies
from mlv_server.content.memory import PlainCache

# Uploads at a time whose frames are kept in order, a few kB each. The one used longest ago is given up: its files are
# read through at Publish.
LINES_LIMIT = 256
# Plain bytes of an upload that are verified and wait for their turn. More are not taken in while others move on; where
# nothing moves, because an earlier pack is late, the order is given up.
WAITING_BYTES = 32 * 1024 * 1024
# Raw content in a row from here on is not kept in memory.
STREAM_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Arrived:
    """A verified frame: its members and their bytes; `raw` says that it is stored as it is."""

    members: Sequence[tuple[ContentHash, int]]
    plains: Sequence[memoryview]
    raw: bool

    @property
    def length(self) -> int:
        """Plain bytes."""
        return sum(length for _, length in self.members)


@dataclass(slots=True)
class Queue:
    """The frames of one pack: how many came, how many have moved on, and those that wait, by number."""

    line: Line
    drawn: int = 0
    front: int = 0
    ended: bool = False
    waiting: dict[int, Arrived] = field(default_factory=dict)

    def draw(self) -> int:
        """The number of the frame that came now."""
        self.drawn += 1
        return self.drawn - 1


class Line:
    """The packs of one upload, in the order in which they began."""

    def __init__(self, domain_id: int, upload: str) -> None:
        self.domain_id, self.upload = domain_id, upload
        self.lock = threading.Condition()
        self.busy = False
        self.dropped = False
        self.waiting_bytes = 0
        # Frames that came, that were taken out of the line, and that are where they belong.
        self.came = self.taken = self.moved = 0
        self.queues: deque[Queue] = deque()
        self.run = _Run()

    @property
    def full(self) -> bool:
        """Whether so much waits that no more is to come before `settle`."""
        return self.waiting_bytes > WAITING_BYTES

    def settle(self) -> None:
        """Wait while too much waits and another thread moves it on."""
        with self.lock:
            while self.busy and self.full:
                self.lock.wait()

    def drop(self) -> None:
        """Nothing more is done for it; a thread that works on it ends by itself."""
        with self.lock:
            self.dropped = True
            self.queues.clear()
            self.waiting_bytes = 0


class _Run:
    """Segments that belong to no file yet, one after the other."""

    def __init__(self) -> None:
        self._length = 0
        self._raw = True
        self._content = ContentHasher()
        self._names = ContentHasher()

    @property
    def streams(self) -> bool:
        """Whether it is a large file on its way, which would push all else out of memory and is read as fast."""
        return self._raw and self._length > STREAM_BYTES

    def add(self, one: Arrived) -> None:
        """The next segments."""
        self._raw = self._raw and one.raw
        if not self._raw:
            return
        for plain in one.plains:
            self._content.update(plain)
        self._length += one.length
        self._names.update(_row_bytes(one.members))

    def content_of(self, recipe: Recipe) -> ContentHash | None:
        """The hash of all bytes, where they are the file of `recipe` and its packs hold them as they are."""
        if not self._raw or recipe.size != self._length or recipe.typed:
            return None
        names = ContentHasher()
        names.update(_row_bytes((segment.hash, segment.length) for segment in recipe.rest))
        return self._content.digest() if names.digest() == self._names.digest() else None


class Arrivals:
    """The lines of all uploads of a server. May be used from any thread; `put`, `end` and `finish` may block."""

    def __init__(self, assemblies: Assemblies, memory: PlainCache) -> None:
        self._assemblies = assemblies
        self._memory = memory
        self._lock = threading.Lock()
        self._lines: OrderedDict[tuple[int, str], Line] = OrderedDict()

    def begin(self, domain_id: int, upload: str) -> Queue:
        """A pack begins, after those of the same upload that began before. Those without a name stand alone."""
        gone: list[Line] = []
        with self._lock:
            line = self._lines.get((domain_id, upload)) or Line(domain_id, upload)
            if upload:
                self._lines[domain_id, upload] = line
                self._lines.move_to_end((domain_id, upload))
                while len(self._lines) > LINES_LIMIT:
                    gone.append(self._lines.popitem(last=False)[1])
        for one in gone:
            one.drop()
        queue = Queue(line)
        with line.lock:
            line.queues.append(queue)
        return queue

    def put(self, queue: Queue, number: int, one: Arrived) -> None:
        """Frame `number` of a pack is verified: it and those behind it move on, as far as none is missing."""
        line = queue.line
        with line.lock:
            late = line.dropped or number < queue.front
            if not late:
                queue.waiting[number] = one
                line.came += 1
                line.waiting_bytes += one.length
        if late:
            self._offer(line, one)
        else:
            self._advance(line)

    def end(self, queue: Queue) -> None:
        """A pack has no more frames, and each was put."""
        queue.ended = True
        self._advance(queue.line)

    def finish(self, domain_id: int, recipe: ContentHash) -> Assembled | None:
        """What the recipe gives, where its file was put together or can be now; None: it is to be read through."""
        with self._lock:
            lines = [line for line in self._lines.values() if line.domain_id == domain_id]
        for line in lines:
            with line.lock:
                came = line.came  # what comes later is of another file
                while line.busy and line.moved < came:
                    line.lock.wait()
        return self._assemblies.finish(domain_id, recipe)

    def drop(self, domain_id: int, upload: str) -> None:
        """An upload broke off: nothing of it is waited for."""
        with self._lock:
            line = self._lines.pop((domain_id, upload), None)
        if line is not None:
            line.drop()
        self._assemblies.drop(domain_id, upload)

    def close(self) -> None:
        """Give everything up."""
        with self._lock:
            lines = list(self._lines.values())
            self._lines.clear()
        for line in lines:
            line.drop()
        self._assemblies.close()

    def _advance(self, line: Line) -> None:
        """Deliver what is next; one thread at a time does it for all that is put meanwhile."""
        with line.lock:
            if line.busy:
                return
            line.busy = True
        try:
            while (one := _next(line)) is not None:
                self._deliver(line, one)
        except BaseException:
            line.drop()
            _next(line)
            raise

    def _deliver(self, line: Line, one: Arrived) -> None:
        recipe = _recipe_of(one) if line.upload else None
        if recipe is None:
            if not self._offer(line, one) and line.upload:
                line.run.add(one)
            return
        # Whatever it speaks of, the next file begins after it.
        run, line.run = line.run, _Run()
        name = one.members[0][0]
        content = run.content_of(recipe)
        if content is None:
            self._assemblies.expect(line.domain_id, line.upload, name, recipe)
        else:
            self._assemblies.note(line.domain_id, name, Assembled(recipe, content))
        if not self._assemblies.arrived(line.domain_id, line.upload, one.members, one.plains, raw=one.raw):
            self._keep(line, one)

    def _offer(self, line: Line, one: Arrived) -> bool:
        """Whether files that are being put together have taken a frame; else it is kept a while."""
        if self._assemblies.arrived(line.domain_id, line.upload, one.members, one.plains, raw=one.raw):
            return True
        if not line.run.streams:
            self._keep(line, one)
        return False

    def _keep(self, line: Line, one: Arrived) -> None:
        for (name, _), plain in zip(one.members, one.plains, strict=True):
            self._memory.put((line.domain_id, name), bytes(plain))


def _next(line: Line) -> Arrived | None:
    """The frame whose turn it is; None, and the line is left, when it is not there."""
    with line.lock:
        line.moved = line.taken
        while line.queues:
            queue = line.queues[0]
            one = queue.waiting.pop(queue.front, None)
            if one is not None:
                queue.front += 1
                line.taken += 1
                line.waiting_bytes -= one.length
                line.lock.notify_all()
                return one
            if queue.ended and queue.front == queue.drawn:
                line.queues.popleft()
            elif line.full:
                _skip(line, queue)
            else:
                break
        line.busy = False
        line.lock.notify_all()
        return None


def _skip(line: Line, queue: Queue) -> None:
    """Wait no more for what is next in a pack: others have waited for it long enough. It may come out of order."""
    line.run = _Run()
    if queue.waiting:
        queue.front = min(queue.waiting)
    else:
        queue.front = sys.maxsize
        line.queues.popleft()


def _recipe_of(one: Arrived) -> Recipe | None:
    """The recipe that a frame holds, None for other content."""
    plain = one.plains[0]
    if len(one.plains) > 1 or len(plain) > RECIPE_BYTES or bytes(plain[: len(MAGIC)]) != MAGIC:
        return None
    try:
        return Recipe.decode(plain)
    except MlvError:
        return None  # a user's own file may begin like one; Publish says what is wrong with a recipe


def _row_bytes(members: Iterable[tuple[ContentHash, int]]) -> bytes:
    return b"".join(name + length.to_bytes(4, "little") for name, length in members)
