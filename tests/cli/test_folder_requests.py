"""Asking for folders, answering, and who would wait for whom, as people see it (L1, L10)."""

from __future__ import annotations

from typing import Any

from tests.cli.people import Typist

MODEL = "data/w.safetensors"
OTHER = "data/v.safetensors"


def stock(first: Typist, second: Typist) -> None:
    """A folder with two files on both desks."""
    for path in (MODEL, OTHER):
        first.write(path, b"\0weights")
    first.mlv("add", "data")
    first.mlv("commit", "-m", "data")
    second.mlv("update")


def asked(who: Typist, path: str) -> list[tuple[str, str, bool]]:
    (lock,) = [one for one in who.json("locks") if one["path"] == path]
    return [(one["user"], one["path"], one["tree"]) for one in lock["requests"]]


def test_L10_who_holds_a_file_is_asked_for_the_folder_above_it(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.mlv("edit", MODEL)
    said = second.mlv("lock", "--tree", "data", "--request", "-m", "a new layout")
    assert said == f"asked {first.name} for 1 folder: 'mlv locks' shows the answer.\n"
    assert asked(first, MODEL) == [(second.name, "data", True)]
    assert f"{second.name} asks for data: a new layout" in first.mlv("status", "-u")
    assert [line.split()[:2] for line in first.mlv("locks").splitlines()][-1] == ["data/", "request"]
    first.mlv("unlock", MODEL)
    assert "asked by" not in second.mlv("locks")
    assert second.json("lock", "--tree", "data")["locks"][0]["tree"]


def test_L10_who_holds_a_folder_is_asked_for_a_file_in_it_and_gives_no_part(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.mlv("lock", "--tree", "data")
    second.mlv("lock", MODEL, "--request")
    assert asked(first, "data") == [(second.name, MODEL, False)]
    assert f"{second.name} asks for {MODEL}" in first.mlv("status", "-u")
    refused = first.json("unlock", "--give", second.name, "data", code=2)
    assert "not given in parts" in refused["message"]
    assert "mlv unlock data" in refused["advice"]


def test_L10_a_folder_changes_hands_with_the_locks_of_its_holder_in_it(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.mlv("lock", "--tree", "data")
    first.mlv("edit", MODEL)
    second.mlv("lock", "--tree", "data", "--request")
    assert first.mlv("unlock", "--give", second.name, "data", "-n").startswith("dry run: gave data/")
    assert len(first.json("locks")) == 2
    assert first.mlv("unlock", "--give", second.name, "data") == f"gave data/ to {second.name}\n"
    assert [(one["path"], one["owner"]) for one in second.json("locks")] == [("data", second.name)]
    first.write(MODEL, b"\0late")
    assert first.json("commit", "-m", "late", code=4)["code"] in {"LOCK_HELD", "LOCK_LOST"}
    second.mlv("lock", "--tree", "data")
    second.write(MODEL, b"\0mine")
    second.write("data/new.safetensors", b"\0new")
    second.mlv("add", "data/new.safetensors")
    second.mlv("commit", "-m", "mine")


def test_L10_a_folder_is_given_to_who_asked_for_parts_of_it_too(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.write("data/deep/x.safetensors", b"\0deep")
    first.mlv("add", "data")
    first.mlv("commit", "-m", "deep")
    second.mlv("update")
    first.mlv("edit", MODEL, "data/deep/x.safetensors")
    second.mlv("lock", MODEL, "--request")
    second.mlv("lock", "--tree", "data/deep", "--request")
    second.mlv("lock", "--tree", "data", "--request")
    assert first.mlv("unlock", "--give", second.name, ".", "-n") == f"dry run: gave data/ to {second.name}\n"
    assert first.mlv("unlock", "--give", second.name, ".") == f"gave data/ to {second.name}\n"
    assert [(one["path"], one["owner"]) for one in second.json("locks")] == [("data", second.name)]
    assert "asked by" not in first.mlv("locks")


def test_L10_a_folder_that_was_given_is_forgotten_though_a_file_beside_it_is_anothers(
    pair: Any, workspace: Any, member: Any
) -> None:
    first, second = pair
    first.write("other.safetensors", b"\0other")
    first.mlv("add", "other.safetensors")
    stock(first, second)
    third = workspace(member())
    third.mlv("lock", "other.safetensors")
    first.mlv("edit", MODEL)
    for asked_for in (("other.safetensors",), ("--tree", "data")):
        second.mlv("lock", *asked_for, "--request")
    assert first.json("unlock", "--give", second.name, ".", code=4)["code"] == "LOCK_HELD"
    assert ("data", second.name) in [(one["path"], one["owner"]) for one in first.json("locks")]
    assert first.json("unlock", MODEL, code=9)["message"] == "No lock at the named paths."


def test_L10_what_was_asked_for_with_a_file_that_one_has_by_now_is_taken_back(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.mlv("edit", MODEL, OTHER)
    second.mlv("lock", MODEL, OTHER, "--request")
    first.mlv("unlock", OTHER)
    second.mlv("edit", OTHER)
    assert second.mlv("unlock", "--request", "data") == "took back 1 request\n"
    assert "asked by" not in first.mlv("locks")


def test_L2_L10_who_intends_to_change_a_file_may_ask_for_its_lock_and_get_it(pair: Any) -> None:
    first, second = pair
    second.mlv("edit", "train.py")
    first.mlv("lock", "train.py")
    second.mlv("lock", "train.py", "--request")
    assert [line.split()[:3] for line in first.mlv("locks").splitlines()][-1] == ["train.py", "request", second.name]
    assert first.mlv("unlock", "--give", second.name, "train.py") == f"gave train.py to {second.name}\n"


def test_L10_commands_about_a_folder_with_a_space_can_be_typed(pair: Any) -> None:
    first, second = pair
    first.write("my data/w.safetensors", b"\0weights")
    first.mlv("add", "my data")
    first.mlv("commit", "-m", "data")
    second.mlv("update")
    first.mlv("lock", "--tree", "my data")
    second.mlv("lock", "my data/w.safetensors", "--request")
    assert "'mlv unlock \"my data\"'" in first.json("unlock", "--give", second.name, "my data", code=2)["advice"]


def test_L10_a_folder_is_denied_with_a_reason(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.mlv("lock", MODEL)
    second.mlv("lock", "--tree", "data", "--request")
    assert first.json("lock", "--deny", second.name, "data", code=2)["code"] == "INVALID_REQUEST"
    assert first.mlv("lock", "--deny", second.name, "-m", "release week", "data") == f"denied {second.name} data\n"
    assert f"denied by {first.name}: release week" in second.mlv("locks")
    assert second.mlv("unlock", "--request", "data") == "took back 1 request\n"


def test_L10_a_wait_for_a_folder_ends_in_time_and_leaves_no_place(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    first.mlv("lock", MODEL)
    second.mlv("lock", OTHER)
    said = second.mlv("lock", "--tree", "data", "--wait=1s", code=4)
    assert "Waited 1 s in vain" in said
    assert "asked by" not in first.mlv("locks")


def test_L10_options_that_say_nothing_about_a_folder_are_refused(pair: Any) -> None:
    first, second = pair
    stock(first, second)
    for options in (("--diverge", "-m", "why"), ("--deny", "admin"), ("--request", "--wait=1s")):
        assert second.json("lock", "--tree", "data", *options, code=2)["code"] == "USAGE"
    first.mlv("lock", "--tree", "data")
    assert "lock --tree --wait DIR" in second.json("lock", "--tree", "data", code=4)["advice"]
