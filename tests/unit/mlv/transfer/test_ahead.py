"""The first large changed files are read before it is known whether they may be committed; nothing else is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mlv.transfer import ahead
from mlv.transfer.ahead import open_input, reading_ahead
from mlv.transfer.types import UploadInput
from mlv_core.errors import MissingFile

LARGE = 100_000


@pytest.fixture(autouse=True)
def _sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "APART_BYTES", LARGE)
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 3 * LARGE)


def changed(folder: Path, name: str, size: int) -> UploadInput:
    """A file and its base."""
    (folder / name).write_bytes(name.encode() * (size // len(name)))
    (folder / f"{name}.base").write_bytes(b"base" * (size // 4))
    return UploadInput(name, str(folder / name), str(folder / f"{name}.base"))


def test_large_changed_files_are_read_ahead_up_to_a_bound(tmp_path):
    inputs = [changed(tmp_path, f"f{number}", LARGE + 20_000) for number in range(3)]
    small, new = changed(tmp_path, "small", 4000), UploadInput("new", inputs[0].source)
    with reading_ahead([small, new, *inputs]) as found:
        items = [found.take(given) for given in (small, new, *inputs)]
    assert [item is not None for item in items] == [False, False, True, True, False]
    for given, item in zip(inputs, items[2:4], strict=False):
        assert item is not None
        again = open_input(given)
        assert item.cut.content == again.cut.content
        assert item.base_cut is not None
        assert item.base_cut.recipe == again.base_cut.recipe


def test_what_was_read_ahead_is_taken_once(tmp_path):
    given = changed(tmp_path, "model", LARGE)
    with reading_ahead([given]) as found:
        assert found.take(given) is not None
        assert found.take(given) is None


def test_a_file_that_is_gone_is_told_when_it_is_taken(tmp_path, monkeypatch):
    given = changed(tmp_path, "model", LARGE)
    monkeypatch.setattr(ahead, "size_of", lambda _source: LARGE)
    (tmp_path / "model").unlink()
    with reading_ahead([given]) as found, pytest.raises(MissingFile, match="model"):
        found.take(given)


def test_nobody_waits_for_what_is_read_and_was_not_taken(tmp_path, monkeypatch):
    begun, end = threading.Event(), threading.Event()

    def slow(_given: UploadInput) -> None:
        begun.set()
        end.wait(60)

    monkeypatch.setattr(ahead, "open_input", slow)
    inputs = [changed(tmp_path, f"f{number}", LARGE) for number in range(3)]
    with reading_ahead(inputs) as found:
        begun.wait(60)
    first, *others = found._reading.values()
    assert first.running()
    assert all(future.cancelled() for future in others)
    end.set()
