"""The fluent API against a real server: read any file or range without a checkout, and work in a workspace."""

from __future__ import annotations

from pathlib import Path

import mlv
import pytest

from mlv_core.errors import LockHeld, NotFound, UntrustedServer
from tests.site import Site


def test_a_commit_is_read_back_without_a_checkout(site: Site, tmp_path: Path):
    repo = site.repository()
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/train.py").write_text("lr = 2e-5\n")
        (tmp_path / "ws/model.bin").write_bytes(bytes(range(256)) * 4000)
        workspace.add(["train.py", "model.bin"])
        made = workspace.commit("first", params={"lr": 2e-5, "warm": True}, metrics={"val/f1": 0.871})
    assert made.changeset == 1
    version = repo.version("@head")
    assert version.number == 1
    assert [row.path for row in version.files()] == ["model.bin", "train.py"]
    assert version.read("train.py") == b"lr = 2e-5\n"
    assert version.read_range("model.bin", 1000, 5) == (bytes(range(256)) * 4000)[1000:1005]
    assert version.params == {"lr": "2e-05", "warm": "true"}
    assert version.metrics == {"val/f1": 0.871}
    assert version.changeset.message == "first"
