"""Merging branches as people do it: on the server where nothing conflicts, in a workspace where files do (B1-B5)."""

from __future__ import annotations

from contextlib import closing

from tests.cli.people import changed

from mlv.workspace.opened import Workspace


def branched(pair, *, first=None, second=None):
    """Two people: the first stays on main, the second works on `dev`; each commits its files."""
    main, dev = pair
    dev.mlv("branch", "dev")
    dev.mlv("switch", "dev")
    for person, files in ((main, first or {}), (dev, second or {})):
        for path, data in files.items():
            person.write(path, data)
        if files:
            person.mlv("add", ".")
            person.mlv("commit", "-m", "work")
    return main, dev


def test_B1_a_merge_without_conflicts_is_done_on_the_server_and_moves_no_content(pair):
    main, dev = branched(pair, first={"a.bin": b"\0main"}, second={"b.bin": b"\0dev" * 20_000})
    preview = main.json("merge", "dev", "-n")
    assert (preview["changeset"], [one["path"] for one in preview["changes"]]) == (None, ["b.bin"])
    found = main.json("merge", "dev", "-m", "take dev")
    assert (found["changeset"], found["branch"], found["conflicts"]) == (4, "main", [])
    assert found["sent_bytes"] < 2000
    main.mlv("update")
    assert main.read("b.bin") == b"\0dev" * 20_000
    assert main.read("a.bin") == b"\0main"
    shown = main.json("show", "@4")
    assert shown["parents"] == [2, 3]
    assert shown["message"] == "take dev"
    # Once merged there is nothing left; work that comes later is merged from there on.
    assert main.json("merge", "dev", code=2)["code"] == "ALREADY_MERGED"
    dev.mlv("edit", "b.bin")
    dev.write("b.bin", b"\0dev 2")
    dev.mlv("commit", "-m", "more")
    assert [one["path"] for one in main.json("merge", "dev")["changes"]] == ["b.bin"]
    # The other way round: what main has and dev lacks.
    assert [one["path"] for one in dev.json("merge", "main")["changes"]] == ["a.bin"]


def test_B2_both_edits_of_a_text_are_merged(pair):
    main, _ = branched(
        pair,
        first={"train.py": changed(3, b"three"), "p.yaml": b"lr: 1\nbatch: 2\n"},
        second={"train.py": changed(30, b"thirty")},
    )
    found = main.json("merge", "dev")
    assert found["merged_texts"] == ["train.py"]
    main.mlv("update")
    assert main.read("train.py") == changed(3, b"three").replace(b"line 30\n", b"thirty\n")


def test_B3_a_conflicting_text_is_edited_here_and_finishes_the_merge(pair):
    main, dev = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    found = main.json("merge", "dev", code=3)
    assert [(one["path"], one["kind"], one["marked"]) for one in found["conflicts"]] == [
        ("train.py", "changed on both sides", True)
    ]
    assert found["changeset"] is None
    marked = main.read("train.py")
    assert b"<<<<<<< mine\nmine\n||||||| base\nline 3\n=======\ntheirs\n>>>>>>> @3\n" in marked
    assert main.states() == {"train.py": "conflict"}
    assert main.json("commit", "-m", "no", code=3)["code"] == "CONFLICT"
    assert main.json("merge", "--continue", code=3)["items"] == ["train.py"]
    assert main.json("resolve", "--accept", "edited", "train.py", code=2)["code"] == "USAGE"
    main.write("train.py", changed(3, b"both"))
    main.mlv("resolve", "--accept", "edited", "train.py")
    done = main.json("merge", "--continue")
    assert done["changeset"] == 4
    assert main.states() == {}
    assert main.read("train.py") == changed(3, b"both")
    dev.mlv("switch", "main")
    assert dev.read("train.py") == changed(3, b"both")


def test_B3_an_unmergeable_file_takes_a_side_without_being_fetched(pair):
    main, dev = branched(pair)
    for person, data in ((main, b"\0mine" * 50_000), (dev, b"\0theirs" * 50_000)):
        person.mlv("edit", "w.safetensors")
        person.write("w.safetensors", data)
        person.mlv("commit", "-m", "weights")
    received = main.json("merge", "dev", code=3)
    assert [one["path"] for one in received["conflicts"]] == ["w.safetensors"]
    assert main.read("w.safetensors") == b"\0mine" * 50_000
    main.mlv("resolve", "--accept", "theirs", "w.safetensors")
    assert main.json("merge", "--continue")["changeset"] == 4
    assert main.read("w.safetensors") == b"\0theirs" * 50_000


def test_B3_a_merge_can_be_dropped(pair):
    main, _ = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    main.mlv("merge", "dev", code=3)
    assert main.json("merge", "dev", code=2)["code"] == "USAGE"
    main.mlv("merge", "--abort")
    assert main.states() == {}
    assert main.read("train.py") == changed(3, b"mine")
    assert main.json("merge", "--abort", code=2)["code"] == "USAGE"


