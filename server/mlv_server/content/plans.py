"""Parts of a download plan: where each segment of a few files comes from, cheapest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from functools import partial

from mlv_core.codecs import ALL_CODECS
from mlv_core.deferred import dataclass, maker
from mlv_core.errors import DamagedContent
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_core.recipes import Piece as RecipePiece
from mlv_core.recipes import Recipe, match_bases
from mlv_core.requests import Piece, PlannedChange, PlannedSegment, PlanPart, Range, RangeKind
from mlv_core.segments import Extent
from mlv_server.content.chains import Chain, trace
from mlv_server.content.deltas import DirectDelta
from mlv_server.content.direct import make_direct_delta
from mlv_server.content.frames import bases_from
from mlv_server.content.store import ContentStore

# Ranges of plain bytes are joined up to this: one read for the server, one buffer for the client.
PLAIN_RANGE = 4 * 1024 * 1024
# From this share of the plain bytes on, plain bytes that lie at hand are the better answer: they need no decoding.
PLAIN_SHARE = 0.9
# From this share on a direct delta is worth being made.
DIRECT_SHARE = 0.5
# Below this a direct delta saves less than it costs; above, making one keeps the caller waiting too long.
DIRECT_MINIMUM = 256 * 1024
DIRECT_MAXIMUM = 1024 * 1024 * 1024
# Pieces of files in one part: with chains of up to 16 frames below each segment a message stays under 8 MiB.
PART_PIECES = 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """A change to bring to a workspace. `old` is the content it has at the change's source or path, None for none.

    `content` says whether the change's content is to be brought, or only the change told.
    """

    planned: PlannedChange
    old: ContentHash | None
    content: bool


_Old = dict[ContentHash, tuple[int, tuple[Extent, ...], int]]
"""Segments in the caller's old files: row, extents, length."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A file of the part with its recipes, or the stretch of a large one that begins at `start`."""

    row: int
    name: ContentHash
    recipe: Recipe
    old: Recipe | None
    old_name: ContentHash | None
    pieces: Sequence[RecipePiece]
    start: int = 0
    whole: bool = True

    def needed(self, old: _Old) -> list[ContentHash]:
        """The segments of the pieces that the caller does not have, each once, by their number in the recipe."""
        segments = self.recipe.segments()
        if len(self.pieces) == 1:  # as of every small file
            name = segments[self.pieces[0].index].hash
            return [] if name in old else [name]
        numbers = sorted({piece.index for piece in self.pieces if piece.length})
        return [name for name in dict.fromkeys(segments[number].hash for number in numbers) if name not in old]


