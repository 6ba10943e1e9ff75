"""Targets: what travels and rests as content - packs, frames, recipes, and the blobs of every codec on both paths."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from tests.fuzz.target import FRAME_ANSWER, MEBIBYTE, Target, promise

from mlv_core import kernels
from mlv_core.codecs import Codec, decode, encode, encode_patch
from mlv_core.errors import DamagedContent, LimitExceeded, MlvError
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import (
    FRAME_LIMIT,
    Frame,
    PackBuilder,
    PackParser,
    decode_frame,
    encode_frame_header,
    footer_for,
    frame_of,
    parse_frame,
    read_index,
    recover,
)
from mlv_core.recipes import Recipe, generic, match_bases
from mlv_core.segments import ALL_ELEMENTS, BF16, F32, OPAQUE, ElementType

GOLDEN = Path(__file__).parents[1] / "golden" / "data"
DAMAGE: tuple[type[MlvError], ...] = (DamagedContent, LimitExceeded)
_CODED = struct.Struct("<BIH")
_PLAIN = struct.Struct("<BBH")


def golden(name: str) -> bytes:
    """A frozen file of the golden tests."""
    return (GOLDEN / name).read_bytes()


def _frames(*plains: bytes) -> list[Frame]:
    return [frame_of(encode(plain, BF16, None), (), ((hash_content(plain), len(plain)),)) for plain in plains]


def _pack(frames: list[Frame]) -> bytes:
    builder = PackBuilder()
    return b"".join([builder.start(), *(builder.add(frame) for frame in frames), builder.finish()])


def _pack_seeds() -> list[bytes]:
    members = tuple((hash_content(bytes([n])), 1) for n in range(3))
    many = Frame(Codec.RAW, (), members, bytes(range(3)))
    delta = Frame(Codec.DELTA, (hash_content(b"base"),), ((hash_content(b"x"), 1),), b"blob")
    return [golden("small.pack"), _pack([]), _pack([*_frames(b"text " * 40, bytes(64)), many, delta])]


def _run_pack(data: bytes) -> None:
    """In one piece and in many, by its index and by its frames: all tell the same."""
    told = []
    for step in (len(data) or 1, 7):
        parser = PackParser()
        found = []
        try:
            for at in range(0, len(data), step):
                found += parser.feed(data[at : at + step])
            told.append(("whole", parser.finish(), [(p.offset, p.length, p.frame) for p in found]))
        except MlvError as error:
            told.append((type(error).__name__, b"", [(p.offset, p.length, p.frame) for p in found]))
    promise(told[0][:2] == told[1][:2], "a pack reads otherwise in pieces")

    def read_range(offset: int, length: int) -> bytes:
        promise(0 <= offset <= len(data) and 0 <= length <= len(data), "a read out of the pack")
        return data[offset : offset + length]

    entries, end = recover(len(data), read_range)
    promise(end <= len(data), "recovered frames reach over the end")
    kind, pack_id, frames = told[0]
    if kind == "whole":
        rows, named = read_index(len(data), read_range)
        promise(
            named == pack_id and rows == entries and len(rows) == len(frames), "the index is not that of the frames"
        )
        promise(_pack([frame for _, _, frame in frames]) == data, "a pack is not in its canonical form")
        for _, _, frame in frames:
            _decode(frame)
    else:
        read_index(len(data), read_range)


def _decode(frame: Frame) -> None:
    base = bytes(frame.plain_length) if frame.bases and frame.plain_length < MEBIBYTE else None
    try:
        for (name, length), part in zip(frame.members, decode_frame(frame, base), strict=True):
            promise(len(part) == length and hash_content(part) == name, "a member is not what its name says")
    except DAMAGE:
        return


def _repair_pack(data: bytes, pick: random.Random) -> bytes:
    """Seal the frames that can be told again, and name their members rightly where they decode."""
    entries, _ = recover(len(data), lambda offset, length: data[offset : offset + length])
    if not entries:
        return data
    parts = [data[:8]]
    headers = []
    for entry in entries:
        raw = data[entry.offset : entry.offset + entry.header_length + entry.blob_length]
        headers.append((raw[: entry.header_length], entry.blob_length))
        parts.append(raw)
    footer, _ = footer_for(headers)
    return b"".join([*parts, footer])


def _frame_seeds() -> list[bytes]:
    frames = [
        *_frames(b"text " * 40, bytes(64)),
        Frame(Codec.PATCH, (hash_content(b"b"),), ((hash_content(b"x"), 1),), b""),
    ]
    return [encode_frame_header(frame) + bytes(frame.blob) for frame in frames]


def _run_frame(data: bytes) -> None:
    frame = parse_frame(data)
    promise(encode_frame_header(frame) + bytes(frame.blob) == data, "a frame is not in its canonical form")
    _decode(frame)


def _recipe_seeds() -> list[bytes]:
    chunks = [(hash_content(bytes([n])), n + 1) for n in range(5)]
    return [golden("small.recipe"), generic(15, chunks).encode(), generic(0, []).encode()]


def _run_recipe(data: bytes) -> None:
    recipe = Recipe.decode(data)
    promise(recipe.encode() == data, "a recipe is not in its canonical form")
    if recipe.size < 1 << 40 and len(recipe.runs) < 1000:
        promise(sum(piece.length for piece in recipe.pieces()) == recipe.size, "the pieces do not make the file")
        middle = recipe.size // 3
        covered = sum(piece.length for piece in recipe.slice(middle, 1000))
        promise(covered == min(1000, recipe.size - middle), "a slice has another length")
        recipe.offsets_in_file()
        match_bases(recipe, Recipe.decode(golden("small.recipe")))


def _coded(codec: int, plain_length: int, base: bytes, blob: bytes) -> bytes:
    return _CODED.pack(codec, plain_length, len(base)) + base + blob


def _codec_seeds() -> list[bytes]:
    lengths = {"f32": 2801, "bf16": 1400, "i64": 2400}
    made = []
    for kind, length in lengths.items():
        made.append(_coded(Codec.PLANES, length, b"", golden(f"planes-{kind}.blob")))
        made.append(_coded(Codec.DELTA, length, golden(f"{kind}.base"), golden(f"delta-{kind}.blob")))
    text = len(golden("text.base"))
    made.append(_coded(Codec.ZSTD, text, b"", golden("zstd.blob")))
    made.append(_coded(Codec.PATCH, text, golden("text.base"), golden("patch.blob")))
    made.append(_coded(Codec.RAW, text, b"", golden("raw.blob")))
    return made


def _run_codec(data: bytes) -> None:
    """Both paths through the loops give the same bytes, or both refuse."""
    if len(data) < _CODED.size:
        return
    codec, plain_length, base_length = _CODED.unpack_from(data)
    rest = data[_CODED.size :]
    base = rest[:base_length] if codec in (Codec.DELTA, Codec.PATCH) else None
    answers: list[bytes | str] = []
    for path in dict.fromkeys((kernels.running(), kernels.NUMPY)):
        kernels.choose(path)
        try:
            answers.append(decode(codec, rest[base_length:], plain_length, base, FRAME_LIMIT))
        except DAMAGE as error:
            answers.append(type(error).__name__)
        finally:
            kernels.choose("")
    promise(all(answer == answers[0] for answer in answers), "the two paths through the loops differ")
    if isinstance(answers[0], bytes):
        promise(len(answers[0]) == plain_length, "a blob decodes to another length")


def _repair_codec(data: bytes, pick: random.Random) -> bytes:
    """A plain length that fits the base, or one near to it."""
    if len(data) < _CODED.size:
        return data
    codec, plain_length, base_length = _CODED.unpack_from(data)
    length = pick.choice((plain_length % 70_000, base_length, base_length, base_length + 1))
    return _CODED.pack(pick.choice((codec, codec, 2, 3)), length, base_length) + data[_CODED.size :]


def _plain_seeds() -> list[bytes]:
    made = []
    for number, kind in ((2, "f32"), (4, "bf16"), (8, "i64"), (0, "text")):
        base = golden(f"{kind}.base")
        new = base[: len(base) // 2] + bytes(b ^ 1 for b in base[len(base) // 2 :])
        made.append(_PLAIN.pack(number, 0x1F, len(base)) + base + new)
    return made


def _run_plain(data: bytes) -> None:
    """Whatever is coded decodes to itself, on either path, with any codecs allowed."""
    if len(data) < _PLAIN.size:
        return
    number, allowed_bits, base_length = _PLAIN.unpack_from(data)
    base, plain = data[_PLAIN.size :][:base_length], data[_PLAIN.size :][base_length:]
    element: ElementType = ALL_ELEMENTS[number % len(ALL_ELEMENTS)]
    allowed = frozenset(codec for codec in Codec if allowed_bits >> codec & 1) | {Codec.RAW}
    blobs = set()
    for path in dict.fromkeys((kernels.running(), kernels.NUMPY)):
        kernels.choose(path)
        try:
            coded = encode(plain, element, base or None, allowed)
            needs = base if coded.codec in (Codec.DELTA, Codec.PATCH) else None
            promise(coded.codec in allowed, "a codec was used that is not allowed")
            promise(
                decode(coded.codec, coded.blob, len(plain), needs, FRAME_LIMIT) == plain, "decode(encode(x)) is not x"
            )
            blobs.add((coded.codec, coded.blob))
        finally:
            kernels.choose("")
    promise(len(blobs) == 1, "the two paths through the loops write other bytes")
    if element == OPAQUE and base:
        patched = encode_patch(plain, base)
        needs = base if patched.codec == Codec.PATCH else None
        promise(decode(patched.codec, patched.blob, len(plain), needs, FRAME_LIMIT) == plain, "a patch does not give x")


_ZSTD = (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\x02\x01", b"\x00\x00", b"\x60", b"\xa0")
_STREAMS = (b"\x01\x04\x0a", b"\x01\x02\x07", b"\x02\x01\0\0\0\xff", b"\x00", b"\x01", b"\x02\x01\0\0\0\0")

TARGETS = (
    Target(
        "pack",
        _run_pack,
        _pack_seeds,
        DAMAGE,
        (b"FR", b"IX", b"MLVP\x01\0\0\0", b"MLVE", *_ZSTD),
        _repair_pack,
        FRAME_ANSWER,
    ),
    Target("frame", _run_frame, _frame_seeds, DAMAGE, (b"FR", *_ZSTD), memory=FRAME_ANSWER),
    Target("recipe", _run_recipe, _recipe_seeds, DAMAGE, (b"MLVR", b"\x1frest", b"\x1fheader", b"\x1f")),
    Target("decode", _run_codec, _codec_seeds, (), (*_ZSTD, *_STREAMS), _repair_codec, FRAME_ANSWER),
    Target("encode", _run_plain, _plain_seeds, (), (F32.name.encode(), bytes(256), b"\xff" * 256), memory=FRAME_ANSWER),
)
NAMES: tuple[ContentHash, ...] = (hash_content(b""), hash_content(b"x"))
