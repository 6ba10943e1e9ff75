"""The published messages sent by hand: what a client of ours would never send, and what comes back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from tests.servers import User

from mlv.remote import credentials
from mlv_core.ids import RemoteAddress
from mlv_proto.v1 import values_pb2
from mlv_server.rpc.server import declared_methods

METHODS: dict[str, MethodDescriptor] = {name: found[1] for name, found in declared_methods().items()}
"""Every method of the contract by its full name."""
CALL_SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """What came back: the status, the error's own name and text, the messages of an answer."""

    status: str
    code: str
    message: str
    answers: tuple[Any, ...]
    advice: str = ""
    items: tuple[str, ...] = ()


class Wire:
    """Calls of one user by hand."""

    def __init__(self, user: User) -> None:
        (found,) = credentials.load(str(user.config)).values()
        target = RemoteAddress.parse(found.url).server.target
        self._metadata = (("authorization", f"Bearer {found.token}"),)
        self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(found.authority_pem.encode()))

    def send(self, method: str, request: bytes | Iterable[bytes], metadata: tuple[tuple[str, str], ...] = ()) -> Reply:
        """Call `mlv.v1.Service.Method` with these bytes; for a stream of requests, with each of them."""
        descriptor = METHODS[method]
        answer = message_factory.GetMessageClass(descriptor.output_type)
        path = "/{0}/{2}".format(*method.rpartition("."))
        options: dict[str, Any] = {"timeout": CALL_SECONDS, "metadata": self._metadata + metadata}
        try:
            stream = iter([request]) if isinstance(request, bytes) else iter(request)
            if descriptor.client_streaming and descriptor.server_streaming:
                found = list(self._channel.stream_stream(path, None, answer.FromString)(stream, **options))
            elif descriptor.client_streaming:
                found = [self._channel.stream_unary(path, None, answer.FromString)(stream, **options)]
            elif descriptor.server_streaming:
                found = list(self._channel.unary_stream(path, None, answer.FromString)(request, **options))
            else:
                found = [self._channel.unary_unary(path, None, answer.FromString)(request, **options)]
        except grpc.RpcError as error:
            detail = values_pb2.ErrorDetail()
            for key, value in error.trailing_metadata() or ():
                if key == "mlv-error-bin":
                    detail.ParseFromString(value)
            said = (detail.advice, tuple(detail.items))
            return Reply(error.code().name, detail.code, error.details() or "", (), *said)
        return Reply("OK", "", "", tuple(found))

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


@contextlib.contextmanager
def wire(user: User) -> Iterator[Wire]:
    """A connection of this user, closed at the end."""
    made = Wire(user)
    try:
        yield made
    finally:
        made.close()
