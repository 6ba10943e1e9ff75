"""What a client says when the line breaks while it sends a stream."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from mlv.remote.channel import Channel
from mlv_core.errors import Unreachable
from mlv_core.ids import RemoteAddress


@pytest.fixture
def channel():
    """A client of a server that goes away after the first message of a stream."""

    def leave(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        next(messages)
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    server = grpc.server(ThreadPoolExecutor(1))
    methods = {"PutPack": grpc.stream_unary_rpc_method_handler(leave)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("mlv.v1.ContentService", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    client = Channel(RemoteAddress.parse(f"mlv+plain://127.0.0.1:{port}").server, None, None)
    yield client
    client.close()
    server.stop(None).wait()


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


def test_a_line_that_breaks_in_a_stream_is_named_as_such(channel):
    with pytest.raises(Unreachable):
        channel.send("ContentService/PutPack", endless(), bytes, bytes, ()).result()
