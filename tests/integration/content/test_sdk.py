"""The fluent API against a real server: read any file or range without a checkout, and work in a workspace."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.site import Site

import mlv
from mlv.remote.credentials import Credential, store
from mlv.transfer.ranges import read_range
from mlv_core.errors import (
    Denied,
    InvalidPath,
    InvalidRevision,
    LockHeld,
    LockNeeded,
    NotAWorkspace,
    NotFound,
    NothingToCommit,
    NotSignedIn,
    UntrustedServer,
    UsageError,
)
from mlv_core.ids import ChangesetNumber, RepositoryName

DOCUMENT = Path(__file__).parents[3] / "docs" / "sdk.md"
DATA = np.random.default_rng(5).bytes(3_000_000)


def commit(repo: mlv.Repository, folder: Path, files: dict[str, bytes], message: str = "files") -> mlv.Workspace:
    """A workspace of `repo` in `folder` with these files committed."""
    workspace = repo.checkout(folder)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    workspace.add(list(files))
    workspace.commit(message)
    return workspace


@pytest.fixture(scope="module")
def read_only(site: Site, tmp_path_factory: pytest.TempPathFactory) -> mlv.Version:
    """A version that tests only read."""
    repo = site.repository()
    commit(repo, tmp_path_factory.mktemp("data") / "ws", {"data.bin": DATA, "empty": b"", "a/b.txt": b"text\n"}).close()
    return repo.version()


def test_a_commit_is_read_back_without_a_checkout(site: Site, tmp_path: Path):
    repo = site.repository()
    with repo.checkout(tmp_path / "ws") as workspace:
        (tmp_path / "ws/train.py").write_text("lr = 2e-5\n")
        workspace.add("train.py")
        made = workspace.commit("first", params={"lr": 2e-5, "warm": True}, metrics={"val/f1": 0.871})
    version = repo.version("@head")
    assert (made.changeset, version.number) == (1, 1)
    assert [row.path for row in version.files()] == ["train.py"]
    assert version.read("train.py") == b"lr = 2e-5\n"
    assert version.params == {"lr": "2e-05", "warm": "true"}
    assert {param.origin for param in version.records.params} == {"sdk"}
    assert version.metrics == {"val/f1": 0.871}
    assert version.changeset.message == "first"
    assert [change.path for change in version.changes] == ["train.py"]
    assert [changeset.number for changeset in repo.log()] == [1]


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (1_000_001, 70_000), (2_999_990, 100), (3_000_000, 5), (5, 0)])
def test_a_range_is_the_bytes_of_the_file(read_only: mlv.Version, offset: int, length: int):
    assert read_only.read_range("data.bin", offset, length) == DATA[offset : offset + length]


def test_files_can_be_listed_below_a_folder(read_only: mlv.Version):
    assert [row.path for row in read_only.files("a")] == ["a/b.txt"]
    assert [row.path for row in read_only.files()] == ["a/b.txt", "data.bin", "empty"]


def test_an_empty_file_reads_empty(read_only: mlv.Version):
    assert read_only.read("empty") == b""
    with read_only.open("empty") as file:
        assert file.read() == b""


def test_a_path_that_is_not_there_is_named(read_only: mlv.Version):
    with pytest.raises(NotFound, match="no/such"):
        read_only.read("no/such")
    with pytest.raises(NotFound, match="'a'"):
        read_only.open("a")


def test_a_file_object_reads_as_a_local_file_does(read_only: mlv.Version):
    mine, theirs = io.BytesIO(DATA), read_only.open("data.bin")
    moves = np.random.default_rng(8)
    for _ in range(60):
        if moves.random() < 0.5:
            place = (int(moves.integers(0, 3_100_000)), os.SEEK_SET)
            place = (int(moves.integers(-3_000_000, 1)), os.SEEK_END) if moves.random() < 0.3 else place
            assert mine.seek(*place) == theirs.seek(*place)
        length = int(moves.choice([0, 1, 100, 70_000, 1_200_000]))
        assert theirs.read(length) == mine.read(length)
        assert theirs.tell() == mine.tell()
    mine.seek(10)
    theirs.seek(10)
    assert theirs.read() == mine.read()


def test_a_file_object_knows_what_it_is(read_only: mlv.Version):
    file = read_only.open("data.bin")
    assert file.readable()
    assert file.seekable()
    assert not file.writable()
    assert (file.size, file.name, file.mode) == (len(DATA), "data.bin", "rb")
    with pytest.raises(ValueError, match="before"):
        file.seek(-1)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_libraries_read_through_a_file_object(site: Site, tmp_path: Path):
    repo = site.repository()
    buffer = io.BytesIO()
    array = np.arange(200_000, dtype=np.float32)
    np.savez(buffer, wanted=array, other=np.zeros(1_000_000))
    commit(repo, tmp_path / "ws", {"arrays.npz": buffer.getvalue()}).close()
    before = site.admin.received_bytes
    with repo.version().open("arrays.npz") as file, zipfile.ZipFile(file) as archive:
        found = np.load(io.BytesIO(archive.read("wanted.npy")))
    assert np.array_equal(found, array)
    assert site.admin.received_bytes - before < 3_000_000


def test_a_small_read_inside_a_large_file_moves_little(site: Site, read_only: mlv.Version):
    before = site.admin.received_bytes
    with read_only.open("data.bin") as file:
        file.seek(1_500_000)
        file.read(1000)
    assert site.admin.received_bytes - before < 100_000


def test_straight_reading_asks_seldom(site: Site, read_only: mlv.Version):
    server = site.server
    before = server.counters.calls
    with read_only.open("data.bin") as file:
        for _ in range(1500):
            file.read(2000)
    assert server.counters.calls - before < 12


def test_two_people_meet_at_a_lock(site: Site, tmp_path: Path):
    repo = site.repository()
    commit(repo, tmp_path / "mine", {"model.safetensors": b"\0weights"}).close()
    mine, theirs = (site.person(("contributor", repo.name)).repository(repo.name) for _ in range(2))
    with mine.checkout(tmp_path / "a") as first, theirs.checkout(tmp_path / "b") as second:
        assert not (tmp_path / "a/model.safetensors").stat().st_mode & stat.S_IWUSR
        opened = first.edit("model.safetensors", reason="training")
        assert opened.paths == ("model.safetensors",)
        with pytest.raises(LockHeld) as refused:
            second.edit("model.safetensors")
        assert opened.locks[0].owner in str(refused.value) + " ".join(refused.value.items)
        assert [lock.path for lock in repo.locks()] == ["model.safetensors"]
        (tmp_path / "a/model.safetensors").write_bytes(b"\0trained")
        assert [(f.path, f.state, f.lock) for f in first.status().files] == [("model.safetensors", "modified", "mine")]
        made = first.commit("trained", metrics={"val/f1": 0.9})
        assert made.released == ("model.safetensors",)
        second.update()
        assert (tmp_path / "b/model.safetensors").read_bytes() == b"\0trained"
        assert second.base == made.changeset
    assert repo.locks() == ()


def test_a_file_changed_without_its_lock_is_refused(site: Site, tmp_path: Path):
    repo = site.repository()
    with commit(repo, tmp_path / "ws", {"model.safetensors": b"\0weights"}) as workspace:
        (tmp_path / "ws/model.safetensors").chmod(0o644)
        (tmp_path / "ws/model.safetensors").write_bytes(b"\0other")
        with pytest.raises(LockNeeded, match="locked"):
            workspace.commit("no lock")


def test_acts_on_files(site: Site, tmp_path: Path):
    repo = site.repository()
    with commit(repo, tmp_path / "ws", {"a.txt": b"a\n", "b.txt": b"b\n", "c.txt": b"c\n"}) as workspace:
        workspace.move("a.txt", "sub/a.txt")
        workspace.delete("b.txt")
        (tmp_path / "ws/c.txt").write_text("changed\n")
        states = {file.path: file.state for file in workspace.status().files}
        assert states == {"sub/a.txt": "moved", "b.txt": "deleted", "c.txt": "modified"}
        workspace.revert("c.txt")
        assert (tmp_path / "ws/c.txt").read_bytes() == b"c\n"
        workspace.commit("tidy")
        with pytest.raises(NothingToCommit):
            workspace.commit("again")
        assert workspace.version().number == workspace.base == 2
    assert [row.path for row in repo.version().files()] == ["c.txt", "sub/a.txt"]


@pytest.mark.parametrize("accept", ["mine", "theirs"])
def test_F5_a_conflict_is_decided_by_the_user(site: Site, tmp_path: Path, accept: str):
    repo = site.repository()
    with commit(repo, tmp_path / "ws", {"a.txt": b"base\n"}) as workspace, repo.checkout(tmp_path / "other") as other:
        (tmp_path / "other/a.txt").write_text("theirs\n")
        other.commit("theirs")
        (tmp_path / "ws/a.txt").write_text("mine\n")
        assert workspace.update().conflicts == ("a.txt",)
        assert (tmp_path / "ws/a.txt").read_text() == "mine\n"
        workspace.resolve("a.txt", accept)
        assert (tmp_path / "ws/a.txt").read_text() == f"{accept}\n"
        kept = [path.read_text() for path in (tmp_path / "ws/.mlv/rescue").rglob("*") if path.is_file()]
        assert kept == (["mine\n"] if accept == "theirs" else [])


def test_branches_and_labels(site: Site, tmp_path: Path):
    repo = site.repository()
    with commit(repo, tmp_path / "ws", {"a.txt": b"a\n"}) as workspace:
        repo.create_branch("sweep")
        workspace.switch("sweep")
        (tmp_path / "ws/a.txt").write_text("sweep\n")
        workspace.commit("on the branch")
    repo.create_label("v1.0", 1, message="good")
    assert repo.version("@v1.0").read("a.txt") == b"a\n"
    assert repo.version("sweep").read("a.txt") == b"sweep\n"
    assert repo.version("@head", branch="sweep").number == 2
    assert {branch.name: branch.head for branch in repo.branches()} == {"main": 1, "sweep": 2}
    assert [(label.name, label.changeset, label.message) for label in repo.labels()] == [("v1.0", 1, "good")]
    assert repo.info.changesets == 2


def test_have_belongs_to_a_workspace(site: Site):
    with pytest.raises(InvalidRevision, match="workspace"):
        site.repository().version("@have")


def test_a_sparse_checkout_holds_what_was_asked_for(site: Site, tmp_path: Path):
    repo = site.repository()
    commit(repo, tmp_path / "ws", {"src/train.py": b"x\n", "data/big.bin": b"\0big"}).close()
    repo.checkout(tmp_path / "sparse", only=["src/**"]).close()
    assert (tmp_path / "sparse/src/train.py").exists()
    assert not (tmp_path / "sparse/data").exists()


def test_what_a_reader_may_not_do_is_refused(site: Site, tmp_path: Path):
    repo = site.repository()
    commit(repo, tmp_path / "ws", {"a.txt": b"a\n"}).close()
    reader = site.person(("reader", repo.name)).repository(repo.name)
    assert reader.version().read("a.txt") == b"a\n"
    with pytest.raises(Denied):
        reader.create_label("v1.0")


def test_who_may_not_list_a_repository_does_not_learn_that_it_exists(site: Site, tmp_path: Path):
    repo = site.repository()
    commit(repo, tmp_path / "ws", {"a.txt": b"a\n"}).close()
    stranger = site.person()
    assert repo.name not in {str(found.name) for found in stranger.repositories()}
    with pytest.raises(NotFound):
        stranger.repository(repo.name).version()


def test_a_wrong_fingerprint_is_refused_before_the_token_is_sent(site: Site):
    with pytest.raises(UntrustedServer, match="fingerprint"):
        mlv.connect(site.process.url, "secret", "SHA256:" + "0" * 64)
    with pytest.raises(UntrustedServer, match="fingerprint"):
        mlv.connect(site.process.url, "secret")


def test_a_wrong_token_is_not_signed_in(site: Site):
    with mlv.connect(site.process.url, "mlv_wrong", site.process.fingerprint) as client, pytest.raises(NotSignedIn):
        client.user  # noqa: B018 - asking is the act


def test_nobody_is_signed_in_without_a_login():
    with pytest.raises(NotSignedIn):
        mlv.connect()
    with pytest.raises(NotSignedIn):
        mlv.connect("mlv://127.0.0.1:1")


def test_what_login_remembered_signs_in(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = site.admin._context.credentials[site.process.url]
    store(str(tmp_path / "mlv-config"), Credential(site.process.url, given.token, "admin", "", given.authority_pem))
    with mlv.connect() as client:
        assert (client.url, client.user) == (site.process.url, "admin")
    monkeypatch.setenv("MLV_TOKEN", site.token())
    with mlv.connect() as client:
        assert client.user.startswith("person")


def test_an_empty_path_is_not_the_whole_workspace(site: Site, tmp_path: Path):
    """`delete("")` deleted every file."""
    with commit(site.repository(), tmp_path / "ws", {"a.txt": b"a", "b.txt": b"b"}) as workspace:
        for act in (workspace.delete, workspace.revert, workspace.edit, workspace.add):
            with pytest.raises(InvalidPath, match="An empty argument names no path"):
                act("")
        assert workspace.status().files == ()
        assert (tmp_path / "ws/a.txt").read_bytes() == b"a"


def test_no_workspace_is_said_so(tmp_path: Path):
    with pytest.raises(NotAWorkspace):
        mlv.open_workspace(tmp_path)


def test_a_param_s_name_holds_no_equals_sign(site: Site, tmp_path: Path):
    with site.repository().checkout(tmp_path / "ws") as workspace, pytest.raises(UsageError, match="a=b"):
        workspace.commit("x", params={"a=b": 1})


@pytest.mark.parametrize("value", ["x", None, ("x", "@1:a"), (1.0,), 10**400], ids=lambda value: repr(value)[:12])
def test_a_metric_that_is_no_number_is_an_error_of_mlv(site: Site, tmp_path: Path, value):
    """It was a ValueError of Python's."""
    with site.repository().checkout(tmp_path / "ws") as workspace, pytest.raises(UsageError, match=r"'f'.* no number"):
        workspace.commit("x", metrics={"f": value})


