"""Content on its way from a real server: resumed, built on what is there, verified before it is given."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.integration.content.files import MAKERS
from tests.site import Site, damage

import mlv
from mlv.remote import Server
from mlv.sdk import Workspace
from mlv.transfer import download as downloading
from mlv.transfer.download import download
from mlv.transfer.types import Fetched
from mlv_core.codecs import ALL_CODECS
from mlv_core.errors import DamagedContent
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import PlanRequest

CODECS = frozenset(int(codec) for codec in ALL_CODECS)


def plan(repo: mlv.Repository, base: int, target: int) -> PlanRequest:
    name = RepositoryName.parse(repo.name)
    return PlanRequest(name, ChangesetNumber(base), ChangesetNumber(target), CODECS)


def fetch(server: Server, request: PlanRequest, incoming: Path, old: Path | None = None) -> list[Fetched]:
    parts = server.plan_download(request)

    def old_file(path: str) -> str | None:
        return str(old / path) if old is not None else None

    return list(download(server, request.repository, parts, old_file, str(incoming)))


@pytest.fixture
def two_versions(site: Site, tmp_path: Path) -> Iterator[tuple[mlv.Repository, Path, dict[str, bytes]]]:
    """A repository with two versions of a model and a table; the workspace at the first one."""
    repo = site.repository()
    with repo.checkout(tmp_path / "ws") as workspace:
        for version in (1, 2):
            for name in ("model.safetensors", "rows.csv"):
                if version == 2:
                    workspace.lock(name)
                MAKERS[name](tmp_path / "ws" / name, version)
            workspace.add(["model.safetensors", "rows.csv"])
            workspace.commit(str(version))
        second = {path.name: path.read_bytes() for path in (tmp_path / "ws").iterdir() if path.is_file()}
        workspace.update(1)
        yield repo, tmp_path / "ws", second


def test_an_update_is_built_on_what_the_workspace_has(site: Site, tmp_path: Path, two_versions):
    repo, folder, second = two_versions
    before = site.server.counters.received_bytes
    found = fetch(site.server, plan(repo, 1, 2), tmp_path / "incoming", folder)
    assert {one.change.change.path: Path(one.file).read_bytes() for one in found} == second
    assert site.server.counters.received_bytes - before < 0.25 * sum(len(data) for data in second.values())


def test_what_is_whole_already_is_not_fetched_again(site: Site, tmp_path: Path, two_versions):
    repo, _, second = two_versions
    fetch(site.server, plan(repo, 0, 2), tmp_path / "incoming")
    before = site.server.counters.received_bytes
    found = fetch(site.server, plan(repo, 0, 2), tmp_path / "incoming")
    assert {one.change.change.path: Path(one.file).read_bytes() for one in found} == second
    assert site.server.counters.received_bytes - before < 200_000


class Breaking:
    """The server, whose streams break after so many messages."""

    def __init__(self, server: Server, messages: int) -> None:
        self._server = server
        self.left = messages

    def __getattr__(self, name: str):
        return getattr(self._server, name)

    def get_ranges(self, *arguments) -> Iterator[bytes]:
        for data in self._server.get_ranges(*arguments):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            yield data


@pytest.mark.parametrize("messages", [1, 2, 3])
def test_an_interrupted_download_goes_on_where_it_stopped(site: Site, tmp_path: Path, two_versions, messages: int):
    repo, _, second = two_versions
    with pytest.raises(KeyboardInterrupt):
        fetch(Breaking(site.server, messages), plan(repo, 0, 2), tmp_path / "incoming")
    assert list((tmp_path / "incoming").glob("*.part"))
    fresh = site.server.counters.received_bytes
    fetch(site.server, plan(repo, 0, 2), tmp_path / "other")
    fresh = site.server.counters.received_bytes - fresh
    again = site.server.counters.received_bytes
    found = fetch(site.server, plan(repo, 0, 2), tmp_path / "incoming")
    again = site.server.counters.received_bytes - again
    assert {one.change.change.path: Path(one.file).read_bytes() for one in found} == second
    assert not list((tmp_path / "incoming").glob("*.part"))
    assert again <= fresh


def test_what_arrived_before_an_interruption_is_not_fetched_again(site: Site, tmp_path: Path):
    repo = site.repository()
    data = np.random.default_rng(9).bytes(6_000_000)
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/noise.dat").write_bytes(data)
        workspace.add("noise.dat")
        workspace.commit("noise")
    with pytest.raises(KeyboardInterrupt):
        fetch(Breaking(site.server, 4), plan(repo, 0, 1), tmp_path / "incoming")
    before = site.server.counters.received_bytes
    (found,) = fetch(site.server, plan(repo, 0, 1), tmp_path / "incoming")
    assert Path(found.file).read_bytes() == data
    assert site.server.counters.received_bytes - before < 3_500_000


def test_two_streams_share_a_large_part(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloading, "SHARD_BYTES", 1 << 20)
    repo = site.repository()
    with repo.checkout(tmp_path / "ws") as workspace:
        for version in range(1, 4):
            for name in ("model.safetensors", "rows.npy", "rows.csv"):
                if version > 1:
                    workspace.lock(name)
                MAKERS[name](tmp_path / "ws" / name, version)
            workspace.add(".")
            workspace.commit(str(version))
        kept = {path.name: path.read_bytes() for path in (tmp_path / "ws").iterdir() if path.is_file()}
    found = fetch(site.server, plan(repo, 0, 3), tmp_path / "incoming")
    assert {one.change.change.path: Path(one.file).read_bytes() for one in found} == kept


def test_F4_left_over_bytes_that_are_wrong_are_fetched_again(site: Site, tmp_path: Path, two_versions):
    repo, _, second = two_versions
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    for data in second.values():
        (incoming / (hash_content(data).hex() + ".part")).write_bytes(data[:-1000] + bytes(1000))
        (incoming / hash_content(data).hex()).write_bytes(b"wrong")
    found = fetch(site.server, plan(repo, 0, 2), incoming)
    assert {one.change.change.path: Path(one.file).read_bytes() for one in found} == second


def test_F4_a_base_that_is_not_what_the_version_says_is_never_built_upon(site: Site, tmp_path: Path, two_versions):
    repo, folder, _ = two_versions
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[1_000_000] ^= 1
    (folder / "model.safetensors").chmod(0o644)
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(DamagedContent, match=r"not what its version says") as refused:
        fetch(site.server, plan(repo, 1, 2), tmp_path / "incoming", folder)
    assert "model.safetensors" in refused.value.items


class Flipping(Breaking):
    """The server, with one bit turned in what it sends."""

    def get_ranges(self, *arguments) -> Iterator[bytes]:
        for number, data in enumerate(self._server.get_ranges(*arguments)):
            changed = bytearray(data)
            if number == 1:
                changed[len(changed) // 2] ^= 16
            yield bytes(changed)


def test_F4_a_turned_bit_is_noticed_and_named(site: Site, tmp_path: Path, two_versions):
    repo, _, _ = two_versions
    with pytest.raises(DamagedContent) as refused:
        fetch(Flipping(site.server, 0), plan(repo, 0, 2), tmp_path / "incoming")
    assert "changeset @" in " ".join(refused.value.items)
    assert "segment" in " ".join(refused.value.items)
    assert all(path.suffix == ".part" for path in (tmp_path / "incoming").iterdir())


def test_F4_damage_in_the_store_is_never_delivered(own_site: Site, tmp_path: Path):
    repo = own_site.repository()
    data = np.random.default_rng(4).bytes(2_000_000)
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/noise.dat").write_bytes(data)
        workspace.add("noise.dat")
        workspace.commit("noise")
    damage(own_site)
    with pytest.raises(DamagedContent):
        repo.checkout(tmp_path / "fresh")
    assert not (tmp_path / "fresh/noise.dat").exists()
    with pytest.raises(DamagedContent):
        repo.version().read("noise.dat")


KILLED = """
import os, signal, sys
import mlv
from mlv.transfer.types import Silent

class Killing(Silent):
    left = 3_000_000
    def advance(self, amount):
        self.left -= amount
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

client = mlv.connect(*sys.argv[1:4])
client._context.progress = Killing()
client.repository(sys.argv[4]).checkout(sys.argv[5])
"""


def test_a_checkout_that_was_killed_is_finished_by_an_update(site: Site, tmp_path: Path):
    repo = site.repository()
    data = np.random.default_rng(10).bytes(8_000_000)
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/noise.dat").write_bytes(data)
        workspace.add("noise.dat")
        workspace.commit("noise")
    words = [site.process.url, site.admin_token, site.process.fingerprint, repo.name, str(tmp_path / "killed")]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, stderr=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed/noise.dat").exists()
    with Workspace(str(tmp_path / "killed"), site.admin._context.credentials) as workspace:
        updated = workspace.update()
        assert workspace.status().files == ()
    assert (tmp_path / "killed/noise.dat").read_bytes() == data
    assert updated.received_bytes < 6_500_000
    assert not list((tmp_path / "killed/.mlv").rglob("*.part"))
