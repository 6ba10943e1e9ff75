"""A large new file sent while it is read: its chunks as they are cut, its recipe last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mlv.transfer.coding import Item, Job, is_noise, recipe_job
from mlv.transfer.reading import CutContent, FileSource, TextProbe, WholeHash, cut_blocks
from mlv.transfer.types import Progress, UploadInput
from mlv_core.codecs import Codec, encode_group
from mlv_core.deferred import dataclass
from mlv_core.framing import GROUP_BYTES
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import MEMBERS_LIMIT, Frame, frame_of
from mlv_core.recipes import generic
from mlv_core.segments import plan_layout

STREAMED_BYTES = 16 << 20
"""A new file from this size on is not read through before its first bytes leave."""
SLICE_BYTES = 32 << 20
"""So much is cut, and asked for, while the slice before it is sent; two of them are held."""
SAMPLE_BYTES = 64 << 10
SAMPLES = 8
"""Where a file is looked at, to tell whether coding will take longer than reading, cutting and hashing it did."""
NOISE_BYTES = 2 << 20
"""A frame of noise: longer than one that zstd codes, as nothing is decoded to read a part of it."""

Ask = Callable[[list[ContentHash]], set[ContentHash]]
"""Those of the names that the server lacks."""


def is_streamed(given: UploadInput, source: FileSource) -> bool:
    """Whether a file is sent in this way: large, new, noise wherever it is looked at, and of no format that is cut."""
    return (
        given.base is None
        and source.size >= STREAMED_BYTES
        and all(is_noise(memoryview(source.read(at, SAMPLE_BYTES)).cast("B")) for at in _samples(source.size))
        and plan_layout(given.path, source.size, lambda offset, length: bytes(source.read(offset, length))) is None
    )


def _samples(size: int) -> range:
    return range(0, size - SAMPLE_BYTES, max(1, (size - SAMPLE_BYTES) // SAMPLES))


@dataclass(frozen=True, slots=True)
class _Block:
    """Bytes of the file that end with a chunk, the chunks in them, and those that are to be sent."""

    data: memoryview
    chunks: Sequence[tuple[ContentHash, int]]
    missing: frozenset[ContentHash]


class FileStream:
    """One file. Reading, cutting and asking run in a thread of their own, a slice ahead of coding and sending."""

    def __init__(self, given: UploadInput, source: FileSource, ask: Ask, sent: set[ContentHash]) -> None:
        """`sent`: what needs not be sent any more; it grows by what this file sends."""
        self.item: Item | None = None
        self._given = given
        self._source = source
        self._ask = ask
        self._sent = sent
        self._any = False

    def jobs(self, allowed: frozenset[Codec], progress: Progress) -> Iterator[Job]:
        """One job a frame; after the last of them `item` says what the file is.

        Raises: FileChanging, and what asking raises.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="mlv-cut") as pool:
            slices = self._slices()
            coming = pool.submit(next, slices, None)
            while (blocks := coming.result()) is not None:
                coming = pool.submit(next, slices, None)
                for block in blocks:
                    jobs = list(_block_jobs(block, allowed))
                    progress.advance(len(block.data) - sum(job.shown for job in jobs))
                    yield from jobs
        if self.item is not None:
            name = self.item.cut.recipe.recipe_id()
            # Where a chunk was new the recipe is.
            if name not in self._sent and (self._any or self._ask([name])):
                self._sent.add(name)
                yield recipe_job(self.item.cut.recipe, None, allowed)

    def _slices(self) -> Iterator[list[_Block]]:
        whole, text = WholeHash(self._source.size), TextProbe()
        chunks: list[tuple[ContentHash, int]] = []
        cut: list[tuple[memoryview, list[tuple[ContentHash, int]]]] = []
        held = 0
        for data, ends in cut_blocks(self._source):
            whole.update(data)
            text.feed(data)
            starts = (0, *ends)
            here = [(hash_content(data[at:end]), end - at) for at, end in zip(starts, ends, strict=False)]
            cut.append((data, here))
            chunks += here
            held += len(data)
            if held >= SLICE_BYTES:
                yield self._asked(cut)
                cut, held = [], 0
        self._source.check_unchanged()
        recipe = generic(self._source.size, chunks)
        made = CutContent(whole.digest(), recipe, (), text.finish())
        self.item = Item(self._given, made, self._source)
        yield self._asked(cut)

    def _asked(self, cut: list[tuple[memoryview, list[tuple[ContentHash, int]]]]) -> list[_Block]:
        """The blocks of a slice, with what is to be sent of each: every name once."""
        names = dict.fromkeys(name for _, chunks in cut for name, _ in chunks if name not in self._sent)
        missing = self._ask(list(names)) if names else set()
        self._any = self._any or bool(missing)
        blocks: list[_Block] = []
        for data, chunks in cut:
            mine = frozenset(name for name, _ in chunks if name in missing)
            missing -= mine
            blocks.append(_Block(data, chunks, mine))
            self._sent |= mine
        return blocks


def _block_jobs(block: _Block, allowed: frozenset[Codec]) -> Iterator[Job]:
    """Frames of neighbouring chunks; noise is sent as it lies."""
    noise = bool(block.missing) and is_noise(block.data)
    limit = NOISE_BYTES if noise else GROUP_BYTES
    waiting = set(block.missing)
    members: list[tuple[ContentHash, int]] = []
    start = end = 0
    for name, length in block.chunks:
        taken = name in waiting
        if members and (not taken or end + length - start > limit or len(members) == MEMBERS_LIMIT):
            yield _job(block.data[start:end], tuple(members), None if noise else allowed)
            members = []
        if taken:
            waiting.discard(name)
            start = start if members else end
            members.append((name, length))
        end += length
    if members:
        yield _job(block.data[start:end], tuple(members), None if noise else allowed)


def _job(plain: memoryview, members: tuple[tuple[ContentHash, int], ...], allowed: frozenset[Codec] | None) -> Job:
    return Job(partial(_code, plain, members, allowed), len(plain))


def _code(plain: memoryview, members: tuple[tuple[ContentHash, int], ...], allowed: frozenset[Codec] | None) -> Frame:
    if allowed is None:
        return Frame(Codec.RAW, (), members, plain)
    return frame_of(encode_group(plain, allowed), (), members)
