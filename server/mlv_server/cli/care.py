"""`mlv-server backup`, `snapshots`, `restore` and `gc`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path

import click

from mlv_core.errors import DamagedContent, InvalidSettings
from mlv_core.ids import escape
from mlv_server import app
from mlv_server.cli.output import reporting, show
from mlv_server.metadata import migrations
from mlv_server.metadata.engine import Database
from mlv_server.rpc.info import server_version
from mlv_server.services import backup as backups
from mlv_server.services import garbage, seals, thinning, verification
from mlv_server.services import restore as restores
from mlv_server.settings import SETTINGS_FILE, Settings, load_settings

FOLDER = click.Path(file_okay=False, path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")


@click.command()
@click.argument("directory", type=FOLDER)
@click.argument("destination", metavar="DEST", type=FOLDER)
@click.option("--name", help="Name of the snapshot; else its time in UTC.")
@JSON
@reporting
def backup(directory: Path, destination: Path, name: str | None, *, as_json: bool) -> None:
    """Add a snapshot of the server of DIRECTORY to the backup folder DEST; the server may run.

    Only what DEST lacks is copied. Keys and settings are part of it: guard DEST as you guard the server.
    """
    settings = _settings(directory)
    migrations.check(settings.database_url)
    now = time.time_ns() // 1_000_000
    with Database.open_now(settings.database_url, readers=1) as held:
        report = backups.backup(held, settings, destination, name or backups.snapshot_name(now), now, server_version())
    report.damaged += seals.faults(settings)
    lines = [
        (
            f"snapshot {report.snapshot}: {report.packs} packs, {report.pack_bytes + report.database_bytes:,} bytes; "
            f"copied {report.packs_copied} packs, {report.bytes_copied:,} bytes"
        ),
        *(f"damaged: {escape(one)}" for one in report.damaged),
    ]
    show(asdict(report), "\n".join(lines), as_json=as_json)
    if report.damaged:
        raise SystemExit(DamagedContent.exit_code)


@click.command()
@click.argument("destination", metavar="DEST", type=FOLDER)
@click.option("--keep", metavar="N", type=click.IntRange(1), help="Drop all but the newest N.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be dropped.")
@JSON
@reporting
def snapshots(destination: Path, keep: int | None, *, dry_run: bool, as_json: bool) -> None:
    """List the snapshots of the backup folder DEST, or drop old ones with all that no other needs."""
    report = thinning.thin(destination, keep, dry_run=dry_run)
    would = "would drop" if dry_run else "dropped"
    lines = [
        f"{'- ' if one.name in report.dropped else ''}{one.name}  {one.packs} packs, {one.bytes:,} bytes"
        for one in report.snapshots
    ]
    if keep is not None:
        lines.append(f"{would} {len(report.dropped)} snapshots, {report.files} files, {report.bytes:,} bytes")
    show(asdict(report), "\n".join(lines), as_json=as_json)


@click.command()
@click.argument("source", metavar="DEST", type=FOLDER)
@click.argument("directory", type=FOLDER)
@click.option("--snapshot", metavar="NAME", help="Restore this snapshot; else the newest.")
@JSON
@reporting
def restore(source: Path, directory: Path, snapshot: str | None, *, as_json: bool) -> None:
    """Make the empty folder DIRECTORY the server that was backed up to DEST, and verify all of it (exit 7)."""
    with restores.alone(directory):
        report, settings = restores.restore(source, directory, snapshot)
        found = asyncio.run(_verify(settings))
        restores.finish(directory)
    damaged = [*report.damaged, *(one for one in found.damaged if one not in report.damaged)]
    lines = [
        f"restored {report.snapshot}: {report.packs} packs, {report.bytes:,} bytes, {found.changesets} changesets",
        *(f"note: {note}" for note in report.notes),
        *(f"damaged: {escape(one)}" for one in damaged),
        "damaged" if damaged else "everything is whole",
        f"Next: mlv-server start {directory}",
    ]
    show({**asdict(report), "damaged": damaged, "changesets": found.changesets}, "\n".join(lines), as_json=as_json)
    if damaged:
        raise SystemExit(DamagedContent.exit_code)


@click.command()
@click.argument("directory", type=FOLDER)
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@JSON
@reporting
def gc(directory: Path, *, dry_run: bool, as_json: bool) -> None:
    """Remove what dead uploads left in the server of DIRECTORY; the server may run.

    What is younger than the setting storage.collect_after stays: a commit may be about to use it.
    """
    settings = _settings(directory)
    seals.check(settings)
    report = asyncio.run(_collect(settings, dry_run=dry_run))
    would = "would remove" if dry_run else "removed"
    lines = [
        f"{would} {report.segments:,} segments that no version needs, {report.segment_bytes:,} bytes",
        (
            f"{would} {report.packs} packs, {report.removed_bytes:,} bytes; {report.stray_packs} stray packs, "
            f"{report.stray_bytes:,} bytes; {report.temporary_files} temporary files, {report.temporary_bytes:,} bytes"
        ),
        f"older than {report.older_than_days} days",
    ]
    show(asdict(report), "\n".join(lines), as_json=as_json)


def _settings(directory: Path) -> Settings:
    file = directory / SETTINGS_FILE
    if not file.is_file():
        raise InvalidSettings(
            f"{directory.absolute()} holds no mlv server.", advice=f"Name a folder that holds {SETTINGS_FILE}."
        )
    return load_settings(file)


async def _verify(settings: Settings) -> verification.Report:
    async with app.open_parts(settings, background=False) as parts:
        return await verification.verify(parts.db, parts.store)


async def _collect(settings: Settings, *, dry_run: bool) -> garbage.GarbageReport:
    async with app.open_parts(settings, background=False) as parts:
        now = time.time_ns() // 1_000_000
        return await garbage.collect(parts.db, parts.store, settings, now, dry_run=dry_run)
