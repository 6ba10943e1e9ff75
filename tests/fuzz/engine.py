"""The loop: take an input that reached something new, change it, run it within bounds, keep what reached more."""

from __future__ import annotations

import random
import resource
import signal
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from tests.fuzz.mutation import LONGEST, Mutator
from tests.fuzz.target import MEBIBYTE, Broken, Target
from tests.fuzz.tracing import SOURCES, UNWATCHED, Coverage

from mlv_core.errors import InternalError

DEADLINE = 2.0
"""Processor seconds of one input; the slowest good ones take 0.2."""
TRACED = 5
"""So many times as long may take what keeps count of each allocation, or of each line."""
HEADROOM = 1024 * MEBIBYTE
"""Address space beyond what a worker starts with; an allocation over it fails, which is a finding."""
_TRACE_ALL, _TRACE_ONE_IN = 1500, 8
_MEASURE_ONE_IN = 256
_MINIMIZE_SECONDS = 20.0


class TooSlow(BaseException):
    """The deadline passed. No Exception, so that nothing under test swallows it."""


class TooMuch(AssertionError):
    """The memory bound was passed."""


@dataclass(frozen=True)
class Failure:
    """An input that a parser did not answer as it should, made small; `signature` tells failures apart."""

    target: str
    signature: str
    data: bytes
    detail: str


@dataclass
class Outcome:
    """What a run of one target found."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    lines: int = 0
    steps: int = 0
    kept: int = 0
    accepted: int = 0
    peak_bytes: int = 0
    slowest_seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)


class Fuzzer:
    """One target, its corpus and its coverage."""

    def __init__(self, target: Target, seed: int) -> None:
        self.target = target
        self._pick = random.Random(f"{seed} {target.name}")
        self._mutator = Mutator(self._pick, target.tokens)
        self.corpus: list[bytes] = [seed for seed in target.seeds() if len(seed) <= LONGEST]
        self.coverage = Coverage()
        self.outcome = Outcome(target.name)

    def run(self, inputs: int, before: Callable[[bytes], None] = lambda _: None) -> Outcome:
        """Try so many inputs; `before` sees each one first. Returns what was found, each failure once."""
        begun = time.monotonic()
        seeds = list(self.corpus)
        with limited():
            for number in range(inputs):
                data = seeds[number] if number < len(seeds) else self._next()
                before(data)
                self._try(number, data)
        outcome = self.outcome
        outcome.seconds = time.monotonic() - begun
        outcome.lines, outcome.steps = len(self.coverage.lines), len(self.coverage.steps)
        outcome.kept = len(self.corpus)
        return outcome

    def _next(self) -> bytes:
        # What was kept last is the frontier; the rest keeps its turn.
        young = self._pick.random() < 0.4
        chosen = self._pick.choice(self.corpus[-32:] if young else self.corpus)
        data = self._mutator.mutate(chosen, self.corpus)
        if self.target.repair is not None and self._pick.random() < 0.6:
            data = self.target.repair(data, self._pick)[:LONGEST]
        return data

    def _try(self, number: int, data: bytes) -> None:
        self.outcome.inputs += 1
        traced = number < _TRACE_ALL or number % _TRACE_ONE_IN == 0
        measured = number % _MEASURE_ONE_IN == 0
        begun = time.process_time()
        with self.coverage.watch() if traced else UNWATCHED:
            error = attempt(self.target, data, measured=measured, traced=traced)
        seconds = time.process_time() - begun
        self.outcome.slowest_seconds = max(self.outcome.slowest_seconds, seconds)
        if seconds > DEADLINE and (traced or measured):
            plainly = attempt(self.target, data)  # without what slows it, it has its own time only
            error = plainly if isinstance(plainly, TooSlow) else error
        self.outcome.accepted += error is None
        if traced and self.coverage.new:
            self.corpus.append(data)
        if measured:
            self.outcome.peak_bytes = max(self.outcome.peak_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        if (error is not None and not isinstance(error, self.target.allowed)) or isinstance(error, InternalError):
            self._note(error, data)

    def _note(self, error: BaseException, data: bytes) -> None:
        signature = signature_of(error)
        if any(known.signature == signature for known in self.outcome.failures):
            return
        detail = "".join(traceback.format_exception(error))[-3000:]
        traceback.clear_frames(error.__traceback__)  # what they hold may be all the memory there is
        small = minimize(self.target, data, signature)
        self.outcome.failures.append(Failure(self.target.name, signature, small, detail))


def attempt(target: Target, data: bytes, *, measured: bool = False, traced: bool = False) -> BaseException | None:
    """Run one input within its deadline; None when it was accepted, else what was raised.

    `traced`: each line is noted by the caller, which takes time like the count of memory.
    """
    if measured:
        tracemalloc.start()
    signal.setitimer(signal.ITIMER_PROF, DEADLINE * (TRACED if measured or traced else 1))
    try:
        target.run(data)
        found: BaseException | None = None
    except (Exception, TooSlow) as error:  # noqa: BLE001 - to see what it is, is what a fuzzer is for
        found = error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        peak = tracemalloc.get_traced_memory()[1] if measured else 0
        if measured:
            tracemalloc.stop()
    if peak > target.memory and (found is None or isinstance(found, target.allowed)):
        return TooMuch(f"{peak} bytes were held for an input of {len(data)}; the bound is {target.memory}")
    return found


def check(target: Target, data: bytes) -> None:
    """Run one input as the fuzzer does, once for its time and once for its memory; raise what it would report."""
    for measured in (False, True):
        with limited():
            error = attempt(target, data, measured=measured)
        if error is not None and (isinstance(error, InternalError) or not isinstance(error, target.allowed)):
            raise error


def signature_of(error: BaseException) -> str:
    """The kind of a failure and the innermost function of ours that it came through."""
    place = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename.startswith(SOURCES):
            place = f"{code.co_filename.rpartition('/')[2]}:{code.co_name}"
    told = f": {error}" if isinstance(error, Broken) else ""
    return f"{type(error).__name__} in {place or 'the target'}{told}"


def minimize(target: Target, data: bytes, signature: str) -> bytes:
    """A smaller input with the same failure: ever smaller parts are left out while it stays."""
    end = time.monotonic() + _MINIMIZE_SECONDS
    size = max(1, len(data) // 2)
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            error = attempt(target, shorter, measured="TooMuch" in signature)
            if error is not None and signature_of(error) == signature:
                data = shorter
            else:
                at += size
        size //= 2
    return data


@contextmanager
def limited() -> Iterator[None]:
    """Inside, the deadline's signal is caught, and an allocation far over the bounds fails."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, late)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123 - one number of the kernel's
        used = int(stream.read().split()[0]) * resource.getpagesize()
    if used < 1 << 40:  # a sanitizer reserves terabytes for itself
        resource.setrlimit(resource.RLIMIT_AS, (used + HEADROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)
