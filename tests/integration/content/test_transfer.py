"""Content on its way through a real server and back: every format, resumed, verified, within its memory."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.site import Site

import mlv
from mlv.remote import Server
from mlv.transfer import download as downloading
from mlv.transfer import sending
from mlv.transfer import upload as uploading
from mlv.transfer.download import download
from mlv.transfer.types import Fetched, Silent, UploadInput
from mlv.transfer.upload import upload_changes
from mlv_core.codecs import ALL_CODECS
from mlv_core.errors import DamagedContent, FileChanging
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import PlanRequest

CODECS = frozenset(int(codec) for codec in ALL_CODECS)
Make = Callable[[Path, int], None]


def weights(version: int, *shape: int) -> np.ndarray:
    """Numbers of which a version changes one in fifty a little."""
    base = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    moves = np.random.default_rng(version)
    return base + (moves.random(shape) < 0.02) * np.float32(1e-3) * version


def make_safetensors(file: Path, version: int) -> None:
    tensors = {"embed": weights(version, 2000, 300), "bias": weights(version, 300), "scale": weights(version, 1)}
    save_file(tensors, file)


def make_npy(file: Path, version: int) -> None:
    np.save(file, weights(version, 3000, 300))


def make_npz(file: Path, version: int) -> None:
    np.savez(file, a=weights(version, 1000, 300), b=weights(version, 10))


def make_torch_like_zip(file: Path, version: int) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x02}q\x00.")
        archive.writestr(zipfile.ZipInfo("archive/data/0"), weights(version, 1000, 400).tobytes())


def make_csv(file: Path, version: int) -> None:
    rows = [f"{i},{i * 7919 % 10007},row {i}" for i in range(60_000)]
    for row in range(version * 100, version * 100 + 50):
        rows[row] = f"changed in {version}"
    file.write_text("\n".join(rows) + "\n")


def make_noise(file: Path, version: int) -> None:
    data = bytearray(np.random.default_rng(2).bytes(2_500_000))
    data[version * 1000 : version * 1000] = b"inserted" * version
    file.write_bytes(data)


def make_empty(file: Path, version: int) -> None:
    file.write_bytes(b"" if version % 2 else b"x")


MAKERS: dict[str, Make] = {
    "model.safetensors": make_safetensors,
    "rows.npy": make_npy,
    "arrays.npz": make_npz,
    "checkpoint.pt": make_torch_like_zip,
    "rows.csv": make_csv,
    "noise.dat": make_noise,
    "empty": make_empty,
}


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
    own_site.process.stop()
    packs = [
        path for path in own_site.process.directory.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000
    ]
    assert packs
    for path in packs:
        path.chmod(0o644)
        with path.open("r+b") as stream:
            stream.seek(path.stat().st_size // 2)
            byte = stream.read(1)
            stream.seek(-1, os.SEEK_CUR)
            stream.write(bytes([byte[0] ^ 1]))
    own_site.process.start()
    with pytest.raises(DamagedContent):
        repo.checkout(tmp_path / "fresh")
    assert not (tmp_path / "fresh/noise.dat").exists()
    with pytest.raises(DamagedContent):
        repo.version().read("noise.dat")


def upload_again(site: Site, repo: mlv.Repository, inputs: list[UploadInput]) -> int:
    before = site.server.counters.sent_bytes
    upload_changes(site.server, RepositoryName.parse(repo.name), inputs, upload="again", codecs=CODECS)
    return site.server.counters.sent_bytes - before


def test_C5_what_the_server_has_is_not_sent_again(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two packs, the connection breaks in the second: the first is not sent again."""
    monkeypatch.setattr(sending, "PACK_TARGET", 3 << 20)
    repo = site.repository()
    data = np.random.default_rng(6).bytes(8_000_000)
    (tmp_path / "noise.dat").write_bytes(data)
    inputs = [UploadInput("noise.dat", str(tmp_path / "noise.dat"))]
    real = site.server.put_pack
    calls: list[bytes] = []

    def breaking(repository, upload, chunks):
        if len(calls) == 2:
            raise KeyboardInterrupt
        found = real(repository, upload, chunks)
        calls.append(found[0])
        return found

    monkeypatch.setattr(site.server, "put_pack", breaking, raising=False)
    with pytest.raises(KeyboardInterrupt):
        upload_changes(site.server, RepositoryName.parse(repo.name), inputs, upload="first", codecs=CODECS)
    monkeypatch.undo()
    assert len(calls) == 2
    assert upload_again(site, repo, inputs) < len(data) - 5_900_000
    assert upload_again(site, repo, inputs) < 30_000


def test_a_connection_that_breaks_once_does_not_end_the_upload(own_site: Site, tmp_path: Path):
    repo = own_site.repository()
    data = np.random.default_rng(7).bytes(6_000_000)
    killed = []

    class Killing(Silent):
        def advance(self, amount: int) -> None:
            if amount and not killed:
                killed.append(amount)
                own_site.process.crash()
                own_site.process.start()

    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/noise.dat").write_bytes(data)
        workspace.add("noise.dat")
        workspace._context.progress = Killing()
        assert workspace.commit("through a crash").changeset == 1
    assert killed
    assert repo.version().read("noise.dat") == data


def test_a_file_that_changes_while_it_is_committed_is_read_again(site: Site, tmp_path: Path, monkeypatch):
    file = tmp_path / "log.txt"
    file.write_text("first\n" * 1000)
    real, cuts = uploading.cut_content, []

    def meddling(source, path):
        cut = real(source, path)
        cuts.append(path)
        if len(cuts) == 1:
            file.write_text("second\n" * 1000)
        return cut

    monkeypatch.setattr(uploading, "cut_content", meddling)
    result = upload_changes(
        site.server,
        RepositoryName.parse(site.repository().name),
        [UploadInput("log.txt", str(file))],
        upload="",
        codecs=CODECS,
    )
    assert result.contents[0].content == hash_content(file.read_bytes())
    assert len(cuts) == 2


def test_a_file_that_never_rests_is_refused_by_name(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "log.txt"
    file.write_text("start\n")
    real = uploading.cut_content

    def meddling(source, path):
        cut = real(source, path)
        with file.open("a") as stream:
            stream.write("more\n")
        return cut

    monkeypatch.setattr(uploading, "cut_content", meddling)
    with pytest.raises(FileChanging, match=r"log\.txt"):
        upload_changes(
            site.server,
            RepositoryName.parse(site.repository().name),
            [UploadInput("log.txt", str(file))],
            upload="",
            codecs=CODECS,
        )


def test_few_bytes_ride_in_publish(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with site.repository().checkout(tmp_path / "ws") as workspace:
        server = workspace._context.server()
        for name in ("begin", "find_missing", "put_pack"):
            monkeypatch.setattr(server, name, lambda *_: pytest.fail("more than Publish"), raising=False)
        for text in ("small\n", "smaller\n"):
            (tmp_path / "ws/a.txt").write_text(text)
            workspace.add("a.txt")
            workspace.commit("small")


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
