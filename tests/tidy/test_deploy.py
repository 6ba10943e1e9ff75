"""What is shipped to run the server is checked by the tools of its own kind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.ports import free_port

# In tenths, 0 to 100; what is left is the network that a server needs.
EXPOSURE_LIMIT = 15


@pytest.fixture
def unit(root: Path, tmp_path: Path) -> Path:
    """The unit with a program that exists on every machine in the place of ours."""
    if shutil.which("systemd-analyze") is None:
        assert "CI" not in os.environ, "CI must have systemd-analyze"
        pytest.skip("systemd-analyze is not on this machine; CI has it")
    text = (root / "deploy/mlv-server.service").read_text()
    copy = tmp_path / "mlv-server.service"
    copy.write_text(text.replace("/opt/mlv/bin/mlv-server", shutil.which("true") or "/bin/true"))
    return copy


def test_the_unit_is_sound(unit: Path):
    result = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_unit_is_hardened(unit: Path):
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={EXPOSURE_LIMIT}",
        "--no-pager",
        str(unit),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-200:]


def test_the_dockerfile_passes_its_lint(root: Path):
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--config", "deploy/.hadolint.yaml", "deploy/Dockerfile"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_image_does_not_run_as_root(root: Path):
    users = [
        line.split()[1] for line in (root / "deploy/Dockerfile").read_text().splitlines() if line.startswith("USER")
    ]
    assert users
    assert users[-1] not in {"root", "0"}


def test_the_image_copies_only_what_exists(root: Path):
    lines = [line for line in (root / "deploy/Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    sources = [
        word for line in lines if "--from=" not in line for word in line.split()[1:-1] if not word.startswith("--")
    ]
    assert [source for source in sources if not (root / source).exists()] == []


def test_the_entrypoint_is_a_shell_program(root: Path):
    assert os.access(root / "deploy/entrypoint.sh", os.X_OK)
    subprocess.run(["sh", "-n", str(root / "deploy/entrypoint.sh")], check=True)


def test_the_container_makes_its_server_once_and_stops_cleanly(root: Path, tmp_path: Path):
    address = f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLV_DIRECTORY": str(tmp_path / "data"),
        "MLV_SERVER_LISTEN": address,
        "MLV_HOST": "models.example.org",
    }
    (tmp_path / "data").mkdir()  # as the image's volume: there, and empty
    for tokens in (1, 0):
        process = subprocess.Popen(
            ["sh", str(root / "deploy/entrypoint.sh")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("listening on"):
                    process.send_signal(signal.SIGTERM)
        assert process.returncode == 0, said
        assert said.count("mlv_") == tokens, "the first admin token is shown once"


def test_compose_runs_one_confined_server(root: Path):
    compose = yaml.safe_load((root / "deploy/compose.yaml").read_text())
    assert list(compose["services"]) == ["server"]
    server = compose["services"]["server"]
    context = root / "deploy" / server["build"]["context"]
    assert (context / server["build"]["dockerfile"]).is_file()
    volumes = {mount.split(":")[0] for mount in server["volumes"]}
    assert volumes == set(compose["volumes"])
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "privileged" not in server


def test_the_example_settings_are_valid(root: Path):
    """The server's own check of the settings passes the shipped example."""
    program = Path(sys.executable).with_name("mlv-server")
    command = [str(program), "check-config", "deploy/mlv-server.toml"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
