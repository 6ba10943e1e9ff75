"""Power cuts at any call of a recorded run: nothing that was acknowledged is lost, and nothing is half there."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys

import pytest
from tests.faults.conftest import checkout, files_of
from tests.faults.power import build, compiler, recorded_by
from tests.faults.power_disk import MODES, Call, Disk, read_log, write_out
from tests.servers import COMMAND_SECONDS, User

from mlv_core.failpoints import EXIT_CODE, VARIABLE

PREFIXES = 80
"""Of each seed; `python -m tests.faults.power --prefixes 2000` replays more."""

needs_recorder = pytest.mark.skipif(
    compiler() is None or sys.platform != "linux", reason="the recorder is a library in C that Linux preloads"
)


@needs_recorder
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_N1_N2_N3_N4_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path, seed):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.faults.power",
            "--prefixes",
            str(PREFIXES),
            "--seed",
            str(seed),
            "--report",
            report,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert report.exists(), done.stderr
    found = json.loads(report.read_text())
    assert found["failures"] == []
    assert found["prefixes"] == PREFIXES
    assert found["through_clients"] > 0
    assert done.returncode == 0


@needs_recorder
@pytest.mark.parametrize("mode", ["none", "names", "bytes"])
def test_N1_a_server_that_was_just_made_survives_a_power_cut(tmp_path, mode):
    world, log = tmp_path.resolve() / "world", tmp_path / "log"
    world.mkdir()
    made = subprocess.run(
        [sys.executable, "-m", "mlv_server.cli.main", "init", str(world / "server"), "--json"],
        env={**os.environ, **recorded_by(build(tmp_path), world, log)},
        capture_output=True,
        check=True,
        timeout=COMMAND_SECONDS,
    )
    assert json.loads(made.stdout)["admin_token"]
    disk = Disk(str(world))
    for call in read_log(log):
        disk.apply(call)
    shutil.rmtree(world)
    write_out(world, disk.crash(random.Random(1), mode))
    checked = subprocess.run(
        [sys.executable, "-m", "mlv_server.cli.main", "verify", str(world / "server"), "--json"],
        capture_output=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["damaged"] == []
    assert {path.name for path in (world / "server" / "tls").iterdir()} == {
        "ca.key",
        "ca.pem",
        "server.key",
        "server.pem",
    }


def test_an_update_that_a_crash_interrupted_is_finished_though_a_placed_file_is_gone(team, repository):
    first, second = checkout(team.admin, repository), checkout(team.admin, repository)
    (first / "log").mkdir()
    (first / "log" / "a.txt").write_bytes(b"a text\n")
    (first / "b.txt").write_bytes(b"another\n")
    team.admin.mlv("add", ".", cwd=first)
    team.admin.mlv("commit", "-m", "texts", cwd=first)
    dying = User("admin", team.admin.config, team.admin.home, {VARIABLE: "update.renamed=exit"})
    dying.mlv("update", cwd=second, code=EXIT_CODE)
    (second / "log" / "a.txt").unlink()
    (second / "log").rmdir()
    (second / "b.txt").unlink()
    (second / "b.txt").write_bytes(b"mine\n")
    said = team.admin.mlv("status", "--json", cwd=second).json
    assert {one["path"]: one["state"] for one in said["files"]} == {"log/a.txt": "missing", "b.txt": "modified"}
    team.admin.mlv("revert", ".", cwd=second)
    assert files_of(second) == {"log/a.txt": b"a text\n", "b.txt": b"another\n"}


@needs_recorder
def test_N4_a_new_workspace_survives_a_power_cut(team, repository, tmp_path):
    world, log = tmp_path.resolve() / "world", tmp_path / "log"
    world.mkdir()
    recorded = User("admin", team.admin.config, world, recorded_by(build(tmp_path), world, log))
    recorded.mlv("checkout", repository, "w")
    disk = Disk(str(world))
    for one in read_log(log):
        disk.apply(one)
    shutil.rmtree(world)
    write_out(world, disk.crash(random.Random(1), "none"))
    assert User("admin", team.admin.config, world).mlv("status", "--json", cwd=world / "w").json["base"] == 0


# --- the model of a disk ------------------------------------------------------------------------------------------


def call(kind: str, first: str = "", second: str = "", *, handle: int = 3, offset: int = 0, data: bytes = b"") -> Call:
    return Call(kind, 1, handle, first, second, offset, data)


def states(calls: list[Call], tries: int = 200) -> set[tuple[tuple[str, bytes | None], ...]]:
    """Every state that a power cut was seen to leave."""
    disk = Disk("/disk")
    for one in calls:
        disk.apply(one)
    return {tuple(disk.crash(random.Random(seed), MODES[seed % len(MODES)])) for seed in range(tries)}


SAVED = [call("o", "/disk/a"), call("w", data=b"new")]


def test_what_was_not_synced_may_be_there_or_not_in_any_part():
    assert states(SAVED) == {(), (("a", b""),), (("a", b"\0\0\0"),), (("a", b"new"),)}


def test_a_synced_file_without_a_synced_name_may_be_gone_but_is_never_torn():
    assert states([*SAVED, call("s")]) == {(), (("a", b"new"),)}


def test_what_was_synced_with_its_folder_is_there():
    synced = [*SAVED, call("s"), call("o", "/disk", handle=4), call("s", handle=4)]
    assert states(synced) == {(("a", b"new"),)}


def test_a_rename_is_there_as_a_whole_or_not_at_all():
    kept = [*SAVED, call("s"), call("o", "/disk", handle=4), call("s", handle=4)]
    other = [call("o", "/disk/b", handle=5), call("w", handle=5, data=b"old"), call("s", handle=5), call("s", handle=4)]
    assert states([*kept, *other, call("r", "/disk/a", "/disk/b")]) == {
        (("a", b"new"), ("b", b"old")),
        (("b", b"new"),),
    }


def test_large_writes_are_torn_at_sectors():
    kept = [call("o", "/disk/a"), call("o", "/disk", handle=4), call("s", handle=4)]
    found = {files[0][1] for files in states([*kept, call("w", data=b"x" * 1024)], tries=1000)}
    assert {b"", b"x" * 512, bytes(512) + b"x" * 512, b"x" * 1024} <= found


def test_files_are_as_processes_see_them():
    disk = Disk("/disk")
    for one in [*SAVED, call("d", "/disk/d"), call("r", "/disk/a", "/disk/d/b"), call("t", offset=1)]:
        disk.apply(one)
    assert disk.files() == {"d/b": b"n"}


def test_a_call_that_the_model_does_not_know_is_no_recording():
    with pytest.raises(AssertionError, match="does not know"):
        Disk("/disk").apply(call("!"))
