"""Requests and answers in several messages: every verb works with small messages, and broken streams leave nothing."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tests.servers import RunningServer, Team, User
from tests.wire import Reply, Wire, wire

from mlv_core.hashing import hash_content
from mlv_proto.v1 import commits_pb2, history_pb2, locks_pb2, repositories_pb2, values_pb2

SMALL = """
from mlv_proto.convert import slices
slices.SLICE_ROWS = 40
slices.SLICE_BYTES = 8 << 10
from mlv_server.content import plans
plans.PART_PIECES = 16
from mlv_server.services import history
history.BATCH_ROWS = 40
"""
"""What a process of these tests runs first: limits that 1,000 files pass many times over."""
MESSAGE_LIMIT = (
    "import mlv_server.rpc.server as s\ns.OPTIONS = (('grpc.max_receive_message_length', 5 << 18), *s.OPTIONS[1:])\n"
)
FILES_LIMIT = 1_500
FILES = 1_000


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A server and people whose messages are small; the server takes at most 1.25 MiB and 1,500 files at once."""
    folder = tmp_path_factory.mktemp("slices")
    for side, text in (("client", SMALL), ("served", SMALL + MESSAGE_LIMIT)):
        (folder / side).mkdir()
        (folder / side / "sitecustomize.py").write_text(text)
    server = RunningServer.create(folder / "server")
    server.environment = {"PYTHONPATH": str(folder / "served"), "MLV_LIMITS_FILES_PER_COMMIT": str(FILES_LIMIT)}
    server.start()
    try:
        made = Team(server, folder / "people")
        made.admin.environment["PYTHONPATH"] = str(folder / "client")
        yield made
    finally:
        server.stop()


@pytest.fixture(scope="module")
def workspace(team: Team) -> Path:
    """A workspace whose @1 has 1,000 small files in ten folders."""
    team.admin.mlv("repo", "create", "big/files")
    team.admin.mlv("checkout", "big/files", "one")
    folder = team.admin.home / "one"
    for number in range(FILES):
        file = folder / f"part-{number // 100}" / f"image-{number:04d}.bin"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\0%d" % (number % 50))
    team.admin.mlv("add", ".", cwd=folder)
    done = team.admin.mlv("commit", "-m", "all", "--json", cwd=folder).json
    assert len(done["paths"]) == FILES
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and ".mlv" not in file.relative_to(folder).parts
    }


@pytest.mark.slow
def test_every_verb_works_with_messages_of_forty_files(team: Team, workspace: Path) -> None:
    admin = team.admin
    admin.mlv("checkout", "big/files", "two")
    two = admin.home / "two"
    assert content_of(two) == content_of(workspace)
    assert len(admin.mlv("ls", "--json", cwd=two).json) == FILES
    assert len(admin.mlv("diff", "@0", "@1", "--json", cwd=two).json) == FILES
    admin.mlv("edit", "part-1", "part-2", cwd=workspace)
    for number in (1, 2):
        for file in (workspace / f"part-{number}").iterdir():
            file.write_bytes(file.read_bytes() + b"!")
    assert held(admin) == 200
    assert len(admin.mlv("commit", "-m", "two hundred", "--json", cwd=workspace).json["released"]) == 200
    admin.mlv("update", cwd=two)
    assert content_of(two) == content_of(workspace)
    assert admin.mlv("undo", "@2", "--json", cwd=workspace).json["changeset"] == 3
    admin.mlv("update", cwd=two)
    assert content_of(two)["part-1/image-0100.bin"] == b"\x000"
    assert admin.mlv("log", "--json", cwd=two).json[0]["files"] == 200


