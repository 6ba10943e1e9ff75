"""Calls of the client: what goes along, what is tried again, how failures arrive, what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from mlv.remote import Server, connect
from mlv_core.entities import Label
from mlv_core.errors import (
    Denied,
    FileChanging,
    InternalError,
    LockHeld,
    MlvError,
    Unreachable,
    UntrustedServer,
    VersionSkew,
)
from mlv_core.ids import ChangesetNumber, RepositoryName, ServerAddress
from mlv_core.requests import Range, RangeKind
from mlv_proto.convert.content import chunk_from_bytes, chunk_to_bytes
from mlv_proto.convert.errors import error_to_detail
from mlv_proto.convert.values import label_to_wire
from mlv_proto.v1 import content_pb2, repositories_pb2, server_pb2

REPO = RepositoryName("fraud", "detector")
LABEL = Label("v1", ChangesetNumber(2), "m", "bob", 5)
LABELS = repositories_pb2.ListLabelsResponse(labels=[label_to_wire(LABEL)]).SerializeToString()


@pytest.fixture
def server(plain: Any) -> Iterator[Server]:
    found = connect(plain.address(plaintext=True), "secret", None, "ws-1", 5.0)
    yield found
    found.close()


def refuse(error: MlvError) -> Any:
    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        detail = error_to_detail(error, "id").SerializeToString()
        context.set_trailing_metadata((("mlv-error-bin", detail),))
        context.abort(grpc.StatusCode[error.status], error.message)

    return answer


def test_each_call_says_who_asks_and_has_a_deadline(plain: Any, server: Server):
    plain.answers["ListLabels"] = lambda _request, _context: LABELS
    assert server.list_labels(REPO) == (LABEL,)
    assert server.list_labels(REPO) == (LABEL,)
    first, second = plain.seen
    assert first.metadata["authorization"] == "Bearer secret"
    assert first.metadata["mlv-workspace"] == "ws-1"
    assert first.metadata["mlv-client-version"]
    assert first.metadata["mlv-request-id"] != second.metadata["mlv-request-id"]
    assert 0 < first.deadline < 120


def test_sent_and_received_messages_are_counted(plain: Any, server: Server):
    plain.answers["ListLabels"] = lambda _request, _context: LABELS
    server.list_labels(REPO)
    sent = repositories_pb2.ListLabelsRequest(repository=str(REPO)).ByteSize()
    assert (server.counters.sent_bytes, server.counters.received_bytes) == (sent, len(LABELS))


def test_C3_a_server_that_is_away_for_a_moment_is_asked_again_under_the_same_request_id(plain: Any, server: Server):
    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        if len(plain.seen) < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        return LABELS

    plain.answers["ListLabels"] = answer
    assert server.list_labels(REPO) == (LABEL,)
    assert len({call.metadata["mlv-request-id"] for call in plain.seen}) == 1


def test_C3_tries_end_with_exit_6(plain: Any):
    plain.answers["ListLabels"] = lambda _request, context: context.abort(grpc.StatusCode.UNAVAILABLE, "away")
    server = connect(plain.address(plaintext=True), "secret", None, timeout_seconds=0.3)
    with pytest.raises(Unreachable) as caught:
        server.list_labels(REPO)
    server.close()
    assert caught.value.exit_code == 6


def test_nobody_listens():
    server = connect(ServerAddress("127.0.0.1", 1, plaintext=True), "secret", None, timeout_seconds=0.2)
    with pytest.raises(Unreachable, match="does not answer"):
        server.list_labels(REPO)
    server.close()


def test_a_refusal_arrives_as_the_class_that_was_raised(plain: Any, server: Server):
    plain.answers["ListLabels"] = refuse(Denied("no", advice="ask", items=("a", "b")))
    with pytest.raises(Denied) as caught:
        server.list_labels(REPO)
    assert (caught.value.message, caught.value.advice, caught.value.items) == ("no", "ask", ("a", "b"))
    assert len(plain.seen) == 1


def test_a_refusal_in_the_middle_of_a_stream_arrives_too(plain: Any, server: Server):
    def answer(_request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield chunk_to_bytes(b"first")
        refuse(LockHeld("held"))(b"", context)

    plain.answers["GetRanges"] = answer
    chunks = server.get_ranges(REPO, ChangesetNumber(1), (Range(RangeKind.FILE, bytes(32), 0, 9),))
    assert next(chunks) == b"first"
    with pytest.raises(LockHeld):
        next(chunks)


def test_an_unknown_call_is_version_skew_and_a_bug_is_internal(plain: Any, server: Server):
    with pytest.raises(VersionSkew):
        server.list_labels(REPO)
    plain.answers["ListLabels"] = lambda _request, context: context.abort(grpc.StatusCode.UNKNOWN, "boom")
    with pytest.raises(InternalError):
        server.list_labels(REPO)


def test_a_pack_is_sent_in_a_stream(plain: Any, server: Server):
    def answer(requests: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        data = b"".join(chunk_from_bytes(request) for request in requests)
        return content_pb2.PutPackResponse(pack=data[:32], stored_bytes=len(data)).SerializeToString()

    plain.answers["PutPack"] = answer
    assert server.put_pack(REPO, "up", iter([(b"a" * 32,), (b"b" * 60, b"b" * 8)])).result() == (b"a" * 32, 100)
    assert plain.seen[0].metadata["mlv-repository"] == str(REPO)
    assert plain.seen[0].metadata["mlv-upload"] == "up"
    assert server.counters.sent_bytes == len(chunk_to_bytes(b"a" * 32) + chunk_to_bytes(b"b" * 68))


def test_what_fails_while_a_pack_is_made_is_raised_as_it_is(plain: Any, server: Server):
    def chunks() -> Iterator[tuple[bytes]]:
        yield (b"a",)
        raise FileChanging("model.pt keeps changing.")

    plain.answers["PutPack"] = lambda requests, _context: b"".join(requests)
    with pytest.raises(FileChanging):
        server.put_pack(REPO, "up", chunks()).result()


def test_plaintext_is_for_the_loopback_only():
    with pytest.raises(UntrustedServer):
        connect(ServerAddress("10.1.2.3", 7420, plaintext=True), "secret", None)


def test_P7_without_a_confirmed_authority_nothing_is_sent():
    with pytest.raises(UntrustedServer, match="not known"):
        connect(ServerAddress("127.0.0.1", 7420), "secret", None)


def test_a_server_that_nobody_signed_in_to_can_be_asked_what_it_is(plain: Any):
    answer = server_pb2.GetServerResponse(version="1", codecs=[0, 3], protocol=1).SerializeToString()
    plain.answers["GetServer"] = lambda _request, _context: answer
    server = connect(plain.address(plaintext=True), None, None)
    assert server.info().codecs == {0, 3}
    assert "authorization" not in plain.seen[0].metadata
    server.close()
