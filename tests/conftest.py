"""What all tests share: no setting or credential of the machine's user is ever read or written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from tests import commands

from mlv_core import kernels

# Examples are found again by their seed, which pytest-randomly prints; a slow machine is no failure.
settings.register_profile("mlv", deadline=None, max_examples=100)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("MLV_HYPOTHESIS_PROFILE", "mlv"))

# Not ours to forget: which of the two paths through the codecs all tests take (`MLV_KERNELS=numpy make test`).
KEPT = frozenset({"MLV_HYPOTHESIS_PROFILE", kernels.VARIABLE})
kernels.choose(os.environ.get(kernels.VARIABLE, ""))


@pytest.fixture(autouse=True)
def own_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is a user of its own: its settings folder is empty and none of our variables are set."""
    for name in [name for name in os.environ if name.startswith("MLV_") and name not in KEPT]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLV_CONFIG_DIR", str(tmp_path / "mlv-config"))
    monkeypatch.setenv("NO_COLOR", "1")


def pytest_sessionfinish() -> None:
    """Let go of the process from which commands are forked."""
    commands.close()
