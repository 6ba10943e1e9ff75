"""Every normative rule is named by a test, so that nobody can drop one unnoticed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

RULES = [
    *(f"C{n}" for n in range(1, 10)),
    *(f"F{n}" for n in range(1, 6)),
    *(f"L{n}" for n in range(1, 18) if n != 16),  # L16 speaks of replicas, and there are none yet
    *(f"P{n}" for n in range(1, 10)),
    *(f"B{n}" for n in range(1, 6)),
    *(f"R{n}" for n in (1, 2, 3)),
]


@pytest.fixture(scope="module")
def named(sources: list[Path], root: Path) -> set[str]:
    """All rules that the name or docstring of a test speaks of."""
    found: set[str] = set()
    for path in sources:
        if not path.is_relative_to(root / "tests") or not path.name.startswith("test_") or path == Path(__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.update(
                    re.findall(r"(?<![A-Za-z0-9])[BCFLPR]\d+(?![0-9])", f"{node.name} {ast.get_docstring(node) or ''}")
                )
    return found


@pytest.mark.parametrize("rule", RULES)
def test_rule_has_a_test(rule: str, named: set[str]):
    assert rule in named
