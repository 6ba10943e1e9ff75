"""Which of a file's new segments share a frame, and against which old segments each frame is coded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from mlv_core.codecs import ALL_CODECS, Codec, encode, encode_group, encode_patch
from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash
from mlv_core.packs import BASES_LIMIT, MEMBERS_LIMIT, Frame, frame_of
from mlv_core.recipes import Recipe, RecipeSegment, match_bases
from mlv_core.segments import OPAQUE

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Small enough that a part of a file can be read without decoding much, large enough for zstd to learn.
GROUP_BYTES = 1024 * 1024
# The longest patch: with its base it fits a window of 16 MiB.
PATCH_BYTES = 4 * 1024 * 1024
# Old bytes that a patch may look at, on top of its share of a long run: an insertion shifts what answers what.
_MARGIN_BYTES = 1024 * 1024
BASE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FramePlan:
    """One frame to make: numbers of segments of the new recipe, and of the old one that it is coded against.

    `typed`: the one member is coded by `codecs.encode` with its element type, against one base or none; otherwise
    the members' concatenation is coded by `encode_patch` against the concatenation of the bases, or by
    `encode_group` without.
    """

    members: tuple[int, ...]
    bases: tuple[int, ...]
    typed: bool


def plan_frames(new: Recipe, base: Recipe | None, missing: Collection[ContentHash]) -> list[FramePlan]:
    """Frames for those segments of `new` whose names are in `missing`, each name once, in the order of the streams.

    `base` is the older version that the receiver is known to have. Bases are never missing segments themselves.
    """
    segments = new.segments()
    wanted = _first_places(segments, missing)
    old = () if base is None else base.segments()
    matches = [None] * len(segments) if base is None else match_bases(new, base)
    plans: list[FramePlan] = []
    keyed = [index for index in sorted(wanted) if segments[index].key]
    for index in keyed:
        match = matches[index]
        usable = match is not None and old[match].hash not in missing
        bases = (match,) if match is not None and usable else ()
        plans.append(FramePlan((index,), bases, typed=segments[index].element != OPAQUE))
    chunks = [index for index, segment in enumerate(segments) if not segment.key]
    old_chunks = [index for index, segment in enumerate(old) if not segment.key and segment.hash not in missing]
    plans.extend(_chunk_plans(segments, chunks, wanted, old, old_chunks))
    return plans


def plan_groups(lengths: Sequence[int]) -> list[tuple[int, ...]]:
    """Small things without a base, by their plain lengths, put together into frames of at most `GROUP_BYTES`."""
    groups: list[tuple[int, ...]] = []
    group: list[int] = []
    total = 0
    for index, length in enumerate(lengths):
        if group and (total + length > GROUP_BYTES or len(group) == MEMBERS_LIMIT):
            groups.append(tuple(group))
            group, total = [], 0
        group.append(index)
        total += length
    return [*groups, tuple(group)] if group else groups


def encode_plan(
    plan: FramePlan,
    new: Recipe,
    base: Recipe | None,
    plain: Buffer,
    base_plain: Buffer | None,
    allowed: frozenset[Codec] = ALL_CODECS,
) -> Frame:
    """Code one planned frame: `plain` is the concatenation of its members, `base_plain` that of its bases."""
    segments = new.segments()
    bases = () if base is None else tuple(base.segments()[index].hash for index in plan.bases)
    if plan.typed:
        encoded = encode(plain, segments[plan.members[0]].element, base_plain if bases else None, allowed)
    elif bases and base_plain is not None:
        encoded = encode_patch(plain, base_plain, allowed)
    else:
        encoded = encode_group(plain, allowed)
    return frame_of(encoded, bases, tuple((segments[index].hash, segments[index].length) for index in plan.members))


def _first_places(segments: Sequence[RecipeSegment], missing: Collection[ContentHash]) -> set[int]:
    first: dict[ContentHash, int] = {}
    for index, segment in enumerate(segments):
        if segment.hash in missing:
            first.setdefault(segment.hash, index)
    return set(first.values())


def _chunk_plans(
    segments: Sequence[RecipeSegment],
    chunks: Sequence[int],
    wanted: set[int],
    old: Sequence[RecipeSegment],
    old_chunks: Sequence[int],
) -> Iterator[FramePlan]:
    pending: list[int] = []
    pending_bases: list[int] = []
    for members, bases in _runs(segments, chunks, wanted, old, old_chunks):
        mixes = bool(pending_bases) != bool(bases)
        length = _length(segments, pending) + _length(segments, members)
        base_length = _length(old, pending_bases) + _length(old, bases)
        full = length > GROUP_BYTES or base_length > BASE_BYTES or len(pending_bases) + len(bases) > BASES_LIMIT
        if pending and (mixes or full or len(pending) + len(members) > MEMBERS_LIMIT):
            yield FramePlan(tuple(pending), tuple(pending_bases), typed=False)
            pending, pending_bases = [], []
        pending.extend(members)
        pending_bases.extend(bases)
    if pending:
        yield FramePlan(tuple(pending), tuple(pending_bases), typed=False)


def _runs(
    segments: Sequence[RecipeSegment],
    chunks: Sequence[int],
    wanted: set[int],
    old: Sequence[RecipeSegment],
    old_chunks: Sequence[int],
) -> Iterator[tuple[list[int], list[int]]]:
    """Runs of new chunks between two anchors (chunks that both versions have) and the old chunks between the same."""
    places: dict[ContentHash, list[int]] = {}
    for place, index in enumerate(old_chunks):
        places.setdefault(old[index].hash, []).append(place)
    run: list[int] = []
    before = -1
    for index in chunks:
        found = places.get(segments[index].hash)
        if found is None:
            run.append(index)
            continue
        at = _next_place(found, before)
        if run:
            between = old_chunks[before + 1 : at] if at > before else []
            yield from _split(segments, [i for i in run if i in wanted], old, between)
            run = []
        before = at
    if run:
        yield from _split(segments, [i for i in run if i in wanted], old, old_chunks[before + 1 :])


def _next_place(found: list[int], before: int) -> int:
    after = bisect_right(found, before)
    return found[after] if after < len(found) else found[-1]


def _split(
    segments: Sequence[RecipeSegment], run: list[int], old: Sequence[RecipeSegment], between: Sequence[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Cut a long run into frames, each with its share of the old chunks and a margin on both sides."""
    total, old_total = _length(segments, run), _length(old, between)
    limit = PATCH_BYTES if between else GROUP_BYTES
    ends = list(accumulate(old[index].length for index in between))
    part: list[int] = []
    start = length = 0
    for index in run:
        size = segments[index].length
        if part and (length + size > limit or len(part) == MEMBERS_LIMIT):
            yield part, _share(between, ends, start / total * old_total, (start + length) / total * old_total)
            start, part, length = start + length, [], 0
        part.append(index)
        length += size
    if part:
        yield part, _share(between, ends, start / max(total, 1) * old_total, old_total)


def _share(between: Sequence[int], ends: list[int], start: float, end: float) -> list[int]:
    if not between:
        return []
    middle = (start + end) / 2
    start = max(start - _MARGIN_BYTES, middle - BASE_BYTES / 2)
    end = min(end + _MARGIN_BYTES, middle + BASE_BYTES / 2)
    first = bisect_right(ends, start)
    last = bisect_right(ends, end)
    return list(between[first : min(last + 1, first + BASES_LIMIT)])


def _length(segments: Sequence[RecipeSegment], indexes: Sequence[int]) -> int:
    return sum(segments[index].length for index in indexes)
