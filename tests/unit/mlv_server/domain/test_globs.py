"""Globs of names in rules."""

from __future__ import annotations

import pytest

from mlv_server.domain.globs import matches_name


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "fraud/detector", True),
        ("fraud/*", "fraud/detector", True),
        ("fraud/*", "Fraud/Detector", True),
        ("FRAUD/DETECTOR", "fraud/detector", True),
        ("fraud/detector", "fraud/detector2", False),
        ("branch/*", "branch/fix/typo", True),
        ("branch/v?", "branch/v1", True),
        ("branch/v?", "branch/v10", False),
        ("fraud/d.tector", "fraud/detector", False),
        ("*" * 50 + "x", "a" * 5000, False),
        ("*a" * 40 + "b", "a" * 5000, False),
    ],
)
def test_matches_name(pattern: str, name: str, matches: bool) -> None:
    assert matches_name(pattern, name) is matches
