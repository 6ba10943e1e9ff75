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
    assert merge_text(base, edited, base).data == edited
    assert merge_text(base, base, edited).data == edited


@given(texts, texts)
def test_equal_edits_are_no_conflict(base: bytes, edited: bytes):
    result = merge_text(base, edited, edited)
    assert (result.data, result.conflicts) == (edited, 0)


@given(texts, texts, texts)
def test_no_line_of_either_side_is_lost_without_a_trace(base: bytes, mine: bytes, theirs: bytes):
    result = merge_text(base, mine, theirs)
    merged = set(result.data.splitlines())
    for line in set(mine.splitlines()) | set(theirs.splitlines()):
        assert line in merged or line in base.splitlines()
