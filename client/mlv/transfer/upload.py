"""Sends the new content of a commit: what the server lacks, coded against the old files, in packs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlv.transfer.reading import BytesSource, CutContent, FileSource, Source, cut_content, read_extents
from mlv.transfer.types import INLINE_LIMIT_BYTES, Progress, Silent, UploadedContent, UploadInput, UploadResult
from mlv_core.codecs import Codec, encode_group, encode_patch
from mlv_core.errors import FileChanging
from mlv_core.framing import FramePlan, encode_plan, plan_frames, plan_groups
from mlv_core.hashing import ContentHash
from mlv_core.packs import PACK_TARGET, Frame, PackBuilder, frame_of
from mlv_core.recipes import Recipe, needs_recipe

if TYPE_CHECKING:
    from mlv.remote.service import Server

    from mlv_core.ids import RepositoryName

WORKERS = 2
"""Threads that code frames; numpy, zstd and BLAKE3 release the interpreter's lock."""
IN_FLIGHT = 6
"""Frames read and being coded: with bases and results about 10 MiB each, within a transfer's budget of 128 MiB."""
CHUNK_BYTES = 1 << 20
ASK_BYTES = 1 << 20
"""Below this many new plain bytes it costs less to send them than to ask whether the server has them."""
PATCHED_BYTES = 4 << 10
"""A smaller file is not worth a frame of its own: it shares one with its neighbours."""
ATTEMPTS = 3
"""Readings of a file that changes meanwhile, before the commit is refused."""

Job = Callable[[], Frame]


@dataclass(frozen=True, slots=True)
class _Item:
    """One content of the commit, read and cut, with the old content it can be coded against."""

    given: UploadInput
    cut: CutContent
    source: Source
    base_cut: CutContent | None
    base: Source | None


def upload_changes(
    server: Server,
    repository: RepositoryName,
    inputs: Sequence[UploadInput],
    *,
    upload: str,
    codecs: frozenset[int],
    progress: Progress | None = None,
) -> UploadResult:
    """Bring to the server what it lacks of `inputs`; what Publish must say of them.

    `upload` and `codecs` are what Begin answered; with `upload` '' a small pack comes back in `inline_pack` instead
    of being sent. Segments that the server keeps from an earlier, interrupted upload are not sent again.
    Raises: FileChanging after three readings, MissingFile, LimitExceeded, and whatever the server refuses with.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _upload(server, repository, inputs, upload, codecs, progress or Silent())
        except FileChanging:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def _upload(
    server: Server,
    repository: RepositoryName,
    inputs: Sequence[UploadInput],
    upload: str,
    codecs: frozenset[int],
    progress: Progress,
) -> UploadResult:
    allowed = frozenset(Codec(number) for number in codecs if number in set(Codec))
    with ExitStack() as stack:
        items = [_open(given, stack) for given in inputs]
        recipes = _recipes(items)
        missing, known_bases = _missing(server, repository, items, recipes)
        jobs = _jobs(items, recipes, missing, known_bases, allowed)
        raw = sum(item.cut.recipe.size for item in items)
        progress.start(raw, "sending")
        inline, packs = _send(server, repository, upload, _coded(jobs, progress))
        progress.finish()
        for item in items:
            if isinstance(item.source, FileSource):
                item.source.check_unchanged()
        contents = tuple(
            UploadedContent(
                item.given.path,
                item.cut.content,
                item.cut.recipe.size,
                item.cut.text,
                item.source.stamp if isinstance(item.source, FileSource) else None,
            )
            for item in items
        )
    pairs = tuple((content, recipe.recipe_id()) for content, (recipe, _) in recipes.items())
    return UploadResult(contents, pairs, inline, packs, raw)


def _open(given: UploadInput, stack: ExitStack) -> _Item:
    source = _source(given.source, given.path, stack)
    cut = cut_content(source, given.path)
    if isinstance(source, FileSource):
        source.check_unchanged()
    if given.base is None:
        return _Item(given, cut, source, None, None)
    base = _source(given.base, given.path, stack)
    return _Item(given, cut, source, cut_content(base, given.path), base)


def _source(given: str | bytes, path: str, stack: ExitStack) -> Source:
    source: Source = BytesSource(given) if isinstance(given, bytes) else FileSource(given, path)
    stack.callback(source.close)
    return source


def _recipes(items: Sequence[_Item]) -> dict[ContentHash, tuple[Recipe, Recipe | None]]:
    """Of each content of more than one segment its recipe and the old file's, once per content."""
    return {
        item.cut.content: (item.cut.recipe, item.base_cut.recipe if item.base_cut else None)
        for item in items
        if needs_recipe(item.cut.recipe)
    }


