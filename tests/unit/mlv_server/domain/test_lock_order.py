"""L10, L6: whose turn it is, of files and folders: the rules of `lock_order`, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.property.test_lock_queue import FILES, PATHS, QueueMachine, lock, request

from mlv_core.entities import Lock
from mlv_core.errors import LockHeld
from mlv_core.ids import WorkspaceId
from mlv_server.domain.lock_order import Barrier, ahead_of, check_circle, check_turn, claims, rightful
from mlv_server.domain.lock_queue import Request, Resource

ONE, TWO, THREE, FOUR = sorted(FILES)
"""`a/1`, `a/x/2`, `b/3` and `f4`."""
ANN, BEN, CAT, DAN = (WorkspaceId(name) for name in ("ann", "ben", "cat", "dan"))


def wish(number: int, who: WorkspaceId, *wanted: Resource, behind: int = 0) -> Request:
    return request(number, who, wanted, 0, behind)


def barrier(*held: tuple[Resource, WorkspaceId, int]) -> Barrier:
    """The locks of others on what a request wants, below or above it."""

    def near(one: Resource, other: Resource) -> bool:
        paths = (PATHS[one], PATHS[other])
        inside = isinstance(other, str) and paths[0].startswith(f"{other}/")
        return one == other or inside or (isinstance(one, str) and paths[1].startswith(f"{one}/"))

    def of(one: Request) -> list[Lock]:
        return [
            lock(*each)
            for each in held
            if each[1] != one.workspace and any(near(each[0], wanted) for wanted in one.resources())
        ]

    return of


def may(line: list[Request], kept: Barrier, who: WorkspaceId, *wanted: Resource) -> bool:
    """Whether a workspace may take these now, as far as the queue goes."""
    try:
        check_turn(line, kept, who, {one: PATHS[one] for one in wanted}, 60_000)
    except LockHeld:
        return False
    return True


def numbers(found: Iterable[Request]) -> list[int]:
    return [one.number for one in found]


def test_L10_a_folder_and_the_files_below_it_stand_in_one_line() -> None:
    line = [wish(1, ANN, ONE), wish(2, BEN, "a"), wish(3, CAT, TWO), wish(4, DAN, THREE), wish(5, DAN, "a/x")]
    assert numbers(rightful(line, barrier())) == [1, 3, 4]
    assert numbers(rightful(line[1:], barrier())) == [2, 4]
    assert [ahead_of(line, one.number) for one in line] == [0, 1, 1, 0, 2]


@pytest.mark.parametrize("wanted", [ONE, "a", "a/x"])
def test_L10_a_free_folder_is_kept_for_the_first_and_all_in_it_too(wanted: Resource) -> None:
    line = [wish(1, ANN, "a")]
    with pytest.raises(LockHeld, match=f"^{PATHS[wanted]} is kept for user of ann on h, who has waited for 5 min"):
        check_turn(line, barrier(), BEN, {wanted: PATHS[wanted]}, 300_000)
    assert may(line, barrier(), BEN, THREE)
    assert may(line, barrier(), ANN, wanted)


def test_L10_who_waits_for_a_folder_may_take_a_part_of_it_in_its_turn() -> None:
    line = [wish(1, ANN, "a"), wish(2, BEN, ONE)]
    assert may(line, barrier(), ANN, ONE)
    assert not may(line, barrier(), BEN, ONE)
    assert not may(list(reversed([wish(2, ANN, "a"), wish(1, BEN, ONE)])), barrier(), ANN, "a")


def test_P4_for_whom_it_is_kept_is_not_told_to_who_may_not_know() -> None:
    with pytest.raises(LockHeld, match=r"^a/1 is kept for somebody, who"):
        check_turn([wish(1, ANN, "a")], barrier(), BEN, {ONE: PATHS[ONE]}, 0, {1})


def test_L6_who_waits_for_a_folder_keeps_nobody_from_a_free_file_while_an_older_lock_is_in_the_way() -> None:
    line = [wish(1, ANN, "a", behind=7)]
    assert may(line, barrier((TWO, BEN, 7)), CAT, ONE)
    assert may(line, barrier((TWO, BEN, 7), (ONE, CAT, 8)), CAT, "a/x")
    assert claims(line, barrier((TWO, BEN, 7))) == []


def test_L10_who_was_overtaken_is_overtaken_no_more() -> None:
    """Rule 3: only those who hold something of it already may take more (rule 4)."""
    line, later = [wish(1, ANN, "a", behind=7), wish(2, DAN, ONE, behind=9)], barrier((TWO, CAT, 8))
    assert not may(line, later, BEN, ONE)
    assert may(line, later, CAT, ONE)
    assert rightful(line, later) == []
    assert numbers(rightful([line[0], wish(2, CAT, ONE, behind=9)], later)) == [2]
    assert numbers(rightful(line, barrier())) == [1]


def test_L10_who_waits_for_two_files_is_overtaken_no_more_either() -> None:
    line = [wish(1, ANN, ONE, FOUR, behind=7)]
    assert may(line, barrier((ONE, BEN, 7)), CAT, FOUR)
    assert not may(line, barrier((ONE, BEN, 8)), CAT, FOUR)


def test_L10_no_crowd_of_newcomers_starves_who_waits_for_a_folder() -> None:
    """Two files below change hands without end, so that one of them is always held."""
    machine = QueueMachine()
    machine.taken(BEN, [ONE])
    machine.requests = [wish(1, ANN, "a", behind=machine.token)]
    came = []
    for number in range(6):
        free, held = (TWO, ONE) if number % 2 == 0 else (ONE, TWO)
        new = WorkspaceId(f"new{number}")
        if may(machine.line(), machine.barrier, new, free):
            machine.taken(new, [free])
            came.append(number)
        machine.held.pop(held, None)
    assert came == [0]
    assert machine.held == {}
    assert numbers(rightful(machine.line(), machine.barrier)) == [1]


def test_L10_who_would_close_a_circle_is_refused() -> None:
    held = barrier((ONE, ANN, 1), (TWO, BEN, 2))
    line = [wish(1, ANN, "a", behind=2), wish(2, BEN, "a", behind=2)]
    check_circle(line[0], line, held)
    with pytest.raises(LockHeld, match=r"^user of ann on h waits for a/x/2, which you hold") as caught:
        check_circle(line[1], line, held)
    assert "mlv unlock a/x/2" in caught.value.advice
    with pytest.raises(LockHeld, match=r"^somebody waits for"):
        check_circle(line[1], line, held, {1})
    check_circle(line[1], line[1:], held)


def test_L10_a_circle_may_lead_over_others_and_over_places_in_the_line() -> None:
    """Dan waits for what Ben holds, who waits for what is kept for Ann, who waits for what Dan took after her."""
    held = barrier((ONE, DAN, 9), (FOUR, BEN, 2))
    line = [wish(1, ANN, "a", behind=8), wish(2, BEN, TWO, behind=8), wish(3, DAN, FOUR, behind=9)]
    assert may([line[0]], held, DAN, TWO)
    with pytest.raises(LockHeld, match="waits for a/1, which you hold"):
        check_circle(line[2], line, held)
    check_circle(line[1], line[:2], held)
    older = [replace(line[0], behind=9), *line[1:]]
    assert numbers(rightful(older, held)) == [2]
    check_circle(line[2], older, held)
