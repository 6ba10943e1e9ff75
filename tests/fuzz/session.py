"""Messages to a real server on the loopback: those of real sessions, spoiled, by people of every role."""

from __future__ import annotations

import contextlib
import random
import shutil
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
from google.protobuf import message_factory
from google.protobuf.message import DecodeError, Message
from tests.fuzz.engine import Failure
from tests.fuzz.messages import Maker
from tests.fuzz.recording import FIRST, SECOND, Recorded, play, recording
from tests.fuzz.report import Session
from tests.servers import RunningServer
from tests.wire import METHODS

import mlv
from mlv.remote import connect
from mlv_core.errors import MlvError
from mlv_core.ids import RemoteAddress

BUGS = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS_OF_CALL"})
"""Never an answer of a server that is well; DEADLINE_EXCEEDED is ours and means that it hangs."""
CALL_SECONDS = 60.0
MEMORY_GROWTH = 512 * 2**20
"""What the server may hold over its start: packs in flight (budgets of 256 MiB), caches, a heap with holes."""
THREADS = 3
MEND_SECONDS = 5.0
_PROTECTED = frozenset({"admin", "the-maintainer", "the-contributor", "the-reader"})
_KEEP = frozenset({"repository", "dry_run"})


@dataclass
class Tally:
    """Counted by all threads."""

    sent: Counter[str] = field(default_factory=Counter)
    statuses: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failures: dict[str, Failure] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, status: str) -> None:
        """One call."""
        with self.lock:
            self.sent[method] += 1
            self.statuses[method][status] += 1

    def fail(self, failure: Failure) -> None:
        """A failure, each signature once."""
        with self.lock:
            self.failures.setdefault(failure.signature, failure)


