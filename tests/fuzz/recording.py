"""What real clients send: a session of the SDK, each call's messages kept as they go out."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc

import mlv
from mlv.remote import Server, channel, connect
from mlv.remote.trust import fetch_authority
from mlv_core.errors import MlvError
from mlv_core.hooks import Moment, NewCheck, NewWebhook
from mlv_core.ids import ChangesetNumber, RemoteAddress, RepositoryName, RequestId, WorkspaceId
from mlv_core.merging import MergeRequest, Resolution, Side
from mlv_core.releasing import Freeze
from mlv_core.requests import UndoRequest

Recorded = dict[str, list[tuple[bytes, ...]]]
"""The messages of each call by the method's full name; of calls that are no streams, one."""
FIRST, SECOND = "fuzz/open", "fuzz/other"


class _Call:
    """A method of a channel, called in any of gRPC's ways; `seen` is given what goes out and gives it on."""

    def __init__(self, inner: Any, seen: Callable[[Any], Any]) -> None:
        self._inner, self._seen = inner, seen

    def __call__(self, request: Any, **options: Any) -> Any:
        return self._inner(self._seen(request), **options)

    def __getattr__(self, way: str) -> Callable[..., Any]:
        return lambda request, **options: getattr(self._inner, way)(self._seen(request), **options)


class _Recorder:
    """A channel that keeps what it is given to send."""

    def __init__(self, inner: grpc.Channel, kept: Recorded) -> None:
        self._inner, self._kept = inner, kept

    def unary_unary(self, path: str, serialize: Any, parse: Any) -> _Call:
        return self._one(path, serialize, self._inner.unary_unary(path, serialize, parse))

    def unary_stream(self, path: str, serialize: Any, parse: Any) -> _Call:
        return self._one(path, serialize, self._inner.unary_stream(path, serialize, parse))

    def stream_unary(self, path: str, serialize: Any, parse: Any) -> _Call:
        return self._many(path, serialize, self._inner.stream_unary(path, serialize, parse))

    def stream_stream(self, path: str, serialize: Any, parse: Any) -> _Call:
        return self._many(path, serialize, self._inner.stream_stream(path, serialize, parse))

    def close(self) -> None:
        self._inner.close()

    def _one(self, path: str, serialize: Any, call: Any) -> _Call:
        def seen(request: Any) -> Any:
            self._keep(path, (serialize(request) if serialize else request,))
            return request

        return _Call(call, seen)

    def _many(self, path: str, serialize: Any, call: Any) -> _Call:
        def seen(requests: Any) -> Iterator[Any]:
            sent: list[bytes] = []
            for request in requests:
                sent.append(serialize(request) if serialize else request)
                yield request
            self._keep(path, tuple(sent))

        return _Call(call, seen)

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
        for name in (FIRST, SECOND):
            _releases(boss, RepositoryName.parse(name))
            _outside(boss, name)
    with mlv.connect(url, tokens["maintainer"], fingerprint) as client:
        for name in (FIRST, SECOND):
            _work(client.repository(name), folder / name.replace("/", "-"))
    with contextlib.closing(connect(address, tokens["maintainer"], authority)) as maintainer:
        for name in (FIRST, SECOND):
            _back_and_together(maintainer, RepositoryName.parse(name))
    return tokens, authority


def _back_and_together(server: Server, name: RepositoryName) -> None:
    """What is undone and merged: tried first, then done where that can be."""
    (workspace,) = server.list_workspaces(name)
    undo = UndoRequest(
        name, RequestId("undo-1"), "side", workspace.id, "back", ChangesetNumber(4), ChangesetNumber(4), dry_run=True
    )
    server.undo(undo)
    merge = MergeRequest(name, RequestId("merge-1"), "main", "side", workspace.id, "together", dry_run=True)
    server.merge(merge)
    decided = (("data/notes.txt", Resolution(Side.MINE)), ("notes.txt", Resolution(Side.THEIRS)))
    with contextlib.suppress(MlvError):
        server.merge(replace(merge, request_id=RequestId("merge-2"), resolutions=decided))
    with contextlib.suppress(MlvError):
        server.remove_workspace(name, WorkspaceId("none"))


def _releases(boss: Server, name: RepositoryName) -> None:
    """Freezes, labels that are kept for some, a branch that ends: of a repository without a version yet."""
    boss.list_templates()
    boss.create_repository_from(RepositoryName.parse("fuzz/planned"), "set up", "model", dry_run=True)
    boss.create_branch(name, "attempt")
    boss.set_freeze(name, Freeze(0, "attempt", "", "data/**", "", 0, 9_999_999_999_999, "looked at"))
    boss.set_freeze(name, Freeze(0, "", "rc*", "", "", 0, None, "signed off"))
    boss.list_freezes(name, ended=True)
    boss.lift_freeze(name, Freeze(0, "attempt", "", "data/**", "", 0, None, "done"))
    boss.abandon_branch(name, "attempt", "it led nowhere")
    boss.reopen_branch(name, "attempt", "it does")
    boss.survey_branches(name, abandoned=True)
    boss.reserve_labels(name, "final*", ("user:the-maintainer",))
    boss.list_reservations(name)
    boss.label_history(name)
    with contextlib.suppress(MlvError):
        boss.move_label(name, "v1", "main", "it was the wrong one", dry_run=True)
    with contextlib.suppress(MlvError):
        boss.delete_label(name, "v1", "it was the wrong one", dry_run=True)


def _outside(boss: Server, name: str) -> None:
    """Whom outside to tell and to ask: at a host that nobody can have, and no check that would stay in the way."""
    url = "https://hook.invalid/mlv?from=fuzz"
    asked = NewWebhook(name, url, ("commit", "lock.broken"), ("*.bin", "data/**"), "main", "a secret of some length")
    hook, _ = boss.add_webhook(asked)
    boss.list_webhooks(name)
    boss.pause_webhook(name, hook.id)
    boss.resume_webhook(name, hook.id, from_now=True)
    boss.rotate_webhook(name, hook.id, "another secret of some length", 60)
    boss.send_to_webhook(name, hook.id, 0, dry_run=True)
    boss.list_deliveries(name, hook.id)
    boss.delete_webhook(name, hook.id, dry_run=True)
    moments = (Moment.BEGIN, Moment.PUBLISH, Moment.LABEL, Moment.MERGE)
    boss.add_check(NewCheck(name, url, moments, "licences", "branch/*", ("*.bin",), 500), dry_run=True)
    boss.list_checks(name)
    for act in (boss.test_check, boss.delete_check):
        with contextlib.suppress(MlvError):
            act(name, "licences", dry_run=True)
    with contextlib.suppress(MlvError):
        boss.rotate_check(name, "licences", "another secret of some length", 60, dry_run=True)


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
        workspace.lock("notes.txt")
        (folder / "notes.txt").write_text("beside\n")
        (folder / "side.txt").write_text("new\n")
        workspace.add("side.txt")
        workspace.commit("on the side")
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
