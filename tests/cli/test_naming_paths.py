"""A path that names nothing is told and nothing is done: a slip of the pen must not look like success."""

from __future__ import annotations

import pytest

VERBS = [
    ("edit",),
    ("edit", "--offline"),
    ("lock",),
    ("lock", "--request"),
    ("commit", "-m", "why"),
    ("shelve",),
    ("delete",),
    ("revert",),
    ("diff",),
    ("status",),
    ("reconcile",),
    ("reconcile", "--lock"),
]


@pytest.fixture
def desk_with_a_change(desk):
    desk.track({"train.py": b"print()\n", "weights/model.bin": b"\0w", "sub/a.txt": b"a\n"})
    desk.write("train.py", b"print(1)\n")
    return desk


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_one_wrong_path_among_right_ones_is_refused_by_name(desk_with_a_change, verb):
    """They acted on the right ones and said nothing: whoever mistyped the weights trained without a lock."""
    told = desk_with_a_change.mlv(*verb, "train.py", "weights/modle.bin", "wieghts", exit_code=9)
    assert "'weights/modle.bin', 'wieghts'" in told
    assert desk_with_a_change.states() == {"train.py": "modified"}
    assert not desk_with_a_change.json("status").get("opened")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_an_empty_argument_is_not_everything(desk_with_a_change, verb):
    """`mlv delete "$FILE"` with FILE unset deleted the whole folder."""
    assert "An empty argument names no path." in desk_with_a_change.mlv(*verb, "", exit_code=2)
    assert desk_with_a_change.states() == {"train.py": "modified"}


def test_what_is_gone_recorded_or_a_folder_is_named_as_ever(desk_with_a_change):
    desk = desk_with_a_change
    (desk.root / "sub/a.txt").unlink()
    (desk.root / "sub").rmdir()
    assert "! " in desk.mlv("status", "sub")
    desk.mlv("move", "weights", "heavy")
    assert "heavy/model.bin" in desk.mlv("status", "weights")
    assert "heavy/model.bin" in desk.mlv("diff", "heavy", "--summary")
    desk.mlv("delete", "sub")
    assert "D " in desk.mlv("status", "sub/a.txt")
    desk.mlv("revert", "sub", "weights")
    assert desk.states() == {"train.py": "modified"}


def test_a_path_as_status_shows_it_is_understood_in_the_refusal(desk_with_a_change):
    desk = desk_with_a_change
    top, desk.root = desk.root, desk.root / "sub"
    told = desk.mlv("revert", "weights/model.bin", exit_code=9)
    assert "There is no 'sub/weights/model.bin' in this workspace." in told
    assert "'weights/model.bin' is at the top of the workspace" in told
    desk.root = top


def test_words_of_a_message_without_quotes_are_explained(desk_with_a_change):
    assert "A message of several words stands in quotes." in desk_with_a_change.mlv(
        "commit", "-m", "two", "words", exit_code=9
    )


def test_a_sparse_workspace_says_that_it_leaves_the_path_out(desk_with_a_change):
    desk = desk_with_a_change
    with desk.workspace.state.transaction():
        desk.workspace.state.set_settings({"only": '["sub/**", "train.py"]'})
    assert "leaves out 'data.csv'" in desk.mlv("edit", "--offline", "train.py", "data.csv", exit_code=9)
    assert desk.states() == {"train.py": "modified"}