class PartPlanner:
    """Plans one part after another for one caller."""

    def __init__(self, store: ContentStore, domain_id: int, target: ChangesetNumber, codecs: frozenset[int]) -> None:
        self._store = store
        self._domain_id = domain_id
        self._target = target
        self._all_codecs = codecs >= {int(codec) for codec in ALL_CODECS}

    async def plan(self, wishes: Sequence[Wish]) -> AsyncIterator[PlanPart]:
        """Self-contained parts for `wishes`, one or more. Raises: NotFound, DamagedContent."""
        wanted = {name for wish in wishes if (new := _content(wish)) for name in (new, wish.old) if name is not None}
        recipes = await self._store.recipes_of(self._domain_id, wanted)
        for some in _groups(wishes, recipes):
            alone = _content(some[0]) if len(some) == 1 else None
            in_parts = alone is not None and _piece_count(recipes[alone]) > PART_PIECES
            targets = [
                _Target(
                    row,
                    new,
                    recipes[new],
                    recipes[wish.old] if wish.old else None,
                    wish.old,
                    () if in_parts else tuple(recipes[new].pieces()),
                )
                for row, wish in enumerate(some)
                if (new := _content(wish))
            ]
            if not in_parts:
                have = self._have(targets)
                yield await self._store.run(partial(self._build, some, targets, have))
                continue
            have = await self._store.run(partial(self._have, targets))
            async for part in self._stretches(some, targets[0], have):
                yield part

    async def _stretches(self, wishes: Sequence[Wish], target: _Target, have: _Old) -> AsyncIterator[PlanPart]:
        """The parts of one file of very many pieces, in file order."""
        pieces = await self._store.run(lambda: tuple(target.recipe.pieces()))
        start = 0
        for first in range(0, len(pieces), PART_PIECES):
            some = pieces[first : first + PART_PIECES]
            stretch = replace(target, pieces=some, start=start, whole=len(some) == len(pieces))
            part = await self._store.run(partial(self._build, wishes, [stretch], have))
            yield replace(part, start=start, more=first + PART_PIECES < len(pieces))
            start += sum(piece.length for piece in some)

    def _build(self, wishes: Sequence[Wish], targets: Sequence[_Target], have: _Old) -> PlanPart:
        draft = _Draft(have)
        self._place(draft, targets)
        for target in targets:
            draft.build(target)
        return PlanPart(
            self._target,
            tuple(wish.planned for wish in wishes),
            tuple(draft.segments),
            tuple(draft.ranges),
            tuple(draft.pieces),
        )

    def _have(self, targets: Sequence[_Target]) -> _Old:
        have: _Old = {}
        for target in targets:
            if target.old is not None:
                for segment, extents in zip(target.old.segments(), target.old.offsets_in_file(), strict=True):
                    have.setdefault(segment.hash, (target.row, extents, segment.length))
        return have

    def _place(self, draft: _Draft, targets: Sequence[_Target]) -> None:
        """Say for every needed segment where it comes from."""
        wanted = {target.row: target.needed(draft.old) for target in targets}
        needed = [name for names in wanted.values() for name in names]
        if not needed:
            return
        read_bases = bases_from(self._store.blobs, self._domain_id)
        chain = self._store.db.read_now(
            lambda tx: trace(tx, self._domain_id, needed, read_bases, draft.old.__contains__)
        )
        draft.members = chain.members()
        for target in targets:
            self._place_file(draft, target, chain, wanted[target.row])

    def _place_file(self, draft: _Draft, target: _Target, chain: Chain, wanted: Sequence[ContentHash]) -> None:
        needed = [name for name in wanted if name not in draft.numbers]
        if not needed:
            return
        frames = [frame for frame, _ in chain.frames(needed) if frame.id not in draft.frames]
        cost = sum(frame.length for frame in frames)
        segments = target.recipe.segments()
        lengths = {segments[piece.index].hash: segments[piece.index].length for piece in target.pieces}
        plain = sum(lengths[name] for name in needed)
        damaged = any(frame.damaged for frame in frames) or any(name not in chain.places for name in needed)
        if damaged and not self._has_copy(target):
            raise DamagedContent("A file's stored content is damaged.", items=(f"file {target.name.hex()}",))
        if damaged or not self._all_codecs:
            draft.add_plain(target, needed)
            return
        # Deltas of which the caller has every base are as short as a way can be.
        shortest = all(
            chain.bases[frame.id] and all(base in draft.old for base in chain.bases[frame.id]) for frame in frames
        )
        delta = None if shortest or not target.whole else self._direct(target, needed, cost, plain)
        if delta is not None:
            draft.add_direct(delta, target.old)
        elif cost > PLAIN_SHARE * plain and self._has_copy(target):
            draft.add_plain(target, needed)
        else:
            draft.add_chain(chain, needed)

    def _has_copy(self, target: _Target) -> bool:
        return self._store.materialized.holds(self._domain_id, target.name)

    def _direct(self, target: _Target, needed: list[ContentHash], cost: int, plain: int) -> DirectDelta | None:
        """A delta straight from the caller's file, where the stored chain is long and the delta is smaller."""
        if target.old is None or target.old_name is None or not DIRECT_MINIMUM <= plain <= DIRECT_MAXIMUM:
            return None
        if cost <= DIRECT_SHARE * plain or not any(
            index is not None for index in match_bases(target.recipe, target.old)
        ):
            return None
        delta = self._store.deltas.find(self._domain_id, target.old_name, target.name)
        if delta is None:
            delta = make_direct_delta(
                self._store,
                self._domain_id,
                (target.old_name, target.old),
                (target.name, target.recipe),
                frozenset(needed),
            )
        covered = {name for _, frame in delta.frames() for name, _ in frame.members}
        return delta if delta.length < cost and covered.issuperset(needed) else None


