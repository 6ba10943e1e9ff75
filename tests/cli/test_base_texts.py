"""The text that a file was changed from is at hand whatever way its base came here (F5)."""

from __future__ import annotations

import pytest
from tests.cli.test_changing_together import LINES, changed


@pytest.fixture
def pair(workspace, member):
    """Two workspaces at @1 with one text."""
    first = workspace()
    first.write("train.py", LINES)
    first.mlv("add", ".")
    first.mlv("commit", "-m", "base")
    return first, workspace(member())


def test_F5_a_text_that_was_resolved_as_mine_is_compared_and_merged_again(pair):
    first, second = pair
    first.write("train.py", changed(3, b"theirs"))
    first.mlv("commit", "-m", "theirs")
    second.write("train.py", changed(3, b"mine"))
    assert second.json("update")["conflicts"] == ["train.py"]
    second.mlv("resolve", "--accept", "mine", "train.py")
    shown = second.mlv("diff")
    assert "-theirs" in shown
    assert "+mine" in shown
    first.write("train.py", changed(3, b"theirs").replace(b"line 30\n", b"thirty\n"))
    first.mlv("commit", "-m", "thirty")
    assert second.json("update")["merged"] == ["train.py"]
    assert second.read("train.py") == changed(3, b"mine").replace(b"line 30\n", b"thirty\n")


def test_F5_a_conflict_is_decided_without_the_server_too(pair, team, monkeypatch):
    first, second = pair
    first.write("train.py", changed(3, b"theirs"))
    first.mlv("commit", "-m", "theirs")
    second.write("train.py", changed(3, b"mine"))
    second.mlv("update")
    monkeypatch.setenv("MLV_TOKEN", "mlv_nobody_0000")
    second.mlv("resolve", "--accept", "mine", "train.py")
    assert second.states() == {"train.py": "modified"}


@pytest.mark.parametrize("way", ["checkout", "update"])
def test_F5_adopted_texts_have_their_base(pair, team, repository, tmp_path, way):
    first, _ = pair
    first.write("same.py", b"same\n")
    first.mlv("add", ".")
    first.mlv("commit", "-m", "same")
    place = tmp_path / "adopting"
    if way == "update":
        team.admin.mlv("checkout", f"{repository}@1", str(place))
        (place / "train.py").unlink()
        team.admin.mlv("rm", "train.py", cwd=place)
        team.admin.mlv("commit", "-m", "gone", cwd=place)
        team.admin.mlv("update", "@1", cwd=place)
        team.admin.mlv("update", cwd=place)
        team.admin.mlv("undo", "--to", "@2", cwd=place)
    place.mkdir(exist_ok=True)
    (place / "train.py").write_bytes(changed(3, b"mine"))
    (place / "same.py").write_bytes(b"same\n")
    if way == "checkout":
        team.admin.mlv("checkout", repository, str(place), "--adopt")
    else:
        team.admin.mlv("update", "--adopt", cwd=place)
    away = {"cwd": place}
    shown = team.admin.mlv("diff", **away).out
    assert "-line 3" in shown
    assert "+mine" in shown
    (place / "same.py").write_bytes(b"other\n")
    assert "-same" in team.admin.mlv("diff", **away).out
