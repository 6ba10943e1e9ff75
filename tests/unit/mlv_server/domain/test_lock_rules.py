"""L3: which files need a lock in a new repository."""

from __future__ import annotations

import pytest

from mlv_core.entities import FileMode, FileState, LockNeed
from mlv_core.hashing import ContentHash
from mlv_core.ids import FileId
from mlv_server.domain.lock_rules import LockRule, need_of


def state(*, text: bool, size: int = 10, mode: FileMode = FileMode.REGULAR) -> FileState:
    return FileState(FileId(1), mode, text, size, ContentHash(bytes(32)))


@pytest.mark.parametrize("path", ["model.safetensors", "w/a.PT", "x.onnx", "data/t.parquet", "a.npz", "a.zip", "i.png"])
@pytest.mark.parametrize("text", [True, False])
def test_L3_formats_that_nobody_merges_are_required_whatever_is_in_them(path: str, text: bool) -> None:
    assert need_of(path, state(text=text)) is LockNeed.REQUIRED


@pytest.mark.parametrize("path", ["train.py", "README", "params.yaml", ".gitignore", "data.csv", "no.ending.known"])
def test_L3_text_needs_none_and_other_bytes_need_one(path: str) -> None:
    assert need_of(path, state(text=True)) is LockNeed.NONE
    assert need_of(path, state(text=False)) is LockNeed.REQUIRED


def test_L3_links_and_properties_of_the_version_need_none() -> None:
    assert need_of("model.pt", state(text=False, mode=FileMode.SYMLINK)) is LockNeed.NONE
    assert need_of(".", None) is LockNeed.NONE


def test_L3_of_a_file_that_is_only_a_path_the_ending_decides() -> None:
    assert need_of("a/b.safetensors", None) is LockNeed.REQUIRED
    assert need_of("a/b.txt", None) is LockNeed.NONE
    assert need_of("dir.zip/readme", None) is LockNeed.NONE


def test_L3_rules_go_by_glob_and_size_and_the_strictest_wins_in_any_order() -> None:
    rules = (
        LockRule(LockNeed.OPTIONAL, glob="notes/**"),
        LockRule(LockNeed.REQUIRED, text=True, size=100),
        LockRule(LockNeed.NONE),
    )
    for order in (rules, rules[::-1]):
        assert need_of("notes/a.txt", state(text=True), order) is LockNeed.OPTIONAL
        assert need_of("notes/a.txt", state(text=True, size=100), order) is LockNeed.REQUIRED
        assert need_of("a.txt", state(text=True), order) is LockNeed.NONE
