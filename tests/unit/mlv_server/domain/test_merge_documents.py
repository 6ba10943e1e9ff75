"""Merging texts that have a structure (B2)."""

from __future__ import annotations

import json

import pytest

from mlv_server.domain.merge_documents import BYTES_LIMIT, merge_document


@pytest.mark.parametrize(
    ("path", "base", "mine", "theirs", "merged"),
    [
        ("a.txt", b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nC\n", b"A\nb\nC\n"),
        # Neighbouring lines conflict as lines, not as values.
        (
            "params.yaml",
            b"# the run\nlr: 1e-5\nbatch: 32\n",
            b"# the run\nlr: 2e-5  # better\nbatch: 32\n",
            b"# the run\nlr: 1e-5\nbatch: 64\n",
            b"# the run\nlr: 2e-5  # better\nbatch: 64\n",
        ),
        (
            "a.json",
            b'{"lr": 1e-5, "b": 32}\n',
            b'{"lr": 2e-5, "b": 32}\n',
            b'{"lr": 1e-5, "b": 64}\n',
            b'{"lr": 2e-5, "b": 64}\n',
        ),
        ("a.json", b'{"a":1,"b":2}', b'{"a":3,"b":2}', b'{"a":1,"b":4}', b'{"a":3,"b":4}'),
        (
            "a.toml",
            b"[train]\nlr = 1e-5\nbatch = 32\n",
            b"[train]\nlr = 2e-5 # better\nbatch = 32\n",
            b"[train]\nlr = 1e-5\nbatch = 64\nwarm = true\n",
            b"[train]\nlr = 2e-5 # better\nbatch = 64\nwarm = true\n",
        ),
        ("a.json", b'{"l": [1, 2]}', b'{"l": [0, 1, 2]}', b'{"l": [1, 2, 3]}', b'{"l": [0, 1, 2, 3]}'),
        # A key that one side took out stays out; what both added alike is one.
        ("a.json", b'{"a": 1, "b": 2}', b'{"b": 2, "n": 5}', b'{"a": 1, "b": 3, "n": 5}', b'{"b": 3, "n": 5}'),
    ],
)
def test_B2_both_edits_are_in_the_result(path: str, base: bytes, mine: bytes, theirs: bytes, merged: bytes) -> None:
    assert merge_document(path, base, mine, theirs) == merged


@pytest.mark.parametrize(
    ("path", "base", "mine", "theirs"),
    [
        ("a.txt", b"a\n", b"b\n", b"c\n"),
        ("a.json", b'{"lr": 1}', b'{"lr": 2}', b'{"lr": 3}'),
        # One side deleted what the other changed.
        ("a.json", b'{"a": {"x": 1}, "b": 1}', b'{"b": 1}', b'{"a": {"x": 2}, "b": 1}'),
        # 1 and 1.0 and true are three values.
        ("a.json", b'{"a": 0}', b'{"a": 1}', b'{"a": true}'),
        ("a.yaml", b"a: 0\n", b"a: 1\n", b"a: true\n"),
        ("a.toml", b"a = 0\n", b"a = 1\n", b"a = 1.0\n"),
    ],
)
def test_B5_what_conflicts_is_not_merged(path: str, base: bytes, mine: bytes, theirs: bytes) -> None:
    assert merge_document(path, base, mine, theirs) is None
    assert merge_document(path, base, theirs, mine) is None


def test_B2_lines_that_merge_into_another_meaning_are_not_trusted() -> None:
    base = b"a: 1\n\n\n\nb: 1\n"
    # Both sides add the same key at different places: lines merge, the document would have the key twice.
    mine, theirs = b"new: 1\na: 1\n\n\n\nb: 1\n", b"a: 1\n\n\n\nb: 1\nnew: 2\n"
    assert merge_document("params.yaml", base, mine, theirs) is None
    assert merge_document("notes.txt", base, mine, theirs) is not None


def test_B2_what_cannot_be_parsed_is_merged_as_lines() -> None:
    assert merge_document("a.json", b"{\n1\n2\n3\n", b"{{\n1\n2\n3\n", b"{\n1\n2\n4\n") == b"{{\n1\n2\n4\n"


def test_B2_very_large_texts_are_left_to_people() -> None:
    large = b"a\n" * (BYTES_LIMIT // 2 + 1)
    assert merge_document("a.txt", large, large + b"b\n", b"c\n" + large) is None


def notebook(*cells: tuple[str, str, list[str], int | None]) -> bytes:
    rows = [
        {
            "cell_type": "code",
            "execution_count": n,
            "id": key,
            "metadata": {},
            "outputs": out,
            "source": source.splitlines(keepends=True),
        }
        for key, source, out, n in cells
    ]
    document = {"cells": rows, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(document, indent=1) + "\n").encode()


def test_B2_cells_of_a_notebook_are_merged_by_id() -> None:
    base = notebook(("a", "x = 1\ny = 2\nz = 3\n", ["old"], 1), ("b", "print(x)\n", ["1"], 2))
    mine = notebook(("a", "x = 9\ny = 2\nz = 3\n", ["mine"], 5), ("b", "print(x)\n", ["1"], 6))
    theirs = notebook(
        ("a", "x = 1\ny = 2\nz = 8\n", ["theirs"], 3), ("b", "print(x)\n", ["2"], 4), ("c", "new\n", [], 1)
    )
    merged = merge_document("n.ipynb", base, mine, theirs)
    # Results of the cell that both edited belong to neither; those of the cell that nobody edited are the newer ones.
    assert merged == notebook(
        ("a", "x = 9\ny = 2\nz = 8\n", [], None), ("b", "print(x)\n", ["2"], 4), ("c", "new\n", [], 1)
    )


def test_B5_cells_that_conflict_make_a_notebook_conflict() -> None:
    base = notebook(("a", "x = 1\n", [], 1), ("b", "y\n", [], 1))
    edited = notebook(("a", "x = 2\n", [], 1), ("b", "y\n", [], 1))
    assert merge_document("n.ipynb", base, edited, notebook(("a", "x = 3\n", [], 1), ("b", "y\n", [], 1))) is None
    assert merge_document("n.ipynb", base, edited, notebook(("b", "y\n", [], 1))) is None


@pytest.mark.parametrize(("depth", "merged"), [(128, True), (129, False)])
def test_B2_brackets_are_read_as_deep_as_anybody_nests_them_and_deeper_ones_are_text(depth, merged):
    deep = b"[" * depth + b"1" + b"]" * depth
    sides = [
        b"x: " + deep + b"\ny: " + lr + b"\nz: " + dropout + b"\n"
        for lr, dropout in ((b"1", b"1"), (b"2", b"1"), (b"1", b"2"))
    ]
    assert (merge_document("params.yaml", *sides) is not None) is merged
