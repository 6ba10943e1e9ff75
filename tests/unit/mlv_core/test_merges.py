"""Three-way merge of text: what comes out, line endings, conflicts."""

from __future__ import annotations

import pytest

from mlv_core.merges import merge_text


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        (b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nC\n", b"A\nb\nC\n"),
        (b"a\nb\nc\n", b"a\nX\nc\n", b"a\nX\nc\n", b"a\nX\nc\n"),
        (b"a\r\nb\r\nc\r\n", b"A\r\nb\r\nc\r\n", b"a\r\nb\r\nC\r\n", b"A\r\nb\r\nC\r\n"),
        (b"a\nb\nc\n", b"a\r\nb\r\nc\r\n", b"a\nb\nc\nd\n", b"a\r\nb\r\nc\r\nd\r\n"),
        (b"a\nb\nc\n", b"a\nb\nc\nd\n", b"a\r\nb\r\nc\r\n", b"a\r\nb\r\nc\r\nd\r\n"),
        (b"a\nb\nc", b"A\nb\nc", b"a\nb\nc", b"A\nb\nc"),
        (b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nc", b"A\nb\nc"),
        (b"", b"a\n", b"", b"a\n"),
    ],
)
def test_F5_edits_of_different_lines_are_both_kept(base: bytes, mine: bytes, theirs: bytes, merged: bytes):
    result = merge_text(base, mine, theirs)
    assert (result.data, result.conflicts) == (merged, 0)


def test_F5_a_conflict_shows_both_sides_and_the_base():
    result = merge_text(b"a\nb", b"a\nx", b"a\ny", mine_name="mine", theirs_name="@7")
    assert result.conflicts == 1
    assert result.data == b"a\n<<<<<<< mine\nx\n||||||| base\nb\n=======\ny\n>>>>>>> @7\n"


def test_markers_have_the_endings_of_the_file():
    assert b"=======\r\n" in merge_text(b"b\r\n", b"x\r\n", b"y\r\n").data
