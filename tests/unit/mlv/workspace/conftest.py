"""An empty workspace folder, and its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mlv.workspace import layout
from mlv.workspace.layout import Layout
from mlv.workspace.state import State


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    return layout.create(str(tmp_path / "w"))


@pytest.fixture
def state(place: Layout) -> Iterator[State]:
    with closing(State.create(place.state, {"base": "1"})) as made:
        yield made
