"""The end of a command that waits and prints, when nobody reads what it prints any more."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_with_its_reader() -> Iterator[None]:
    """Inside of the block, a reader that closes its end of the output is noticed at once.

    Without it, that only shows when something is printed, which may be hours later. Outside of the main thread, and
    where the output is no open file, nothing is watched. Raises: BrokenPipeError.
    """
    output = _output()
    if output is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    stop, stopping = os.pipe()
    gone = threading.Event()

    def unheard(_number: int, _frame: FrameType | None) -> None:
        if gone.is_set():
            raise BrokenPipeError

    before = signal.signal(signal.SIGPIPE, unheard)
    watching = threading.Thread(target=_watch, args=(output, stop, gone), name="mlv-hangup", daemon=True)
    watching.start()
    try:
        yield
    finally:
        gone.clear()
        os.close(stopping)
        watching.join()
        os.close(stop)
        signal.signal(signal.SIGPIPE, before)


def _output() -> int | None:
    """The number of the file that results are printed to; None where there is none."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _watch(output: int, stop: int, gone: threading.Event) -> None:
    """Wait until `output` has lost its reader or `stop` is closed, and in the first case wake the main thread."""
    looking = select.poll()
    looking.register(output, 0)  # an error or the end of the other side is told in any case
    looking.register(stop, 0)
    if any(number == output for number, _ in looking.poll()):
        gone.set()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGPIPE)
