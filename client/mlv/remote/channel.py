"""One connection to a server: metadata, deadlines, retries and byte counts of every call."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from mlv.remote import errors
from mlv_core.deferred import dataclass
from mlv_core.errors import LimitExceeded, Unreachable
from mlv_core.ids import ServerAddress

T = TypeVar("T")
R = TypeVar("R")

MESSAGE_LIMIT = 8 << 20
"""What a server takes, and answers with, in one message."""
OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
CALL_SECONDS = 60.0
"""Deadline of an ordinary call."""
LONG_CALL_SECONDS = 900.0
"""Deadline of a call in which the server reads content through, or lists of a million files are sent."""
STREAM_SECONDS = 24 * 3600.0
"""Deadline of a stream of content; a dead peer is found by keepalive long before."""
CUT_SECONDS = 60.0
"""How long retries go on once content has begun to move, if the user named no limit: a line comes back, and what was
sent or fetched so far need not be sent again (docs/decisions/0017).
"""
CLOSE_SECONDS = 1.0
"""How long the calls that still run are waited for when a connection is closed; they are cancelled."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


@dataclass(slots=True)
class Counters:
    """Serialized gRPC messages of this connection, in bytes, before TLS."""

    sent_bytes: int = 0
    received_bytes: int = 0
    calls: int = 0


class Sending(Generic[R]):
    """A stream on its way to the server."""

    def __init__(self, call: grpc.Future[R], failed: list[BaseException], address: ServerAddress) -> None:
        self._call = call
        self._failed = failed
        self._address = address

    def result(self) -> R:
        """Wait for the answer. Raises: as `Channel.unary`; what failed while the messages were made, as it is.

        It is not tried again.
        """
        try:
            return self._call.result()
        except grpc.RpcError as error:
            if self._failed:
                raise self._failed[0] from error
            raise errors.named(error, self._address) from error
        except grpc.FutureCancelledError as error:
            raise Unreachable("The transfer was cancelled.") from error

    def when_done(self, act: Callable[[], None]) -> None:
        """Call `act`, in a thread of the connection's own, once the answer or a failure is there."""
        self._call.add_done_callback(lambda _: act())

    def cancel(self) -> None:
        """Break it off, unless it is done."""
        self._call.cancel()


