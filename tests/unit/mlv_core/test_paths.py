"""What a path may be, what clashes, what a glob matches, where a symbolic link may point."""

from __future__ import annotations

import pytest

from mlv_core.errors import InvalidPath, PathClash, UnsupportedFile
from mlv_core.paths import check_path, check_paths, check_symlink, find_clashes, glob_match, is_below, parents


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.c", "weights/model.safetensors", "a b/c", "..a", "a..b", "é/ü", "x@1", ".mlvignore", "aux2", "commune"],
)
def test_good_paths_are_kept(path: str):
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("a/../b", "'..'"),
        ("..", "'..'"),
        (".", "'.'"),
        ("a/./b", "'.'"),
        ("a//b", "empty part"),
        ("a/", "empty part"),
        ("a\0b", "control"),
        ("a\x1b[31m", "control"),
        ("a\\b", "backslash"),
        ("a\ud800", "no Unicode"),
        ("a" * 256, "255 bytes"),
        ("/".join(["abc"] * 1200), "4096 bytes"),
        ("con", "device"),
        ("x/NUL.txt", "device"),
        ("com1.tar.gz", "device"),
        ("a.", "dot or space"),
        ("a /b", "dot or space"),
        (".mlv/state.db", "mlv's own"),
        ("x/.MLV", "mlv's own"),
        ("e\u0301", "NFC"),
    ],
)
def test_bad_paths_are_refused_with_the_reason_and_escaped(path: str, reason: str):
    with pytest.raises(InvalidPath) as caught:
        check_path(path)
    assert reason in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("paths", "clashes"),
    [
        (["a", "b"], []),
        (["Data.csv", "data.csv"], [("Data.csv", "data.csv")]),
        (["\u00e9", "e\u0301"], [("\u00e9", "e\u0301")]),
        (["stra\u00dfe", "STRASSE"], [("stra\u00dfe", "STRASSE")]),
        (["Data/a", "data/b"], [("Data/a", "data/b")]),
        (["a", "A/b"], [("a", "A/b")]),
        (["a/b", "a"], [("a/b", "a")]),
        (["x/a", "x/b", "x/c/d"], []),
    ],
)
def test_F2_paths_that_one_system_cannot_hold_together(paths: list[str], clashes: list[tuple[str, str]]):
    assert find_clashes(paths) == clashes


def test_F2_both_paths_are_named():
    with pytest.raises(PathClash, match="caf") as caught:
        check_paths(["caf\u00e9", "x", "cafe\u0301"])
    assert caught.value.items == ("caf\u00e9 and cafe\u0301",)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("weights/**", "weights/a/b.bin", True),
        ("weights/**", "weights", True),
        ("weights/**", "weights2/a", False),
        ("*.safetensors", "deep/er/model.safetensors", True),
        ("/*.safetensors", "deep/model.safetensors", False),
        ("/*.safetensors", "model.safetensors", True),
        ("data/*.csv", "data/a.csv", True),
        ("data/*.csv", "data/x/a.csv", False),
        ("data/**/*.csv", "data/a.csv", True),
        ("data/**/*.csv", "data/x/y/a.csv", True),
        ("**/test/**", "a/test/b", True),
        ("**", "anything/at/all", True),
        ("*", "anything/at/all", True),
        ("weights", "weights/a", True),
        ("weights/", "weights/a", True),
        ("src/model?.py", "src/model1.py", True),
        ("src/[a-c]*.py", "src/bx.py", True),
        ("src/[!a-c]*.py", "src/bx.py", False),
        ("[]a]", "]", True),
        ("[a", "[a", True),
        ("a.b", "aXb", False),
        ("*.PT", "x.pt", False),
    ],
)
def test_globs(pattern: str, path: str, matches: bool):
    assert glob_match(pattern, path) is matches


def test_a_hostile_pattern_costs_little():
    assert not glob_match("*a" * 100 + "b", "a" * 250)
    assert not glob_match("/".join(["**/a"] * 30) + "/b", "/".join(["a"] * 1000))


def test_below_and_parents():
    assert is_below("a/b", "a")
    assert is_below("a", "a")
    assert is_below("a", "")
    assert not is_below("ab", "a")
    assert parents("a/b/c") == ["a/b", "a"]


@pytest.mark.parametrize("target", ["b", "../b", "x/y", "./b", "../a/c"])
def test_F1_links_inside_are_kept(target: str):
    assert check_symlink("a/link", target) == target


@pytest.mark.parametrize(
    "target", ["", "/etc/passwd", "../../x", "x/../../..", "C:\\x", "../.mlv/state.db", "a\nb", "x/.."]
)
def test_F1_links_that_leave_are_refused_by_name(target: str):
    with pytest.raises(UnsupportedFile, match="a/link"):
        check_symlink("a/link", target)
