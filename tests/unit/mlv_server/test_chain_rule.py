"""The chain rule: which content a file's n-th content is coded against, and how deep that gets."""

from __future__ import annotations

from mlv_server.content.rebase import allowed_depth, base_ordinal


def depth(ordinal: int) -> int:
    steps = 0
    while (base := base_ordinal(ordinal)) is not None:
        ordinal, steps = base, steps + 1
    return steps


def test_the_base_has_the_lowest_non_zero_digit_lowered_by_one():
    assert [base_ordinal(n) for n in (1, 2, 3, 4, 5, 8, 12, 16, 20, 21, 32, 48)] == [
        0, 1, 2, 0, 4, 4, 8, 0, 16, 20, 16, 32,
    ]  # fmt: skip


def test_every_sixty_fourth_content_is_full():
    assert [base_ordinal(n) for n in (0, 64, 128)] == [None, None, None]
    assert base_ordinal(65) == 64


def test_depth_is_the_sum_of_the_digits_and_at_most_nine():
    assert all(depth(n) == allowed_depth(n) for n in range(300))
    assert max(depth(n) for n in range(1000)) == 9


def test_three_of_four_contents_lie_against_their_parent():
    assert sum(base_ordinal(n) == n - 1 for n in range(1, 64)) == 48
