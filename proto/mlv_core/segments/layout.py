"""The layout of a typed container: which bytes are large tensors and which are the rest between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from mlv_core.deferred import dataclass
from mlv_core.segments.elements import OPAQUE, ElementType

ReadAt = Callable[[int, int], bytes]

# A segment is small enough to be coded in a core's cache and large enough that 32 bytes of hash cost nothing.
SEGMENT_BYTES = 2 * 1024 * 1024
# Below this a segment's hash, recipe row and frame header cost more than a delta of its own would save.
TYPED_MINIMUM = 64 * 1024
# More tensors than any model has; a header that claims more is lying, and each costs memory here.
TENSOR_LIMIT = 1_000_000
# A key is a tensor's name and shape; longer ones are attacks.
KEY_LIMIT = 4096

SegmentKey = str
HEADER_KEY = "\x1fheader"
REST_KEY = "\x1frest"


class NotThisFormat(ValueError):
    """The bytes are no well-formed container of this format; the caller treats them as plain bytes."""


@dataclass(frozen=True, slots=True)
class Extent:
    """`length` bytes of a file from `offset`."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Cut:
    """One segment-to-be: the bytes of `extents`, one after the other, are `length` bytes of `element`s.

    `key` is the same for all segments of a tensor; the n-th segment of a key answers the n-th of the same key in
    another version. The key of generic chunks is empty.
    """

    extents: tuple[Extent, ...]
    length: int
    key: SegmentKey
    element: ElementType


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file of `size` bytes falls into two streams of segments.

    `runs` are lengths that alternate rest, typed, rest, ...: reading the two streams by them gives the file back.
    """

    size: int
    typed: tuple[Cut, ...]
    rest: tuple[Cut, ...]
    runs: tuple[int, ...]
    format: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that a container's header names: `length` bytes of the file from `offset`."""

    offset: int
    length: int
    name: str
    shape: str
    element: ElementType

    @property
    def key(self) -> SegmentKey:
        """The tensor's key: name, element type and shape, apart by unit separators."""
        return f"{self.name}\x1f{self.element.name}\x1f{self.shape}"


def layout_of(size: int, tensors: Iterable[Tensor], form: str) -> Layout:
    """Cut a file of `size` bytes that holds `tensors`.

    Raises: NotThisFormat when tensors overlap or reach over the end, when a name is no text or too long, or when
    no tensor is large enough to be worth it.
    """
    ordered = sorted(tensors, key=lambda tensor: (tensor.offset, tensor.length))
    _check(size, ordered)
    large = [tensor for tensor in ordered if tensor.length >= TYPED_MINIMUM]
    if not large:
        raise NotThisFormat("no large tensor")
    typed = tuple(cut for tensor in large for cut in _pieces(tensor))
    gaps, runs = _gaps_and_runs(size, large)
    first = min(tensor.offset for tensor in ordered if tensor.length)
    small = [tensor for tensor in ordered if tensor.length < TYPED_MINIMUM]
    return Layout(size, typed, _rest_cuts(gaps, first, _dominant(small)), runs, form)


def _check(size: int, ordered: Sequence[Tensor]) -> None:
    if len(ordered) > TENSOR_LIMIT:
        raise NotThisFormat("too many tensors")
    end = 0
    for tensor in ordered:
        if tensor.offset < end or tensor.length < 0 or tensor.offset + tensor.length > size:
            raise NotThisFormat("tensors overlap or reach over the end")
        end = tensor.offset + tensor.length
        try:
            if len(tensor.key.encode()) > KEY_LIMIT:
                raise NotThisFormat("the name is too long")
        except UnicodeEncodeError as error:
            raise NotThisFormat("the name is no text") from error


def _pieces(tensor: Tensor) -> Iterable[Cut]:
    end = tensor.offset + tensor.length
    for offset in range(tensor.offset, end, SEGMENT_BYTES):
        length = min(SEGMENT_BYTES, end - offset)
        yield Cut((Extent(offset, length),), length, tensor.key, tensor.element)


def _gaps_and_runs(size: int, large: Sequence[Tensor]) -> tuple[list[Extent], tuple[int, ...]]:
    gaps: list[Extent] = []
    runs: list[int] = []
    position = 0
    for tensor in large:
        gap = tensor.offset - position
        if gap or not runs:
            runs += [gap, tensor.length]
            gaps.append(Extent(position, gap))
        else:
            runs[-1] += tensor.length
        position = tensor.offset + tensor.length
    if position < size:
        runs.append(size - position)
        gaps.append(Extent(position, size - position))
    return [gap for gap in gaps if gap.length], tuple(runs)


def _dominant(small: Sequence[Tensor]) -> ElementType:
    weights: Counter[ElementType] = Counter()
    for tensor in small:
        weights[tensor.element] += tensor.length
    return weights.most_common(1)[0][0] if weights else OPAQUE


def _rest_cuts(gaps: list[Extent], first_tensor: int, element: ElementType) -> tuple[Cut, ...]:
    header = [
        Extent(gap.offset, min(gap.length, first_tensor - gap.offset)) for gap in gaps if gap.offset < first_tensor
    ]
    after = [
        Extent(start, gap.offset + gap.length - start)
        for gap in gaps
        if (start := max(gap.offset, first_tensor)) < gap.offset + gap.length
    ]
    total = sum(gap.length for gap in after)
    return (
        *_steps(header, HEADER_KEY, OPAQUE),
        *_steps(after, f"{REST_KEY}\x1f{element.name}\x1f{total}", element),
    )


def _steps(extents: list[Extent], key: SegmentKey, element: ElementType) -> Iterable[Cut]:
    collected: list[Extent] = []
    length = 0
    for extent in extents:
        offset, left = extent.offset, extent.length
        while left:
            take = min(left, SEGMENT_BYTES - length)
            collected.append(Extent(offset, take))
            offset, left, length = offset + take, left - take, length + take
            if length == SEGMENT_BYTES:
                yield Cut(tuple(collected), length, key, element)
                collected, length = [], 0
    if collected:
        yield Cut(tuple(collected), length, key, element)
