"""Other languages' tools, installed once beside their client."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Node.js, with the client's packages installed."""
    path = os.environ["PATH"] + os.pathsep + str(Path(sys.executable).parent)
    npm, program = shutil.which("npm", path=path), shutil.which("node", path=path)
    assert npm, "npm is missing; 'make setup' brings one"
    assert program, "node is missing; 'make setup' brings one"
    lock, marker = HERE / "package-lock.json", HERE / "node_modules/.installed"
    if not marker.exists() or marker.read_bytes() != lock.read_bytes():
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--silent"], cwd=HERE, check=True, env={**os.environ, "PATH": path}
        )
        marker.write_bytes(lock.read_bytes())
    return program
