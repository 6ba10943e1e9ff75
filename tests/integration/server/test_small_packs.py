"""Which small packs are joined: those of about one size, so that no frame is copied again with every few commits."""

from __future__ import annotations

from itertools import count

from mlv_server.content.repack import SMALL_MANY, SMALL_PACK, choose
from mlv_server.metadata.packs import PackRow

FRAME = 150
COMMITS = 5_000


def row(number: int, length: int) -> PackRow:
    return PackRow(number, 1, number.to_bytes(32, "big"), length, length, length, None)


def test_small_packs_of_one_size_are_joined_and_a_larger_one_stays():
    tiny = [row(number, FRAME) for number in range(SMALL_MANY)]
    joined = row(100, 100 * FRAME)
    assert choose([*tiny, joined]) == tiny
    assert choose([*tiny[1:], joined]) == []
    assert choose([row(number, SMALL_PACK) for number in range(SMALL_MANY)]) == []


def test_what_joining_costs_a_commit_does_not_grow_with_the_history():
    numbers, packs, copied, most = count(), {}, 0, 0
    for _ in range(COMMITS):
        new = row(next(numbers), FRAME)
        packs[new.id] = new
        while chosen := choose(list(packs.values())):
            length = sum(one.length for one in chosen)
            copied += length // FRAME
            for one in chosen:
                del packs[one.id]
            whole = row(next(numbers), length)
            packs[whole.id] = whole
        most = max(most, len(packs))
    assert copied / COMMITS < 8
    assert most < 60
