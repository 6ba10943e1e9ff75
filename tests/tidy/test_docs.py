"""Words and code cannot drift: reference pages are what the code gives, and the README speaks of what exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from mlv_core.error_codes import all_error_classes


@pytest.fixture(scope="module")
def generate(root: Path) -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", root / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["docs/errors.md", "docs/commands.md", "docs/settings.md", "deploy/mlv-server.toml"])
def test_reference_page_is_current(page: str, generate: ModuleType, root: Path):
    assert (root / page).read_text() == generate.PAGES[page](), "run: make docs"


def test_every_error_has_an_advice_and_a_code_of_its_own():
    classes = all_error_classes()
    assert all(cls.default_advice for cls in classes)
    own = [cls.code for cls in classes if "code" in vars(cls)]
    assert len(own) == len(set(own))


def _typed(text: str) -> set[tuple[str, str]]:
    """(program, verb) of every command line in the console blocks of `text`."""
    blocks = re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    parts = [part.strip() for line in lines for part in re.split(r"&&|\|", line[2:].split("#")[0])]
    words = [part.split() for part in parts]
    return {(w[0], w[1]) for w in words if len(w) > 1 and w[0] in {"mlv", "mlv-server", "make"} and w[1][0] != "-"}


def test_commands_in_the_texts_exist(generate: ModuleType, root: Path):
    makefile = (root / "Makefile").read_text()
    groups = {"mlv": generate.root_group("mlv.cli.main"), "mlv-server": generate.root_group("mlv_server.cli.main")}
    missing = []
    for text in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]:
        for program, verb in sorted(_typed(text.read_text())):
            if program == "make":
                known = re.search(rf"^{re.escape(verb)}:", makefile, re.MULTILINE) is not None
            else:
                known = groups[program].get_command(click.Context(groups[program]), verb) is not None
            if not known:
                missing.append(f"{text.name}: {program} {verb}")
    assert not missing


def test_links_in_the_texts_lead_somewhere(files: list[Path], root: Path):
    broken = [
        f"{path.relative_to(root)}: {target}"
        for path in files
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert not broken


def test_decisions_are_numbered_without_gaps(root: Path):
    numbers = sorted(int(path.name[:4]) for path in (root / "docs/decisions").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
