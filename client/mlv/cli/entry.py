"""The entry point of the command: what makes a process start and end sooner, around `mlv.cli.main.run`.

docs/decisions/0017 has the figures.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from types import ModuleType
from typing import Any

NEVER_USED = ("asyncio", "grpc.aio")
"""What gRPC imports and only programs use that wait for it in an event loop."""
OBJECTS_BETWEEN_SEARCHES = 200_000
"""The collector of cycles looks after this many new objects: imports make a hundred thousand, few of them in cycles."""
_DISK_FULL = 8
"""The exit code of a limit, as mlv_core.errors has it."""


class _Later(ModuleType):
    """Stands for a module until something of it is asked for; then that is imported and answers."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as modules are
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def main() -> None:
    """Run the command line of this process, and end it."""
    _open_streams()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES, 20, 20)
    for name in NEVER_USED:
        sys.modules.setdefault(name, _Later(name))
    from mlv.cli.main import run

    code = run(sys.argv[1:])
    # Nothing is left to be saved: a verb closes what it opened. Taking the interpreter and gRPC apart costs 10 ms.
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = 141
    except OSError:  # a full disk, which `run` has told of
        code = code or _DISK_FULL
    os._exit(code)


def _open_streams() -> None:
    """Stand in for standard streams that were closed by whoever started the process, such as a daemon.

    A file that is opened later would get their number, and what a library prints would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # PYTHONUNBUFFERED: what a write of the system did not take would be lost without an error.
        raw, kind = sys.stdout.buffer, sys.stdout
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), kind.encoding, kind.errors)


if __name__ == "__main__":
    main()
