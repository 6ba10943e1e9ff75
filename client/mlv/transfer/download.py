"""Fetches what a plan names, decodes it against the old files, and writes verified files beside them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import field
from typing import TYPE_CHECKING

from mlv.transfer.reading import FileSource
from mlv.transfer.segments import Segments
from mlv.transfer.targets import RunningHash, Target
from mlv.transfer.types import Fetched, OldFile, Progress, Silent
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, DiskFull, LimitExceeded, MissingFile
from mlv_core.hashing import ContentHash, ContentHasher
from mlv_core.ids import escape
from mlv_core.requests import Piece, PlannedChange, PlanPart

if TYPE_CHECKING:
    from mlv.remote.service import Server
    from mlv_core.ids import RepositoryName

STREAMS = 2
"""Streams of one part: two use both directions of a core pair and hide one round trip behind the other."""
SHARD_BYTES = 8 << 20
"""Less than this is fetched by one stream."""
SHARD_MOST = 64 << 20
"""What a stream does at a time of much work: the streams stay close to each other in a file."""
OPEN_FILES = 64
"""Files that are held open at once; those of a part with more are opened for each write."""
BLOCK_BYTES = 1 << 20
"""One read when a file is checked: it stays in the processor's cache until it is hashed."""


@dataclass(slots=True)
class _Begun:
    """What earlier attempts and earlier parts did of the files of a part.

    `there`: the files that lie in the incoming folder. `resumes`: whether an earlier attempt left something of the
    part's; None: each file tells. `running`: the hashes of those of which an earlier part was written.
    """

    there: set[str]
    resumes: bool | None = None
    running: dict[str, RunningHash] = field(default_factory=dict)


def download(
    server: Server,
    repository: RepositoryName,
    parts: Iterable[PlanPart],
    old_file: OldFile,
    incoming: str,
    progress: Progress | None = None,
) -> Iterator[Fetched]:
    """Bring every change of `parts` that carries content into the folder `incoming`, each file whole and verified (F4).

    A file is named by its content's hash in hex; one that lies there already is not fetched again, and of one that
    was left unfinished (`.part`) the good segments are kept. Changes of equal content share one file.
    Raises: DamagedContent, DiskFull, Unreachable, and whatever the server refuses with.
    """
    os.makedirs(incoming, exist_ok=True)
    shown = progress or Silent()
    begun = _Begun({os.path.join(incoming, name) for name in os.listdir(incoming)})
    resumes = False
    for part in parts:
        if part.more and not part.start:
            # Only what an earlier attempt left is looked at: later stretches find what this one has begun.
            resumes = os.path.exists(_file(part.changes[0], incoming) + ".part")
        begun.resumes = resumes if part.start or part.more else None
        if not part.start:
            begun.running.clear()
        yield from _one_part(server, repository, part, old_file, incoming, shown, begun)


def _one_part(
    server: Server,
    repository: RepositoryName,
    part: PlanPart,
    old_file: OldFile,
    incoming: str,
    progress: Progress,
    begun: _Begun,
) -> Iterator[Fetched]:
    pieces: dict[int, list[Piece]] = {}
    for piece in part.pieces:
        pieces.setdefault(piece.change, []).append(piece)
    wanted = [
        index
        for index, planned in enumerate(part.changes)
        if planned.change.state is not None and (index in pieces or planned.change.state.size == 0)
    ]
    files = {index: _file(part.changes[index], incoming) for index in wanted}
    first = _distinct(part.changes, wanted)
    missing = {index: pieces.get(index, []) for index in first if not _is_there(part, index, files[index], begun.there)}
    if missing:
        try:
            _fetch(server, repository, part, missing, old_file, files, progress, begun)
        except OSError as error:
            raise _named(error) from error
    if part.more:
        return
    begun.there.update(files.values())
    for index, file in files.items():
        yield Fetched(part.changes[index], file)


def _distinct(changes: Sequence[PlannedChange], indexes: list[int]) -> list[int]:
    """One index per content: two files of the same bytes are fetched once."""
    first: dict[bytes, int] = {}
    for index in indexes:
        state = changes[index].change.state
        if state is not None:
            first.setdefault(state.content, index)
    return list(first.values())


