"""Folders that the system does not let be looked into: told, left out, and never taken for deleted."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.people import Typist

_VERSION = 0x20080522
_READ_ALL = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: with them root reads whatever the permissions say."""


@contextmanager
def closed(folder: Path, mode: int = 0) -> Iterator[None]:
    """Take the permissions of a folder away, for this thread also where it is root's."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    before, now = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, before) == 0
    now[:] = before[:]
    now[0] = before[0] & ~_READ_ALL
    folder.chmod(mode)
    try:
        assert libc.capset(header, now) == 0
        yield
    finally:
        assert libc.capset(header, before) == 0
        folder.chmod(0o755)


@pytest.mark.parametrize("mode", [0, 0o400, 0o100], ids=oct)
def test_F3_status_tells_of_a_folder_that_it_may_not_look_into_and_goes_on(desk, mode):
    """It failed as a whole."""
    desk.track({"s/deep/a.txt": b"a\n", "s/b.txt": b"b\n", "train.py": b"print()\n"})
    desk.write("train.py", b"print(1)\n")
    with closed(desk.root / "s", mode):
        with pytest.raises(PermissionError):
            list((desk.root / "s").iterdir()) if mode == 0o100 else (desk.root / "s/b.txt").stat()
        assert desk.states() == {"train.py": "modified"}
        desk.capsys.readouterr()
        told = desk.mlv("status", "nope", exit_code=9)
        assert "'nope'" in told
    assert desk.states() == {"train.py": "modified"}


@pytest.mark.parametrize("verb", ["commit", "status", "diff"])
def test_C8_a_commit_takes_no_file_of_a_folder_that_it_may_not_look_into_for_deleted(workspace, verb):
    one: Typist = workspace()
    for path in ("s/deep/a.txt", "s/b.txt", "train.py"):
        one.write(path, b"old\n")
    one.mlv("add", ".")
    one.mlv("commit", "-m", "first")
    one.write("train.py", b"new\n")
    one.write("s/b.txt", b"new\n")
    one.write("s/new.txt", b"new\n")
    one.mlv("add", "s/new.txt")
    typed = {"commit": ("commit", "-m", "second"), "status": ("status",), "diff": ("diff", "--summary")}[verb]
    with closed(one.here / "s"):
        out, err = one.said(*typed)
    assert err.count("No permission to look into 's': what is in it is left out.") == 1
    assert "s/" not in out
    if verb == "commit":
        assert one.states() == {"s/b.txt": "modified", "s/new.txt": "added"}
        assert {row["path"] for row in one.json("ls", "@2")} == {"s/deep/a.txt", "s/b.txt", "train.py"}


def test_an_update_writes_nothing_where_it_may_not_look(pair):
    """What is there may have changed: it must not be overwritten, nor taken for gone."""
    first, second = pair
    first.write("data/a.txt", b"theirs\n")
    first.mlv("commit", "-m", "theirs")
    second.write("data/a.txt", b"mine\n")
    with closed(second.here / "data"):
        assert "Permission denied" in second.mlv("update", code=2)
    assert second.read("data/a.txt") == b"mine\n"
    assert second.states() == {"data/a.txt": "modified"}