def test_B4_a_merge_does_not_bypass_a_lock_of_another(pair):
    main, dev = branched(pair)
    dev.mlv("edit", "w.safetensors")
    dev.write("w.safetensors", b"\0dev weights")
    dev.mlv("commit", "-m", "weights")
    main.mlv("lock", "--scope", "branch", "w.safetensors")
    refused = dev.json("merge", "dev", "--into", "main", code=4)
    assert refused["code"] == "LOCK_HELD"
    main.mlv("unlock", "w.safetensors")
    assert dev.json("merge", "dev", "--into", "main")["changeset"] == 3


def test_B5_delete_against_edit_and_moves_are_told_and_kept(pair):
    main, dev = branched(pair)
    main.mlv("delete", "train.py")
    main.mlv("commit", "-m", "gone")
    dev.write("train.py", changed(3, b"edited"))
    dev.mlv("commit", "-m", "edited")
    found = main.json("merge", "dev", code=3)
    assert [(one["path"], one["kind"]) for one in found["conflicts"]] == [("train.py", "deleted here, changed there")]
    main.mlv("resolve", "--accept", "theirs", "train.py")
    main.mlv("merge", "--continue")
    assert main.read("train.py") == changed(3, b"edited")


def test_B5_a_move_on_one_side_and_an_edit_on_the_other_meet(pair):
    main, _ = branched(pair, second={"train.py": changed(30, b"thirty")})
    main.mlv("move", "train.py", "src/train.py")
    main.mlv("commit", "-m", "moved")
    found = main.json("merge", "dev")
    assert [one["path"] for one in found["changes"]] == ["src/train.py"]
    main.mlv("update")
    assert main.read("src/train.py") == changed(30, b"thirty")


def test_conflicts_of_another_branch_are_decided_in_a_workspace_of_it(pair):
    _, dev = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    refused = dev.json("merge", "dev", "--into", "main", code=3)
    assert refused["items"] == ["train.py"]
    assert "switch main" in refused["advice"]
    assert dev.states() == {}


def test_a_local_change_of_a_conflicting_file_is_left_alone(pair):
    main, _ = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    main.write("train.py", changed(4, b"local"))
    assert main.json("merge", "dev", code=3)["code"] == "LOCAL_CHANGES"
    assert main.read("train.py") == changed(4, b"local")


def test_B3_while_a_merge_waits_no_other_version_comes_and_it_can_still_be_dropped(pair):
    """An update made its conflict one of two versions too: resolve, revert and --abort then sent to each other."""
    main, dev = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    main.mlv("merge", "dev", code=3)
    shown = main.read("train.py")
    for verb in (("update",), ("update", "@1"), ("update", "train.py", "@1"), ("update", "-f"), ("switch", "dev")):
        refused = main.json(*verb, code=3)
        assert (refused["code"], refused["items"]) == ("CONFLICT", ["train.py"])
        assert "'mlv merge --abort' drops it" in refused["advice"]
        assert main.read("train.py") == shown
    assert main.states() == {"train.py": "conflict"}
    main.mlv("merge", "--abort")
    main.mlv("update", "@1")
    dev.mlv("switch", "main")
    assert main.states() == {}


def test_B3_when_the_branch_moved_the_merge_is_dropped_and_made_again_as_advised(pair):
    main, dev = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    main.mlv("merge", "dev", code=3)
    main.mlv("resolve", "--accept", "mine", "train.py")
    dev.mlv("switch", "main")
    dev.write("train.py", changed(3, b"newer"))
    dev.mlv("commit", "-m", "the same file")
    refused = main.json("merge", "--continue", code=3)
    assert refused["advice"] == "'mlv merge --abort', 'mlv update', then merge again."
    main.mlv("merge", "--abort")
    main.mlv("update")
    assert main.json("merge", "dev", code=3)["conflicts"][0]["path"] == "train.py"
    main.mlv("resolve", "--accept", "mine", "train.py")
    main.mlv("merge", "--continue")
    assert main.read("train.py") == changed(3, b"newer")


def test_a_merge_that_cannot_be_read_is_dropped_as_advised(pair):
    main, _ = branched(pair, first={"train.py": changed(3, b"mine")}, second={"train.py": changed(3, b"theirs")})
    main.mlv("merge", "dev", code=3)
    with closing(Workspace.open(str(main.here), print)) as workspace, workspace.state.transaction():
        workspace.state.set_settings({"merge": "{"})
    assert "'mlv merge --abort' drops it" in main.mlv("status", code=7)
    main.mlv("merge", "--abort")
    assert main.states() == {"train.py": "modified"}
