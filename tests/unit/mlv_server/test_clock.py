"""The server's clock goes steadily, and moves leases along where the machine's was set (L8)."""

from __future__ import annotations

from mlv_server.services.clock import JUMP_MS, Clock
from mlv_server.services.contacts import KEPT, NOTED_MS, Contacts

MS = 1_000_000


class Machine:
    """Two clocks of a machine, in ms."""

    def __init__(self) -> None:
        self.wall = 1_000_000
        self.steady = 5

    def clock(self) -> Clock:
        return Clock(lambda: self.wall * MS, lambda: self.steady * MS)

    def passes(self, milliseconds: int) -> None:
        self.wall += milliseconds
        self.steady += milliseconds


def test_time_goes_on_with_both_clocks() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passes(7_000)
    assert (clock.now(), clock.jump()) == (1_007_000, 0)


def test_L8_a_set_clock_is_noticed_and_followed_only_when_leases_have_been_moved() -> None:
    for jump in (3_600_000, -3_600_000):
        machine = Machine()
        clock = machine.clock()
        machine.wall += jump
        assert (clock.now(), clock.jump()) == (1_000_000, jump)
        clock.follow(clock.jump())
        assert (clock.now(), clock.jump()) == (1_000_000 + jump, 0)


def test_a_small_difference_is_no_jump() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += JUMP_MS - 1
    assert clock.jump() == 0


def test_L8_signs_of_life_are_written_down_seldom() -> None:
    contacts = Contacts()
    for now in (0, 1, NOTED_MS - 1, NOTED_MS):
        contacts.note("a/b", "w", 7, now)
    contacts.note("a/b", "w2", 7, 5)
    assert contacts.take() == {("a/b", "w", 7): NOTED_MS, ("a/b", "w2", 7): 5}
    assert contacts.take() == {}
    contacts.note("a/b", "w", 7, 2 * NOTED_MS - 1)
    assert contacts.take() == {}


def test_L8_what_could_not_be_written_down_stays_but_never_over_what_is_newer() -> None:
    contacts = Contacts()
    contacts.note("a/b", "w", 7, 0)
    contacts.note("a/b", "v", 7, 0)
    taken = contacts.take()
    contacts.note("a/b", "w", 7, NOTED_MS)
    contacts.put_back(taken)
    assert contacts.take() == {("a/b", "w", 7): NOTED_MS, ("a/b", "v", 7): 0}


def test_however_many_workspaces_are_named_memory_is_bounded() -> None:
    contacts = Contacts()
    for number in range(KEPT + 10):
        contacts.note("a/b", f"w{number}", 7, 0)
    contacts.note("a/b", "w" * 65, 7, 0)
    taken = contacts.take()
    assert len(taken) == KEPT
    assert all(len(workspace) <= 64 for _, workspace, _ in taken)
