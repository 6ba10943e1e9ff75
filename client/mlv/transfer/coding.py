"""The frames of a commit: new segments coded against the old files, on a few threads, in the order of sending."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mlv.transfer.reading import CutContent, Source, changing, read_extents
from mlv.transfer.types import Progress, UploadInput
from mlv_core.codecs import Codec, encode_group, encode_patch
from mlv_core.codecs.streams import NOISE_BITS, entropy
from mlv_core.deferred import dataclass
from mlv_core.framing import FramePlan, encode_plan, plan_frames, plan_groups
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import Frame, frame_of
from mlv_core.recipes import Recipe, needs_recipe

WORKERS = 2
"""Threads that code frames; numpy, zstd and BLAKE3 release the interpreter's lock."""
IN_FLIGHT = 6
"""Frames read and being coded: with bases and results about 10 MiB each, within a transfer's budget of 128 MiB."""
FAILED_ATTEMPTS = 2
TRIED_AGAIN = 16
"""Noise of a file is not patched after so many patches of it gave nothing, save for one frame in so many."""
RUNS, RUN_BYTES = 32, 512
"""How many places of something long are looked at, and how much of each."""
PATCHED_BYTES = 4 << 10
"""A smaller file is not worth a frame of its own: it shares one with its neighbours."""


@dataclass(frozen=True, slots=True)
class Item:
    """One content of the commit, read and cut, with the old content that it can be coded against, if any."""

    given: UploadInput
    cut: CutContent
    source: Source
    base_cut: CutContent | None = None
    base: Source | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One frame to make. `shown` are the plain bytes of files in it, for the progress."""

    code: Callable[[], Frame]
    shown: int


def jobs_for(
    items: Sequence[Item], recipes: dict[ContentHash, Item], missing: set[ContentHash], allowed: frozenset[Codec]
) -> Iterator[Job]:
    """One job a frame for everything in `missing`, each name once; small files share frames at the end.

    `recipes` are the items whose recipe is to be sent, by the recipe's name. Each goes ahead of its file's frames, so
    that the server can put the file together while they come.
    """
    waiting = set(missing)
    names = {id(item): name for name, item in recipes.items() if name in missing}
    small: list[Item] = []
    for item in items:
        if id(item) in names:
            base_recipe = item.base_cut.recipe if item.base_cut and needs_recipe(item.base_cut.recipe) else None
            yield recipe_job(item.cut.recipe, base_recipe, allowed)
        wanted = {segment.hash for segment in item.cut.recipe.segments()} & waiting
        waiting -= wanted
        if not wanted:
            continue
        if not needs_recipe(item.cut.recipe) and (item.base is None or item.cut.recipe.size < PATCHED_BYTES):
            small.append(item)
            continue
        base_recipe = item.base_cut.recipe if item.base_cut else None
        against = _Against()
        for plan in plan_frames(item.cut.recipe, base_recipe, wanted):
            yield _file_job(item, base_recipe, plan, allowed, against)
    for group in plan_groups([item.cut.recipe.size for item in small]):
        yield _group_job([small[index] for index in group], allowed)


def coded(jobs: Iterable[Job], progress: Progress) -> Iterator[Frame]:
    """Run the jobs on a few threads, a bounded number ahead, and give their frames in order."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="mlv-encode") as pool:
        running: deque[tuple[Future[Frame], int]] = deque()

        def finished() -> Frame:
            future, shown = running.popleft()
            frame = future.result()
            progress.advance(shown)
            return frame

        for job in jobs:
            running.append((pool.submit(job.code), job.shown))
            if len(running) >= IN_FLIGHT:
                yield finished()
        while running:
            yield finished()


class _Against:
    """Whether noise of a file is worth coding against its base: not where the last attempts gave nothing."""

    def __init__(self) -> None:
        self._failed = 0
        self._left_out = 0

    def worth(self, plain: memoryview) -> bool:
        """Whether to try; where it is not, one in `TRIED_AGAIN` is tried all the same."""
        if self._failed < FAILED_ATTEMPTS or not is_noise(plain):
            return True
        self._left_out += 1
        return self._left_out % TRIED_AGAIN == 0

    def note(self, frame: Frame) -> None:
        """What an attempt gave."""
        self._failed = 0 if frame.bases else self._failed + 1


def is_noise(plain: memoryview) -> bool:
    """Whether bytes look as if nothing could shrink them; of many, short runs from all over are looked at.

    Single bytes from all over would cost as much as reading everything: each lies in another line of the cache.
    """
    if len(plain) > 2 * RUNS * RUN_BYTES:
        step = (len(plain) - RUN_BYTES) // (RUNS - 1)
        plain = memoryview(b"".join(plain[at : at + RUN_BYTES] for at in range(0, step * RUNS, step)))
    return entropy(plain) >= NOISE_BITS


def _file_job(
    item: Item, base_recipe: Recipe | None, plan: FramePlan, allowed: frozenset[Codec], against: _Against
) -> Job:
    segments = item.cut.recipe.segments()
    members = [(segments[index].hash, segments[index].length) for index in plan.members]

    def code() -> Frame:
        extents = tuple(extent for index in plan.members for extent in item.cut.extents[index])
        plain = memoryview(read_extents(item.source, extents)).cast("B")
        _check(plain, members, item.given.path)
        if not plan.typed and not (plan.bases and against.worth(plain)) and is_noise(plain):
            return Frame(Codec.RAW, (), tuple(members), plain)
        old: bytes | memoryview | None = None
        if plan.bases and item.base is not None and item.base_cut is not None:
            old_extents = tuple(extent for index in plan.bases for extent in item.base_cut.extents[index])
            # Not hashed again: the server compares what its own copy of the base gives.
            old = memoryview(read_extents(item.base, old_extents)).cast("B")
        frame = encode_plan(plan, item.cut.recipe, base_recipe, plain, old, allowed)
        if plan.bases and not plan.typed:
            against.note(frame)
        return frame

    return Job(code, sum(length for _, length in members))


def _group_job(group: Sequence[Item], allowed: frozenset[Codec]) -> Job:
    members = tuple((item.cut.content, item.cut.recipe.size) for item in group)

    def code() -> Frame:
        parts = [bytes(item.source.read(0, item.cut.recipe.size)) for item in group]
        for item, part in zip(group, parts, strict=True):
            _check(memoryview(part), ((item.cut.content, len(part)),), item.given.path)
        return frame_of(encode_group(b"".join(parts), allowed), (), members)

    return Job(code, sum(length for _, length in members))


def recipe_job(recipe: Recipe, base: Recipe | None, allowed: frozenset[Codec]) -> Job:
    """The frame of a recipe, coded against that of the old content where there is one."""

    def code() -> Frame:
        plain = recipe.encode()
        members = ((hash_content(plain), len(plain)),)
        if base is None:
            return frame_of(encode_group(plain, allowed), (), members)
        return frame_of(encode_patch(plain, base.encode(), allowed), (base.recipe_id(),), members)

    return Job(code, 0)


def _check(plain: memoryview, members: Sequence[tuple[ContentHash, int]], path: str) -> None:
    """Raises: FileChanging when bytes read again are not those that were hashed."""
    at = 0
    for name, length in members:
        if hash_content(plain[at : at + length]) != name:
            raise changing(path)
        at += length
