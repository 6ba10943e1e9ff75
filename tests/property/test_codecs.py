"""Every codec gives back what it was given, and refuses what it never wrote."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.codecs import ALL_CODECS, TYPED_LIMIT, Codec, decode, encode, encode_group, encode_patch, general, typed
from mlv_core.errors import DamagedContent, LimitExceeded
from mlv_core.segments import ALL_ELEMENTS, BF16, F16, F32, F64, OPAQUE, U8, ElementType

LIMIT = 64 * 1024 * 1024
LENGTHS = (0, 1, 2, 3, 7, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4099)
elements = st.sampled_from(ALL_ELEMENTS)
codec_sets = st.frozensets(st.sampled_from(list(Codec)))


@st.composite
def edits(draw: st.DrawFn) -> tuple[bytes, bytes, ElementType]:
    """Two versions of one segment: equal, a few steps apart, or unrelated; any bit pattern may occur."""
    element = draw(elements)
    length = draw(st.sampled_from(LENGTHS)) * draw(st.sampled_from((1, element.width)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    base = random.integers(0, 256, length, dtype=np.uint8)
    kind = draw(st.sampled_from(("equal", "few", "small", "unrelated", "constant", "extremes")))
    new = base.copy()
    whole = new[: length // element.width * element.width].view(f"<u{element.width}")
    if kind == "few":
        whole[:: draw(st.integers(1, 300))] += 1
    elif kind == "small":
        whole += random.integers(0, 7, whole.size).astype(whole.dtype)
        whole -= np.array(3, whole.dtype)
    elif kind == "unrelated":
        new = random.integers(0, 256, length, dtype=np.uint8)
    elif kind == "constant":
        new[:] = draw(st.integers(0, 255))
    elif kind == "extremes":
        whole ^= np.array(1 << (8 * element.width - 1), whole.dtype)
    return new.tobytes(), base.tobytes(), element


@given(edits(), codec_sets, st.booleans())
def test_what_is_encoded_is_decoded(edit, allowed, based):
    new, base, element = edit
    encoded = encode(new, element, base if based else None, allowed)
    assert encoded.codec in allowed | {Codec.RAW}
    assert len(encoded.blob) <= len(new)
    assert decode(encoded.codec, encoded.blob, len(new), base, LIMIT) == new


@given(edits())
def test_each_typed_codec_round_trips_even_where_it_does_not_pay(edit):
    new, base, element = edit
    assert decode(Codec.PLANES, typed.encode_planes(new, element), len(new), None, LIMIT) == new
    assert decode(Codec.DELTA, typed.encode_delta(new, base, element), len(new), base, LIMIT) == new


@given(st.binary(max_size=5000), st.binary(max_size=5000), codec_sets)
def test_patch_and_group_round_trip_with_any_base(new, base, allowed):
    patched = encode_patch(new, base, allowed)
    grouped = encode_group(new, allowed)
    assert decode(patched.codec, patched.blob, len(new), base, LIMIT) == new
    assert decode(grouped.codec, grouped.blob, len(new), None, LIMIT) == new
    always = general.encode_patch(memoryview(new), base)
    assert decode(Codec.PATCH, always, len(new), base, LIMIT) == new


@pytest.mark.parametrize("element", [F64, F32, F16, BF16], ids=lambda element: element.name)
def test_nan_payloads_infinities_and_signed_zeros_keep_their_bits(element):
    width = element.width
    exponents = ((1 << (8 * width - 1 - element.mantissa_bits)) - 1) << element.mantissa_bits
    patterns = [0, 1 << (8 * width - 1), exponents, exponents | 1, exponents | 1 << (8 * width - 1), exponents + 12]
    new = np.array(patterns * 100, f"<u{width}").tobytes()
    base = np.array(patterns[::-1] * 100, f"<u{width}").tobytes()
    for old in (None, base):
        encoded = encode(new, element, old)
        assert decode(encoded.codec, encoded.blob, len(new), old, LIMIT) == new


@given(st.sampled_from(list(Codec)), st.binary(max_size=300), st.integers(0, 3000), st.booleans())
def test_foreign_bytes_are_damaged_content_and_nothing_else(codec, blob, length, based):
    base = bytes(length) if based else None
    try:
        plain = decode(codec, blob, length, base, LIMIT)
    except DamagedContent:
        return
    assert len(plain) == length


@given(edits(), st.data())
def test_a_changed_blob_is_refused_or_gives_as_many_bytes(edit, data):
    new, base, element = edit
    for codec, blob in (
        (Codec.PLANES, typed.encode_planes(new, element)),
        (Codec.DELTA, typed.encode_delta(new, base, element)),
        (Codec.PATCH, general.encode_patch(memoryview(new), base)),
        (Codec.ZSTD, general.encode_zstd(memoryview(new))),
    ):
        damaged = bytearray(blob)
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.integers(0, len(damaged)))
        for bad in (bytes(damaged), blob[:cut], blob + b"\0"):
            try:
                plain = decode(codec, bad, len(new), base, LIMIT)
            except DamagedContent:
                continue
            assert len(plain) == len(new)


@given(edits(), st.integers(0, 10_000))
def test_a_lying_length_is_refused(edit, length):
    new, base, element = edit
    if length == len(new):
        return
    for codec, blob in ((Codec.RAW, new), (Codec.ZSTD, general.encode_zstd(memoryview(new)))):
        with pytest.raises(DamagedContent):
            decode(codec, blob, length, None, LIMIT)
    with pytest.raises(DamagedContent):
        decode(Codec.DELTA, typed.encode_delta(new, base, element), length, base, LIMIT)


def test_a_length_over_the_limit_is_refused_before_decoding():
    with pytest.raises(LimitExceeded):
        decode(Codec.RAW, b"", LIMIT + 1, None, LIMIT)
    with pytest.raises(DamagedContent):
        decode(Codec.PLANES, b"", TYPED_LIMIT + 1, None, LIMIT)


def test_a_bomb_is_refused_by_what_it_declares():
    bomb = general.encode_zstd(memoryview(bytes(50_000_000)))
    with pytest.raises(DamagedContent):
        decode(Codec.ZSTD, bomb, 1000, None, LIMIT)
    bomb = general.encode_patch(memoryview(bytes(50_000_000)), b"base")
    with pytest.raises(DamagedContent):
        decode(Codec.PATCH, bomb, 1000, b"base", LIMIT)


def test_an_unknown_codec_version_and_layout_are_refused_by_name():
    with pytest.raises(DamagedContent, match="codec 9"):
        decode(9, b"", 0, None, LIMIT)
    blob = bytearray(typed.encode_planes(bytes(100), F32))
    with pytest.raises(DamagedContent, match="version 77"):
        decode(Codec.PLANES, b"\x4d" + blob[1:], 100, None, LIMIT)
    with pytest.raises(DamagedContent, match="layout"):
        decode(Codec.PLANES, b"\x01\x03" + blob[2:], 100, None, LIMIT)


def test_a_delta_without_its_base_or_with_a_shorter_one_is_refused():
    blob = typed.encode_delta(bytes(100), bytes(100), U8)
    for base in (None, bytes(99)):
        with pytest.raises(DamagedContent):
            decode(Codec.DELTA, blob, 100, base, LIMIT)


def test_noise_is_stored_raw_and_text_is_not():
    random = np.random.default_rng(1)
    assert encode_group(random.bytes(100_000)).codec is Codec.RAW
    assert encode_group(b"one line after the other\n" * 4000).codec is Codec.ZSTD
    assert encode(random.bytes(100_000), OPAQUE, None).codec is Codec.RAW


def test_rows_that_moved_or_were_appended_are_found_in_the_older_segment():
    old = np.random.default_rng(2).normal(size=100_000).astype(np.float32).tobytes()
    moved, longer = old[4000:] + old[:4000], old + old[:400][::-1]
    for new in (moved, longer):
        encoded = encode(new, F32, old)
        assert encoded.codec is Codec.PATCH
        assert len(encoded.blob) < len(new) // 20
        assert decode(encoded.codec, encoded.blob, len(new), old, LIMIT) == new


def test_a_client_that_knows_only_raw_gets_raw():
    new = b"one line after the other\n" * 4000
    for element in ALL_ELEMENTS:
        assert encode(new, element, new, frozenset({Codec.RAW})).codec is Codec.RAW
    assert encode_patch(new, new, frozenset()).codec is Codec.RAW
    assert Codec.RAW in ALL_CODECS
