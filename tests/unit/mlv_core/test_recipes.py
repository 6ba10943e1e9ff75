"""Recipes of one segment are not stored; those of layouts name each tensor's pieces."""

from __future__ import annotations

import pytest

from mlv_core.errors import DamagedContent
from mlv_core.hashing import hash_content
from mlv_core.recipes import Piece, Recipe, RecipeSegment, from_layout, generic, match_bases, needs_recipe, single
from mlv_core.segments import BF16, F32, Cut, Extent, Layout

A, B = hash_content(b"a"), hash_content(b"b")


def test_a_file_of_one_segment_needs_no_recipe():
    assert not needs_recipe(single(A, 5))
    assert not needs_recipe(generic(0, []))
    assert needs_recipe(generic(10, [(A, 5), (B, 5)]))


def test_a_layout_becomes_a_recipe():
    layout = Layout(
        30,
        (Cut((Extent(10, 16),), 16, "t\x1ff32\x1f4", F32),),
        (Cut((Extent(0, 10), Extent(26, 4)), 14, "r", BF16),),
        (10, 16, 4),
        "npy",
    )
    recipe = from_layout(layout, [A], [B])
    assert recipe.segments() == (RecipeSegment(B, 14, "r", BF16), RecipeSegment(A, 16, "t\x1ff32\x1f4", F32))
    assert recipe.offsets_in_file() == [(Extent(0, 10), Extent(26, 4)), (Extent(10, 16),)]


def test_equal_forms_are_matched_in_file_order_after_equal_keys():
    def recipe(*keys: str) -> Recipe:
        segments = tuple(RecipeSegment(hash_content(key.encode()), 8, key, F32) for key in keys)
        return Recipe(8 * len(keys), segments, (), (0, 8 * len(keys)))

    base = recipe("x\x1ff32\x1f2", "y\x1ff32\x1f2", "z\x1ff32\x1f2", "w\x1fbf16\x1f4")
    new = recipe("p\x1ff32\x1f2", "y\x1ff32\x1f2", "q\x1ff32\x1f2", "r\x1ff32\x1f2", "w\x1fbf16\x1f5")
    assert match_bases(new, base) == [0, 1, 2, None, 3]


def test_an_unknown_format_version_is_refused_by_name():
    canonical = bytearray(generic(10, [(A, 5), (B, 5)]).encode())
    canonical[4] = 9
    with pytest.raises(DamagedContent, match="version 9"):
        Recipe.decode(canonical)


def test_runs_that_do_not_add_up_are_refused():
    wrong = Recipe(10, (), (RecipeSegment(A, 5), RecipeSegment(B, 5)), (9,))
    with pytest.raises(DamagedContent, match="agree"):
        Recipe.decode(wrong.encode())


def test_a_file_of_one_segment_is_one_piece_and_an_empty_one_is_none():
    assert list(single(A, 5).pieces()) == [Piece(0, 0, 5)]
    assert list(single(A, 0).pieces()) == []
    assert single(A, 5).slice(2, 9) == [Piece(0, 2, 3)]
    assert single(A, 5).offsets_in_file() == [(Extent(0, 5),)]
