"""The chain rule: of a file's n-th content, segments are coded against the content with n's lowest digit lowered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from mlv_core.codecs import encode_group, encode_patch
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent
from mlv_core.framing import FramePlan, encode_plan, plan_frames
from mlv_core.hashing import ContentHash
from mlv_core.packs import Frame, frame_of
from mlv_core.recipes import Recipe, single
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.chains import Chain, trace
from mlv_server.content.frames import bases_from
from mlv_server.content.packer import PackWriter, index_sealed, remove_unused
from mlv_server.content.plain import PlainReader
from mlv_server.metadata.contents import ContentRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.packs import NewPack, Taken

BASE = 4
FULL_EVERY = 64
# What a delta may cost of the plain bytes; above, the segment starts anew.
PAYS = 0.9


def base_ordinal(ordinal: int) -> int | None:
    """The ordinal of the content that the `ordinal`-th is coded against, None where it is full."""
    if ordinal % FULL_EVERY == 0:
        return None
    digit = 1
    while ordinal % (digit * BASE) == 0:
        digit *= BASE
    return ordinal - digit


def allowed_depth(ordinal: int) -> int:
    """The depth that the rule gives the `ordinal`-th content: the sum of its base-4 digits below `FULL_EVERY`."""
    left, total = ordinal % FULL_EVERY, 0
    while left:
        total += left % BASE
        left //= BASE
    return total


@dataclass(frozen=True, slots=True)
class RebaseTask:
    """Code `content` against `base` (None: full) wherever its chains are longer than `depth`."""

    content: ContentHash
    base: ContentHash | None
    depth: int


_Job = tuple[list[ContentHash], list[int], Callable[[], tuple[Frame, bytes | None]]]


@dataclass(frozen=True, slots=True)
class _File:
    name: ContentHash
    recipe: Recipe
    recipe_name: ContentHash | None


class Rebaser:
    """Codes segments anew whose chains are longer than the rule allows. For worker threads."""

    def __init__(self, db: Database, blobs: LocalBlobs, reader: PlainReader) -> None:
        self._db = db
        self._blobs = blobs
        self._reader = reader

    def rebase(self, domain_id: int, tasks: Iterable[RebaseTask], now: int, stop: Callable[[], bool] = bool) -> int:
        """Bring every segment of each task's content to its depth at most; how many segments were coded anew.

        The tasks are those of one changeset: none stands on another's content. Each pack is durable and decoded
        before the rows are swapped, in one transaction a pack; a kill at any moment leaves the old frames or the new
        ones. Once `stop` holds nothing more is begun, and what was coded but not swapped is dropped.
        Raises: NotFound, DamagedContent, DiskFull.
        """
        turned = 0
        writer: PackWriter | None = None
        take: dict[ContentHash, tuple[int, int]] = {}
        try:
            for task in tasks:
                for members, frame_ids, code in self._jobs(domain_id, task, take):
                    if stop():
                        return turned
                    frame, base_plain = code()
                    writer = writer or PackWriter(self._blobs, domain_id)
                    offset = writer.add(frame, base_plain)
                    take.update((name, (at, offset)) for name, at in zip(members, frame_ids, strict=True))
                    if writer.full:
                        turned += self._swap(domain_id, writer.seal(), take, now)
                        writer, take = None, {}
            if writer is not None:
                turned += self._swap(domain_id, writer.seal(), take, now)
        finally:
            if writer is not None:
                writer.discard()
        return turned

    def _jobs(self, domain_id: int, task: RebaseTask, taken: Collection[ContentHash]) -> Iterator[_Job]:
        """For every frame to make: its members, the frames they lie in now, and the function that codes it."""
        new = self._file(domain_id, task.content)
        names = [segment.hash for segment in new.recipe.segments() if segment.length]
        if new.recipe_name is not None:
            names.append(new.recipe_name)
        chain = self._trace(domain_id, names)
        depths = {frame.id: depth for frame, depth in chain.frames(names)}
        at = {name: chain.places[name].frame.id for name in names if name in chain.places}
        deep = {name for name, frame_id in at.items() if depths[frame_id] > task.depth and name not in taken}
        if not deep:
            return
        old = None if task.base is None else self._file(domain_id, task.base)
        segments = new.recipe.segments()
        for plan in plan_frames(new.recipe, old.recipe if old else None, deep):
            members = [segments[index].hash for index in plan.members]
            yield members, [at[name] for name in members], partial(self._frame, domain_id, new, old, plan)
        if new.recipe_name is not None and new.recipe_name in deep:
            yield [new.recipe_name], [at[new.recipe_name]], partial(self._recipe_frame, new, old)

    def _frame(self, domain_id: int, new: _File, old: _File | None, plan: FramePlan) -> tuple[Frame, bytes | None]:
        segments = new.recipe.segments()
        plain = self._reader.read_joined(domain_id, [segments[index].hash for index in plan.members])
        if old is not None and plan.bases:
            bases = [old.recipe.segments()[index].hash for index in plan.bases]
            base_plain = self._reader.read_joined(domain_id, bases)
            frame = encode_plan(plan, new.recipe, old.recipe, plain, base_plain)
            if frame.bases and len(frame.blob) <= PAYS * len(plain):
                return frame, base_plain
        return encode_plan(FramePlan(plan.members, (), plan.typed), new.recipe, None, plain, None), None

    def _recipe_frame(self, new: _File, old: _File | None) -> tuple[Frame, bytes | None]:
        plain = new.recipe.encode()
        members = ((new.recipe_name or new.name, len(plain)),)
        if old is None or old.recipe_name is None:
            return frame_of(encode_group(plain), (), members), None
        base_plain = old.recipe.encode()
        frame = frame_of(encode_patch(plain, base_plain), (old.recipe_name,), members)
        return frame, base_plain if frame.bases else None

    def _swap(self, domain_id: int, pack: NewPack, take: Taken, now: int) -> int:
        """Turn the rows of a sealed pack's segments to it, where they still are as they were when it was made."""
        turned = self._db.write_now(lambda tx: index_sealed(tx, self._blobs, domain_id, pack, now, take), long=True)
        self._db.write_now(lambda tx: remove_unused(tx, self._blobs, domain_id, pack.pack_id))
        return len(turned)

    def _trace(self, domain_id: int, names: Collection[ContentHash]) -> Chain:
        read_bases = bases_from(self._blobs, domain_id)
        return self._db.read_now(lambda tx: trace(tx, domain_id, names, read_bases))

    def _file(self, domain_id: int, name: ContentHash) -> _File:
        row: ContentRow | None = self._db.read_now(lambda tx: tx.contents.find(domain_id, (name,))).get(name)
        if row is None:
            raise DamagedContent("A file of the history is not known.", items=(f"file {name.hex()}",))
        if row.recipe is None:
            return _File(name, single(name, row.size), None)
        return _File(name, Recipe.decode(self._reader.read(domain_id, row.recipe)), row.recipe)
