"""Laws of change lists: they decode to what was encoded, and folding them is what a dictionary would do."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.changes import ListKind, ListReader, Row, apply, encode, encode_changes, fold, states_of, stored
from mlv_core.entities import Operation
from mlv_core.errors import DamagedContent
from mlv_core.ids import ChangesetNumber

paths = st.lists(st.text("ab/é", min_size=1, max_size=6), min_size=1, max_size=3).map("/".join)
number = st.integers(0, 2**64 - 1)
pairs = st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3).map(lambda d: tuple(sorted(d.items())))


@st.composite
def row(draw: st.DrawFn, path: str) -> Row:
    operation = draw(st.sampled_from(Operation))
    if operation is Operation.DELETE:
        return Row(path, 3, draw(number), 0, False, 0, b"", (), "", draw(number))
    content = draw(st.binary(min_size=32, max_size=32))
    source = draw(paths) if operation is Operation.MOVE else ""
    mode = draw(st.integers(0, 2))
    return Row(
        path,
        int(operation),
        draw(number),
        mode,
        draw(st.booleans()),
        draw(number),
        content,
        draw(pairs),
        source,
        draw(number),
    )


@st.composite
def sorted_list(draw: st.DrawFn) -> list[Row]:
    return [draw(row(path)) for path in sorted(draw(st.sets(paths, max_size=8)))]


@given(sorted_list(), st.sampled_from(ListKind))
def test_a_list_decodes_to_what_was_encoded(rows: list[Row], kind: ListKind):
    encoded = encode(rows, kind)
    reader = ListReader.of(encoded.blob)
    assert list(reader.rows()) == rows
    assert (reader.id, reader.kind, reader.count) == (encoded.id, kind, len(rows))
    assert all(reader.lookup(row.path) == row for row in rows)


@given(sorted_list(), st.randoms(use_true_random=False))
def test_changes_are_stored_as_their_rows_are(rows: list[Row], random: Random):
    rows = [one._replace(changed_in=7) for one in rows]
    changes = [one.change for one in rows]
    random.shuffle(changes)
    assert encode_changes(changes, ChangesetNumber(7)) == encode(rows)
    assert states_of(rows) == [one.state for one in rows]


@given(sorted_list(), paths)
def test_one_look_up_finds_what_decoding_finds(rows: list[Row], absent: str):
    blob = encode(rows).blob
    there = {one.path: one for one in rows}
    for path in {*there, absent}:
        assert ListReader.of(blob).lookup(path) == there.get(path)


@given(sorted_list(), st.sets(paths, max_size=12), st.booleans())
def test_looking_up_many_paths_finds_what_each_look_up_finds(rows: list[Row], absent: set[str], small_leaves: bool):
    leaf = 3 if small_leaves else stored.LEAF_ROWS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "LEAF_ROWS", leaf)
        reader = ListReader.of(encode(rows).blob)
        there = {one.path: one for one in rows}
        for wanted in ({*there, *absent}, absent, set(list(there)[::2])):
            assert reader.lookup_all(sorted(wanted)) == {path: there[path] for path in wanted if path in there}


@given(st.lists(sorted_list(), max_size=5))
def test_fold_and_apply_do_what_a_dictionary_does(lists: list[list[Row]]):
    model: dict[str, Row] = {}
    for rows in lists:
        for one in rows:
            if one.operation == Operation.DELETE:
                model.pop(one.path, None)
            else:
                model[one.path] = one
    assert list(apply([], fold(lists))) == sorted(model.values())
    if lists:
        snapshot = list(apply([], lists[0]))
        assert list(apply(snapshot, fold(lists[1:]))) == sorted(model.values())


@given(st.lists(sorted_list(), min_size=3, max_size=3))
def test_folding_is_associative(lists: list[list[Row]]):
    first, second, third = lists
    assert fold([fold([first, second]), third]) == fold([first, fold([second, third])]) == fold(lists)


@given(sorted_list(), st.integers(0, 400), st.integers(1, 255), st.booleans())
def test_a_damaged_list_is_told_and_nothing_else_is_raised(rows: list[Row], at: int, bits: int, cut: bool):
    encoded = encode(rows)
    blob = bytearray(encoded.blob)
    at %= len(blob)
    if cut:
        del blob[at:]
    else:
        blob[at] ^= bits
    try:
        reader = ListReader.of(bytes(blob))
        assert list(reader.rows()) == rows or reader.id != encoded.id
    except DamagedContent:
        pass
