"""The verbs that need no server, as a user sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlv.cli.main import cli, run
from mlv.cli.verbs import ALIASES, VERBS


def test_a_clean_workspace_has_nothing_to_tell(desk):
    desk.track({"model.safetensors": b"\0weights", "train.py": b"print()\n"})
    assert desk.json("status") == {
        "workspace": "w-1",
        "repository": "fraud/detector",
        "branch": "main",
        "base": 1,
        "server": "mlv://localhost:1",
        "files": [],
    }
    assert "Nothing differs." in desk.mlv("status")


def test_F3_every_difference_shows(desk):
    desk.track({"a.bin": b"\0a", "b.txt": b"b\n", "c.txt": b"c\n", "d.txt": b"d\n", "run.sh": b"#!\n"})
    desk.write("a.bin", b"\0b")
    desk.mlv("delete", "b.txt")
    (desk.root / "c.txt").unlink()
    desk.mlv("move", "d.txt", "sub/e.txt")
    desk.write("new.txt", b"new")
    desk.write("known.txt", b"known")
    desk.mlv("add", "known.txt")
    (desk.root / "run.sh").chmod(0o755)
    assert desk.states() == {
        "a.bin": "modified",
        "b.txt": "deleted",
        "c.txt": "missing",
        "known.txt": "added",
        "new.txt": "untracked",
        "run.sh": "modified",
        "sub/e.txt": "moved",
    }


def test_F3_same_size_and_restored_times_do_not_hide_a_change(desk):
    desk.track({"a.bin": b"\0aaaa"})
    before = (desk.root / "a.bin").stat()
    desk.write("a.bin", b"\0bbbb")
    os.utime(desk.root / "a.bin", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert desk.states() == {"a.bin": "modified"}


def test_a_touched_file_is_not_modified(desk):
    desk.track({"a.bin": b"\0aaaa"})
    os.utime(desk.root / "a.bin")
    assert desk.states() == {}
    assert desk.workspace.state.file("a.bin").mtime_ns != 0


def test_L13_a_locked_kind_is_read_only_and_an_edit_without_lock_shows(desk):
    desk.track({"w.safetensors": b"\0w"}, need=3)
    assert not (desk.root / "w.safetensors").stat().st_mode & 0o222
    desk.write("w.safetensors", b"\0x")
    assert desk.json("status")["files"] == [{"path": "w.safetensors", "state": "modified", "lock": "unlocked_edit"}]
    assert "M E w.safetensors" in desk.mlv("st")


def test_revert_brings_small_text_back_without_a_server_and_keeps_the_local_bytes(desk):
    desk.track({"train.py": b"lr = 1\n"})
    desk.write("train.py", b"lr = 2\n")
    found = desk.json("revert", "train.py")
    assert found["paths"] == ["train.py"]
    assert found["rescued"] == ["train.py"]
    assert desk.read("train.py") == b"lr = 1\n"
    kept = [p.read_bytes() for p in (desk.root / ".mlv/rescue").rglob("train.py")]
    assert kept == [b"lr = 2\n"]
    assert desk.states() == {}


def test_revert_takes_back_deletes_moves_and_adds(desk):
    desk.track({"a.txt": b"a\n", "b.txt": b"b\n"})
    desk.mlv("delete", "a.txt")
    desk.mlv("move", "b.txt", "c.txt")
    desk.write("c.txt", b"changed\n")
    desk.write("d.txt", b"d\n")
    desk.mlv("add", "d.txt")
    desk.mlv("revert", ".")
    assert desk.states() == {"d.txt": "untracked"}
    assert desk.read("a.txt") == b"a\n"
    assert desk.read("b.txt") == b"b\n"
    assert desk.read("d.txt") == b"d\n"
    assert not (desk.root / "c.txt").exists()
    assert [p.read_bytes() for p in (desk.root / ".mlv/rescue").rglob("*.txt")] == [b"changed\n"]


def test_delete_refuses_what_was_changed(desk):
    desk.track({"a.txt": b"a\n"})
    desk.write("a.txt", b"mine\n")
    error = desk.json("delete", "a.txt", exit_code=3)
    assert error["code"] == "LOCAL_CHANGES"
    assert error["items"] == ["a.txt"]
    assert desk.read("a.txt") == b"mine\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "new.txt"],
        ["delete", "a.txt"],
        ["move", "a.txt", "z.txt"],
        ["copy", "a.txt", "z.txt"],
        ["revert", "b.txt"],
        ["meta", "set", "a.txt", "k=v"],
        ["reconcile"],
    ],
)
def test_a_dry_run_changes_nothing(desk, arguments):
    desk.track({"a.txt": b"a\n", "b.txt": b"b\n"})
    desk.write("b.txt", b"changed\n")
    desk.write("new.txt", b"new\n")
    before = {str(p): p.read_bytes() for p in desk.root.rglob("*.txt")}, desk.states()
    desk.mlv(*arguments, "-n")
    assert ({str(p): p.read_bytes() for p in desk.root.rglob("*.txt")}, desk.states()) == before


def test_F2_paths_that_differ_only_by_case_are_refused_with_both_named(desk):
    desk.track({"Model.txt": b"a\n"})
    desk.write("model.txt", b"b\n")
    error = desk.json("add", ".", exit_code=2)
    assert error["code"] == "PATH_CLASH"
    assert "Model.txt" in error["message"]
    assert "model.txt" in error["message"]


def test_F1_a_link_that_leaves_the_workspace_is_refused_and_one_inside_is_kept(desk):
    desk.track({"a.txt": b"a\n"})
    (desk.root / "in").symlink_to("a.txt")
    (desk.root / "out").symlink_to("/etc/hostname")
    assert desk.json("add", "in")["paths"] == ["in"]
    error = desk.json("add", "out", exit_code=2)
    assert error["code"] == "UNSUPPORTED_FILE"


def test_a_thousand_files_are_added_by_one_command(desk):
    for number in range(1000):
        (desk.root / f"shard-{number:04}.safetensors").write_bytes(b"\0")
    assert len(desk.json("add", ".")["paths"]) == 1000


def test_ignored_files_are_neither_listed_nor_added(desk):
    desk.write(".mlvignore", b"*.log\nbuild/\n")
    desk.write("train.log", b"x")
    desk.write("build/x.txt", b"x")
    desk.write("a.txt", b"x")
    assert desk.states() == {".mlvignore": "untracked", "a.txt": "untracked"}
    assert desk.json("add", ".")["paths"] == [".mlvignore", "a.txt"]
    assert desk.json("add", "train.log")["paths"] == ["train.log"]


def test_properties_of_files_and_of_the_version(desk):
    desk.track({"data.csv": b"a\n"})
    desk.mlv("meta", "set", "data.csv", "licence=CC0", "rows=1")
    desk.mlv("meta", "unset", "data.csv", "rows")
    desk.mlv("meta", "set", ".", "stage=draft")
    assert desk.json("meta", "show", "data.csv")["properties"] == {"licence": "CC0"}
    assert desk.json("meta", "show")["properties"] == {"stage": "draft"}
    assert desk.states() == {".": "meta", "data.csv": "meta"}


def test_control_characters_are_shown_escaped(desk):
    desk.write("bad\x1b[31m.txt", b"x")
    assert "bad\\x1b[31m.txt" in desk.mlv("status")
    assert desk.json("add", ".", exit_code=2)["code"] == "INVALID_PATH"


def test_errors_are_one_json_object_with_the_documented_fields(tmp_path: Path, capsys, monkeypatch):

    monkeypatch.chdir(tmp_path)
    assert run(["status", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert error["code"] == "NOT_A_WORKSPACE"
    assert error["exit"] == 2
    assert {"code", "message", "advice", "exit"} <= set(error)


def test_every_alias_is_the_verb_itself():
    assert {name.split()[0] for name in ALIASES.values()} <= {verb.name for verb in VERBS}
    assert all(cli.get_command(None, alias) is cli.get_command(None, name) for alias, name in ALIASES.items())
    assert not set(ALIASES) & {verb.name for verb in VERBS}
    assert cli.get_command(None, "propset") is cli.get_command(None, "meta").commands["set"]


@pytest.mark.parametrize("command", ["status", "add x", "diff", "revert x", "--help"])
def test_local_verbs_import_nothing_heavy(desk, command):
    desk.track({"a.txt": b"a\n"})
    desk.write("a.txt", b"b\n")
    desk.write("x", b"b\n")
    probe = (
        "import sys; from mlv.cli.main import run; run(sys.argv[1:]); "
        "heavy = {'grpc', 'numpy', 'sqlalchemy', 'zstandard', 'pathspec', 'tqdm', 'cryptography', 'mlv.remote', "
        "'google.protobuf'}; print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *command.split()], cwd=desk.root, capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(desk, shell):
    assert "_MLV_COMPLETE" in desk.mlv("completion", shell)


def test_a_name_that_is_no_unicode_text_shows_and_hinders_nothing(desk):
    """It was a bug's report from `status` and from a commit of other files, though the name is the disk's only."""
    desk.track({"train.py": b"print()\n"})
    desk.write("train.py", b"print(1)\n")
    (desk.root / os.fsdecode(b"bad\xff.txt")).write_bytes(b"old disks have such")
    assert "? bad\\udcff.txt" in " ".join(desk.mlv("status").split())
    assert desk.states() == {"train.py": "modified", os.fsdecode(b"bad\xff.txt"): "untracked"}
    assert "no Unicode text" in desk.mlv("add", ".", exit_code=2)
    assert "1" in desk.mlv("diff", "train.py")
    assert desk.states() == {"train.py": "modified", os.fsdecode(b"bad\xff.txt"): "untracked"}


def test_advice_about_odd_names_can_be_typed_as_it_stands(desk, monkeypatch):
    desk.track({"my weights.bin": b"\0w", "-x.bin": b"\0x"}, need=3)
    monkeypatch.chdir(desk.root)
    assert run(["delete", ".", "-n"]) == 0
    assert 'mlv lock ./-x.bin "my weights.bin"' in desk.capsys.readouterr().err


def test_N4_what_the_rescue_folder_cannot_take_is_told_and_finished_later(desk):
    """A folder without permission was told as a full disk, with the advice to make room."""
    desk.track({"train.py": b"print()\n"})
    desk.write("train.py", b"mine\n")
    (desk.root / ".mlv/rescue").write_bytes(b"in the way")
    told = desk.mlv("revert", "train.py", exit_code=2)
    assert "'train.py' could not be moved to .mlv/rescue/" in told
    assert "the next command finishes what was begun" in told
    assert desk.read("train.py") == b"mine\n"
    (desk.root / ".mlv/rescue").unlink()
    assert desk.states() == {}
    assert [p.read_bytes() for p in (desk.root / ".mlv/rescue").rglob("train.py")] == [b"mine\n"]
