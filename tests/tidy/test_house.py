"""The house around the code: folders, texts, and that nothing points at one machine."""

from __future__ import annotations

import re
from pathlib import Path

TOP_LEVEL = {
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "Makefile",
    ".ci", ".gitignore", ".gitattributes", "proto", "server", "client", "tests", "deploy", "docs", "benchmarks",
    "examples",
}  # fmt: skip
LIMIT_BYTES = 2_000_000  # a checkpoint of the examples is the largest thing that belongs here
EXAMPLES_BYTES = 8_000_000
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".proto", ".sh", ".service", ".cfg", ""}
# Paths of somebody's machine and hosts of registries.
FOREIGN = re.compile(
    r"/home/\w{3,}|/Users/\w{3,}|/work/\w{3,}|/root\b|pypi\.org|registry\.npmjs|files\.pythonhosted|index-url",
    re.IGNORECASE,
)


def test_top_level_is_as_designed(files: list[Path], root: Path):
    assert {path.relative_to(root).parts[0] for path in files} == TOP_LEVEL


def test_nothing_is_large(files: list[Path], root: Path):
    assert [str(path.relative_to(root)) for path in files if path.stat().st_size > LIMIT_BYTES] == []
    assert sum(path.stat().st_size for path in files if path.is_relative_to(root / "examples")) <= EXAMPLES_BYTES


def test_shipped_checkpoints_name_their_source_and_licence(root: Path):
    notice = (root / "examples/minilm-slice/NOTICE.md").read_text()
    assert "all-MiniLM-L6-v2" in notice
    assert "Apache License 2.0" in notice
    assert "Apache License" in (root / "LICENSE").read_text()


def test_nothing_points_at_one_machine(files: list[Path], root: Path):
    found = []
    for path in files:
        if path == Path(__file__) or path.suffix not in TEXT or path.name in {"LICENSE", "package-lock.json"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if FOREIGN.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()[:80]}")
    assert not found


def test_the_lock_file_names_no_registry(root: Path):
    assert "resolved" not in (root / "proto/package-lock.json").read_text()


def test_make_targets_explain_themselves(root: Path):
    makefile = (root / "Makefile").read_text()
    explained = set(re.findall(r"^([a-z-]+):[^\n]*## ", makefile, re.MULTILINE))
    designed = {"setup", "demo", "test", "test-all", "check", "bench", "bench-bytes", "proto", "docs", "bounds"}
    assert designed <= explained
