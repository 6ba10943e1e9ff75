"""The entry point of the command: what makes a process start and end sooner, around `mlv.cli.main.run`.

docs/decisions/0017 has the figures.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from types import ModuleType
from typing import Any

NEVER_USED = ("asyncio", "grpc.aio")
"""What gRPC imports and only programs use that wait for it in an event loop."""
OBJECTS_BETWEEN_SEARCHES = 200_000
"""The collector of cycles looks after this many new objects: imports make a hundred thousand, few of them in cycles."""


class _Later(ModuleType):
    """Stands for a module until something of it is asked for; then that is imported and answers."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as modules are
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def main() -> None:
    """Run the command line of this process, and end it."""
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
    os._exit(code)


if __name__ == "__main__":
    main()
