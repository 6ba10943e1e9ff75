"""The real server with the clock of a test: `python -m tests.clocked DIRECTORY FILE`.

FILE holds by how many milliseconds the server's time is ahead of the machine's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mlv_server import app
from mlv_server.services.clock import Clock
from mlv_server.settings import SETTINGS_FILE, load_settings


def ahead(file: Path) -> Clock:
    """A clock that goes with the machine's, and is ahead of it by what the file says at the moment."""

    def offset() -> int:
        return int(file.read_text() or 0) * 1_000_000

    # Both go on together: hours pass for the server without the wall clock being set.
    return Clock(lambda: time.time_ns() + offset(), lambda: time.monotonic_ns() + offset())


def main() -> None:
    """Serve until it is stopped."""
    directory, file = sys.argv[1:]

    def ready(url: str, fingerprint: str) -> None:
        sys.stdout.write(f"listening on {url}  fingerprint {fingerprint}\n")
        sys.stdout.flush()

    app.run(load_settings(Path(directory) / SETTINGS_FILE), ready, ahead(Path(file)))


if __name__ == "__main__":
    main()
