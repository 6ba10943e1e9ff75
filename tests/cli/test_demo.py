"""`make demo` does what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_demo_plays_to_its_end():
    command = [sys.executable, str(ROOT / "examples/demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "everything was as it should be" in done.stdout
