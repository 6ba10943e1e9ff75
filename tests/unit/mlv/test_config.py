"""The user's settings: which value wins, where it came from, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlv import config
from mlv_core.errors import InvalidSettings, UsageError


def test_the_nearest_value_wins_and_says_where_it_came_from(tmp_path: Path):
    user, workspace = tmp_path / "user", tmp_path / "workspace"
    user.mkdir()
    workspace.mkdir()
    (user / "config.toml").write_text('# mine\nserver = "mlv://a:1"\ntimeout = 3\n')
    (workspace / "config.toml").write_text('timeout = 4.5\nprogress = "never"\n')
    environment = {"MLV_CONFIG_DIR": str(user), "MLV_PROGRESS": "auto"}
    found = config.load(environment, str(workspace), {"server": "mlv://flag", "timeout": None})
    assert {name: (value.value, value.origin) for name, value in found.values.items()} == {
        "server": ("mlv://flag", "--server"),
        "timeout": (4.5, f"{workspace}/config.toml:1"),
        "progress": ("auto", "MLV_PROGRESS"),
    }
    assert config.load(environment).values["server"].origin == f"{user}/config.toml:2"


def test_without_any_file_the_defaults_hold(tmp_path: Path):
    found = config.load({"XDG_CONFIG_HOME": str(tmp_path)})
    assert (found.server, found.timeout_seconds, found.progress) == ("", 10.0, "auto")
    assert {value.origin for value in found.values.values()} == {"default"}
    assert config.config_directory({"XDG_CONFIG_HOME": str(tmp_path)}) == str(tmp_path / "mlv")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("timeout = -1", "config.toml:1: '-1' cannot be 'timeout'"),
        ("\ntimeout = true", "config.toml:2"),
        ("colour = 1", "no setting 'colour'"),
        ("= 3", "config.toml"),
        ('server = "http://x"', "mlv://"),
        ('progress = "loud"', "auto or never"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, reason: str):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(InvalidSettings, match=reason):
        config.load({"MLV_CONFIG_DIR": str(tmp_path)})


def test_a_wrong_variable_is_named(tmp_path: Path):
    with pytest.raises(InvalidSettings, match="MLV_TIMEOUT"):
        config.load({"MLV_CONFIG_DIR": str(tmp_path), "MLV_TIMEOUT": "soon"})


def test_a_setting_is_stored_and_taken_out_and_other_lines_stay(tmp_path: Path):
    file = tmp_path / "new" / "config.toml"
    config.store(str(file), "timeout", "5")
    file.write_text("# keep me\n" + file.read_text())
    config.store(str(file), "server", "mlv://a:1")
    config.store(str(file), "timeout", "7")
    assert file.read_text() == 'timeout = 7\nserver = "mlv://a:1"\n# keep me\n'
    config.store(str(file), "timeout", None)
    assert config.load({"MLV_CONFIG_DIR": str(file.parent)}).timeout_seconds == 10.0
    with pytest.raises(UsageError, match="colour"):
        config.store(str(file), "colour", "1")
    with pytest.raises(UsageError, match="seconds"):
        config.store(str(file), "timeout", "soon")
