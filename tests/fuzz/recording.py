"""What real clients send: a session of the SDK, each call's messages kept as they go out."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc

import mlv
from mlv.remote import Server, channel, connect
from mlv.remote.trust import fetch_authority
from mlv_core.ids import RemoteAddress, RepositoryName

Recorded = dict[str, list[tuple[bytes, ...]]]
"""The messages of each call by the method's full name; of calls that are no streams, one."""
FIRST, SECOND = "fuzz/open", "fuzz/other"


class _Recorder:
    """A channel that keeps what it is given to send."""

    def __init__(self, inner: grpc.Channel, kept: Recorded) -> None:
        self._inner, self._kept = inner, kept

    def unary_unary(self, path: str, serialize: Any, parse: Any) -> Callable[..., Any]:
        return self._one(path, serialize, self._inner.unary_unary(path, serialize, parse))

    def unary_stream(self, path: str, serialize: Any, parse: Any) -> Callable[..., Any]:
        return self._one(path, serialize, self._inner.unary_stream(path, serialize, parse))

    def stream_unary(self, path: str, serialize: Any, parse: Any) -> Callable[..., Any]:
        return self._many(path, serialize, self._inner.stream_unary(path, serialize, parse))

    def stream_stream(self, path: str, serialize: Any, parse: Any) -> Callable[..., Any]:
        return self._many(path, serialize, self._inner.stream_stream(path, serialize, parse))

    def close(self) -> None:
        self._inner.close()

    def _one(self, path: str, serialize: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(request: Any, **options: Any) -> Any:
            self._keep(path, (serialize(request) if serialize else request,))
            return call(request, **options)

        return recorded

    def _many(self, path: str, serialize: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(requests: Any, **options: Any) -> Any:
            sent: list[bytes] = []

            def watched() -> Iterator[Any]:
                for request in requests:
                    sent.append(serialize(request) if serialize else request)
                    yield request
                self._keep(path, tuple(sent))

            return call(watched(), **options)

        return recorded

    def _keep(self, path: str, messages: tuple[bytes, ...]) -> None:
        self._kept.setdefault(path[1:].replace("/", "."), []).append(messages)


@contextlib.contextmanager
def recording() -> Iterator[Recorded]:
    """Inside, every new connection of the client keeps what it sends."""
    kept: Recorded = {}
    real = channel.grpc.secure_channel

    def secure_channel(*arguments: Any, **options: Any) -> Any:
        return _Recorder(real(*arguments, **options), kept)

    channel.grpc.secure_channel = secure_channel
    try:
        yield kept
    finally:
        channel.grpc.secure_channel = real


def play(url: str, fingerprint: str, first_token: str, folder: Path) -> tuple[dict[str, str], bytes]:
    """A working day of some people on a new server; the token of each role, and the server's authority."""
    address = RemoteAddress.parse(url).server
    authority = fetch_authority(address, 10.0).pem
    opening = connect(address, first_token, authority)
    tokens = {"admin": opening.exchange_token()[0]}
    opening.close()
    with contextlib.closing(connect(address, tokens["admin"], authority)) as boss:
        for name in (FIRST, SECOND):
            boss.create_repository(RepositoryName.parse(name), "to be fuzzed")
        for role in ("maintainer", "contributor", "reader"):
            _, tokens[role] = boss.add_user(f"the-{role}")
            boss.grant_role(FIRST, role, f"the-{role}")
            boss.grant_role(SECOND, role, f"the-{role}")
        _office(boss)
    with mlv.connect(url, tokens["maintainer"], fingerprint) as client:
        for name in (FIRST, SECOND):
            _work(client.repository(name), folder / name.replace("/", "-"))
    return tokens, authority


def _office(boss: Server) -> None:
    boss.info()
    boss.whoami()
    boss.list_users()
    boss.add_user("gone")
    boss.disable_user("gone")
    _, info = boss.create_token(user="the-reader", description="for a job", scope=("read",), expires_in=3600)
    boss.list_tokens("the-reader")
    boss.revoke_token(info.id)
    boss.grant_role(FIRST, "reader", "gone")
    boss.revoke_role(FIRST, "reader", "gone")
    boss.show_policy(FIRST)
    boss.show_policy()
    boss.list_repositories()
    boss.get_repository(RepositoryName.parse(FIRST))


def _work(repository: mlv.Repository, folder: Path) -> None:
    """Commits large and small, locks, a branch, an update, a look back."""
    with repository.checkout(str(folder)) as workspace:
        (folder / "data").mkdir()
        noise = random.Random(str(folder)).randbytes(600_000)  # more than a commit carries inside one message
        (folder / "model.bin").write_bytes(noise)
        (folder / "data" / "train.csv").write_text("a,b\n" * 5000)
        (folder / "notes.txt").write_text("one\n")
        workspace.add(".")
        workspace.commit("one", params={"lr": "2e-5"}, metrics={"val/loss": 0.5}, run_id="r1")
        workspace.edit("model.bin", reason="tuning")
        (folder / "model.bin").write_bytes(noise[:400_000] + b"x" * 200_000)
        workspace.lock("notes.txt")
        workspace.status(ask_server=True)
        (folder / "notes.txt").write_text("two\n")
        workspace.commit(
            "two", metrics={"val/f1": (0.9, "data/train.csv")}, datasets={"train": "data/train.csv"}, trained_from="@1"
        )
        workspace.lock("notes.txt")
        workspace.unlock("notes.txt")
        repository.create_branch("side", 1)
        repository.create_label("v1", 1, message="first")
        workspace.move("notes.txt", "data/notes.txt")
        workspace.commit("three")
        workspace.update(1)
        workspace.update()
        workspace.switch("side")
        workspace.switch("main")
        version = repository.version(2)
        version.read("model.bin")
        version.read_range("model.bin", 100, 200)
        list(version.files("data"))
        list(repository.log(path="model.bin"))
        list(repository.log(branch="main", author="the-maintainer", labelled=True))
        repository.branches()
        repository.labels()
        repository.locks(branch="main", paths=["*.txt"])
