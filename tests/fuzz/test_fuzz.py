"""The fuzzers' short form: every target and every method, a minute together; `make fuzz` is the long one."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.fuzz import engine, sanitizers, session, workers
from tests.fuzz.engine import Fuzzer, check
from tests.fuzz.target import Broken, Target
from tests.wire import METHODS

from mlv_core.errors import DamagedContent

SEED = random.SystemRandom().randrange(10**6)
INPUTS, MESSAGES = 32_000, 4_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_parser_fails_on_mutated_input(tmp_path: Path):
    outcomes = workers.run_all(workers.TARGETS, INPUTS // len(workers.TARGETS), SEED, tmp_path)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    assert not failures, (SEED, failures)
    assert sum(outcome.inputs for outcome in outcomes) >= INPUTS * 0.99
    assert all(outcome.kept > 1 and outcome.steps for outcome in outcomes)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_message_makes_the_server_fail(tmp_path: Path):
    found = session.run(MESSAGES, SEED, tmp_path)
    assert not found.failures, (SEED, found.failures)
    assert set(found.sent) == set(METHODS)
    assert found.verified


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sanitizers.compiler() is None, reason="there is no C compiler with sanitizers")
def test_compiled_kernels_stay_within_bounds(tmp_path: Path):
    for outcome in sanitizers.run(2_000, SEED, tmp_path):
        assert not outcome.failures, (SEED, outcome.failures)


def _fussy(data: bytes) -> None:
    if data[:2] == b"MZ":
        raise KeyError(data)
    if len(data) > 1 and data[0] == 0x4D:
        raise DamagedContent("half")


def test_the_fuzzer_finds_what_hides_behind_two_bytes_and_makes_it_small():
    target = Target("fussy", _fussy, lambda: [b"Mx and more"], (DamagedContent,), (b"Z",))
    outcome = Fuzzer(target, 1).run(3000)
    assert [failure.signature for failure in outcome.failures] == ["KeyError in the target"]
    assert outcome.failures[0].data == b"MZ"


def test_the_same_seed_makes_the_same_inputs():
    seen: list[list[bytes]] = []
    for _ in range(2):
        seen.append([])
        Fuzzer(workers.TARGETS["recipe"], 5).run(300, seen[-1].append)
    assert seen[0] == seen[1]


def test_an_input_that_is_slow_by_itself_is_a_failure_though_what_notes_each_line_may_take_longer(monkeypatch):
    monkeypatch.setattr(engine, "DEADLINE", 0.1)

    def dawdles(data: bytes) -> None:
        end = time.process_time() + (0.3 if data == b"slow" else 0.0)
        while time.process_time() < end:
            pass

    assert not Fuzzer(Target("brisk", dawdles, lambda: [b"brisk"], ()), 1).run(1).failures
    (failure,) = Fuzzer(Target("slow", dawdles, lambda: [b"slow"], ()), 1).run(1).failures
    assert failure.signature.startswith("TooSlow")


def test_memory_over_the_bound_is_a_failure():
    hungry = Target("hungry", lambda _: bytes(64 * 2**20), lambda: [b"x"], ())
    with pytest.raises(AssertionError, match="the bound is"):
        check(hungry, b"x")


def test_a_broken_promise_is_a_failure():
    def breaks(data: bytes) -> None:
        raise Broken("not so")

    with pytest.raises(Broken):
        check(Target("broken", breaks, lambda: [b"x"], (DamagedContent,)), b"x")


@pytest.mark.parametrize("name", sorted(workers.TARGETS))
def test_every_target_takes_its_own_seeds(name: str):
    target = workers.TARGETS[name]
    accepted = 0
    for data in target.seeds():
        check(target, data)
        try:
            target.run(data)
            accepted += 1
        except target.allowed:
            continue
    assert accepted or name == "stored environment", "a seed that is refused reaches nothing"
