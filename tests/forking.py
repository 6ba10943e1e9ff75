"""A process that has imported the client's and the server's programs, and forks for each command that a test runs.

What a fork runs is the whole command, from its arguments to the end of its interpreter, with a directory, environment,
output and exit code of its own.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from tests.commands import CLIENT, CLOCKED, MESSAGE_BYTES, SERVER
from tests.faults import zygote


def _next_command(control: socket.socket) -> tuple[str, list[str]] | None:
    """Fork for each request; in the process of a command its program and arguments, in this one None at the end."""
    while True:
        asked, handles, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 3)
        if not asked:
            return None
        if not os.fork():
            control.close()
            return _become(json.loads(asked), handles)
        for handle in handles:
            os.close(handle)


def _become(asked: Any, handles: list[int]) -> tuple[str, list[str]]:
    """The process of a command, and beside it one that waits for its end and tells it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answer, out, error = handles
    pid = os.fork()
    if pid:
        os.write(answer, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.dup2(out, 1)
    os.dup2(error, 2)
    for handle in handles:
        os.close(handle)
    program, arguments, directory, environment = asked
    os.chdir(directory)
    if _at_start(environment) != _at_start(dict(os.environ)):
        # What is for the interpreter itself, or for the loader of programs, counts when a program starts.
        os.execve(sys.executable, [sys.executable, "-m", program, *arguments], environment)
    os.environ.clear()
    os.environ.update(environment)
    return program, arguments


def _at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LD_"))}


def main() -> None:
    """Import the programs, then fork for each command that is asked for, until nobody is left who could ask."""
    zygote.warm()
    for program in (CLIENT, SERVER, CLOCKED):
        importlib.import_module(program)
    assert threading.active_count() == 1, threading.enumerate()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    found = _next_command(socket.socket(fileno=int(sys.argv[1])))
    if found is not None:
        _act(*found)


def _act(program: str, arguments: list[str]) -> None:
    """What a command does from its first line to its last; only what was imported is not taken down."""
    sys.argv = [program, *arguments]
    code = 1
    try:
        sys.modules[program].main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the interpreter would print it too
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
