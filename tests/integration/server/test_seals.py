"""The seal on a stopped server: what the disk changed is told and refused, what people changed is not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mlv_core.errors import DamagedContent
from mlv_server import app
from mlv_server.cli.main import main
from mlv_server.services import seals
from mlv_server.settings import SETTINGS_FILE, Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, capsys) -> Settings:
    """A server that ran and stopped."""
    main.main(["init", str(tmp_path / "server")], standalone_mode=False)
    made = load_settings(tmp_path / "server" / SETTINGS_FILE)
    run(made)
    return made


def run(settings: Settings, *, background: bool = True) -> None:
    async def body() -> None:
        async with app.open_parts(settings, background=background):
            assert not (settings.directory / seals.NAME).exists()

    asyncio.run(body())


def flip(path: Path, place: int) -> None:
    """Flip a bit as a disk does: the file's times stay."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (SETTINGS_FILE, SETTINGS_FILE),
        ("mlv.db", "database"),
        ("tls/server.pem", "server certificate"),
        ("tls/server.key", "server key"),
        ("tls/ca.pem", "authority certificate"),
        ("tls/ca.key", "authority key"),
    ],
)
def test_a_bit_that_flips_in_a_stopped_server_is_named_and_keeps_it_from_starting(settings, file, name):
    assert seals.faults(settings) == []
    flip(settings.directory / file, 60)
    assert seals.faults(settings) == [f"file {name}"]
    with pytest.raises(DamagedContent) as refused:
        run(settings)
    assert refused.value.items == (f"file {name}",)


def test_what_somebody_wrote_is_no_damage(settings):
    file = settings.directory / SETTINGS_FILE
    file.write_text(file.read_text() + "\n# a remark\n")
    assert seals.faults(settings) == []
    run(settings)
    assert seals.faults(settings) == []


def test_a_damaged_seal_is_told_and_keeps_nobody_from_working(settings):
    flip(settings.directory / seals.NAME, 30)
    assert seals.faults(settings) == [f"file {seals.NAME}"]
    run(settings)
    assert seals.faults(settings) == []


def test_a_command_beside_a_running_server_leaves_the_seal_to_it(settings):
    async def body() -> None:
        async with app.open_parts(settings):
            async with app.open_parts(settings, background=False):
                pass
            assert not (settings.directory / seals.NAME).exists()

    asyncio.run(body())
    assert (settings.directory / seals.NAME).exists()


def test_a_command_on_a_stopped_server_seals_it_again(settings):
    run(settings, background=False)
    assert (settings.directory / seals.NAME).exists()
    assert seals.faults(settings) == []


def test_a_damaged_certificate_is_told_before_anything_reads_it(settings):
    flip(settings.directory / "tls" / "server.pem", 395)
    with pytest.raises(DamagedContent):
        asyncio.run(app.serve(settings, lambda _url, _fingerprint: None))


def test_a_schema_that_is_no_text_any_more_is_told_as_damage(settings):
    """The driver cannot even decode what SQLite says of it."""
    file = settings.directory / "mlv.db"
    (settings.directory / seals.NAME).unlink()
    data = file.read_bytes()
    assert data.count(b"CREATE INDEX whole_frames") == 1
    file.write_bytes(data.replace(b"CREATE INDEX whole_frames", b"CREATE INDEX\xa0whole_frames"))
    with pytest.raises(DamagedContent, match="damaged"):
        run(settings)


def test_a_schema_row_that_names_another_table_is_told(settings, capsys):
    file = settings.directory / "mlv.db"
    (settings.directory / seals.NAME).unlink()
    data = file.read_bytes()
    assert data.count(b"sqlite_autoindex_rebased_1rebased") == 1
    file.write_bytes(data.replace(b"sqlite_autoindex_rebased_1rebased", b"sqlite_autoindex_rebased_1rebas%d"))
    with pytest.raises(SystemExit) as ended:
        main.main(["verify", str(settings.directory)], standalone_mode=False)
    assert ended.value.code == DamagedContent.exit_code
    assert "schema of sqlite_autoindex_rebased_1" in capsys.readouterr().out