def test_B1_B3_merges_of_many_files_and_of_many_conflicts_come_in_many_messages(team: Team) -> None:
    admin = team.admin
    admin.mlv("repo", "create", "big/merges")
    admin.mlv("checkout", "big/merges", "main")
    main, side = admin.home / "main", admin.home / "side"
    (main / "first.txt").write_bytes(b"1\n")
    admin.mlv("add", ".", cwd=main)
    admin.mlv("commit", "-m", "base", cwd=main)
    admin.mlv("branch", "side", cwd=main)
    admin.mlv("checkout", "big/merges@side", "side", "--branch", "side")
    for number in range(200):
        (side / f"{number:03}.bin").write_bytes(b"\0side %d" % number)
        if number >= 50:
            (main / f"{number:03}.bin").write_bytes(b"\0main %d" % number)
    for folder in (main, side):
        admin.mlv("add", ".", cwd=folder)
        admin.mlv("commit", "-m", "work", cwd=folder)
    found = admin.mlv("merge", "side", "--json", cwd=main, code=3).json
    assert [one["path"] for one in found["conflicts"]] == [f"{number:03}.bin" for number in range(50, 200)]
    admin.mlv("resolve", "--accept", "theirs", ".", cwd=main)
    done = admin.mlv("merge", "--continue", "--json", cwd=main).json
    assert sorted({one["path"] for one in done["changes"]}) == [f"{number:03}.bin" for number in range(200)]
    assert content_of(main) == content_of(side)


@pytest.mark.slow
def test_a_file_of_many_segments_comes_in_stretches(team: Team, tmp_path: Path) -> None:
    """Cut by content into far more than 16 pieces, first whole and then as a change of its middle and front."""
    admin = team.admin
    admin.mlv("repo", "create", "big/blob")
    admin.mlv("checkout", "big/blob", "three")
    admin.mlv("checkout", "big/blob", "four")
    three, four = admin.home / "three", admin.home / "four"
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(500_000))
    for data in (noise, b"front" + noise[: 7 << 20] + b"middle" + noise[7 << 20 :], noise[5 << 20 :]):
        (three / "blob.dat").unlink(missing_ok=True)
        (three / "blob.dat").write_bytes(data)
        admin.mlv("add", "blob.dat", cwd=three, code=None)
        admin.mlv("lock", "blob.dat", cwd=three, code=None)
        admin.mlv("commit", "-m", "next", cwd=three)
        admin.mlv("update", cwd=four)
        assert (four / "blob.dat").read_bytes() == data


@pytest.fixture
def line(team: Team, workspace: Path) -> Iterator[Wire]:
    """The admin's calls by hand."""
    assert workspace.exists()
    with wire(team.admin) as made:
        yield made


def changes(first: int, count: int) -> values_pb2.Changes:
    """New files of the content that image-0000 has."""
    return values_pb2.Changes(
        paths=[f"new/{number:05d}" for number in range(first, first + count)],
        operations=[values_pb2.OPERATION_ADD] * count,
        modes=[values_pb2.FILE_MODE_REGULAR] * count,
        texts=[False] * count,
        sizes=[2] * count,
        hashes=hash_content(b"\x000") * count,
    )


def head(request_id: str, rows: int, count: int) -> commits_pb2.PublishRequest:
    """The first message of a Publish that says it has `rows` files, with `count` of them."""
    return commits_pb2.PublishRequest(
        repository="big/files",
        request_id=request_id,
        branch="main",
        message="by hand",
        changes=changes(0, count),
        bases=[1],
        prepared_min=1,
        prepared_max=1,
        rows=rows,
    )


def more(first: int, count: int) -> commits_pb2.PublishRequest:
    return commits_pb2.PublishRequest(changes=changes(first, count), bases=[1])


def send(line: Wire, *messages: commits_pb2.PublishRequest) -> Reply:
    return line.send("mlv.v1.CommitsService.Publish", [message.SerializeToString() for message in messages])


def newest(line: Wire) -> int:
    asked = history_pb2.ListChangesetsRequest(repository="big/files", page_size=1)
    (answer,) = line.send("mlv.v1.HistoryService.ListChangesets", asked.SerializeToString()).answers
    return int(answer.changesets[0].number)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ((head("a", 30, 10), more(10, 10)), "ended after 20"),
        ((head("b", 20, 10), more(10, 10), more(20, 10)), "came after 20"),
        ((head("c", 15, 10), more(10, 10)), "20 entries came"),
        ((head("d", 0, 10), more(10, 10)), "came after 10"),
        ((head("e", 30, 10), more(0, 0), more(10, 20)), "holds no entry"),
        ((head("f", 20, 10), head("f", 20, 10)), "after the first one"),
        ((head("g", 20, 10), more(0, 10)), "twice"),
        ((), "no repository"),
    ],
)
def test_C2_a_stream_that_is_not_what_it_says_makes_no_changeset(
    line: Wire, messages: tuple[commits_pb2.PublishRequest, ...], said: str
) -> None:
    before = newest(line)
    reply = send(line, *messages)
    assert (reply.code, newest(line)) == ("INVALID_REQUEST", before)
    assert said in reply.message


