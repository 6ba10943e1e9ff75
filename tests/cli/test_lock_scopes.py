"""How far locks reach, and fresh bases within that reach, as people see them (L1, L4, L5, L6, L11, L12)."""

from __future__ import annotations

from pathlib import Path

from tests.cli.people import Typist

MODEL = "w.safetensors"
DATA = "data/set.npy"


def held(who: Typist) -> list[tuple[str, str, str]]:
    return [(lock["path"], lock["branch"], lock["scope"]) for lock in who.json("locks", "--all-branches")]


def on_branch(who: Typist, name: str, *options: str) -> None:
    who.mlv("branch", name, *options)
    who.mlv("switch", name)


def commit(who: Typist, path: str, data: bytes, *options: str) -> None:
    who.mlv("edit", path, *options)
    who.write(path, data)
    who.mlv("commit", "-m", f"change {path}")


def test_L4_on_an_experiment_branch_a_lock_is_of_that_branch_and_blocks_no_other(pair) -> None:
    first, second = pair
    on_branch(first, "exp-1")
    on_branch(second, "exp-2")
    first.mlv("edit", MODEL)
    second.mlv("edit", MODEL)
    assert held(first) == [(MODEL, "exp-1", "branch"), (MODEL, "exp-2", "branch")]
    for who, data in ((first, b"\0one"), (second, b"\0two")):
        who.write(MODEL, data)
        who.mlv("commit", "-m", "mine")


def test_L4_on_main_a_lock_is_of_the_line_and_blocks_every_branch_that_merges_into_it(pair) -> None:
    first, second = pair
    on_branch(second, "exp")
    first.mlv("edit", MODEL)
    assert held(first) == [(MODEL, "main", "line")]
    assert first.name in second.mlv("edit", MODEL, code=4)
    assert MODEL in second.mlv("locks")
    first.mlv("unlock", MODEL)
    first.mlv("lock", "--scope", "branch", MODEL)
    commit(second, MODEL, b"\0mine")


def test_L4_a_lock_on_a_dataset_is_of_the_whole_repository(pair) -> None:
    first, second = pair
    first.write(DATA, b"\0rows")
    first.mlv("add", DATA)
    first.mlv("commit", "-m", "data")
    on_branch(first, "other", "--into", "main")
    second.mlv("update")
    on_branch(second, "release-1", "--kind", "release")
    on_branch(second, "deep", "--into", "release-1")
    first.mlv("edit", DATA)
    assert held(first) == [(DATA, "other", "repo")]
    assert first.name in second.mlv("edit", DATA, code=4)


def test_L4_a_wider_lock_is_refused_where_a_narrower_one_of_another_lies_in_its_reach(pair) -> None:
    first, second = pair
    on_branch(second, "exp")
    second.mlv("edit", MODEL)
    refused = first.mlv("lock", MODEL, code=4)
    assert second.name in refused
    first.mlv("lock", "--scope", "branch", MODEL)


def test_L5_a_newer_version_on_another_branch_of_the_line_is_named_and_has_three_ways_out(pair, workspace) -> None:
    first, second = pair
    on_branch(second, "exp")
    commit(second, MODEL, b"\0tuned")
    refused = first.mlv("edit", MODEL, code=3)
    assert f"{MODEL} is newer on exp in @2" in refused
    assert "mlv merge exp" in refused
    assert "mlv branch --abandon exp" in refused
    first.mlv("lock", "--scope", "branch", MODEL)
    first.mlv("unlock", MODEL)
    # The first way: merge it, then it is no longer newer.
    first.mlv("merge", "exp")
    first.mlv("update")
    first.mlv("edit", MODEL)
    assert first.read(MODEL) == b"\0tuned"


def test_L5_an_abandoned_branch_counts_no_more(pair) -> None:
    first, second = pair
    on_branch(second, "exp")
    commit(second, MODEL, b"\0tuned")
    first.mlv("edit", MODEL, code=3)
    first.mlv("branch", "--abandon", "exp", "-m", "a dead end")
    first.mlv("edit", MODEL)


def test_L5_a_branch_that_only_took_what_main_had_is_not_newer(pair) -> None:
    first, second = pair
    on_branch(second, "exp")
    commit(second, "train.py", b"print()\n")
    commit(first, MODEL, b"\0two")
    second.mlv("merge", "main")
    commit(first, MODEL, b"\0three")
    commit(first, MODEL, b"\0four")


