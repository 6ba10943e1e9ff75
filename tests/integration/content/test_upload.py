"""Content on its way to a real server: sent once, resumed, never with bytes that changed meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.site import Site, damage

import mlv
from mlv.transfer import ahead as reading
from mlv.transfer import sending, streaming
from mlv.transfer import upload as uploading
from mlv.transfer.types import Silent, UploadInput
from mlv.transfer.upload import upload_changes
from mlv_core.codecs import ALL_CODECS
from mlv_core.errors import DamagedContent, FileChanging
from mlv_core.hashing import hash_content
from mlv_core.ids import RepositoryName

CODECS = frozenset(int(codec) for codec in ALL_CODECS)


def upload_again(site: Site, repo: mlv.Repository, inputs: list[UploadInput]) -> int:
    before = site.server.counters.sent_bytes
    upload_changes(site.server, RepositoryName.parse(repo.name), inputs, upload="again", codecs=CODECS)
    return site.server.counters.sent_bytes - before


def test_C5_what_the_server_has_is_not_sent_again(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two packs, the connection breaks in the second: the first is not sent again."""
    monkeypatch.setattr(sending, "SENT_PACK_BYTES", 2 << 20)
    repo = site.repository()
    data = np.random.default_rng(6).bytes(8_000_000)
    (tmp_path / "noise.dat").write_bytes(data)
    inputs = [UploadInput("noise.dat", str(tmp_path / "noise.dat"))]
    real = site.server.put_pack
    calls = []

    def breaking(repository, upload, messages):
        if len(calls) == 2:
            calls[1].result()
            raise KeyboardInterrupt
        calls.append(real(repository, upload, messages))
        return calls[-1]

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
    file.write_text("first\n" * 10_000)
    real, cuts = reading.cut_content, []

    def meddling(source, path, **options):
        cut = real(source, path, **options)
        cuts.append(path)
        if len(cuts) == 1:
            file.write_text("second\n" * 10_000)
        return cut

    monkeypatch.setattr(reading, "cut_content", meddling)
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
    file.write_text("start\n" * 10_000)
    real, readings = reading.cut_content, []

    def meddling(source, path, **options):
        cut = real(source, path, **options)
        readings.append(path)
        with file.open("a") as stream:
            stream.write("more\n")
        return cut

    monkeypatch.setattr(reading, "cut_content", meddling)
    with pytest.raises(FileChanging, match=r"log\.txt"):
        upload_changes(
            site.server,
            RepositoryName.parse(site.repository().name),
            [UploadInput("log.txt", str(file))],
            upload="",
            codecs=CODECS,
        )
    assert len(readings) == 3


def test_few_bytes_ride_in_publish(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with site.repository().checkout(tmp_path / "ws") as workspace:
        server = workspace._context.server()
        for name in ("begin", "find_missing", "put_pack"):
            monkeypatch.setattr(server, name, lambda *_: pytest.fail("more than Publish"), raising=False)
        for text in ("small\n", "smaller\n"):
            (tmp_path / "ws/a.txt").write_text(text)
            workspace.add("a.txt")
            workspace.commit("small")


def test_F4_the_same_content_offered_again_heals_what_was_damaged(own_site: Site, tmp_path: Path):
    repo = own_site.repository()
    data = np.random.default_rng(8).bytes(1_500_000)
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/noise.dat").write_bytes(data)
        workspace.add("noise.dat")
        workspace.commit("noise")
        damage(own_site)
        with pytest.raises(DamagedContent):
            repo.version(1).read("noise.dat")
        (tmp_path / "ws/again.dat").write_bytes(data)
        workspace.add("again.dat")
        workspace.commit("the same again")
    assert repo.version(1).read("noise.dat") == data


def test_large_new_files_are_sent_while_they_are_read_and_small_ones_after_them(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploading, "STREAMED_BYTES", 1 << 20)
    monkeypatch.setattr(streaming, "STREAMED_BYTES", 1 << 20)
    monkeypatch.setattr(sending, "SENT_PACK_BYTES", 2 << 20)
    noise = np.random.default_rng(9).bytes(7_000_000)
    table = b"".join(b"%d,%d\n" % (n, n * n) for n in range(300_000))
    files = {"a.txt": b"small\n", "noise.bin": noise, "table.csv": table, "twice.bin": noise[:3_000_000] * 2}
    repo = site.repository()
    with repo.checkout(tmp_path / "ws") as workspace:
        for name, data in files.items():
            (tmp_path / "ws" / name).write_bytes(data)
            workspace.add(name)
        assert workspace.commit("at once").changeset == 1
    assert {name: repo.version().read(name) for name in files} == files
    repo.checkout(tmp_path / "again").close()
    assert {name: (tmp_path / "again" / name).read_bytes() for name in files} == files


def test_a_large_file_that_changes_while_it_is_sent_is_read_again(site: Site, tmp_path: Path, monkeypatch):
    file = tmp_path / "noise.bin"
    file.write_bytes(np.random.default_rng(10).bytes(streaming.STREAMED_BYTES))
    real, readings = streaming.cut_blocks, []

    def meddling(source):
        readings.append(source)
        yield from real(source)
        if len(readings) == 1:
            file.write_bytes(np.random.default_rng(11).bytes(streaming.STREAMED_BYTES))

    monkeypatch.setattr(streaming, "cut_blocks", meddling)
    result = upload_changes(
        site.server,
        RepositoryName.parse(site.repository().name),
        [UploadInput("noise.bin", str(file))],
        upload="changing",
        codecs=CODECS,
    )
    assert result.contents[0].content == hash_content(file.read_bytes())
    assert len(readings) == 2