class _Draft:
    """A part being put together; `members` are the segments of each frame that it may take."""

    def __init__(self, old: _Old) -> None:
        self.old = old
        self.segments: list[PlannedSegment] = []
        self.numbers: dict[ContentHash, int] = {}
        self.ranges: list[Range] = []
        self.pieces: list[Piece] = []
        self.frames: set[int] = set()
        self.members: dict[int, list[ContentHash]] = {}

    def add_chain(self, chain: Chain, needed: list[ContentHash]) -> None:
        """Stored frames in decoding order; of each, the segments that are needed or are bases of later frames."""
        ordered = [frame for frame, _ in chain.frames(needed) if frame.id not in self.frames]
        new = maker(PlannedSegment)
        for frame in ordered:
            for base in chain.bases[frame.id]:
                self._add_old(base)
            self.frames.add(frame.id)
            self.ranges.append(Range(RangeKind.PACK, frame.pack_id, frame.offset, frame.length))
            for name in self.members[frame.id]:
                place = chain.places[name]
                self._add(new(name, place.length, len(self.ranges) - 1, place.offset))

    def add_direct(self, delta: DirectDelta, old: Recipe | None) -> None:
        """The frames of a direct delta, whose bases all lie in the caller's old file."""
        del old
        for pack_id, frame in delta.frames():
            for base in frame.bases:
                self._add_old(base)
            self.ranges.append(Range(RangeKind.PACK, pack_id, frame.offset, frame.length))
            at = 0
            for name, length in frame.members:
                self._add(PlannedSegment(name, length, len(self.ranges) - 1, at))
                at += length

    def add_plain(self, target: _Target, needed: list[ContentHash]) -> None:
        """Plain bytes: segments that lie in one piece are joined with their neighbours, others come by themselves."""
        wanted = set(needed)
        placed: list[tuple[int, int, ContentHash]] = []
        segments = target.recipe.segments()
        positions: dict[int, list[tuple[int, int]]] = {}
        position = target.start
        for piece in target.pieces:
            positions.setdefault(piece.index, []).append((position, piece.length))
            position += piece.length
        for number, extents in sorted(positions.items()):
            segment = segments[number]
            if segment.hash not in wanted:
                continue
            wanted.discard(segment.hash)
            if extents[0][1] == segment.length:
                placed.append((extents[0][0], segment.length, segment.hash))
            else:
                self.ranges.append(Range(RangeKind.FILE, segment.hash, 0, segment.length))
                self._add(PlannedSegment(segment.hash, segment.length, len(self.ranges) - 1, 0))
        start = end = -1
        for offset, length, name in sorted(placed):
            if offset != end or offset + length - start > PLAIN_RANGE:
                start = offset
                self.ranges.append(Range(RangeKind.FILE, target.name, offset, 0))
            end = offset + length
            self.ranges[-1] = Range(RangeKind.FILE, target.name, start, end - start)
            self._add(PlannedSegment(name, length, len(self.ranges) - 1, offset - start))

    def build(self, target: _Target) -> None:
        """How the file of a row is put together from the part's segments."""
        segments = target.recipe.segments()
        new = maker(Piece)
        for piece in target.pieces:
            name = segments[piece.index].hash
            if name in self.old:
                self._add_old(name)
            self.pieces.append(new(target.row, self.numbers[name], piece.offset, piece.length))

    def _add_old(self, name: ContentHash) -> None:
        if name in self.old and name not in self.numbers:
            row, extents, length = self.old[name]
            places = tuple((row, extent.offset, extent.length) for extent in extents)
            self._add(PlannedSegment(name, length, None, 0, places))

    def _add(self, segment: PlannedSegment) -> None:
        if segment.hash not in self.numbers:
            self.numbers[segment.hash] = len(self.segments)
            self.segments.append(segment)


def _content(wish: Wish) -> ContentHash | None:
    """The content that is to be brought, None for none."""
    state = wish.planned.change.state
    return state.content if wish.content and state is not None and state.size else None


def _piece_count(recipe: Recipe) -> int:
    """At most how many pieces a file has: each segment once, and once more at each change of streams."""
    return len(recipe.rest) + len(recipe.typed) + len(recipe.runs)


def _groups(wishes: Sequence[Wish], recipes: dict[ContentHash, Recipe]) -> Iterator[Sequence[Wish]]:
    """`wishes` in groups whose files have few enough pieces for one part; a file that has more stands alone."""
    start = total = 0
    for at, wish in enumerate(wishes):
        content = _content(wish)
        count = _piece_count(recipes[content]) if content else 0
        if at > start and total + count > PART_PIECES:
            yield wishes[start:at]
            start, total = at, 0
        total += count
    yield wishes[start:]
