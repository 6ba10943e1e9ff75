"""A real server for the tests that move content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.site import Site, running_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that all tests of a process share; each test has repositories of its own."""
    with running_site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A server of this test alone, to kill or to damage."""
    with running_site(tmp_path / "site") as made:
        yield made
