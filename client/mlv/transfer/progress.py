"""How far a transfer is, shown on a terminal as a bar and elsewhere as plain lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mlv.transfer.types import Progress, Silent

if TYPE_CHECKING:
    from typing import Never, TextIO

    from tqdm import tqdm

LINE_SECONDS = 5.0
"""Plain lines come at most this often: a log file should not fill with them."""
SHOWN_BYTES = 4 << 20
"""A shorter step is over before anybody could read its bar."""


def progress_for(stream: TextIO, *, quiet: bool) -> Progress:
    """A bar on a terminal, plain lines elsewhere, nothing when `quiet`."""
    if quiet:
        return Silent()
    return Bar(stream) if stream.isatty() else Lines(stream)


class Bar:
    """Bytes, rate and time left, drawn by tqdm."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._bar: tqdm[Never] | None = None

    def start(self, total: int, label: str) -> None:
        """A step of `total` bytes begins."""
        self.finish()
        if total < SHOWN_BYTES:
            return
        from tqdm import tqdm

        self._bar = tqdm(
            total=total, desc=label, unit="B", unit_scale=True, file=self._stream, leave=False, dynamic_ncols=True
        )

    def advance(self, amount: int) -> None:
        """`amount` more bytes are done."""
        if self._bar is not None:
            self._bar.update(amount)

    def finish(self) -> None:
        """The step is done."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Lines:
    """A line now and then, for logs."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._total = self._done = 0
        self._label = ""
        self._last = 0.0

    def start(self, total: int, label: str) -> None:
        """A step of `total` bytes begins."""
        self._total, self._done, self._label, self._last = total, 0, label, time.monotonic()

    def advance(self, amount: int) -> None:
        """`amount` more bytes are done."""
        self._done += amount
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS:
            self._last = now
            share = f" ({100 * self._done // self._total} %)" if self._total else ""
            self._stream.write(f"{self._label}: {self._done / 1e6:.1f} MB{share}\n")
            self._stream.flush()

    def finish(self) -> None:
        """The step is done."""