@pytest.mark.parametrize("seconds", [0.0001, -1.0, float("nan"), float("inf")])
def test_L8_a_lease_that_is_no_length_of_time_is_refused(site: Site, tmp_path: Path, seconds: float):
    """What rounded to nothing was as long as policy says."""
    with commit(site.repository(), tmp_path / "ws", {"a.txt": b"a"}) as workspace:
        for take in (workspace.lock, workspace.edit):
            with pytest.raises(UsageError, match="ttl_seconds"):
                take("a.txt", ttl_seconds=seconds)


def test_a_metric_names_its_data_set(site: Site, tmp_path: Path):
    repo = site.repository()
    with commit(repo, tmp_path / "ws", {"test.csv": b"a,b\n"}) as workspace:
        dataset = f"{repo.name}@1:test.csv"
        workspace.commit("measured", metrics={"f1": (np.float32(0.5), dataset)}, datasets={"test": dataset})
    records = repo.version().records
    assert records.metrics[0].dataset is not None
    assert (records.metrics[0].dataset.path, records.metrics[0].value) == ("test.csv", 0.5)
    assert records.inputs[0].dataset.changeset == 1


def test_the_examples_of_the_document_run(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """docs/sdk.md, from its first line of code to its last."""
    client = site.admin
    name = f"fraud/d{os.getpid()}"
    repo = client.create_repository(name)
    files = {"train.py": b"lr = 2e-5\n", "weights/model.safetensors": np.random.default_rng(1).bytes(500_000)}
    with repo.checkout(tmp_path / "ws") as workspace:
        for path, data in files.items():
            (tmp_path / "ws" / path).parent.mkdir(exist_ok=True)
            (tmp_path / "ws" / path).write_bytes(data)
        workspace.add(list(files))
        workspace.commit("base", params={"lr": "2e-5"}, metrics={"val/f1": 0.871})
    given = client._context.credentials[site.process.url]
    store(str(tmp_path / "mlv-config"), Credential(site.process.url, given.token, "admin", "", given.authority_pem))
    monkeypatch.chdir(tmp_path)

    def train(file: str) -> None:
        with Path(file).open("ab") as stream:
            stream.write(b"trained")

    known = {"token": given.token, "fingerprint": site.process.fingerprint, "train": train}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL):
        code = block.replace("mlv://models.example:7420", site.process.url).replace("fraud/detector", name)
        exec(compile(code, str(DOCUMENT), "exec"), known)
    assert known["header"] == files["weights/model.safetensors"][:8]
    assert known["tail"] == files["weights/model.safetensors"][-4:]
    assert known["made"].changeset == 2
    known["client"].close()


def test_a_read_goes_on_after_the_server_was_away(own_site: Site, tmp_path: Path):
    repo = own_site.repository()
    data = np.random.default_rng(6).bytes(12_000_000)
    commit(repo, tmp_path / "ws", {"data.bin": data}).close()
    version = repo.version()
    server, state = own_site.server, next(version.files("data.bin")).state
    received = bytearray()
    for piece in read_range(server, RepositoryName.parse(repo.name), ChangesetNumber(1), state):
        if len(received) < 2_000_000 <= len(received) + len(piece):
            own_site.process.crash()
            own_site.process.start()
        received += piece
    assert received == data