def _missing(
    server: Server,
    repository: RepositoryName,
    items: Sequence[_Item],
    recipes: dict[ContentHash, tuple[Recipe, Recipe | None]],
) -> tuple[set[ContentHash], set[ContentHash]]:
    """The names of segments and recipes to send, and the old contents that the server can decode against.

    An old content counts when the server knows the very recipe that was made of it here: then it has every segment.
    """
    fresh: dict[ContentHash, int] = {}
    bases: dict[ContentHash, ContentHash] = {}
    known: set[ContentHash] = set()
    for item in items:
        old = {segment.hash for segment in item.base_cut.recipe.segments()} if item.base_cut else set()
        fresh.update({s.hash: s.length for s in item.cut.recipe.segments() if s.hash not in old})
        if item.base_cut and needs_recipe(item.base_cut.recipe):
            bases[item.base_cut.content] = item.base_cut.recipe.recipe_id()
        elif item.base_cut:
            known.add(item.base_cut.content)
    names = [*fresh, *(recipe.recipe_id() for recipe, _ in recipes.values())]
    if sum(fresh.values()) < ASK_BYTES and not bases:
        return set(names), known
    answers = server.find_missing(repository, [*names, *bases.values()])
    missing = {name for name, absent in zip(names, answers, strict=False) if absent}
    gone = answers[len(names) :]
    unknown = {content for content, absent in zip(bases, gone, strict=True) if absent}
    known |= set(bases) - unknown
    if unknown:
        whole = [
            s.hash
            for item in items
            if item.base_cut and item.base_cut.content in unknown
            for s in item.cut.recipe.segments()
        ]
        absent = server.find_missing(repository, whole)
        missing |= {name for name, away in zip(whole, absent, strict=True) if away}
    return missing, known


def _jobs(
    items: Sequence[_Item],
    recipes: dict[ContentHash, tuple[Recipe, Recipe | None]],
    missing: set[ContentHash],
    known_bases: set[ContentHash],
    allowed: frozenset[Codec],
) -> Iterator[Job]:
    """One job a frame, in the order in which they are sent; the small files share frames."""
    waiting = set(missing)
    small: list[_Item] = []
    for item in items:
        recipe = item.cut.recipe
        wanted = {segment.hash for segment in recipe.segments()} & waiting
        if not wanted:
            continue
        waiting -= wanted
        base_cut = item.base_cut if item.base_cut and item.base_cut.content in known_bases else None
        if not needs_recipe(recipe) and (base_cut is None or recipe.size < PATCHED_BYTES):
            small.append(item)
            continue
        base_recipe = base_cut.recipe if base_cut else None
        for plan in plan_frames(recipe, base_recipe, wanted):
            yield _file_job(item, base_recipe, plan, allowed)
    for group in plan_groups([item.cut.recipe.size for item in small]):
        yield _group_job([small[index] for index in group], allowed)
    for recipe, base_recipe in recipes.values():
        if recipe.recipe_id() in missing:
            usable = base_recipe is not None and needs_recipe(base_recipe) and _known(base_recipe, items, known_bases)
            yield _recipe_job(recipe, base_recipe if usable else None, allowed)


