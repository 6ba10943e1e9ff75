"""Bits that flip in a store at rest are found by `verify` or refused, and never reach a client."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.faults.flips import KINDS, kind_of

FLIPS = 4 * len(KINDS)
"""`python -m tests.faults.flips --flips 1000` flips more."""


@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_N3_every_flipped_bit_is_found_and_none_is_delivered(tmp_path, seed):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.flips", "--flips", str(FLIPS), "--seed", str(seed), "--report", report],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert report.exists(), done.stderr
    found = json.loads(report.read_text())
    assert found["failures"] == []
    assert (found["flips"], found["found"], found["delivered"]) == (FLIPS, FLIPS, 0)
    assert found["by_kind"] == dict.fromkeys(KINDS, 4)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("server/content/1/packs/ab/abcd", "pack"),
        ("server/content/cache/files/1/ab/abcd", "cache"),
        ("server/content/cache/deltas/1", ""),
        ("server/mlv.db", "database"),
        ("server/mlv.db.lock", ""),
        ("server/mlv-server.toml", "settings"),
        ("server/tls/ca.key", "certificate"),
        ("backup/snapshots/a.json", "backup"),
        ("w1/notes.txt", ""),
    ],
)
def test_every_kind_of_file_has_its_name(name, kind):
    assert kind_of(name) == kind
