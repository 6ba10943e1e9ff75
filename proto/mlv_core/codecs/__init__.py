"""Encode and decode segments: raw, zstd, planes, delta, patch; each blob's codec is named by its id."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from mlv_core.codecs import general, typed
from mlv_core.codecs.streams import NOISE_BITS, entropy
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.segments.elements import OPAQUE, ElementType

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    Coder = Callable[[memoryview, memoryview | None], bytes]

__all__ = ["ALL_CODECS", "TYPED_LIMIT", "Codec", "Encoded", "decode", "encode", "encode_group", "encode_patch"]


class Codec(IntEnum):
    """What a blob is; the ids are part of the format."""

    RAW = 0
    ZSTD = 1
    PLANES = 2
    DELTA = 3
    PATCH = 4


ALL_CODECS: frozenset[Codec] = frozenset(Codec)

# Longer segments are not coded as numbers: a decoder's order of elements takes eight bytes for each of theirs.
TYPED_LIMIT = 8 * 1024 * 1024
# A delta under this share of the plain bytes is taken without a look at the alternatives.
_GOOD_DELTA = 0.6
_SAMPLE_PIECE = 16 * 1024
_SAMPLE_PIECES = 4
# Below this a sample costs as much as it saves.
_SAMPLE_FROM = 1024 * 1024
# Strings by which moved content is recognised, and how many of them are looked for.
_PROBE = 32
_PROBES = 4
# Shares are estimated from the sample; a candidate this much worse than the best is not tried on the whole.
_SAMPLE_ERROR = 1.08


@dataclass(frozen=True, slots=True)
class Encoded:
    """A blob and the codec that decodes it."""

    codec: Codec
    blob: bytes


def encode(plain: Buffer, element: ElementType, base: Buffer | None, allowed: frozenset[Codec] = ALL_CODECS) -> Encoded:
    """The smallest coding found for one typed segment.

    `base` is the plain content of the same segment in an older version. A delta needs it to be as long as `plain`;
    for opaque bytes, more than `TYPED_LIMIT` of them, or content that has moved, it serves as a patch's base. Only
    `allowed` codecs are used; `RAW` always may be. Candidates are compared on a sample of 64 KiB first.
    """
    view = memoryview(plain).cast("B")
    old = None if base is None else memoryview(base).cast("B")
    if element == OPAQUE or len(view) > TYPED_LIMIT:
        return encode_group(view, allowed) if old is None else encode_patch(view, old, allowed)
    coders = _coders(view, element, old, allowed)
    if not len(view):
        return Encoded(Codec.RAW, b"")
    delta = None
    if Codec.DELTA in coders and _delta_pays(view, element, old, coders):
        delta = Encoded(Codec.DELTA, coders.pop(Codec.DELTA)(view, old))
        if len(delta.blob) < _GOOD_DELTA * len(view):
            return delta
    best = Encoded(Codec.RAW, bytes(view))
    if delta is not None:
        best = _smaller(best, delta)
    if old is not None and Codec.PATCH in allowed and _moved(view, old):
        best = _smaller(best, Encoded(Codec.PATCH, general.encode_patch(view, old)))
        if len(best.blob) < _GOOD_DELTA * len(view):
            return best
    for codec in _promising(view, element, old, coders):
        best = _smaller(best, Encoded(codec, coders[codec](view, old)))
    return best


def encode_group(plain: Buffer, allowed: frozenset[Codec] = ALL_CODECS) -> Encoded:
    """Bytes of any kind without a base: zstd, or raw where a sample shows noise."""
    view = memoryview(plain).cast("B")
    if Codec.ZSTD not in allowed or not len(view) or entropy(view) >= NOISE_BITS:
        return Encoded(Codec.RAW, bytes(view))
    return _smaller(Encoded(Codec.RAW, bytes(view)), Encoded(Codec.ZSTD, general.encode_zstd(view)))


def encode_patch(plain: Buffer, base: Buffer, allowed: frozenset[Codec] = ALL_CODECS) -> Encoded:
    """Bytes of any kind against older bytes; coded without them where that is smaller."""
    view = memoryview(plain).cast("B")
    if Codec.PATCH not in allowed or not len(view):
        return encode_group(view, allowed)
    patched = Encoded(Codec.PATCH, general.encode_patch(view, base))
    if len(patched.blob) * 8 < len(view):
        return patched
    alone = encode_group(view, allowed)
    return patched if len(patched.blob) < len(alone.blob) else alone


def decode(codec: int, blob: Buffer, plain_length: int, base: Buffer | None, limit: int) -> bytes | memoryview:
    """The plain bytes of `blob`, exactly `plain_length` of them; of a raw one that cannot change they are not copied.

    `base` is the concatenated plain content of the bases that the frame names, None when it names none; `limit`
    bounds `plain_length`. Raises: LimitExceeded before anything is decoded; DamagedContent for an unknown codec,
    a missing or wrong base and every malformed blob.
    """
    if plain_length > limit:
        raise LimitExceeded(f"a segment declares {plain_length} bytes; the limit is {limit}")
    if plain_length < 0:
        raise DamagedContent("a segment declares a negative length")
    view = memoryview(blob).cast("B")
    if codec in (Codec.PLANES, Codec.DELTA) and plain_length > TYPED_LIMIT:
        raise DamagedContent(f"a segment of numbers declares {plain_length} bytes; at most {TYPED_LIMIT} are coded so")
    if codec in (Codec.DELTA, Codec.PATCH):
        if base is None:
            raise DamagedContent("a delta came without its base")
        return _decode_against(codec, view, plain_length, memoryview(base).cast("B"))
    match codec:
        case Codec.RAW:
            if len(view) != plain_length:
                raise DamagedContent("a raw segment has another length than it declares")
            return view if view.readonly else bytes(view)
        case Codec.ZSTD:
            return general.decode_zstd(view, plain_length)
        case Codec.PLANES:
            return typed.decode_planes(view, plain_length)
        case _:
            raise DamagedContent(f"codec {codec} is not known")


def _decode_against(codec: int, view: memoryview, plain_length: int, base: memoryview) -> bytes:
    if codec == Codec.PATCH:
        return general.decode_patch(view, plain_length, base)
    if len(base) != plain_length:
        raise DamagedContent("a delta's base has another length")
    return typed.decode_delta(view, plain_length, base)


def _coders(
    view: memoryview, element: ElementType, old: memoryview | None, allowed: frozenset[Codec]
) -> dict[Codec, Coder]:
    coders: dict[Codec, Coder] = {}
    if Codec.DELTA in allowed and old is not None and len(old) == len(view):
        coders[Codec.DELTA] = lambda new, base: typed.encode_delta(new, base or b"", element)
    if Codec.PLANES in allowed:
        coders[Codec.PLANES] = lambda new, _: typed.encode_planes(new, element)
    if Codec.ZSTD in allowed and (element.mantissa_bits == 0 or Codec.PLANES not in allowed):
        coders[Codec.ZSTD] = lambda new, _: general.encode_zstd(new)
    return coders


def _delta_pays(view: memoryview, element: ElementType, old: memoryview | None, coders: dict[Codec, Coder]) -> bool:
    """Whether a delta of the whole is likely to be taken at once."""
    if len(view) < _SAMPLE_FROM:
        return True
    places = _sample_places(len(view), element.width)
    sample = _sample(view, places)
    return len(coders[Codec.DELTA](sample, _sample(old or view, places))) < _GOOD_DELTA * len(sample)


def _promising(
    view: memoryview, element: ElementType, old: memoryview | None, coders: dict[Codec, Coder]
) -> list[Codec]:
    """The coders whose share of the sample is about the smallest."""
    if len(coders) < 2 or len(view) < _SAMPLE_FROM:  # noqa: PLR2004 - nothing to choose from
        return list(coders)
    places = _sample_places(len(view), element.width)
    sample, old_sample = _sample(view, places), (None if old is None else _sample(old, places))
    sizes = {codec: len(coder(sample, old_sample)) for codec, coder in coders.items()}
    best = min(sizes.values())
    return [codec for codec in coders if sizes[codec] <= best * _SAMPLE_ERROR]


def _sample_places(length: int, width: int) -> list[tuple[int, int]]:
    if length <= _SAMPLE_PIECE * _SAMPLE_PIECES:
        return [(0, length)]
    step = (length - _SAMPLE_PIECE) // (_SAMPLE_PIECES - 1) // width * width
    return [(index * step, index * step + _SAMPLE_PIECE) for index in range(_SAMPLE_PIECES)]


def _sample(view: memoryview, places: list[tuple[int, int]]) -> memoryview:
    return memoryview(b"".join(view[start:end] for start, end in places))


def _moved(view: memoryview, old: memoryview) -> bool:
    """Whether bytes of the new segment lie somewhere in the old one, as after rows were inserted or appended."""
    if len(view) < _PROBES * _PROBE:
        return False
    content = bytes(old)
    step = len(view) // _PROBES
    return any(content.find(view[at : at + _PROBE]) >= 0 for at in range(step // 2, len(view) - _PROBE, step))


def _smaller(best: Encoded, other: Encoded) -> Encoded:
    return other if len(other.blob) < len(best.blob) else best
