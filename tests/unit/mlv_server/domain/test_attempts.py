"""P8: failed sign-ins are slowed by address and by token, within a bounded memory."""

from __future__ import annotations

from mlv_server.domain import attempts
from mlv_server.domain.attempts import Attempts


def test_P8_the_first_failures_cost_nothing_then_the_wait_doubles_up_to_a_limit() -> None:
    known = Attempts()
    waits = [known.failed("10.0.0.1", "", now) for now in range(15)]
    assert waits[:7] == [0, 0, 0, 0, 0, 0.25, 0.5]
    assert waits[-1] == attempts.LONGEST_SECONDS
    assert waits == sorted(waits)


def test_P8_one_token_is_slowed_from_wherever_it_is_tried() -> None:
    known = Attempts()
    waits = [known.failed(f"10.0.0.{number}", "abc", 0) for number in range(8)]
    assert waits[-1] > 0
    assert known.failed("10.0.1.1", "other", 0) == 0


def test_P8_what_failed_long_ago_is_forgotten() -> None:
    known = Attempts()
    for now in range(20):
        known.failed("10.0.0.1", "abc", now)
    assert known.failed("10.0.0.1", "abc", attempts.FORGOTTEN_MS + 100) == 0


def test_P8_memory_is_bounded() -> None:
    known = Attempts()
    for number in range(attempts.KEPT + 500):
        known.failed(f"net{number}", f"token{number}", number)
    assert len(known) == attempts.KEPT
