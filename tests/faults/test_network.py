"""Servers that are away, silent, die or are not who they seem: a clear end each, and the same command goes on."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from tests.faults.conftest import (
    Proxy,
    checkout,
    files_of,
    kept_bytes,
    new_repository,
    noise,
    safetensors_of_noise,
    through,
)
from tests.servers import RunningServer, Team, User, run_server_command, running_team

from mlv_core.packs import PACK_TARGET

MODEL_BYTES = 45 << 20
REFUSED_BYTES = 200_000


@pytest.fixture
def silent():
    """A port on which somebody accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def forged(user: User, port: int, *, plaintext: bool, team: Team) -> User:
    """The same user, who remembers the server at another port."""
    config = user.config.with_name(f"{user.config.name}-{port}-{plaintext}")
    config.mkdir()
    text = (user.config / "credentials.json").read_text()
    scheme = "mlv+plain" if plaintext else "mlv"
    (config / "credentials.json").write_text(text.replace(team.server.url, f"{scheme}://127.0.0.1:{port}"))
    return User(user.name, config, user.home)


@pytest.mark.parametrize("plaintext", [True, False])
def test_N7_a_server_that_accepts_and_never_answers_is_given_up_after_the_timeout(team, silent, plaintext):
    user = forged(team.admin, silent, plaintext=plaintext, team=team)
    begun = time.monotonic()
    away = user.mlv("--timeout", "1", "repo", "list", "--json", code=6).json
    assert away["code"] == "UNREACHABLE"
    assert time.monotonic() - begun < 15, "20 s is what gRPC would wait for a handshake"
    login = user.mlv("--timeout", "1", "login", f"mlv://127.0.0.1:{silent}", "--token", "x", "--json", code=6).json
    assert login["code"] == "UNREACHABLE"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_N7_a_server_that_falls_silent_in_an_upload_is_noticed_and_the_same_command_goes_on(team, repository, proxy):
    user = through(team, proxy, repository)
    workspace = checkout(user, repository)
    (workspace / "model.dat").write_bytes(noise(8 << 20, 1))
    user.mlv("add", ".", cwd=workspace)
    proxy.silent_after = proxy.sent + (3 << 20)
    away = user.mlv("commit", "-m", "never ends", "--timeout", "10", "--json", cwd=workspace, code=6).json
    assert away["code"] == "UNREACHABLE"
    proxy.silent_after = None
    proxy.cut()
    proxy.flowing.set()
    user.mlv("commit", "-m", "again", cwd=workspace)
    assert len(user.mlv("log", "--json", cwd=workspace).json) == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_N7_a_server_that_falls_silent_in_a_download_is_noticed_and_the_same_command_goes_on(team, repository, proxy):
    source = checkout(team.admin, repository)
    (source / "model.dat").write_bytes(noise(8 << 20, 2))
    team.admin.mlv("add", ".", cwd=source)
    team.admin.mlv("commit", "-m", "base", cwd=source)
    user = through(team, proxy, repository)
    workspace = checkout(user, f"{repository}@0")
    stop = proxy.received + (2 << 20)
    running = user.popen("update", "--timeout", "10", cwd=workspace)
    proxy.wait(received=stop)
    proxy.flowing.clear()
    _, said = running.communicate(timeout=200)
    assert running.returncode == 6, said
    proxy.cut()
    proxy.flowing.set()
    user.mlv("update", cwd=workspace)
    assert files_of(workspace) == files_of(source)


def test_a_client_that_vanishes_in_a_download_does_no_harm_to_the_server(team, repository, proxy):
    source = checkout(team.admin, repository)
    (source / "model.dat").write_bytes(noise(8 << 20, 4))
    team.admin.mlv("add", ".", cwd=source)
    team.admin.mlv("commit", "-m", "base", cwd=source)
    user = through(team, proxy, repository)
    workspace = checkout(user, f"{repository}@0")
    process = team.server.process
    running = user.popen("update", cwd=workspace)
    proxy.wait(received=proxy.received + (2 << 20))
    proxy.flowing.clear()
    running.kill()
    running.communicate()
    proxy.cut()
    proxy.flowing.set()
    user.mlv("update", cwd=workspace)
    assert files_of(workspace) == files_of(source)
    assert process.poll() is None


def test_a_connection_that_is_cut_in_an_upload_is_taken_up_again(team, repository, proxy):
    user = through(team, proxy, repository)
    workspace = checkout(user, repository)
    (workspace / "model.dat").write_bytes(noise(12 << 20, 3))
    user.mlv("add", ".", cwd=workspace)
    stop = proxy.sent + (4 << 20)
    running = user.popen("commit", "-m", "cut", cwd=workspace)
    proxy.wait(sent=stop)
    proxy.cut()
    _, said = running.communicate(timeout=100)
    assert running.returncode == 0, said
    assert len(user.mlv("log", "--json", cwd=workspace).json) == 1


