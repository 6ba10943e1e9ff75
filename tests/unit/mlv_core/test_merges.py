"""Three-way merge of text: what comes out, line endings, what is a conflict."""

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
        (b"1\n2\n3\n4\n5\n", b"1\n2\n3\n4\n5\nend", b"0\n1\n2\n3\n4\n5\n", b"0\n1\n2\n3\n4\n5\nend"),
        (b"", b"a\n", b"", b"a\n"),
    ],
)
def test_F5_edits_of_different_lines_are_both_kept(base: bytes, mine: bytes, theirs: bytes, merged: bytes):
    assert merge_text(base, mine, theirs) == merged


@pytest.mark.parametrize(
    ("base", "mine", "theirs"),
    [
        (b"a\nb\nc\n", b"a\nX\nc\n", b"a\nY\nc\n"),
        (b"a\nb", b"a\nx", b"a\ny"),
        (b"", b"a\n", b"b\n"),
        (b"a\nb\nc\n", b"a\nc\n", b"a\nB\nc\n"),
    ],
)
def test_F5_different_edits_of_the_same_lines_are_a_conflict(base: bytes, mine: bytes, theirs: bytes):
    assert merge_text(base, mine, theirs) is None