def test_too_many_files_are_refused_at_the_first_message_that_says_so(line: Wire) -> None:
    taken: list[int] = []

    def counted(first: commits_pb2.PublishRequest) -> Iterator[bytes]:
        yield first.SerializeToString()
        for number in range(10, 1 << 20, 1_000):
            taken.append(number)
            yield more(number, 1_000).SerializeToString()

    before = newest(line)
    declared = line.send("mlv.v1.CommitsService.Publish", counted(head("i", 10_000_000, 10)))
    assert (declared.code, newest(line)) == ("LIMIT_EXCEEDED", before)
    found = line.send("mlv.v1.CommitsService.Publish", counted(head("j", 3_000, 10)))
    assert (found.code, newest(line)) == ("LIMIT_EXCEEDED", before)
    assert "parts" in found.advice
    assert len(taken) < 500


def test_C2_C3_a_stream_that_breaks_in_the_middle_leaves_nothing_and_the_same_request_goes_through(line: Wire) -> None:
    class Broken(Exception):
        """Ends the client's stream."""

    def broken() -> Iterator[bytes]:
        yield head("k", 40, 20).SerializeToString()
        raise Broken

    before = newest(line)
    reply = line.send("mlv.v1.CommitsService.Publish", broken())
    assert reply.status in {grpc.StatusCode.CANCELLED.name, grpc.StatusCode.UNKNOWN.name}
    assert newest(line) == before
    whole = (head("k", 40, 20), more(20, 20))
    first = send(line, *whole)
    again = send(line, *whole)
    assert first.status == "OK", first
    assert again == first
    assert newest(line) == before + 1
    asked = commits_pb2.GetOutcomeRequest(repository="big/files", request_id="k").SerializeToString()
    told = line.send("mlv.v1.CommitsService.GetOutcome", asked)
    assert [answer.outcome for answer in told.answers] == list(first.answers)
    assert sum(len(answer.changes.paths) for answer in first.answers) == 40
    other = send(line, head("k", 41, 20), more(20, 21))
    assert other.code == "REQUEST_REUSED"


def test_L6_locks_of_many_messages_are_taken_together_or_not_at_all(line: Wire, team: Team) -> None:
    workspace = str(uuid.uuid4())
    paths = [f"part-5/image-{number:04d}.bin" for number in range(500, 600)]

    def asked(rows: int, some: list[str], *, first: bool) -> bytes:
        message = locks_pb2.AcquireLocksRequest(paths=some, bases=[1])
        message.hashes = b"".join(hash_content(b"\0%d" % (int(path[-8:-4]) % 50)) for path in some)
        if first:
            message.MergeFrom(
                locks_pb2.AcquireLocksRequest(
                    repository="big/files",
                    branch="main",
                    workspace=workspace,
                    mode=values_pb2.LOCK_MODE_EXCLUSIVE,
                    rows=rows,
                )
            )
        return message.SerializeToString()

    register(line, workspace)
    short = line.send("mlv.v1.LocksService.AcquireLocks", [asked(100, paths[:50], first=True)])
    assert short.code == "INVALID_REQUEST"
    assert held(team.admin) == 0
    both = [asked(100, paths[:50], first=True), asked(0, paths[50:], first=False)]
    reply = line.send("mlv.v1.LocksService.AcquireLocks", both)
    assert sum(len(answer.locks) for answer in reply.answers) == 100
    assert len(reply.answers) > 1
    assert held(team.admin) == 100
    release = locks_pb2.ReleaseLocksRequest(repository="big/files", workspace=workspace, all=True)
    gone = line.send("mlv.v1.LocksService.ReleaseLocks", release.SerializeToString())
    assert sum(len(answer.released) for answer in gone.answers) == 100


def register(line: Wire, workspace: str) -> None:
    request = repositories_pb2.RegisterWorkspaceRequest(
        repository="big/files", id=workspace, host="h", directory="/d", branch="main", base=1
    )
    assert line.send("mlv.v1.WorkspacesService.RegisterWorkspace", request.SerializeToString()).status == "OK"


def held(user: User) -> int:
    return len(user.mlv("locks", "--json", cwd=user.home / "one").json)
