"""One real server a module for faults that leave it whole, and content that nothing compresses."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.servers import Team, User, running_team

WAIT_SECONDS = 100
_numbers = itertools.count(1)


def noise(size: int, seed: int) -> bytes:
    """`size` bytes that no codec makes smaller, the same for each `seed`."""
    return random.Random(seed).randbytes(size)


def new_repository(team: Team) -> str:
    """A new, empty repository of the admin."""
    name = f"test/f{next(_numbers)}"
    team.admin.mlv("repo", "create", name)
    return name


def checkout(user: User, repository: str, *more: str) -> Path:
    """A new workspace of `repository`."""
    folder = f"w{next(_numbers)}"
    user.mlv("checkout", repository, folder, *more)
    return user.home / folder


def files_of(workspace: Path) -> dict[str, bytes]:
    """The user's files of a workspace: all but mlv's own."""
    found = {path.relative_to(workspace).as_posix(): path for path in workspace.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".mlv/")}


def kept_bytes(workspace: Path) -> set[bytes]:
    """The content of every file that a user can find: in the workspace and in the rescue folder."""
    rescued = [path.read_bytes() for path in (workspace / ".mlv" / "rescue").rglob("*") if path.is_file()]
    return {*files_of(workspace).values(), *rescued}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory):
    """A running server with its admin signed in."""
    with running_team(tmp_path_factory.mktemp("team")) as made:
        yield made


@pytest.fixture
def repository(team: Team) -> str:
    """A new, empty repository of the admin."""
    return new_repository(team)


class Proxy:
    """A loopback proxy that counts the bytes of both directions, and can fall silent or cut all connections."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self._passed = threading.Condition()
        self.sent = 0
        self.received = 0
        self.flowing = threading.Event()
        self.flowing.set()
        self.silent_after: int | None = None
        """Bytes from the client after which nothing passes any more."""
        self._start(self._accept)

    def wait(self, *, sent: int = 0, received: int = 0) -> None:
        """Wait until so many bytes in all have come from the client and from the server."""
        with self._passed:
            assert self._passed.wait_for(lambda: self.sent >= sent and self.received >= received, WAIT_SECONDS)

    def cut(self) -> None:
        """Close all connections."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close everything."""
        self.flowing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in list(self._threads):
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    self._start(self._pump, source, sink, source is client)

    def _pump(self, source: socket.socket, sink: socket.socket, is_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._passed:
                    if is_client:
                        self.sent += len(data)
                        if self.silent_after is not None and self.sent > self.silent_after:
                            self.flowing.clear()
                    else:
                        self.received += len(data)
                    self._passed.notify_all()
                self.flowing.wait()
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def through(team: Team, proxy: Proxy, repository: str, role: str = "contributor") -> User:
    """A new user with a role on a repository, who reaches the server through the proxy."""
    name = f"p{next(_numbers)}"
    token = team.admin.mlv("user", "add", name, "--json").json["token"]
    team.admin.mlv("policy", "grant", role, name, repository)
    home = team.admin.home.parent / name
    home.mkdir()
    user = User(name, home.parent / f"{name}-config", home)
    user.mlv("login", f"mlv://127.0.0.1:{proxy.port}", "--token", token, "--fingerprint", team.server.fingerprint)
    return user


@pytest.fixture
def proxy(team: Team):
    """A proxy in front of the module's server."""
    host, _, port = team.server.url.removeprefix("mlv://").rpartition(":")
    made = Proxy((host, int(port)))
    yield made
    made.close()


def safetensors_of_noise(size: int, seed: int) -> bytes:
    """A safetensors file of about `size` bytes: one bfloat16 tensor of noise a mebibyte."""
    count = max(1, size >> 20)
    header = {
        f"layer.{n}": {"dtype": "BF16", "shape": [1 << 19], "data_offsets": [n << 20, (n + 1) << 20]}
        for n in range(count)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + noise(count << 20, seed)
