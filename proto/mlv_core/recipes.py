"""How a file is put together: two streams of segments, and the runs in which they alternate."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.hashing import HASH_LENGTH, ContentHash, hash_content
from mlv_core.segments import OPAQUE, REST_KEY, ElementType, Extent, Layout, SegmentKey, element_from_code
from mlv_core.segments.layout import HEADER_KEY, KEY_LIMIT

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAGIC = b"MLVR"
VERSION = 1
# A recipe travels and rests like a segment, so its canonical bytes obey the largest segment's limit.
RECIPE_LIMIT = 64 * 1024 * 1024

_HEADER = struct.Struct("<4sBxxxQIIIII")
_ROW = HASH_LENGTH + 4 + 4 + 1


@dataclass(frozen=True, slots=True)
class RecipeSegment:
    """A segment by its name, its plain length in bytes, and what it is in the file."""

    hash: ContentHash
    length: int
    key: SegmentKey = ""
    element: ElementType = OPAQUE


@dataclass(frozen=True, slots=True)
class Piece:
    """`length` bytes from `offset` of the segment with number `index`."""

    index: int
    offset: int
    length: int


@dataclass(frozen=True)
class Recipe:
    """A file of `size` bytes: runs taken in turn from the rest stream and the typed stream, the rest first.

    Segments are numbered in stream order: all of `rest`, then all of `typed`. A run may be 0 bytes long.
    """

    size: int
    typed: tuple[RecipeSegment, ...]
    rest: tuple[RecipeSegment, ...]
    runs: tuple[int, ...]

    def segments(self) -> tuple[RecipeSegment, ...]:
        """All segments by number: the rest stream, then the typed stream."""
        return self._segments

    def pieces(self) -> Iterator[Piece]:
        """The file from its first byte to its last as pieces of segments."""
        if not self.typed and len(self.rest) == len(self.runs) == 1:  # as of every small file
            if self.size:
                yield Piece(0, 0, self.size)
            return
        streams = (
            _Stream(0, [segment.length for segment in self.rest]),
            _Stream(len(self.rest), [segment.length for segment in self.typed]),
        )
        for number, run in enumerate(self.runs):
            yield from streams[number % 2].take(run)

    def slice(self, offset: int, length: int) -> list[Piece]:
        """The pieces that cover `length` bytes of the file from `offset`, cut at the end of the file."""
        end = min(offset + length, self.size)
        if offset < 0 or offset >= end:
            return []
        starts, pieces = self._placed_pieces
        covered: list[Piece] = []
        at = bisect_right(starts, offset) - 1
        while at < len(pieces) and starts[at] < end:
            piece, start = pieces[at], starts[at]
            skip = max(0, offset - start)
            covered.append(Piece(piece.index, piece.offset + skip, min(piece.length, end - start) - skip))
            at += 1
        return covered

    def offsets_in_file(self) -> list[tuple[Extent, ...]]:
        """For each segment by number, the extents of the file that it fills, in order."""
        extents: list[list[Extent]] = [[] for _ in range(len(self.rest) + len(self.typed))]
        position = 0
        for piece in self.pieces():
            extents[piece.index].append(Extent(position, piece.length))
            position += piece.length
        return [tuple(parts) for parts in extents]

    def encode(self) -> bytes:
        """The canonical bytes: a header, then little-endian columns. Raises: LimitExceeded."""
        everything = self.segments()
        keys = list(dict.fromkeys(segment.key for segment in everything))
        number = {key: index for index, key in enumerate(keys)}
        texts = [key.encode() for key in keys]
        count = len(everything)
        parts = [
            _HEADER.pack(MAGIC, VERSION, self.size, len(self.rest), len(self.typed), len(self.runs), len(keys), 0),
            b"".join(segment.hash for segment in everything),
            struct.pack(f"<{count}I", *(segment.length for segment in everything)),
            struct.pack(f"<{count}I", *(number[segment.key] for segment in everything)),
            bytes(segment.element.code for segment in everything),
            struct.pack(f"<{len(self.runs)}Q", *self.runs),
            struct.pack(f"<{len(keys)}H", *map(len, texts)),
            *texts,
        ]
        canonical = b"".join(parts)
        if len(canonical) > RECIPE_LIMIT:
            raise LimitExceeded(f"a file's recipe has {len(canonical)} bytes; the limit is {RECIPE_LIMIT}")
        return canonical

    @classmethod
    def decode(cls, data: Buffer) -> Recipe:
        """The recipe of canonical bytes. Raises: DamagedContent, LimitExceeded."""
        return _decode(memoryview(data).cast("B"))

    def recipe_id(self) -> ContentHash:
        """The name of the recipe: the hash of its canonical bytes."""
        return hash_content(self.encode())

    @cached_property
    def _segments(self) -> tuple[RecipeSegment, ...]:
        return self.rest + self.typed

    @cached_property
    def _placed_pieces(self) -> tuple[list[int], list[Piece]]:
        pieces = list(self.pieces())
        return list(accumulate((piece.length for piece in pieces[:-1]), initial=0)), pieces


def single(file_hash: ContentHash, length: int) -> Recipe:
    """The recipe of a file that is one segment; it is not stored."""
    return Recipe(length, (), (RecipeSegment(file_hash, length),), (length,))


def generic(size: int, chunks: Iterable[tuple[ContentHash, int]]) -> Recipe:
    """The recipe of a file that was cut by content: (hash, length) of each chunk in order."""
    return Recipe(size, (), tuple(RecipeSegment(name, length) for name, length in chunks), (size,))


def from_layout(layout: Layout, typed: Sequence[ContentHash], rest: Sequence[ContentHash]) -> Recipe:
    """The recipe of a file that was cut by `layout`, given the hash of each cut."""
    return Recipe(
        layout.size,
        tuple(RecipeSegment(h, cut.length, cut.key, cut.element) for h, cut in zip(typed, layout.typed, strict=True)),
        tuple(RecipeSegment(h, cut.length, cut.key, cut.element) for h, cut in zip(rest, layout.rest, strict=True)),
        layout.runs,
    )


def needs_recipe(recipe: Recipe) -> bool:
    """Whether the recipe is to be stored: a file of one segment has none."""
    return len(recipe.rest) + len(recipe.typed) > 1


def match_bases(new: Recipe, base: Recipe) -> list[int | None]:
    """For each keyed segment of `new` by number, the segment of `base` that it is an edit of, or None.

    First the same position under the same key; then, for tensors whose name is new, the same position under an
    unused key of equal element type and shape; then under an unused key of equal name and element type (rows
    were appended). Chunks without a key match nothing.
    """
    old_places = _places(base)
    new_places = _places(new)
    partner: dict[SegmentKey, SegmentKey] = {key: key for key in new_places if key in old_places}
    used = set(partner)
    for likeness in (_form, _name):
        free: defaultdict[str, deque[SegmentKey]] = defaultdict(deque)
        for key in old_places:
            if key not in used:
                free[likeness(key)].append(key)
        for key in new_places:
            waiting = free.get(likeness(key))
            if key not in partner and waiting:
                partner[key] = waiting.popleft()
                used.add(partner[key])
    found: list[int | None] = [None] * (len(new.rest) + len(new.typed))
    for key, old_key in partner.items():
        for index, old_index in zip(new_places[key], old_places[old_key], strict=False):
            found[index] = old_index
    return found


class _Stream:
    """A queue of segments from which bytes are taken in order."""

    __slots__ = ("_at", "_first", "_lengths", "_used")

    def __init__(self, first: int, lengths: list[int]) -> None:
        self._first, self._lengths = first, lengths
        self._at = self._used = 0

    def take(self, length: int) -> Iterator[Piece]:
        while length:
            take = min(length, self._lengths[self._at] - self._used)
            if take:
                yield Piece(self._first + self._at, self._used, take)
            self._used += take
            length -= take
            if self._used == self._lengths[self._at]:
                self._at, self._used = self._at + 1, 0


def _places(recipe: Recipe) -> dict[SegmentKey, list[int]]:
    places: dict[SegmentKey, list[int]] = {}
    for index, segment in enumerate(recipe.segments()):
        if segment.key:
            places.setdefault(segment.key, []).append(index)
    return places


def _form(key: SegmentKey) -> str:
    return key.partition("\x1f")[2] if not key.startswith("\x1f") else key


def _name(key: SegmentKey) -> str:
    if key.startswith((HEADER_KEY, REST_KEY)):
        return "\x1f".join(key.split("\x1f")[:2])
    return "\x1f".join(key.split("\x1f")[:-1])


def _decode(data: memoryview) -> Recipe:
    if len(data) > RECIPE_LIMIT:
        raise LimitExceeded(f"a recipe has {len(data)} bytes; the limit is {RECIPE_LIMIT}")
    if len(data) < _HEADER.size or bytes(data[:4]) != MAGIC:
        raise DamagedContent("a recipe does not begin as one")
    _, version, size, rest_count, typed_count, run_count, key_count, _ = _HEADER.unpack_from(data)
    if version != VERSION:
        raise DamagedContent(f"a recipe has format version {version}; version {VERSION} is known")
    count = rest_count + typed_count
    if _HEADER.size + count * _ROW + run_count * 8 + key_count * 2 > len(data):
        raise DamagedContent("a recipe ends early")
    columns = _Columns(data, _HEADER.size)
    hashes = columns.take(count * HASH_LENGTH)
    lengths = struct.unpack(f"<{count}I", columns.take(count * 4))
    numbers = struct.unpack(f"<{count}I", columns.take(count * 4))
    codes = columns.take(count)
    runs = struct.unpack(f"<{run_count}Q", columns.take(run_count * 8))
    key_lengths = struct.unpack(f"<{key_count}H", columns.take(key_count * 2))
    try:
        keys = [str(columns.take(length), "utf-8") for length in key_lengths]
    except UnicodeDecodeError as error:
        raise DamagedContent("a recipe's key is no text") from error
    elements = [element_from_code(code) for code in codes]
    if (
        columns.position != len(data)
        or max(numbers, default=-1) >= key_count
        or max(key_lengths, default=0) > KEY_LIMIT
    ):
        raise DamagedContent("a recipe's columns do not fit together")
    segments = tuple(
        RecipeSegment(ContentHash(bytes(hashes[at * HASH_LENGTH : (at + 1) * HASH_LENGTH])), length, keys[key], element)
        for at, (length, key, element) in enumerate(zip(lengths, numbers, elements, strict=True))
        if element is not None
    )
    if len(segments) != count:
        raise DamagedContent("a recipe names an unknown element type")
    recipe = Recipe(size, segments[rest_count:], segments[:rest_count], runs)
    _check_sums(recipe)
    if recipe.encode() != data:
        raise DamagedContent("a recipe is not in its canonical form")
    return recipe


def _check_sums(recipe: Recipe) -> None:
    rest = sum(segment.length for segment in recipe.rest)
    typed = sum(segment.length for segment in recipe.typed)
    if sum(recipe.runs[::2]) != rest or sum(recipe.runs[1::2]) != typed or rest + typed != recipe.size:
        raise DamagedContent("a recipe's runs, segments and size do not agree")


class _Columns:
    __slots__ = ("_data", "position")

    def __init__(self, data: memoryview, position: int) -> None:
        self._data, self.position = data, position

    def take(self, length: int) -> memoryview:
        part = self._data[self.position : self.position + length]
        if len(part) != length:
            raise DamagedContent("a recipe ends early")
        self.position += length
        return part
