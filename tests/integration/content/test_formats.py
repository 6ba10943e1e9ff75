"""Every version of every format comes back bit for bit, through a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.integration.content.files import MAKERS
from tests.site import Site


@pytest.mark.parametrize("name", MAKERS)
def test_every_version_of_every_format_comes_back_bit_for_bit(site: Site, tmp_path: Path, name: str):
    repo = site.repository()
    kept: list[bytes] = []
    with repo.checkout(tmp_path / "ws") as workspace:
        for version in range(1, 5):
            if version == 1:
                MAKERS[name](tmp_path / "ws" / name, version)
                workspace.add(name)
            else:
                workspace.lock(name)
                MAKERS[name](tmp_path / "ws" / name, version)
            made = workspace.commit(f"version {version}")
            kept.append((tmp_path / "ws" / name).read_bytes())
            if version > 1 and name in {"model.safetensors", "rows.npy", "arrays.npz", "checkpoint.pt", "rows.csv"}:
                assert made.sent_bytes < 0.2 * len(kept[-1])
        for version in (1, 4, 2, 3):  # from any to any, on what the workspace has
            workspace.update(version)
            assert (tmp_path / "ws" / name).read_bytes() == kept[version - 1]
    for version in (1, 4):  # from nothing
        repo.checkout(tmp_path / f"fresh{version}", version).close()
        assert (tmp_path / f"fresh{version}" / name).read_bytes() == kept[version - 1]
    assert repo.version(3).read(name) == kept[2]


def test_files_of_a_version_mix_every_format(site: Site, tmp_path: Path):
    repo = site.repository()
    with repo.checkout(tmp_path / "ws") as workspace:
        for name, make in MAKERS.items():
            make(tmp_path / "ws" / name, 1)
        (tmp_path / "ws/copy.csv").write_bytes((tmp_path / "ws/rows.csv").read_bytes())
        (tmp_path / "ws/empty2").touch()
        names = [*MAKERS, "copy.csv", "empty2"]
        workspace.add(names)
        workspace.commit("all")
    repo.checkout(tmp_path / "fresh").close()
    for name in names:
        assert (tmp_path / "fresh" / name).read_bytes() == (tmp_path / "ws" / name).read_bytes()


def test_the_same_content_is_sent_once(site: Site, tmp_path: Path):
    repo = site.repository()
    data = np.random.default_rng(3).bytes(1_500_000)
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/one.bin").write_bytes(data)
        (tmp_path / "ws/two.bin").write_bytes(data)
        workspace.add(["one.bin", "two.bin"])
        first = workspace.commit("twice")
        (tmp_path / "ws/three.bin").write_bytes(data)
        workspace.add("three.bin")
        second = workspace.commit("again")
    assert first.sent_bytes < 1.01 * len(data)
    assert second.sent_bytes < 20_000
    repo.checkout(tmp_path / "fresh").close()
    assert all((tmp_path / "fresh" / name).read_bytes() == data for name in ("one.bin", "two.bin", "three.bin"))


def test_more_small_files_than_file_handles(site: Site, tmp_path: Path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 700
    with site.repository().checkout(tmp_path / "ws") as workspace:
        for number in range(count):
            (tmp_path / f"ws/{number:04}.txt").write_text(f"file {number}\n" * (number % 40))
        workspace.add(".")
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        try:
            workspace.commit("many")
            for number in range(0, count, 3):
                (tmp_path / f"ws/{number:04}.txt").write_text(f"changed {number}\n" * 500)
            workspace.commit("many changed")
            workspace.update(1)
            workspace.update()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(count):
            expected = f"file {number}\n" * (number % 40) if number % 3 else f"changed {number}\n" * 500
            assert (tmp_path / f"ws/{number:04}.txt").read_text() == expected
