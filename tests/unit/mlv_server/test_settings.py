"""The settings of a server: every mistake is named with its line and reason."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import mlv_server
from mlv_core.errors import InvalidSettings
from mlv_server.settings import SETTINGS, Settings, default_file, load_settings


@pytest.fixture
def write(tmp_path):
    def to(text):
        file = tmp_path / "mlv-server.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return to


def test_the_file_that_init_writes_says_every_key_and_its_default(write):
    file = write(default_file({}))
    assert load_settings(file, {}) == load_settings(write(""), {})
    for setting in SETTINGS:
        assert f"\n{setting.key} = " in default_file({})


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[server]\nlisten = 'x'\n", "line 2", "not HOST:PORT"),
        ("[server]\n\nlisten = '127.0.0.1:99999'\n", "line 3", "not HOST:PORT"),
        ("[server]\nlisen = '127.0.0.1:1'\n", "line 2", "no setting 'server.lisen'"),
        ("[storage]\n# the cache\ncache = '10 XB'\n", "line 3", "no such number"),
        ("[limits]\nthreads = 0\n", "line 2", "outside 1 to 256"),
        ("[limits]\nthreads = true\n", "line 2", "no number"),
        ("[server]\nplaintext = 'perhaps'\n", "line 2", "neither true nor false"),
        ("[server]\nlisten = '0.0.0.0:7420'\nplaintext = true\n", "line 3", "loopback only"),
        ("[logging]\nlevel = 'loud'\n", "line 2", "none of debug"),
        ("[storage]\ndatabase = 'mysql://x'\n", "line 2", "does not begin with 'sqlite:///'"),
        ("[outgoing]\nallow = 'ci.example, 10.0.0.0/33'\n", "line 2", "10.0.0.0/33"),
        ("[outgoing]\nallow = '10.0.0.1/8'\n", "line 2", "host bits"),
        ("[outgoing]\nallow = '300.1.1.1'\n", "line 2", "300.1.1.1"),
        ("listen = 'x'\n", "line 1", "belongs into a section"),
        ("[server\n", "line 1", "Expected"),
    ],
)
def test_a_mistake_is_named_with_line_and_reason(write, text, line, reason):
    with pytest.raises(InvalidSettings) as caught:
        load_settings(write(text), {})
    assert line in caught.value.message
    assert reason in caught.value.message
    assert caught.value.exit_code == 2


def test_the_environment_overrides_the_file_and_is_named_when_wrong(write):
    file = write("[server]\nlisten = '127.0.0.1:1111'\n")
    assert load_settings(file, {"MLV_SERVER_LISTEN": "[::1]:2222"}).port == 2222
    with pytest.raises(InvalidSettings, match="environment variable MLV_SERVER_LISTEN"):
        load_settings(file, {"MLV_SERVER_LISTEN": "nowhere"})


def test_other_variables_of_mlv_are_none_of_the_servers_business(write):
    assert load_settings(write(""), {"MLV_TOKEN": "secret", "MLV_CONFIG_DIR": "/x"}).port == 7420


def test_relative_places_lie_in_the_servers_folder(write, tmp_path):
    settings = load_settings(write("[storage]\ncontent = 'file:packs'\n"), {})
    assert settings.content_folder == tmp_path / "packs"
    assert settings.database_url == f"sqlite:///{tmp_path / 'mlv.db'}"


def test_what_may_be_called_is_a_list_of_networks_and_hosts(write):
    read = load_settings(write("[outgoing]\nallow = ' 10.0.0.0/8,ci.example , ::1'\nauthority = 'ca.pem'\n"), {})
    assert read.outgoing_allow == ("10.0.0.0/8", "ci.example", "::1")
    assert read.outgoing_authority == read.directory / "ca.pem"
    plain = load_settings(write(""), {})
    assert (plain.outgoing_allow, plain.outgoing_authority, plain.outgoing_plaintext) == ((), None, False)


def test_sizes_take_units(write):
    assert load_settings(write("[storage]\ncache = '64 MiB'\n"), {}).cache_bytes == 64 << 20


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(InvalidSettings) as caught:
        load_settings(tmp_path / "mlv-server.toml", {})
    assert "mlv-server init" in caught.value.advice


def test_every_setting_is_read_by_something() -> None:
    sources = [
        path.read_text() for path in Path(mlv_server.__file__).parent.rglob("*.py") if path.name != "settings.py"
    ]
    names = [one.name for one in fields(Settings)]
    assert [name for name in names if not any(re.search(rf"\bsettings\.{name}\b", text) for text in sources)] == []
