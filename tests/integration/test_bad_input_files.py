"""What a user's disk, or somebody else's version, may hold: named, refused or taken as plain bytes, nothing harmed."""

from __future__ import annotations

import io
import itertools
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.integration.workspaces import checkout, commit, printable
from tests.servers import RunningServer, Team
from tests.wire import wire

from mlv_core.codecs import encode_group
from mlv_core.hashing import hash_content
from mlv_core.packs import PackBuilder, frame_of
from mlv_proto.v1 import commits_pb2, values_pb2

_numbers = itertools.count(1)

# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["con", "aux.txt", "dot.", "space ", "tab\there", "esc\x1b[2J", "back\\slash", "e\u0301.txt"],
)
def test_a_file_with_a_path_that_other_systems_cannot_hold_is_refused_and_shown_escaped(team, repository, path):
    workspace = checkout(team.admin, repository)
    (workspace / path).write_text("x\n")
    added = team.admin.mlv("add", ".", cwd=workspace, code=None)
    done = added if added.code else team.admin.mlv("commit", "-m", "bad", cwd=workspace, code=None)
    assert done.code == 2, (added, done)
    assert printable(done.err), done.err
    assert team.admin.mlv("log", "--json", cwd=workspace).json == []


def test_a_path_over_4096_bytes_is_refused_and_the_rest_can_be_committed(team, repository):
    workspace = checkout(team.admin, repository)
    (workspace / "short.txt").write_text("x\n")
    here = os.open(workspace, os.O_RDONLY)
    for _ in range(17):  # longer than any system call takes: folder by folder
        os.mkdir("d" * 250, dir_fd=here)
        deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("file.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    refused = team.admin.mlv("add", ".", cwd=workspace, code=2)
    assert printable(refused.err)
    team.admin.mlv("add", "short.txt", cwd=workspace)
    team.admin.mlv("commit", "-m", "the rest", cwd=workspace)
    team.admin.mlv("status", cwd=workspace)


@pytest.mark.parametrize("argument", ["../outside.txt", "/etc/passwd", ".mlv/state.db", "a/../../b"])
def test_a_path_outside_of_the_workspace_is_refused(team, repository, argument):
    workspace = checkout(team.admin, repository)
    for verb in ("add", "edit", "revert", "delete"):
        refused = team.admin.mlv(verb, argument, cwd=workspace, code=2)
        assert argument in refused.err


def test_F2_paths_that_differ_by_case_are_refused_at_commit_both_named(team, repository):
    workspace = checkout(team.admin, repository)
    (workspace / "Data.csv").write_text("1\n")
    (workspace / "data.csv").write_text("2\n")
    added = team.admin.mlv("add", ".", cwd=workspace, code=None)
    done = added if added.code else team.admin.mlv("commit", "-m", "two", cwd=workspace, code=None)
    assert done.code == 2
    assert "Data.csv" in done.err
    assert "data.csv" in done.err


def test_F1_links_that_leave_and_special_files_are_refused_by_name(team, repository):
    workspace = checkout(team.admin, repository)
    (workspace / "out").symlink_to("/etc/passwd")
    refused = team.admin.mlv("add", "out", cwd=workspace, code=None)
    if not refused.code:
        refused = team.admin.mlv("commit", "-m", "link", cwd=workspace, code=None)
    assert refused.code == 2
    assert "out" in refused.err
    (workspace / "out").unlink()
    os.mkfifo(workspace / "pipe")
    team.admin.mlv("revert", "out", cwd=workspace, code=None)
    assert "pipe" in team.admin.mlv("add", "pipe", cwd=workspace, code=2).err


def test_a_symlink_in_the_way_is_not_written_through(team, repository, tmp_path):
    source = checkout(team.admin, repository)
    (source / "folder").mkdir()
    (source / "folder" / "file.txt").write_text("theirs\n")
    (source / "top.txt").write_text("theirs\n")
    commit(team.admin, source)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file.txt").write_text("mine\n")
    workspace = checkout(team.admin, f"{repository}@0")
    (workspace / "folder").symlink_to(outside)
    (workspace / "top.txt").symlink_to(outside / "file.txt")
    team.admin.mlv("update", cwd=workspace, code=3)
    team.admin.mlv("update", "--force", cwd=workspace, code=None)
    assert (outside / "file.txt").read_text() == "mine\n"
    assert [entry.name for entry in outside.iterdir()] == ["file.txt"]
    assert (workspace / "folder" / "file.txt").read_text() == "theirs\n"
    assert not (workspace / "folder").is_symlink()


HOSTILE = """
import mlv_core.ids, mlv_core.paths, mlv_core.errors
mlv_core.paths.check_path = lambda path: path
mlv_core.paths.check_symlink = lambda path, target: target
mlv_core.paths.find_clashes = lambda paths: []
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A server that lets every path in, as one that somebody broke into would."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(HOSTILE)
    server = RunningServer.create(folder / "server")
    paths = [str(folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    server.environment["PYTHONPATH"] = os.pathsep.join(paths)
    server.start()
    try:
        yield Team(server, folder / "people")
    finally:
        server.stop()


def planted(team: Team, paths: list[str], data: bytes = b"evil\n", mode: int = 1) -> str:
    """A repository with these paths, made by hand."""
    repository = f"test/h{next(_numbers)}"
    team.admin.mlv("repo", "create", repository)
    builder = PackBuilder()
    frame = frame_of(encode_group(data), (), ((hash_content(data), len(data)),))
    pack = builder.start() + builder.add(frame) + builder.finish()
    rows = sorted(paths)
    changes = values_pb2.Changes(
        paths=rows, operations=[1] * len(rows), file_ids=[0] * len(rows), modes=[mode] * len(rows),
        texts=[mode == 1] * len(rows), sizes=[len(data)] * len(rows), hashes=hash_content(data) * len(rows),
    )  # fmt: skip
    request = commits_pb2.PublishRequest(
        repository=repository, request_id=f"planted-{repository}", branch="main", message="evil", changes=changes,
        bases=[0], inline_pack=pack,
    )  # fmt: skip
    with wire(team.admin) as line:
        reply = line.send("mlv.v1.CommitsService.Publish", request.SerializeToString())
    assert reply.status == "OK", reply
    return repository


@pytest.mark.parametrize(
    "path", ["../planted", "a/../../planted", "/tmp/planted", ".mlv/planted", "sub/.mlv/x", "esc\x1b[2J", "con", "dot."]
)
def test_a_hostile_servers_path_is_refused_by_name_and_nothing_is_written_outside(hostile, path, tmp_path):
    repository = planted(hostile, [path, "good.txt"])
    before = set(tmp_path.rglob("*"))
    refused = hostile.admin.mlv("checkout", repository, str(tmp_path / "in" / "here"), code=2)
    assert printable(refused.err)
    assert "path" in refused.err
    after = {entry for entry in tmp_path.rglob("*") if "here" not in entry.parts} - before
    assert after <= {tmp_path / "in"}
    assert not Path("/tmp/planted").exists()
    assert not list(tmp_path.rglob("planted"))


def test_a_hostile_servers_clash_is_refused_both_named(hostile):
    repository = planted(hostile, ["Data.csv", "data.csv"])
    refused = hostile.admin.mlv("checkout", repository, f"clash{next(_numbers)}", code=2)
    assert "Data.csv" in refused.err
    assert "data.csv" in refused.err


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc", ".mlv/state.db"])
def test_a_hostile_servers_link_that_leaves_is_refused_by_name(hostile, target):
    repository = planted(hostile, ["link"], target.encode(), mode=3)
    folder = f"link{next(_numbers)}"
    refused = hostile.admin.mlv("checkout", repository, folder, code=2)
    assert "link" in refused.err
    assert not os.path.lexists(hostile.admin.home / folder / "link")


# --- control characters ----------------------------------------------------------------------------------------------


def test_control_characters_are_stored_as_they_are_and_shown_escaped(team, repository):
    workspace = checkout(team.admin, repository)
    (workspace / "a.txt").write_text("a\n")
    team.admin.mlv("add", ".", cwd=workspace)
    message = "red \x1b[31mtext\x07 \u202ebidi"
    team.admin.mlv(
        "commit", "-m", message, "--param", "name\x1b[2J=va\x1b]0;lue\x07", "--metric", "f\x1b[1m1=nan", cwd=workspace
    )
    team.admin.mlv("label", "v1", "@1", "-m", "label \x1b[5mblink", cwd=workspace)
    team.admin.mlv("meta", "set", "a.txt", "licence=\x1b[31mMIT", cwd=workspace)
    for verb in (["log"], ["log", "--json"], ["show", "@1"], ["labels"], ["meta", "show", "a.txt"], ["ls"], ["status"]):
        out = team.admin.mlv(*verb, cwd=workspace).out
        assert printable(out), (verb, out)
        assert "\u202e" not in out or "--json" in verb, verb
    (stored,) = team.admin.mlv("log", "--json", cwd=workspace).json
    assert stored["message"] == message
    shown = team.admin.mlv("show", "@1", "--json", cwd=workspace).out
    values = json.loads(shown, parse_constant=lambda name: name)
    assert "nan" in json.dumps(values).lower()


def test_a_value_that_is_no_number_is_refused_where_a_number_rules(team, repository):
    workspace = checkout(team.admin, repository)
    for arguments in (["--metric", "f1=high"], ["--metric", "=1"], ["--param", "novalue"], ["--metric", "f1"]):
        team.admin.mlv("commit", "-m", "records", *arguments, cwd=workspace, code=2)
    team.admin.mlv("--timeout", "nan", "status", cwd=workspace, code=2)
    team.admin.mlv("--timeout", "-1", "status", cwd=workspace, code=2)
    team.admin.mlv("log", "-l", "nan", cwd=workspace, code=2)
    team.admin.mlv("show", f"@{2**64}", cwd=workspace, code=None)


# --- lying headers ---------------------------------------------------------------------------------------------------


def safetensors(header: object, body: bytes = bytes(100_000), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def npy(header: bytes, body: bytes = bytes(100_000), length: int | None = None) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) if length is None else length) + header + body


def npz() -> bytearray:
    stream = io.BytesIO()
    np.savez(stream, weights=np.arange(50_000, dtype=np.float32), more=np.zeros(1000))
    return bytearray(stream.getvalue())


def npz_with(offset_from_end: int, value: bytes) -> bytes:
    data = npz()
    at = len(data) - offset_from_end
    data[at : at + len(value)] = value
    return bytes(data)


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.npy", bytes(64 << 20))
    return stream.getvalue()


LYING = {
    "length-over-file.safetensors": safetensors({"a": tensor(0, 4, [1])}, length=2**40),
    "length-2-63.safetensors": safetensors({"a": tensor(0, 4, [1])}, length=2**63),
    "length-zero.safetensors": safetensors({}, length=0),
    "tensor-over-file.safetensors": safetensors({"a": tensor(0, 2**50, [2**48])}),
    "offset-2-63.safetensors": safetensors({"a": tensor(2**63 - 4, 2**63, [1])}),
    "negative.safetensors": safetensors({"a": tensor(-400_000, -1, [100_000])}),
    "backwards.safetensors": safetensors({"a": tensor(80_000, 4, [1])}),
    "overlap.safetensors": safetensors({"a": tensor(0, 80_000, [20_000]), "b": tensor(4, 80_004, [20_000])}),
    "shape-lies.safetensors": safetensors({"a": tensor(0, 80_000, [2**62, 2**62, 4])}),
    "dtype-unknown.safetensors": safetensors({"a": tensor(0, 80_000, [20_000], "F1024")}),
    "types.safetensors": safetensors({"a": 5, "b": [1], "c": None, "d": {"dtype": [], "shape": {}, "data_offsets": 1}}),
    "floats.safetensors": safetensors(b'{"a":{"dtype":"F32","shape":[1e308],"data_offsets":[0.5,NaN]}}'),
    "deep.safetensors": safetensors(b'{"a":' + b"[" * 200_000),
    "array.safetensors": safetensors([1, 2, 3]),
    "many.safetensors": safetensors({str(n): tensor(0, 0, [0]) for n in range(120_000)}),
    "huge-int.safetensors": safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * 6000 + b'],"data_offsets":[0,4]}}'),
    "truncated.safetensors": safetensors({"a": tensor(0, 80_000, [20_000])})[:60],
    "header-over-file.npy": npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (25000,), }", length=65535),
    "shape-2-63.npy": npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }\n"),
    "code.npy": npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }\n"),
    "object.npy": npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\n"),
    "negative.npy": npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-5,), }\n"),
    "deep.npy": npy(b"(" * 60_000),
    "binary.npy": npy(bytes(range(256)) * 10),
    "directory-offset.npz": npz_with(6, struct.pack("<I", 0xFFFFFFFE)),
    "entries.npz": npz_with(12, struct.pack("<HH", 65535, 65535)),
    "size-2-63.npz": bytes(npz()).replace(b"PK\x01\x02", b"PK\x01\x03"),
    "cut.npz": bytes(npz())[:-30],
    "bomb.npz": bomb(),
    "empty.npz": b"PK\x05\x06" + bytes(18),
    "pickle.pt": b"\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00exitq\x01\x85q\x02Rq\x03." * 3000,
    "empty.safetensors": b"",
    "one-byte.npy": b"\x93",
}


def test_files_with_lying_headers_are_plain_bytes(team, repository):
    workspace = checkout(team.admin, repository)
    for name, data in LYING.items():
        (workspace / name).write_bytes(data)
    assert commit(team.admin, workspace) == 1
    for name, data in LYING.items():
        (workspace / name).chmod(0o644)
        (workspace / name).write_bytes(data[:50_000] + b"changed" + data[50_000:])
    team.admin.mlv("lock", ".", cwd=workspace, code=None)
    team.admin.mlv("edit", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "changed", cwd=workspace)
    first, second = checkout(team.admin, f"{repository}@1"), checkout(team.admin, repository)
    for name, data in LYING.items():
        assert (first / name).read_bytes() == data, name
        assert (second / name).read_bytes() == data[:50_000] + b"changed" + data[50_000:], name
    team.admin.mlv("diff", "@1:@2", "--summary", cwd=second, code=None)
