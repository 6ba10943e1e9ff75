"""Which lines of our own modules ran, and in which order: what tells the fuzzer that an input is new."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCES = tuple(
    f"{ROOT}/{part}/" for part in ("proto/mlv_core", "proto/mlv_proto/convert", "server/mlv_server", "client/mlv")
)
_MASK = (1 << 60) - 1


class Coverage:
    """Steps from line to line seen so far; `new` counts those that the last traced run added."""

    def __init__(self) -> None:
        self.steps: set[int] = set()
        self.lines: set[int] = set()
        self.new = 0
        self._before = 0
        self._ours: dict[CodeType, int] = {}

    def line(self, code: CodeType, number: int) -> None:
        """A line is about to run."""
        here = (self._ours[code] + number * 0x9E3779B1) & _MASK
        step = self._before ^ here
        if step not in self.steps:
            self.steps.add(step)
            self.lines.add(here)
            self.new += 1
        self._before = here >> 1

    def is_ours(self, code: CodeType) -> bool:
        """Whether the code belongs to the product; remembers it."""
        found = self._ours.get(code)
        if found is None:
            ours = code.co_filename.startswith(SOURCES)
            # Not `hash`: that of a text changes from process to process.
            found = sum(map(ord, code.co_filename)) * 0x1000193 ^ code.co_firstlineno << 20 if ours else 0
            self._ours[code] = found
        return found != 0

    def watch(self) -> AbstractContextManager[Any]:
        """Count in here."""
        self.new, self._before = 0, 0
        return _Monitored(self) if sys.version_info >= (3, 12) else _Traced(self)


class _Traced:
    """Python 3.11: a trace function, asked for each call and, in our modules, for each line."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage

    def __enter__(self) -> None:
        sys.settrace(self._call)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        return self._line if self._coverage.is_ours(frame.f_code) else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        if event == "line":
            self._coverage.line(frame.f_code, frame.f_lineno)
        return self._line


if sys.version_info >= (3, 12):

    class _Monitored:
        """Python 3.12 and later: only our lines ever call back."""

        def __init__(self, coverage: Coverage) -> None:
            self._coverage = coverage

        def __enter__(self) -> None:
            monitoring = sys.monitoring
            monitoring.use_tool_id(monitoring.COVERAGE_ID, "mlv fuzz")
            monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.LINE, self._line)
            monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.LINE)

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
        ) -> None:
            sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, 0)
            sys.monitoring.free_tool_id(sys.monitoring.COVERAGE_ID)

        def _line(self, code: CodeType, number: int) -> object:
            if not self._coverage.is_ours(code):
                return sys.monitoring.DISABLE
            self._coverage.line(code, number)
            return None


UNWATCHED: AbstractContextManager[Any] = nullcontext()