class Channel:
    """Calls methods by name; safe for use from several threads."""

    def __init__(
        self,
        address: ServerAddress,
        token: str | None,
        authority_pem: bytes | None,
        *,
        workspace_id: str = "",
        seen: str = "",
        timeout_seconds: float = 10.0,
        cut_seconds: float | None = None,
        version: str = "",
    ) -> None:
        """Retries of a call stop after `timeout_seconds`; once content has begun to move, after `cut_seconds`.

        `seen` says to the server what the workspace was told of already, as `mlv-seen` (notices.proto).
        """
        self.address = address
        self.counters = Counters()
        self._counting = threading.Lock()
        self._timeout = timeout_seconds
        self._cut_timeout = timeout_seconds if cut_seconds is None else cut_seconds
        self._metadata: tuple[tuple[str, str], ...] = (("mlv-client-version", version),)
        if token:
            self._metadata += (("authorization", f"Bearer {token}"),)
        if workspace_id:
            self._metadata += (("mlv-workspace", workspace_id),)
        if workspace_id and seen:
            self._metadata += (("mlv-seen", seen),)
        self.noticed: int | None = None
        # gRPC's name for the time that one attempt to connect may take, its handshakes included.
        options = (*OPTIONS, ("grpc.min_reconnect_backoff_ms", max(1, int(timeout_seconds * 1000))))
        if address.plaintext:
            self._channel = grpc.insecure_channel(address.target, options)
        else:
            credentials = grpc.ssl_channel_credentials(root_certificates=authority_pem)
            self._channel = grpc.secure_channel(address.target, credentials, options)

    def unary(
        self, method: str, request: Message, answer: type[T], *, again: bool = True, seconds: float = CALL_SECONDS
    ) -> T:
        """Call `Service/Method`; with `again` it is tried anew, with full jitter, while the server is away.

        Raises: the error that the server raised; Unreachable, UntrustedServer; LimitExceeded, and nothing is sent, for
        a request that no message can hold.
        """
        _check_size(request)
        call = self._channel.unary_unary(
            f"/mlv.v1.{method}", self._counted(type(request).SerializeToString), self._received(answer)
        )
        metadata = self._with_request_id(())

        def once() -> T:
            found, done = call.with_call(request, timeout=seconds, metadata=metadata)
            self._note(done)
            return found

        return self._retrying(once, again=again)

    def answers(
        self,
        method: str,
        request: Message,
        parse: Callable[[bytes], T],
        *,
        seconds: float = STREAM_SECONDS,
        again: bool = True,
    ) -> Iterator[T]:
        """Call a method that answers with a stream; `parse` reads each message.

        Raises: as `unary`, also while the stream is read; it is not tried again once something arrived.
        """
        return self.exchange(method, lambda: iter((request,)), parse, seconds=seconds, again=again)

    def exchange(
        self,
        method: str,
        requests: Callable[[], Iterator[Message]],
        parse: Callable[[bytes], T],
        *,
        seconds: float = LONG_CALL_SECONDS,
        again: bool = True,
    ) -> Iterator[T]:
        """Call a method that is sent a request in one or more messages and answers with a stream.

        `requests` makes the messages anew for each try. Raises: as `answers`.
        """
        metadata = self._with_request_id(())

        def begin() -> tuple[Any, list[T]]:
            stream = self._send_slices(method, requests(), parse, seconds, metadata)
            first = next(stream, None)
            return stream, [] if first is None else [first]

        stream, first = self._retrying(begin, again=again)
        self._timeout = self._cut_timeout
        try:
            yield from first
            yield from stream
            self._note(stream)
        except grpc.RpcError as error:
            self._note(error)
            raise errors.named(error, self.address) from error
        finally:
            stream.cancel()

    def send(
        self,
        method: str,
        messages: Iterable[T],
        serialize: Callable[[T], bytes],
        answer: Callable[[bytes], R],
        metadata: tuple[tuple[str, str], ...],
    ) -> Sending[R]:
        """Begin to call a method that is sent a stream; the messages are made in a thread of the connection's own."""
        call = self._channel.stream_unary(f"/mlv.v1.{method}", self._counted(serialize), self._counting_parse(answer))
        failed: list[BaseException] = []

        def watched() -> Iterator[T]:
            try:
                yield from messages
            except GeneratorExit:
                raise  # gRPC ends what it can send no more: the call itself says why
            except BaseException as error:
                failed.append(error)
                raise

        self._timeout = self._cut_timeout
        begun = call.future(watched(), timeout=STREAM_SECONDS, metadata=self._with_request_id(metadata))
        return Sending(begun, failed, self.address)

    def _send_slices(
        self,
        method: str,
        messages: Iterator[Message],
        parse: Callable[[bytes], T],
        seconds: float,
        metadata: tuple[tuple[str, str], ...],
    ) -> Any:  # noqa: ANN401 - gRPC's call, which is an iterator too
        """Begin a call; a stream of one message is the same bytes as a single message, and needs no thread."""
        first, second = next(messages), next(messages, None)
        _check_size(first)
        path, sent = f"/mlv.v1.{method}", self._counted(type(first).SerializeToString)
        if second is None:
            one = self._channel.unary_stream(path, sent, self._counting_parse(parse))
            return one(first, timeout=seconds, metadata=metadata)
        many = self._channel.stream_stream(path, sent, self._counting_parse(parse))
        return many(chain((first, second), messages), timeout=seconds, metadata=metadata)

    def close(self) -> None:
        """Close the connection, or leave it to the end of the process.

        An interrupt (Ctrl-C) in the moment in which gRPC begins a call leaves a call behind that nothing ends, and its
        close waits for each: so that is waited for in a thread that the end of the process does not wait for.
        """
        closing = threading.Thread(target=self._channel.close, name="mlv-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    def _retrying(self, act: Callable[[], T], *, again: bool) -> T:
        self.counters.calls += 1
        deadline = time.monotonic() + self._timeout
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return act()
            except grpc.RpcError as error:
                self._note(error)
                away = errors.code_of(error) is grpc.StatusCode.UNAVAILABLE
                named = errors.named(error, self.address)
                wait = random.uniform(0, pause)  # noqa: S311 - jitter, no secret
                worth = again and away and named.exit_code == Unreachable.exit_code
                if not worth or time.monotonic() + wait > deadline:
                    raise named from error
                time.sleep(wait)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _note(self, ended: Any) -> None:  # noqa: ANN401 - a call or a failure of gRPC's
        """Remember what the end of an answer says besides: that something concerns this workspace."""
        for key, value in ended.trailing_metadata() or ():
            if key == "mlv-notices" and isinstance(value, str) and value.isdecimal():
                self.noticed = max(int(value), self.noticed or 0)

    def _with_request_id(self, more: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return (*self._metadata, ("mlv-request-id", str(uuid.uuid4())), *more)

    def _counted(self, serialize: Callable[[T], bytes]) -> Callable[[T], bytes]:
        def count(message: T) -> bytes:
            data = serialize(message)
            with self._counting:
                self.counters.sent_bytes += len(data)
            return data

        return count

    def _received(self, answer: type[T]) -> Callable[[bytes], T]:
        return self._counting_parse(answer.FromString)  # type: ignore[attr-defined]

    def _counting_parse(self, parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
        def count(data: bytes) -> T:
            with self._counting:
                self.counters.received_bytes += len(data)
            return parse(data)

        return count


def _check_size(request: Message) -> None:
    """Raises: LimitExceeded."""
    size = request.ByteSize()
    if size > MESSAGE_LIMIT:
        raise LimitExceeded(
            f"The request has {size:,} bytes beside its list of files; a message holds {MESSAGE_LIMIT:,}.",
            advice="Give fewer or shorter texts.",
        )
