"""Names of content."""

from __future__ import annotations

from blake3 import blake3

from mlv_core.hashing import ContentHasher, hash_content, hash_structured


def test_content_is_named_by_plain_blake3():
    empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert hash_content(b"").hex() == empty
    assert hash_content(memoryview(b"abc")) == blake3(b"abc").digest()


def test_pieces_have_the_name_of_the_whole():
    hasher = ContentHasher()
    hasher.update(b"ab")
    hasher.update(bytearray(b"c"))
    assert hasher.digest() == hash_content(b"abc")


def test_structured_things_of_two_kinds_never_share_a_name():
    names = {hash_content(b"x"), hash_structured("pack", b"x"), hash_structured("changeset", b"x")}
    assert len(names) == 3
    assert hash_structured("pack", b"x") == blake3(b"x", derive_key_context="mlv v1 pack").digest()
