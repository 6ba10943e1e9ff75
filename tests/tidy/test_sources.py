"""The shape of our code: sizes, docstrings, and what must not be in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

MODULE_LINES = 400  # what a newcomer reads in one sitting
FUNCTION_LINES = 60  # one screen
# Where a failure of any kind must become an answer: the commands' main functions, the chain around every RPC, and the
# thread of the background work.
EDGES = {
    "client/mlv/cli/main.py",
    "server/mlv_server/cli/main.py",
    "server/mlv_server/rpc/chain.py",
    "server/mlv_server/services/background.py",
    "server/mlv_server/services/lasting.py",
}
# Where a failure is carried to the thread that waits for it, and raised there.
CARRIERS = {"server/mlv_server/metadata/joining_reader.py", "server/mlv_server/metadata/writer.py"}
# A migration is a frozen list of tables: it is read once, and never changed for its looks.
FROZEN = "server/mlv_server/metadata/migrations/versions/"
# Modules that talk to a terminal.
PRINTERS = ("client/mlv/cli/", "server/mlv_server/cli/")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.fixture
def kept(sources: list[Path], root: Path) -> list[Path]:
    """The sources that go on being changed."""
    return [path for path in sources if not str(path.relative_to(root)).startswith(FROZEN)]


def test_modules_are_short(kept: list[Path], root: Path):
    long = {str(p.relative_to(root)): n for p in kept if (n := len(p.read_text().splitlines())) > MODULE_LINES}
    assert not long


def test_functions_are_short(kept: list[Path], root: Path):
    long = [
        f"{path.relative_to(root)}:{node.lineno} {node.name} {node.end_lineno - node.lineno + 1}"
        for path in kept
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long


def test_every_module_says_what_it_is(sources: list[Path], root: Path):
    silent = [
        str(path.relative_to(root))
        for path in sources
        if path.stat().st_size and not ast.get_docstring(parsed(path)) and "versions" not in path.parts
    ]
    assert not silent


def test_every_import_package_is_typed(root: Path):
    packages = ["proto/mlv_core", "proto/mlv_proto", "server/mlv_server", "client/mlv"]
    assert [p for p in packages if not (root / p / "py.typed").exists()] == []


def test_nothing_is_left_for_later_without_an_issue(sources: list[Path], root: Path):
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in sources
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if later.search(line)
    ]
    assert not found


def test_only_the_outermost_edges_catch_everything(product: list[Path], root: Path):
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in product
        if str(path.relative_to(root)) not in EDGES | CARRIERS
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and not _hands_on(node)
    ]
    assert not found


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in kinds
    )


def _hands_on(handler: ast.ExceptHandler) -> bool:
    """Whether the handler cleans up or translates, and raises."""
    return any(isinstance(node, ast.Raise) for statement in handler.body for node in ast.walk(statement))


def test_libraries_print_nothing(product: list[Path], root: Path):
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in product
        if not str(path.relative_to(root)).startswith(PRINTERS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "input"}
    ]
    assert not found


def test_tests_do_not_sleep(sources: list[Path], root: Path):
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sources
        if path.is_relative_to(root / "tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]
    assert not found