def run(messages: int, seed: int, folder: Path) -> Session:
    """Send so many messages; what the server said, held, and was worth afterwards."""
    place = folder / "session"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    server = RunningServer.create(place / "server").start()
    try:
        with recording() as recorded:
            tokens, authority = play(server.url, server.fingerprint, server.admin_token, place)
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        start = peak = process.memory_info().rss
        tally = Tally()
        begun = mended = time.monotonic()
        target = RemoteAddress.parse(server.url).server.target
        senders = [
            Sender(target, authority, tokens, recorded, tally, random.Random(f"{seed} {number}"))
            for number in range(THREADS)
        ]
        share = -(-messages // THREADS)
        threads = [threading.Thread(target=sender.run, args=(share,)) for sender in senders]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            threads[0].join(0.5)
            with contextlib.suppress(psutil.Error):
                peak = max(peak, process.memory_info().rss)
            if time.monotonic() > mended + MEND_SECONDS:
                _mend(server, tokens, authority)
                mended = time.monotonic()
        seconds = time.monotonic() - begun
        peak = max(peak, process.memory_info().rss)
        _aftermath(server, tokens["admin"], place, tally, peak - start)
    finally:
        server.stop()
    report = server.verify()
    if report["damaged"] or report["foreign"]:
        tally.fail(Failure("server", "verify finds damage", b"", str(report)))
    statuses = {method: dict(counted) for method, counted in tally.statuses.items()}
    clean = not (report["damaged"] or report["foreign"])
    found = list(tally.failures.values())
    return Session(dict(tally.sent), statuses, seconds, peak, start, start + MEMORY_GROWTH, clean, found)


def _mend(server: RunningServer, tokens: dict[str, str], authority: bytes) -> None:
    """Give roles back that a message took."""
    with contextlib.closing(connect(RemoteAddress.parse(server.url).server, tokens["admin"], authority)) as boss:
        for role in ("maintainer", "contributor", "reader"):
            for name in (FIRST, SECOND):
                with contextlib.suppress(MlvError):
                    boss.grant_role(name, role, f"the-{role}")


def _aftermath(server: RunningServer, token: str, place: Path, tally: Tally, growth: int) -> None:
    """The server still works, has logged no failure of its own and held no more than it may."""
    for line in server.log:
        if "call failed" in line:
            tally.fail(Failure("server", f"call failed: {line.rpartition('Error')[0][-80:]}", b"", line[-3000:]))
    if growth > MEMORY_GROWTH:
        tally.fail(Failure("server", "memory", b"", f"grew by {growth} bytes"))
    with mlv.connect(server.url, token, server.fingerprint) as client:
        repository = client.create_repository("fuzz/afterwards")
        with repository.checkout(str(place / "after")) as workspace:
            (place / "after" / "a.txt").write_text("it works\n")
            workspace.add("a.txt")
            workspace.commit("after")
        if repository.version().read("a.txt") != b"it works\n":
            tally.fail(Failure("server", "a commit is not read back", b"", ""))


class Sender:
    """One thread's calls, over one connection."""

    def __init__(
        self,
        target: str,
        authority: bytes,
        tokens: dict[str, str],
        recorded: Recorded,
        tally: Tally,
        pick: random.Random,
    ) -> None:
        self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(authority))
        self._tokens, self._recorded, self._tally, self._pick = tokens, recorded, tally, pick
        self._known = known(recorded)
        self._methods = sorted(METHODS)

    def run(self, count: int) -> None:
        """Send so many."""
        for number in range(count):
            method = self._methods[number % len(self._methods)]
            role = self._pick.choice((*self._tokens, "maintainer", "maintainer", ""))
            messages = self._messages(method)
            status, said = self._send(method, role, messages)
            self._tally.note(method, status)
            if status in BUGS or (status == "INVALID_ARGUMENT" and not said):
                data = b"\n--\n".join(messages)
                self._tally.fail(Failure(method, f"{method} {status} {said[:60]}", data, f"{role}: {said}"))
            if status == "UNAVAILABLE":
                break
        self._channel.close()

    def _messages(self, method: str) -> list[bytes]:
        """The messages of one call: recorded ones spoiled, new ones, or bytes that are none."""
        descriptor = METHODS[method]
        kind = message_factory.GetMessageClass(descriptor.input_type)
        maker = Maker(self._pick, self._known)
        recorded = self._recorded.get(method)
        chance = self._pick.random()
        if recorded and chance < 0.75:
            made = [self._spoiled(maker, kind, data) for data in self._pick.choice(recorded)]
        else:
            made = [
                maker.message(kind) for _ in range(self._pick.randrange(1, 4) if descriptor.client_streaming else 1)
            ]
        parts = [self._safe(method, message).SerializeToString() for message in made]
        if chance > 0.97:
            at = self._pick.randrange(len(parts)) if parts else 0
            parts[at : at + 1] = [self._pick.randbytes(self._pick.choice((1, 5, 40)))]
        if descriptor.client_streaming:
            self._shuffle(parts)
        return parts or [b""]

    def _spoiled(self, maker: Maker, kind: type[Message], data: bytes) -> Message:
        try:
            good = kind.FromString(data)
        except DecodeError:
            return maker.message(kind)
        return good if self._pick.random() < 0.15 else maker.spoil(good, keep=_KEEP)

    def _safe(self, method: str, message: Any) -> Message:
        """A new request id for most; nobody who is needed is shut out, and nothing waits for ever."""
        fields = message.DESCRIPTOR.fields_by_name
        if "request_id" in fields and self._pick.random() < 0.8:
            message.request_id = str(uuid.UUID(bytes=self._pick.randbytes(16)))
        if "repository" in fields and self._pick.random() < 0.5:
            message.repository = self._pick.choice((FIRST, SECOND))
        harsh = method.rpartition(".")[2] in {"DisableUser", "RevokeToken", "ExchangeToken"}
        if harsh and "dry_run" in fields and (getattr(message, "name", "") in _PROTECTED or hasattr(message, "id")):
            message.dry_run = True
        if "follow" in fields:
            message.ClearField("follow")  # a stream that is in order would last until its deadline
        return message  # type: ignore[no-any-return]

    def _shuffle(self, parts: list[bytes]) -> None:
        """Streams: left out, said twice, in another order."""
        act = self._pick.randrange(8)
        if act == 0 and parts:
            del parts[self._pick.randrange(len(parts))]
        elif act == 1 and parts:
            parts.append(self._pick.choice(parts))
        elif act == 2:
            self._pick.shuffle(parts)
        elif act == 3:
            del parts[self._pick.randrange(len(parts) + 1) :]

    def _send(self, method: str, role: str, messages: list[bytes]) -> tuple[str, str]:
        """The status of the call, and what the server said. One call of ten is broken off."""
        descriptor = METHODS[method]
        path = "/{0}/{2}".format(*method.rpartition("."))
        upload = str(uuid.UUID(int=self._pick.randrange(4)))
        metadata = [
            ("mlv-repository", self._pick.choice((FIRST, FIRST, SECOND, "fuzz/none", ""))),
            ("mlv-upload", upload),
        ]
        if role:
            metadata.append(("authorization", f"Bearer {self._tokens[role]}"))
        breaks = self._pick.random() < 0.1
        options: dict[str, Any] = {"timeout": CALL_SECONDS, "metadata": tuple(metadata)}
        try:
            if descriptor.client_streaming and descriptor.server_streaming:
                return _drain(self._channel.stream_stream(path)(iter(messages), **options), breaks=breaks)
            if descriptor.server_streaming:
                return _drain(self._channel.unary_stream(path)(messages[0], **options), breaks=breaks)
            if descriptor.client_streaming:
                call = self._channel.stream_unary(path).future(iter(messages), **options)
            else:
                call = self._channel.unary_unary(path).future(messages[0], **options)
            if breaks:
                time.sleep(0)
                call.cancel()
            call.result()
        except grpc.FutureCancelledError:
            return "CANCELLED", ""
        except grpc.RpcError as error:
            return error.code().name, error.details() or ""
        return "OK", ""


def _drain(call: Any, *, breaks: bool) -> tuple[str, str]:
    for _ in call:
        if breaks:
            call.cancel()
            return "CANCELLED", ""
    return "OK", ""


def known(recorded: Recorded) -> list[object]:
    """Texts and hashes that stand in recorded messages: names that mean something to the server."""
    found: dict[object, None] = {FIRST: None, SECOND: None}
    for method, calls in recorded.items():
        kind = message_factory.GetMessageClass(METHODS[method].input_type)
        for data in (part for call in calls for part in call):
            if len(data) < 4096:
                found.update(dict.fromkeys(_values(kind.FromString(data))))
    return list(found)


def _values(message: Message) -> Iterator[object]:
    for descriptor, value in message.ListFields():
        for item in value if descriptor.is_repeated else [value]:
            if isinstance(item, Message):
                yield from _values(item)
            elif isinstance(item, str) and item:
                yield item
            elif isinstance(item, bytes):
                yield from (item[at : at + 32] for at in range(0, len(item) - 31, 32))