def test_L5_going_apart_needs_the_right_and_a_reason_and_the_next_merge_must_decide(pair) -> None:
    first, second = pair
    on_branch(second, "exp")
    commit(second, MODEL, b"\0tuned")
    assert "reason" in first.mlv("lock", "--diverge", MODEL, code=2)
    first.mlv("lock", "--diverge", "-m", "two recipes", MODEL)
    first.mlv("unlock", MODEL)
    # Only one side has changed the file since, and the merge asks all the same.
    merged = first.json("merge", "exp", code=3)
    assert MODEL in str(merged)
    first.mlv("resolve", "--accept", "theirs", MODEL)
    first.mlv("merge", "--continue")
    first.mlv("update")
    assert first.read(MODEL) == b"\0tuned"
    # It is decided: nothing is left of it.
    commit(second, MODEL, b"\0tuned more")
    first.mlv("merge", "exp")


def test_L5_going_apart_is_denied_to_whom_lacks_the_right(pair) -> None:
    first, second = pair
    on_branch(first, "exp")
    commit(first, MODEL, b"\0tuned")
    assert "lock.diverge" in second.mlv("lock", "--diverge", "-m", "why not", MODEL, code=5)


def test_L5_a_stale_base_is_refused_and_edit_update_heals_it(pair) -> None:
    first, second = pair
    commit(first, MODEL, b"\0two")
    assert "--update" in second.mlv("edit", MODEL, code=3)
    second.mlv("edit", "--update", MODEL)
    assert second.read(MODEL) == b"\0two"
    assert held(second) == [(MODEL, "main", "line")]


def test_L6_n_files_are_locked_all_or_none(pair) -> None:
    first, second = pair
    names = [f"many/{number}.pt" for number in range(20)]
    for name in names:
        first.write(name, b"\0" + name.encode())
    first.mlv("add", "many")
    first.mlv("commit", "-m", "many")
    second.mlv("update")
    first.mlv("lock", names[7], names[13])
    refused = second.mlv("lock", "many", code=4)
    assert names[7] in refused
    assert names[13] in refused
    assert len(held(second)) == 2
    first.mlv("unlock", "--all")
    second.mlv("lock", "many")
    assert len(held(second)) == 20


def test_L11_a_commit_releases_the_locks_of_its_files_and_no_others(pair) -> None:
    first, _ = pair
    first.write("v.safetensors", b"\0v")
    first.mlv("add", "v.safetensors")
    first.mlv("commit", "-m", "v")
    first.mlv("edit", MODEL, "v.safetensors")
    first.write(MODEL, b"\0two")
    first.mlv("commit", "-m", "one of two")
    assert [path for path, _, _ in held(first)] == ["v.safetensors"]


def test_L1_a_rename_carries_the_lock(pair) -> None:
    first, second = pair
    first.mlv("edit", MODEL)
    first.mlv("move", MODEL, "renamed.safetensors")
    first.mlv("commit", "--keep-locks", "-m", "rename")
    assert held(first) == [("renamed.safetensors", "main", "line")]
    second.mlv("update")
    assert first.name in second.mlv("edit", "renamed.safetensors", code=4)


def test_L3_a_file_that_must_be_locked_is_not_changed_deleted_renamed_or_lost_with_its_folder(pair) -> None:
    first, second = pair
    first.write("models/a.pt", b"\0a")
    first.mlv("add", "models/a.pt")
    first.mlv("commit", "-m", "a")
    second.mlv("update")
    first.mlv("lock", "models/a.pt")
    second.write("models/a.pt", b"\0b")
    assert "models/a.pt" in second.mlv("commit", "-m", "change", code=4)
    second.mlv("revert", ".")
    for act in (("delete", "models/a.pt"), ("delete", "models"), ("move", "models/a.pt", "models/b.pt")):
        second.mlv(*act)
        assert "models/a.pt" in second.mlv("commit", "-m", "go", code=4)
        second.mlv("revert", ".")


def test_L3_a_merge_result_is_refused_on_a_file_that_another_has_locked(pair) -> None:
    first, second = pair
    on_branch(second, "exp")
    commit(second, MODEL, b"\0tuned")
    first.mlv("lock", "--scope", "branch", MODEL)
    second.mlv("switch", "main")
    refused = second.mlv("merge", "exp", code=4)
    assert first.name in refused


def test_L15_more_than_a_thousand_files_are_meant_or_refused(pair, tmp_path: Path) -> None:
    first, _ = pair
    for number in range(1001):
        first.write(f"many/{number}.pt", b"\0%d" % number)
    first.mlv("add", "many")
    first.mlv("commit", "-m", "many")
    assert "1,000" in first.mlv("lock", "many", code=8)
    assert held(first) == []
    first.mlv("lock", "--yes", "many")
    assert len(held(first)) == 1001
