"""The project's files, as the tidy tests see them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Every file that belongs to the project: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def is_generated(path: Path) -> bool:
    """Whether protoc wrote the file."""
    return path.stem.endswith(("_pb2", "_pb2_grpc"))


@pytest.fixture(scope="session")
def sources(files: list[Path]) -> list[Path]:
    """All Python files that people write."""
    return [path for path in files if path.suffix == ".py" and not is_generated(path)]


@pytest.fixture(scope="session")
def product(sources: list[Path]) -> list[Path]:
    """The Python files that are shipped."""
    return [path for path in sources if path.relative_to(ROOT).parts[0] in {"proto", "server", "client"}]