# --- each error of the issue: message, advice, exit code, nothing lost -----------------------------------------------


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A server that tests may stop."""
    with running_team(tmp_path_factory.mktemp("other")) as made:
        yield made


def changed(team: Team) -> tuple[str, Path]:
    repository = new_repository(team)
    workspace = checkout(team.admin, repository)
    (workspace / "notes.txt").write_text("mine\n")
    team.admin.mlv("add", ".", cwd=workspace)
    return repository, workspace


def told(user: User, *arguments: str, cwd: Path, code: int, name: str) -> str:
    """The refusal of a command, which says what happened and what to type next."""
    refused = user.mlv(*arguments, "--json", cwd=cwd, code=code).json
    assert refused["code"] == name
    assert refused["message"]
    assert refused["advice"]
    shown = user.mlv(*arguments, cwd=cwd, code=code)
    assert shown.out == ""
    assert refused["message"].split(":")[0] in shown.err
    return shown.err


def test_a_server_that_is_away_is_told_and_nothing_is_lost(other):
    _, workspace = changed(other)
    other.server.stop()
    try:
        said = told(other.admin, "--timeout", "1", "commit", "-m", "away", cwd=workspace, code=6, name="UNREACHABLE")
        assert other.server.url in said
    finally:
        other.server.start()
    assert files_of(workspace) == {"notes.txt": b"mine\n"}
    other.admin.mlv("commit", "-m", "back", cwd=workspace)


def test_an_expired_token_is_told_and_a_new_one_goes_on(team, repository):
    team.admin.mlv("user", "add", "brief")
    team.admin.mlv("policy", "grant", "contributor", "brief", repository)
    token = team.admin.mlv("token", "create", "--user", "brief", "--expires", "3s", "--json").json["token"]
    user = team.sign_in("brief", token)
    workspace = checkout(user, repository)
    (workspace / "notes.txt").write_text("mine\n")
    user.mlv("add", ".", cwd=workspace)
    end = time.monotonic() + 20
    while user.mlv("whoami", code=None).code == 0:
        assert time.monotonic() < end
    said = told(user, "commit", "-m", "late", cwd=workspace, code=5, name="NOT_SIGNED_IN")
    assert "mlv login" in said
    fresh = team.admin.mlv("token", "create", "--user", "brief", "--json").json["token"]
    user.mlv("login", team.server.url, "--token", fresh, "--fingerprint", team.server.fingerprint)
    user.mlv("commit", "-m", "in time", cwd=workspace)


def test_a_wrong_fingerprint_ends_the_login_before_the_token_is_sent(team, tmp_path):
    stranger = User("stranger", tmp_path / "config", tmp_path)
    wrong = "00" * 32
    refused = stranger.mlv(
        "login", team.server.url, "--token", "secret", "--fingerprint", wrong, "--json", cwd=tmp_path, code=5
    ).json
    assert refused["code"] == "UNTRUSTED_SERVER"
    assert "No token was sent" in refused["advice"]
    assert not (tmp_path / "config" / "credentials.json").exists()


def test_a_server_with_another_certificate_is_refused_on_every_call(team, tmp_path):
    _, workspace = changed(team)
    impostor = RunningServer.create(tmp_path / "impostor").start()
    try:
        port = int(impostor.url.rpartition(":")[2])
        user = forged(team.admin, port, plaintext=False, team=team)
        refused = user.mlv("repo", "list", "--json", code=5).json
        assert refused["code"] == "UNTRUSTED_SERVER"
    finally:
        impostor.stop()
    assert files_of(workspace) == {"notes.txt": b"mine\n"}


# --- C7: a refused commit of 45 MB moves under 200 kB ----------------------------------------------------------------


@pytest.fixture(scope="module")
def large(team):
    """A repository with a model of 45 MB in two versions, and the workspace that made them."""
    repository = new_repository(team)
    workspace = checkout(team.admin, repository)
    model = safetensors_of_noise(MODEL_BYTES, 1)
    (workspace / "model.safetensors").write_bytes(model)
    team.admin.mlv("add", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "one", cwd=workspace)
    team.admin.mlv("edit", "model.safetensors", cwd=workspace)
    (workspace / "model.safetensors").write_bytes(model[:-8] + bytes(8))
    team.admin.mlv("commit", "-m", "two", cwd=workspace)
    return repository, workspace


MINE = safetensors_of_noise(MODEL_BYTES, 2)


def rewritten(workspace: Path, name: str = "model.safetensors") -> None:
    """Another 45 MB in place of the model, as a program that minds no bits would do."""
    (workspace / name).unlink(missing_ok=True)
    (workspace / name).write_bytes(MINE)


def refused_cheaply(user: User, proxy: Proxy, workspace: Path, code: int, *names: str) -> None:
    before = proxy.sent + proxy.received
    refused = user.mlv("commit", "-m", "mine", "--json", cwd=workspace, code=code).json
    assert refused["code"] in names
    assert proxy.sent + proxy.received - before < REFUSED_BYTES
    assert MINE in kept_bytes(workspace)


def test_C7_a_foreign_lock_is_told_before_content_is_sent(team, large, proxy):
    repository, own = large
    user = through(team, proxy, repository)
    workspace = checkout(user, repository)
    team.admin.mlv("edit", "model.safetensors", cwd=own)
    try:
        rewritten(workspace)
        refused_cheaply(user, proxy, workspace, 4, "LOCK_HELD", "LOCK_NEEDED")
    finally:
        team.admin.mlv("unlock", "model.safetensors", cwd=own)


def test_C7_a_lost_lock_is_told_before_content_is_sent(team, large, proxy):
    repository, own = large
    user = through(team, proxy, repository)
    workspace = checkout(user, repository)
    user.mlv("edit", "model.safetensors", cwd=workspace)
    rewritten(workspace)
    team.admin.mlv("unlock", "--force", "-m", "mine now", "model.safetensors", cwd=own)
    refused_cheaply(user, proxy, workspace, 4, "LOCK_LOST", "LOCK_NEEDED")


def test_C7_a_stale_base_is_told_before_content_is_sent(team, large, proxy):
    repository, _ = large
    user = through(team, proxy, repository)
    first = checkout(user, repository)
    second = checkout(team.admin, repository)
    name = f"{user.name}.safetensors"
    for who, workspace, size in ((team.admin, second, 1000), (user, first, None)):
        if size:
            (workspace / name).write_bytes(noise(size, 9))
        else:
            rewritten(workspace, name)
        who.mlv("add", name, cwd=workspace)
    team.admin.mlv("commit", "-m", "first", cwd=second)
    refused_cheaply(user, proxy, first, 3, "HEAD_MOVED")


def test_C7_a_missing_right_is_told_before_content_is_sent(team, large, proxy):
    repository, _ = large
    user = through(team, proxy, repository, "reader")
    workspace = checkout(user, repository)
    rewritten(workspace, "own.safetensors")
    user.mlv("add", "own.safetensors", cwd=workspace)
    refused_cheaply(user, proxy, workspace, 5, "DENIED")


# --- kill -9 in the middle of an upload ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_C5_a_server_killed_in_an_upload_of_several_packs_is_sent_at_most_one_again(tmp_path):
    total = 150 << 20
    with running_team(tmp_path / "team") as team:
        host, _, port = team.server.url.removeprefix("mlv://").rpartition(":")
        proxy = Proxy((host, int(port)))
        repository = new_repository(team)
        user = through(team, proxy, repository)
        workspace = checkout(user, repository)
        model = safetensors_of_noise(total, 5)
        (workspace / "model.safetensors").write_bytes(model)
        user.mlv("add", ".", cwd=workspace)
        start = proxy.sent
        running = user.popen("--timeout", "1", "commit", "-m", "killed", cwd=workspace)
        proxy.wait(sent=start + (120 << 20))
        team.server.crash()
        _, said = running.communicate(timeout=100)
        assert running.returncode == 6, said
        first = proxy.sent - start
        team.server.start()
        done = user.mlv("commit", "-m", "killed", "--json", cwd=workspace).json
        assert done["changeset"] == 1
        assert first + done["sent_bytes"] < len(model) * 1.02 + PACK_TARGET + (4 << 20)
        assert len(user.mlv("log", "--json", cwd=workspace).json) == 1
        assert files_of(checkout(team.admin, repository)) == {"model.safetensors": model}
        team.server.stop()
        report = team.server.verify()
        assert (report["damaged"], report["foreign"]) == ([], [])
        proxy.close()


def test_the_first_token_is_spoken_of_when_it_is_used_twice(team, tmp_path):
    stranger = User("stranger", tmp_path / "config", tmp_path)
    refused = stranger.mlv(
        "login", team.server.url, "--token", team.server.admin_token, "--fingerprint", team.server.fingerprint,
        "--json", cwd=tmp_path, code=5,
    ).json  # fmt: skip
    assert refused["code"] == "NOT_SIGNED_IN"
    again = run_server_command("token", "create", "admin", "--dir", str(team.server.directory), check=False)
    assert again.returncode == 0, again.stderr