def _known(base: Recipe, items: Sequence[_Item], known_bases: set[ContentHash]) -> bool:
    cuts = (item.base_cut for item in items if item.base_cut)
    return any(cut.recipe is base and cut.content in known_bases for cut in cuts)


def _file_job(item: _Item, base_recipe: Recipe | None, plan: FramePlan, allowed: frozenset[Codec]) -> Job:
    def code() -> Frame:
        plain = b"".join(bytes(read_extents(item.source, item.cut.extents[index])) for index in plan.members)
        old: bytes | None = None
        if plan.bases and item.base is not None and item.base_cut is not None:
            extents = item.base_cut.extents
            old = b"".join(bytes(read_extents(item.base, extents[index])) for index in plan.bases)
        return encode_plan(plan, item.cut.recipe, base_recipe, plain, old, allowed)

    return code


def _group_job(group: Sequence[_Item], allowed: frozenset[Codec]) -> Job:
    def code() -> Frame:
        plain = b"".join(bytes(item.source.read(0, item.cut.recipe.size)) for item in group)
        members = tuple((item.cut.content, item.cut.recipe.size) for item in group)
        return frame_of(encode_group(plain, allowed), (), members)

    return code


def _recipe_job(recipe: Recipe, base: Recipe | None, allowed: frozenset[Codec]) -> Job:
    def code() -> Frame:
        plain = recipe.encode()
        members = ((recipe.recipe_id(), len(plain)),)
        if base is None:
            return frame_of(encode_group(plain, allowed), (), members)
        return frame_of(encode_patch(plain, base.encode(), allowed), (base.recipe_id(),), members)

    return code


def _coded(jobs: Iterable[Job], progress: Progress) -> Iterator[Frame]:
    """Run the jobs on a few threads, a bounded number ahead, and give their frames in order."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="mlv-encode") as pool:
        running: deque[Future[Frame]] = deque()
        for job in jobs:
            running.append(pool.submit(job))
            if len(running) >= IN_FLIGHT:
                yield _next(running, progress)
        while running:
            yield _next(running, progress)


def _next(running: deque[Future[Frame]], progress: Progress) -> Frame:
    frame = running.popleft().result()
    progress.advance(frame.plain_length)
    return frame


def _send(
    server: Server, repository: RepositoryName, upload: str, frames: Iterator[Frame]
) -> tuple[bytes, tuple[bytes, ...]]:
    """Send the frames in packs; or, small and without an upload, give the one pack back."""
    packs: list[bytes] = []
    held: list[Frame] = []
    size = 0
    for frame in frames:
        held.append(frame)
        size += len(frame.blob)
        if size > INLINE_LIMIT_BYTES:
            break
    else:
        return (b"".join(_pack(iter(held))) if held else b""), ()
    rest = _Rest(held, frames)
    while rest.more():
        pack, _ = server.put_pack(repository, upload, _pack(rest.one_pack()))
        packs.append(pack)
    return b"", tuple(packs)


def _pack(frames: Iterator[Frame]) -> Iterator[bytes]:
    """The bytes of one pack in pieces of at most 1 MiB."""
    builder = PackBuilder()
    yield builder.start()
    for frame in frames:
        data = builder.add(frame)
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES]
    yield builder.finish()


class _Rest:
    """Frames dealt out a pack at a time."""

    def __init__(self, held: list[Frame], frames: Iterator[Frame]) -> None:
        self._held = deque(held)
        self._frames = frames

    def more(self) -> bool:
        """Whether a frame is left."""
        if not self._held:
            frame = next(self._frames, None)
            if frame is not None:
                self._held.append(frame)
        return bool(self._held)

    def one_pack(self) -> Iterator[Frame]:
        """The frames of the next pack."""
        size = 0
        while size < PACK_TARGET and self.more():
            frame = self._held.popleft()
            size += len(frame.blob)
            yield frame
