"""`mlv-server init`, `start`, `verify` and `check-config`."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mlv_core.errors import AlreadyExists, DamagedContent, InvalidSettings
from mlv_core.ids import ServerAddress, escape
from mlv_server import app
from mlv_server.auth import certificates
from mlv_server.cli.output import reporting, show
from mlv_server.content.blobs.local import make_folder, sync_folder
from mlv_server.metadata import migrations
from mlv_server.services import bootstrap, seals, verification
from mlv_server.settings import SETTINGS_FILE, Settings, default_file, load_settings, split_address

DIRECTORY = click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
LISTEN = click.option("--listen", metavar="HOST:PORT", help="Address to listen on.")
PLAINTEXT = click.option("--plaintext", is_flag=True, help="No TLS; on loopback only.")


@click.command()
@DIRECTORY
@LISTEN
@PLAINTEXT
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Another name or address for the certificate.")
@JSON
@reporting
def init(directory: Path, listen: str | None, hosts: tuple[str, ...], *, plaintext: bool, as_json: bool) -> None:
    """Make a server in DIRECTORY: settings, certificate, database, content folder and the first admin token."""
    file = directory / SETTINGS_FILE
    if file.exists():
        raise AlreadyExists(f"{directory} already holds a server.", advice=f"'mlv-server start {directory}' runs it.")
    overrides: dict[str, str | bool] = {"tls.names": ",".join(hosts)}
    if listen:
        overrides["server.listen"] = _checked_address(listen)
    if plaintext:
        overrides["server.plaintext"] = True
    make_folder(directory.absolute(), 0o700)
    beside = file.with_suffix(".new")
    beside.write_text(default_file(overrides), encoding="utf-8")
    settings = load_settings(beside)
    settings.content_folder.mkdir(parents=True, exist_ok=True)
    shown = ""
    if not settings.plaintext:
        now = dt.datetime.now(dt.UTC)
        certificates.create_authority(settings, now)
        certificates.ensure_leaf(settings, (settings.host,), now)
        shown = certificates.fingerprint(certificates.authority_der(settings))
    migrations.upgrade(settings.database_url)
    secret = asyncio.run(_first_token(settings))
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(file)
    sync_folder(directory)
    url = str(ServerAddress(settings.host, settings.port, plaintext=settings.plaintext))
    show(
        {"url": url, "fingerprint": shown, "admin_token": secret, "directory": str(directory.absolute())},
        f"Made an mlv server in {directory}.\n"
        f"  address            {url}\n"
        f"  fingerprint        {shown or '(plaintext: none)'}\n"
        f"  first admin token  {secret}\n"
        "The token is shown only now and works once.\n"
        f"Next: mlv-server start {directory}, then mlv login {url}",
        as_json=as_json,
    )


@click.command()
@DIRECTORY
@LISTEN
@reporting
def start(directory: Path, listen: str | None) -> None:
    """Run the server of DIRECTORY until it is told to stop (SIGTERM, Ctrl-C)."""
    settings = load_settings(directory / SETTINGS_FILE)
    if listen:
        host, port = split_address(_checked_address(listen))
        settings = app.with_listen(settings, host, port)

    def ready(url: str, fingerprint: str) -> None:
        click.echo(f"listening on {url}" + (f"  fingerprint {fingerprint}" if fingerprint else "  (plaintext)"))

    app.run(settings, ready)


@click.command()
@DIRECTORY
@JSON
@reporting
def verify(directory: Path, *, as_json: bool) -> None:
    """Read everything the server of DIRECTORY keeps and name what is damaged (exit 7)."""
    settings = load_settings(directory / SETTINGS_FILE)
    report = asyncio.run(_verify(settings))
    body: dict[str, Any] = asdict(report)
    lines = [
        (
            f"{report.packs} packs, {report.segments} segments, {report.bytes:,} bytes, "
            f"{report.changesets} changesets, deepest chain {report.max_depth}"
        )
    ]
    lines += [f"foreign: {escape(name)}" for name in report.foreign]
    lines += [f"dropped: {escape(name)}" for name in report.dropped]
    lines += [f"damaged: {escape(name)}" for name in report.damaged]
    lines.append("damaged" if report.damaged else "everything is whole")
    show(body, "\n".join(lines), as_json=as_json)
    if report.damaged:
        raise SystemExit(DamagedContent.exit_code)


@click.command("check-config")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@JSON
@reporting
def check_config(file: Path, *, as_json: bool) -> None:
    """Check the settings FILE; every mistake is named with its line."""
    settings = load_settings(file)
    text = f"{file}: fine; listens on {settings.host}:{settings.port}"
    show({"file": str(file), "valid": True}, text, as_json=as_json)


async def _first_token(settings: Settings) -> str:
    async with app.open_parts(settings) as parts:
        return await bootstrap.first_admin(parts.db, settings)


async def _verify(settings: Settings) -> verification.Report:
    rotten = seals.faults(settings)
    async with app.open_parts(settings, background=False) as parts:
        found = await verification.verify(parts.db, parts.store)
    found.damaged[:0] = rotten
    return found


def _checked_address(text: str) -> str:
    try:
        split_address(text)
    except ValueError as error:
        raise InvalidSettings(f"--listen: {error}.", advice="Write HOST:PORT, such as 127.0.0.1:7420.") from error
    return text
