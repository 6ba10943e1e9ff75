"""Laws of the text merge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlv_core.merges import merge_text

texts = st.lists(st.sampled_from([b"a", b"b", b"c", b"\xff\xfe", b""]), max_size=6).flatmap(
    lambda lines: st.sampled_from([b"\n".join(lines), b"".join(line + b"\n" for line in lines)])
)


@given(texts, texts)
def test_the_only_edit_wins(base: bytes, edited: bytes):
    assert merge_text(base, edited, base) == edited
    assert merge_text(base, base, edited) == edited


@given(texts, texts)
def test_equal_edits_are_no_conflict(base: bytes, edited: bytes):
    assert merge_text(base, edited, edited) == edited


@given(texts, texts, texts)
def test_N4_no_new_line_of_either_side_is_lost(base: bytes, mine: bytes, theirs: bytes):
    merged = merge_text(base, mine, theirs)
    if merged is not None:
        assert {*mine.splitlines(), *theirs.splitlines()} - set(base.splitlines()) <= set(merged.splitlines())


@given(texts, texts, texts)
def test_which_side_is_whose_does_not_matter(base: bytes, mine: bytes, theirs: bytes):
    assert (merge_text(base, mine, theirs) is None) == (merge_text(base, theirs, mine) is None)
