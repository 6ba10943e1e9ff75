"""Laws of paths: normal form, clashes, globs against a slow matcher."""

from __future__ import annotations

import shlex
from fnmatch import fnmatchcase

from hypothesis import example, given
from hypothesis import strategies as st

from mlv_core.errors import InvalidPath, PathClash
from mlv_core.ids import escape, typed
from mlv_core.paths import check_path, check_paths, clash_key, find_clashes, glob_match, is_below

small_part = st.text("abA", min_size=1, max_size=4)
small_path = st.lists(small_part, min_size=1, max_size=4).map("/".join)
pattern_part = st.one_of(st.just("**"), st.text("ab*?", min_size=1, max_size=5).filter(lambda text: "**" not in text))
pattern_text = st.lists(pattern_part, min_size=2, max_size=5).map("/".join)


@given(st.text(max_size=40))
def test_a_path_is_refused_or_kept_as_it_is(text: str):
    try:
        kept = check_path(text)
    except InvalidPath:
        return
    assert kept == text
    parts = text.split("/")
    assert all(part not in {"", ".", "..", ".mlv"} for part in parts)
    assert not text.startswith("/")
    assert text.isprintable() or all(c == " " or not (ord(c) < 32 or 127 <= ord(c) < 160) for c in text)


USUAL = ("a", "a.b", "A", "a b", ".git", "config", "comet", "..a")
UNUSUAL = (
    "",
    ".",
    "..",
    ".mlv",
    ".MLV",
    "a.",
    "a ",
    " a",
    "a\\b",
    "a\nb",
    "\n",
    "a\0b",
    "\x7f",
    "\u00e9",
    "e\u0301",
    "x" * 256,
)
DEVICES = ("con", "CON.x", "conin$", "conout$.x", "com1", "LPT9.x", "nul ", "con x")
odd_part = st.sampled_from((*USUAL, *UNUSUAL, *DEVICES))
odd_path = st.lists(odd_part, min_size=1, max_size=3).map("/".join)


@given(st.lists(odd_path, unique=True, max_size=6))
def test_many_paths_are_checked_as_each_alone_is(paths: list[str]):
    def fault(path: str) -> str:
        try:
            check_path(path)
        except InvalidPath as error:
            return error.message
        return ""

    expected = next(filter(None, map(fault, paths)), "")
    try:
        check_paths(paths)
    except PathClash:
        assert find_clashes(paths)
    except InvalidPath as error:
        assert error.message == expected  # noqa: PT017 - nothing may be raised as well
    else:
        assert not expected
        assert not find_clashes(paths)


def pairwise_clash(first: str, second: str) -> bool:
    """By the definition alone: equal when folded, or a folder that is spelled otherwise or is a file."""
    parts, others = first.split("/"), second.split("/")
    for depth in range(1, min(len(parts), len(others)) + 1):
        same = clash_key("/".join(parts[:depth])) == clash_key("/".join(others[:depth]))
        if not same:
            return False
        if parts[:depth] != others[:depth]:
            return True
    return len(parts) != len(others)


case_path = st.lists(st.sampled_from(["a", "A", "b", "\u00e9", "\u00c9"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(case_path, unique=True, max_size=8))
def test_F2_there_is_a_clash_where_any_two_paths_clash(paths: list[str]):
    clash = any(pairwise_clash(a, b) for at, a in enumerate(paths) for b in paths[:at])
    assert bool(find_clashes(paths)) is clash


@given(st.lists(small_path, unique=True, max_size=6))
def test_F2_clashes_are_found_exactly(paths: list[str]):
    """F2: files whose folded paths are equal always clash; a set without clash has distinct folded paths."""
    clashes = find_clashes(paths)
    keys = {clash_key(path) for path in paths}
    if not clashes:
        assert len(keys) == len(paths)
        assert not any(a != b and is_below(clash_key(a), clash_key(b)) for a in paths for b in paths)
    for first, second in clashes:
        assert first in paths
        assert second in paths
        assert first != second


def slow_match(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return True
        return any(slow_match(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and slow_match(pattern[1:], path[1:])


@given(pattern_text, st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=5))
def test_globs_match_as_a_slow_matcher_says(pattern: str, path: list[str]):
    wild = any(character in pattern for character in "*?")
    expected = slow_match(pattern.split("/"), path)
    if not wild:
        parts = pattern.split("/")
        expected = path[: len(parts)] == parts
    assert glob_match(pattern, "/".join(path)) is expected


@given(st.text(min_size=1, max_size=20))
@example('it\'s "$HOME" `x` !y \\\\')
def test_a_path_in_an_advised_command_is_one_word_of_a_shell(text: str):
    meant = f"./{escape(text)}" if text.startswith("-") else escape(text)
    assert shlex.split(f"mlv lock {typed(text)}") == ["mlv", "lock", meant]


def test_only_what_a_shell_would_read_stands_in_quotes():
    shown = {
        "weights/model.bin": "weights/model.bin",
        "a b.bin": '"a b.bin"',
        "label/v*": '"label/v*"',
        "für": "für",
        "-x": "./-x",
    }
    assert {text: typed(text) for text in shown} == shown
