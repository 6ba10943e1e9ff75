"""A large file that is open for edit is compared with its base in a few places before all of it is read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from blake3 import blake3

from mlv.workspace import scan
from mlv.workspace.state import State, TrackedFile

BASE = bytes(range(256)) * 20_000


@pytest.fixture
def hashed(monkeypatch):
    """The files that were hashed as a whole."""
    found: list[str] = []
    real = scan.hash_file

    def counted(file: str, mode: int) -> bytes:
        found.append(Path(file).name)
        return real(file, mode)

    monkeypatch.setattr(scan, "hash_file", counted)
    return found


def letters(place, now: bytes, *, opened: int = 1, kept: bytes | None = BASE, thorough: bool = False) -> list[str]:
    """What a scan says of one tracked file that holds `now`, with `kept` as its base."""
    content = blake3(BASE).digest()
    Path(place.absolute("model.bin")).write_bytes(now)
    if kept is not None:
        Path(place.pristine).mkdir(exist_ok=True)
        Path(place.base_file(content)).write_bytes(kept)
    row = TrackedFile("model.bin", 1, 0, 0, len(BASE), content, 0, 0, opened=opened)
    with closing(State.create(place.state, {"base": "1"})) as state:
        state.put_files([row])
        return [item.state for item in scan.scan(place, state, untracked=False, thorough=thorough).found]


@pytest.mark.parametrize("at", [0, len(BASE) // 16 * 5 + 10, len(BASE) // 16 * 15])
def test_F3_what_differs_in_a_sample_is_not_hashed(place, hashed, at):
    now = bytearray(BASE)
    now[at] ^= 1
    assert letters(place, bytes(now)) == ["M"]
    assert hashed == []


def test_F3_what_differs_elsewhere_is_found_by_its_hash(place, hashed):
    now = bytearray(BASE)
    now[-1] ^= 1
    assert letters(place, bytes(now)) == ["M"]
    assert hashed == ["model.bin"]


def test_F3_what_is_equal_is_proved_by_its_hash(place, hashed):
    assert letters(place, BASE) == []
    assert hashed == ["model.bin"]


@pytest.mark.parametrize("options", [{"opened": 0}, {"kept": None}, {"kept": BASE[:-1] + b"?" * 2}, {"thorough": True}])
def test_F3_without_a_whole_base_or_when_asked_for_every_byte_it_is_hashed(place, hashed, options):
    assert letters(place, b"?" + BASE[1:], **options) == ["M"]
    assert hashed == ["model.bin"]
