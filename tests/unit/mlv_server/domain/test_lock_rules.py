"""L3: which files need a lock in a new repository."""

from __future__ import annotations

import pytest

from mlv_core.entities import BranchKind, FileMode, FileState, LockNeed, LockScope
from mlv_core.hashing import ContentHash
from mlv_core.ids import FileId
from mlv_server.domain.lock_rules import DEFAULT_RULES, LEASE, LONGEST_LEASE, LockRule, Needs, need_of, terms_of


def state(*, text: bool, size: int = 10, mode: FileMode = FileMode.REGULAR) -> FileState:
    return FileState(FileId(1), mode, text, size, ContentHash(bytes(32)))


@pytest.mark.parametrize("path", ["model.safetensors", "w/a.PT", "x.onnx", "data/t.parquet", "a.npz", "a.zip", "i.png"])
@pytest.mark.parametrize("text", [True, False])
def test_L3_formats_that_nobody_merges_are_required_whatever_is_in_them(path: str, text: bool) -> None:
    assert need_of(path, state(text=text), DEFAULT_RULES) is LockNeed.REQUIRED


@pytest.mark.parametrize("path", ["train.py", "README", "params.yaml", ".gitignore", "data.csv", "no.ending.known"])
def test_L3_text_needs_none_and_other_bytes_need_one(path: str) -> None:
    assert need_of(path, state(text=True), DEFAULT_RULES) is LockNeed.NONE
    assert need_of(path, state(text=False), DEFAULT_RULES) is LockNeed.REQUIRED


def test_L3_links_and_properties_of_the_version_need_none() -> None:
    assert need_of("model.pt", state(text=False, mode=FileMode.SYMLINK), DEFAULT_RULES) is LockNeed.NONE
    assert need_of(".", None, DEFAULT_RULES) is LockNeed.NONE


def test_L3_of_a_file_that_is_only_a_path_the_ending_decides() -> None:
    assert need_of("a/b.safetensors", None, DEFAULT_RULES) is LockNeed.REQUIRED
    assert need_of("a/b.txt", None, DEFAULT_RULES) is LockNeed.NONE
    assert need_of("dir.zip/readme", None, DEFAULT_RULES) is LockNeed.NONE


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


def test_L4_the_scope_goes_by_the_kind_of_the_branch_unless_a_rule_names_one() -> None:
    weights = terms_of("w.pt", state(text=False), DEFAULT_RULES)
    assert {kind: weights.scope_on(kind) for kind in BranchKind} == {
        BranchKind.MAIN: LockScope.LINE,
        BranchKind.INTEGRATION: LockScope.LINE,
        BranchKind.EXPERIMENT: LockScope.BRANCH,
        BranchKind.RELEASE: LockScope.LINE,
    }


@pytest.mark.parametrize("path", ["data/train.parquet", "tokenizer.json", "nlp/tokenizer.model", "vocab.txt"])
def test_L4_a_lock_on_a_dataset_or_tokenizer_reaches_every_branch(path: str) -> None:
    terms = terms_of(path, state(text=not path.endswith(("parquet", "model"))), DEFAULT_RULES)
    assert terms.scope_on(BranchKind.EXPERIMENT) is LockScope.REPOSITORY


def test_L8_the_shortest_times_that_rules_name_count_in_any_order() -> None:
    rules = (
        LockRule(LockNeed.REQUIRED, ttl=2 * LEASE, max=4 * LEASE),
        LockRule(LockNeed.NONE, glob="w/**", ttl=LEASE, grant_after=60_000),
        LockRule(LockNeed.NONE, glob="elsewhere/**", ttl=1),
    )
    for order in (rules, rules[::-1]):
        terms = terms_of("w/a.pt", None, order)
        assert (terms.ttl, terms.max, terms.grant_after) == (LEASE, 4 * LEASE, 60_000)
        assert terms.need is LockNeed.REQUIRED
    plain = terms_of("x", None, ())
    assert (plain.ttl, plain.max, plain.grant_after, plain.need) == (LEASE, LONGEST_LEASE, None, LockNeed.NONE)
    assert terms_of("x", None, (LockRule(LockNeed.NONE, max=1000),)).ttl == 1000


def test_L3_what_is_told_of_many_files_together_is_what_is_told_of_each() -> None:
    own = (
        LockRule(LockNeed.OPTIONAL, glob="notes/**"),
        LockRule(LockNeed.REQUIRED, endings=frozenset({"bin", "readme"}), size=100),
        LockRule(LockNeed.OPTIONAL, endings=frozenset({"csv"}), text=True, size=50),
        LockRule(LockNeed.REQUIRED, endings=frozenset({"csv"}), glob="data/**"),
        LockRule(LockNeed.NONE, size=1000),
    )
    names = (
        "a.bin",
        "A.BIN",
        "readme",
        "README",
        "x.bin/readme",
        "a.b/c.csv",
        "t.tar.CSV",
        "t.",
        ".csv",
        "csv",
        "o.odd",
    )
    paths = [folder + name for folder in ("", "notes/", "data/", "d.csv/") for name in names] + ["."]
    states = [
        state(text=text, size=size, mode=mode)
        for text in (True, False)
        for size in (0, 49, 50, 99, 100, 1000, 1 << 20, 1 << 24)
        for mode in FileMode
    ]
    for rules in (DEFAULT_RULES, own, own[:1], ()):
        needs = Needs(rules)
        for path in paths:
            for one in (None, *states):
                assert needs.of(path, one) is need_of(path, one, rules), (path, one)
