"""A wheel carries the compiled kernels and the machine's tag, or neither; a missing compiler fails no build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "mlv_core/_kernels.so"


def build(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def wheel_in(tmp_path: Path) -> tuple[str, list[str]]:
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return path.name, archive.namelist()


def test_without_a_compiler_the_wheel_is_pure_and_says_so(tmp_path):
    done = build(tmp_path, CC="/no/such/compiler")
    assert done.returncode == 0
    assert "the codecs run on numpy" in done.stdout + done.stderr
    name, members = wheel_in(tmp_path)
    assert name.endswith("-py3-none-any.whl")
    assert LIBRARY not in members
    assert "mlv_core/kernels.py" in members


def test_a_builder_may_insist_on_kernels(tmp_path):
    done = build(tmp_path, CC="/no/such/compiler", MLV_BUILD_KERNELS="1")
    assert done.returncode != 0
    assert "/no/such/compiler" in done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler on this machine")
def test_with_a_compiler_the_wheel_is_for_this_machine_and_every_python(tmp_path):
    done = build(tmp_path, MLV_BUILD_KERNELS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    name, members = wheel_in(tmp_path)
    assert "-py3-none-" in name
    assert not name.endswith("-any.whl")
    assert members.count(LIBRARY) == 1
    assert not [member for member in members if member.endswith((".c", ".h"))]
    with zipfile.ZipFile(tmp_path / name) as archive:
        archive.extractall(tmp_path / "installed")
    program = "from mlv_core import kernels; print(kernels.__file__, kernels.running())"
    told = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [str(tmp_path / "installed/mlv_core/kernels.py"), "native"]
