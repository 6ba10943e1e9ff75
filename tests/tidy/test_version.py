"""The version that programs say is the one that was built."""

from __future__ import annotations

from importlib.metadata import version

from mlv_core.version import VERSION


def test_the_installed_distribution_has_the_version_of_the_sources():
    assert version("mlvcs") == VERSION
