"""Packs and recipes survive any way of arriving, and any damage is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.codecs import Codec, encode_group
from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import (
    PACK_HEADER,
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
from mlv_core.recipes import Recipe, RecipeSegment
from mlv_core.segments import ALL_ELEMENTS

member_lists = st.lists(st.binary(max_size=400), min_size=1, max_size=6)


def group_frame(members: list[bytes]) -> Frame:
    named = tuple((hash_content(member), len(member)) for member in members)
    return frame_of(encode_group(b"".join(members)), (), named)


def build(groups: list[list[bytes]]) -> tuple[bytes, PackBuilder, list[Frame]]:
    builder, frames = PackBuilder(), [group_frame(members) for members in groups]
    parts = [builder.start(), *(builder.add(frame) for frame in frames), builder.finish()]
    return b"".join(parts), builder, frames


def reader(data: bytes):
    return lambda offset, length: data[offset : offset + length]


@given(st.lists(member_lists, max_size=6), st.lists(st.integers(1, 500), min_size=1))
def test_a_pack_arrives_whole_however_it_is_split(groups, steps):
    data, builder, frames = build(groups)
    parser, found, position, turn = PackParser(), [], 0, 0
    while position < len(data):
        step = steps[turn % len(steps)]
        found += parser.feed(data[position : position + step])
        position, turn = position + step, turn + 1
    assert parser.finish() == builder.pack_id
    assert builder.size == len(data) == parser.size
    assert [placed.frame for placed in found] == frames
    for placed, members in zip(found, groups, strict=True):
        assert [bytes(part) for part in decode_frame(placed.frame, None)] == members
        assert parse_frame(data[placed.offset : placed.offset + placed.length]) == placed.frame


@given(st.lists(member_lists, max_size=6))
def test_the_index_names_every_frame_and_the_same_id(groups):
    data, builder, frames = build(groups)
    entries, pack_id = read_index(len(data), reader(data))
    assert pack_id == builder.pack_id
    for entry, frame in zip(entries, frames, strict=True):
        assert parse_frame(data[entry.offset : entry.offset + entry.header_length + entry.blob_length]) == frame


@given(st.lists(member_lists, min_size=1, max_size=5), st.data())
def test_a_cut_pack_keeps_its_whole_frames_and_is_sealed_again(groups, data):
    whole, _, frames = build(groups)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    parser = PackParser()
    parser.feed(cut)
    with pytest.raises(DamagedContent):
        parser.finish()
    entries, length = recover(len(cut), reader(cut))
    kept = cut[:length]
    headers = [(kept[e.offset : e.offset + e.header_length], e.blob_length) for e in entries]
    assert [parse_frame(kept[e.offset :][: e.header_length + e.blob_length]) for e in entries] == frames[: len(entries)]
    if length:
        footer, pack_id = footer_for(headers)
        assert read_index(len(kept + footer), reader(kept + footer)) == (entries, pack_id)
    else:
        assert len(cut) < len(PACK_HEADER)


@given(st.lists(member_lists, min_size=1, max_size=4), st.data())
def test_a_changed_byte_is_noticed(groups, data):
    whole, builder, _ = build(groups)
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    parser = PackParser()
    try:
        for placed in parser.feed(damaged):
            decode_frame(placed.frame, b"" if placed.frame.bases else None)
        pack_id = parser.finish()
    except (DamagedContent, LimitExceeded):
        return
    # A zstd frame can say the same thing in two ways: then every member was checked, and nothing was lost.
    assert pack_id == builder.pack_id


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_pack_no_frame_no_recipe(data):
    for read in (lambda: read_index(len(data), reader(data)), lambda: parse_frame(data), lambda: Recipe.decode(data)):
        with pytest.raises((DamagedContent, LimitExceeded)):
            read()
    parser = PackParser()
    with pytest.raises((DamagedContent, LimitExceeded)):
        _ = parser.feed(PACK_HEADER + data), parser.finish()


def test_a_member_that_does_not_match_its_name_is_named():
    frame = group_frame([b"one" * 50, b"two" * 50])
    wrong = Frame(frame.codec, (), (frame.members[0], (hash_content(b"other"), 150)), frame.blob)
    with pytest.raises(DamagedContent) as caught:
        decode_frame(wrong, None)
    assert caught.value.items == (hash_content(b"other").hex(),)


def test_a_frame_over_its_limits_is_refused():
    name = ContentHash(bytes(32))
    for frame in (
        Frame(0, (), ((name, 0),) * 5000, b""),
        Frame(0, (name,) * 5000, ((name, 0),), b""),
        Frame(0, (), ((name, 2**31), (name, 2**31)), b""),
    ):
        with pytest.raises(LimitExceeded):
            encode_frame_header(frame)


def test_bases_and_codec_must_agree():
    frame = group_frame([b"plain"])
    with pytest.raises(DamagedContent):
        decode_frame(frame, b"base")
    with pytest.raises(DamagedContent):
        decode_frame(Frame(Codec.DELTA, (hash_content(b"x"),), frame.members, frame.blob), None)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """A recipe with random runs through random segments."""
    keys = st.sampled_from(["", "a\x1ff32\x1f3", "b\x1fbf16\x1f2,2", "\x1frest"])

    def stream() -> tuple[RecipeSegment, ...]:
        lengths = draw(st.lists(st.integers(0, 30), max_size=6))
        return tuple(
            RecipeSegment(hash_content(bytes([n])), n, draw(keys), draw(st.sampled_from(ALL_ELEMENTS))) for n in lengths
        )

    rest, typed = stream(), stream()
    left = [sum(segment.length for segment in part) for part in (rest, typed)]
    runs: list[int] = []
    while any(left):
        side = len(runs) % 2
        last = left[1 - side] == 0
        take = left[side] if last else draw(st.integers(0, left[side]))
        runs.append(take)
        left[side] -= take
        if len(runs) > 10:
            runs += [left[len(runs) % 2], left[1 - len(runs) % 2]]
            break
    return Recipe(sum(segment.length for segment in rest + typed), typed, rest, tuple(runs))


def by_hand(recipe: Recipe) -> list[tuple[int, int]]:
    """For each byte of the file, the segment and the place in it, the slow way."""
    queues = [
        [(index + first, at) for index, segment in enumerate(part) for at in range(segment.length)]
        for first, part in ((0, recipe.rest), (len(recipe.rest), recipe.typed))
    ]
    out = []
    for number, run in enumerate(recipe.runs):
        out += queues[number % 2][:run]
        del queues[number % 2][:run]
    return out


@given(recipes(), st.integers(-5, 400), st.integers(0, 400))
def test_slices_and_extents_agree_with_a_byte_by_byte_walk(recipe, offset, length):
    walk = by_hand(recipe)
    expected = walk[offset : offset + length] if offset >= 0 else []
    pieces = recipe.slice(offset, length)
    assert [(piece.index, piece.offset + at) for piece in pieces for at in range(piece.length)] == expected
    for index, extents in enumerate(recipe.offsets_in_file()):
        places = [extent.offset + at for extent in extents for at in range(extent.length)]
        assert [walk[place] for place in places] == [(index, at) for at in range(recipe.segments()[index].length)]


@given(recipes())
def test_a_recipe_is_read_back_from_its_canonical_bytes(recipe):
    canonical = recipe.encode()
    assert Recipe.decode(canonical) == recipe
    assert Recipe.decode(canonical).recipe_id() == recipe.recipe_id() == hash_content(canonical)


@given(recipes(), st.data())
def test_a_damaged_recipe_is_refused_or_another_whole_recipe(recipe, data):
    damaged = bytearray(recipe.encode())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    kept = bytes(damaged[: data.draw(st.integers(0, len(damaged)))]) if data.draw(st.booleans()) else bytes(damaged)
    try:
        found = Recipe.decode(kept)
    except (DamagedContent, LimitExceeded):
        return
    assert found.encode() == kept
    assert sum(piece.length for piece in found.pieces()) == found.size