def _fetch(
    server: Server,
    repository: RepositoryName,
    part: PlanPart,
    pieces: dict[int, list[Piece]],
    old_file: OldFile,
    files: dict[int, str],
    progress: Progress,
    begun: _Begun,
) -> None:
    """Fetch, decode and write the `files` of the changes that `pieces` names, then verify each as a whole."""
    targets: dict[int, Target] = {}
    checked = {index for index, its_pieces in pieces.items() if _is_segment(part, index, its_pieces)}
    with ExitStack() as stack:
        segments = Segments(server, repository, part, _old_sources(part, old_file, stack))
        held = len(pieces) <= OPEN_FILES
        for index, its_pieces in pieces.items():
            state = part.changes[index].change.state
            # One of many that are written at once needs no second name: what a crash leaves is checked by its name.
            at_once = not held and not begun.resumes and not part.start and index in checked
            file = files[index] if at_once else files[index] + ".part"
            target = Target(file, state.size if state is not None else 0, held=held, at_once=at_once)
            target.resumes = target.resumes if begun.resumes is None else begun.resumes
            if not target.resumes and (part.start or index not in checked):
                target.running = begun.running.setdefault(file, RunningHash())
            if held:
                stack.callback(target.close)
            segments.add_target(target, its_pieces, part.start)
            targets[index] = target
        needed = segments.ranges_needed()
        progress.start(sum(part.ranges[number].length for number in needed), "receiving")
        _take_all(segments, _shards(needed, segments.work_of), progress)
        segments.copy_old()
        progress.finish()
        for index, target in targets.items():
            target.write_back()
            if part.more:
                continue
            # Of a file that came in several parts it is not known which bytes were checked on their way.
            if target.straight or part.start or index not in checked:
                _verify(part.changes[index], target, segments)
            if not target.at_once:
                os.replace(target.file, target.file.removesuffix(".part"))


def _take_all(segments: Segments, shards: list[list[int]], progress: Progress) -> None:
    """Run one stream a shard, a few at a time and in order; the first failure stops the others."""
    segments.expect(shards)
    with ThreadPoolExecutor(max(1, min(STREAMS, len(shards))), thread_name_prefix="mlv-fetch") as pool:
        running: list[Future[None]] = []
        try:
            for number, shard in enumerate(shards):
                running.append(pool.submit(segments.take, number, shard, progress.advance))
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            segments.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _old_sources(part: PlanPart, old_file: OldFile, stack: ExitStack) -> dict[int, FileSource]:
    """The workspace's old files that segments of the part lie in, by index of change."""
    rows = sorted({row for segment in part.segments for row, _, _ in segment.old})
    sources: dict[int, FileSource] = {}
    for row in rows:
        change = part.changes[row].change
        path = change.source or change.path
        file = old_file(path)
        if file is None:
            raise MissingFile(
                f"The old bytes of '{escape(path)}' are not on the disk any more.",
                advice="Type the same command again.",
            )
        sources[row] = FileSource(file, path)
        stack.callback(sources[row].close)
        if len(rows) > OPEN_FILES:
            sources[row].rest()
    return sources


def _shards(needed: Sequence[int], work_of: Callable[[int], int]) -> list[list[int]]:
    """Cut the ordered ranges into runs of about the same work: one for each stream, more where there is much."""
    total = sum(map(work_of, needed))
    if total < SHARD_BYTES:
        return [list(needed)] if needed else []
    count = max(STREAMS, -(-total // SHARD_MOST))
    shards: list[list[int]] = [[] for _ in range(count)]
    done = 0
    for number in needed:
        shards[min(count - 1, done * count // total)].append(number)
        done += work_of(number)
    return [shard for shard in shards if shard]


def _is_there(part: PlanPart, index: int, file: str, there: Collection[str]) -> bool:
    """Whether a change's content needs no fetching; it was verified with the first part that speaks of it."""
    if part.start:
        return os.path.exists(file)
    return file in there and _is_whole(part.changes[index], file)


def _is_whole(planned: PlannedChange, file: str) -> bool:
    """Whether the content lies in `file` already; one that is not what its name says is removed."""
    state = planned.change.state
    if state is None or not os.path.exists(file):
        return False
    if _holds(file, state.content):
        return True
    os.unlink(file)
    return False


def _is_segment(part: PlanPart, index: int, pieces: Sequence[Piece]) -> bool:
    """Whether a file is one whole segment, whose own check was that of the file."""
    state = part.changes[index].change.state
    if state is None or len(pieces) != 1:
        return False
    segment = part.segments[pieces[0].segment]
    return segment.hash == state.content and (pieces[0].offset, pieces[0].length) == (0, state.size)


def _verify(planned: PlannedChange, target: Target, segments: Segments) -> None:
    """Check a file as a whole (F4); of one that has wrong segments the others are kept for the next attempt.

    Raises: DamagedContent unless it holds exactly the planned content.
    """
    state = planned.change.state
    if state is not None:
        found = target.running.digest(state.size) if target.running is not None else None
        if found == state.content or (found is None and _holds(target.file, state.content)):
            return
    segments.damaged_in(target)
    os.unlink(target.file)
    raise DamagedContent(
        f"'{escape(planned.change.path)}' (changeset @{planned.changed_in}) did not arrive as it was committed.",
        advice="Type the same command again; if it stays so, run 'mlv-server verify' on the server.",
    )


def _holds(file: str, content: ContentHash) -> bool:
    hasher = ContentHasher()
    block = bytearray(BLOCK_BYTES)
    with open(file, "rb", buffering=0) as handle, memoryview(block) as view:
        while length := handle.readinto(view):
            hasher.update(view[:length])
    return hasher.digest() == content


def _file(planned: PlannedChange, incoming: str) -> str:
    state = planned.change.state
    return os.path.join(incoming, state.content.hex() if state is not None else "")


def _named(error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull("The disk is full.")
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return LimitExceeded("No file handle is free.", advice="Close programs or raise 'ulimit -n'.")
    return error
