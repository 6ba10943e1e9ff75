"""A stop with calls in flight: they finish, new ones are refused, and a second signal does not wait for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.servers import Team, running_team
from tests.wire import Reply, Wire, wire

from mlv_core.codecs import encode_group
from mlv_core.hashing import hash_content
from mlv_core.packs import PackBuilder, frame_of
from mlv_proto.v1 import content_pb2, identity_pb2

REPOSITORY = "fraud/detector"
DATA = b"plain text " * 1000
WAIT_SECONDS = 60


def pack() -> bytes:
    builder = PackBuilder()
    frame = frame_of(encode_group(DATA), (), ((hash_content(DATA), len(DATA)),))
    return b"".join([builder.start(), builder.add(frame), builder.finish()])


class SlowUpload:
    """A pack on its way to the server whose last byte waits for `finish`."""

    def __init__(self, line: Wire, pool: ThreadPoolExecutor) -> None:
        self.begun, self.finish = threading.Event(), threading.Event()
        metadata = (("mlv-repository", REPOSITORY),)
        self.reply: Future[Reply] = pool.submit(line.send, "mlv.v1.ContentService.PutPack", self._chunks(), metadata)

    def _chunks(self) -> Iterator[bytes]:
        data = pack()
        yield content_pb2.Chunk(data=data[:-1]).SerializeToString()
        self.begun.set()
        self.finish.wait(WAIT_SECONDS)
        yield content_pb2.Chunk(data=data[-1:]).SerializeToString()


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with running_team(tmp_path) as made:
        made.admin.mlv("repo", "create", REPOSITORY)
        yield made


def in_flight(team: Team) -> bool:
    """Wait until the server itself has begun to keep a pack: that the client sent a part of it says less."""
    tick = threading.Event()
    drafts = team.server.directory / "content" / "tmp"
    return any(any(file.stat().st_size for file in drafts.glob("*")) or tick.wait(0.05) for _ in range(1200))


def seen(team: Team, event: str) -> bool:
    """Wait until the server has logged `event`."""
    tick = threading.Event()
    return any(any(f'"{event}"' in line for line in team.server.log) or tick.wait(0.05) for _ in range(1200))


def test_what_is_in_flight_finishes_and_what_comes_is_refused(team: Team) -> None:
    process = team.server.process
    assert process is not None
    with ThreadPoolExecutor(1) as pool, wire(team.admin) as line, wire(team.admin) as other:
        who = identity_pb2.WhoAmIRequest().SerializeToString()
        assert other.send("mlv.v1.IdentityService.WhoAmI", who).status == "OK"
        upload = SlowUpload(line, pool)
        assert upload.begun.wait(WAIT_SECONDS)
        assert in_flight(team)
        process.send_signal(signal.SIGTERM)
        assert seen(team, "stopping")
        assert other.send("mlv.v1.IdentityService.WhoAmI", who).status == "UNAVAILABLE"
        upload.finish.set()
        assert upload.reply.result(WAIT_SECONDS).status == "OK"
        assert process.wait(WAIT_SECONDS) == 0
    team.server.process = None
    team.server.start()
    assert team.server.verify()["damaged"] == []


def test_a_second_signal_ends_the_process_at_once_and_nothing_is_lost(team: Team) -> None:
    process = team.server.process
    assert process is not None
    with ThreadPoolExecutor(1) as pool, wire(team.admin) as line:
        upload = SlowUpload(line, pool)
        assert upload.begun.wait(WAIT_SECONDS)
        assert in_flight(team)
        process.send_signal(signal.SIGTERM)
        assert seen(team, "stopping")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 128 + signal.SIGTERM
        upload.finish.set()
        assert upload.reply.result(WAIT_SECONDS).status == "UNAVAILABLE"
    team.server.process = None
    team.server.start()
    assert team.server.verify()["damaged"] == []
