"""`mlv-server snapshots`: what a backup folder holds, and its old snapshots dropped."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from mlv_core.deferred import dataclass
from mlv_core.failpoints import failpoint
from mlv_server.content.archive import Archive
from mlv_server.content.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot; `time` in milliseconds since 1970 UTC, `bytes` of its packs."""

    name: str
    time: int
    packs: int
    bytes: int


@dataclass(slots=True)
class ThinReport:
    """The snapshots from the oldest on, those dropped, and the files that went with them."""

    snapshots: list[Snapshot]
    dropped: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0


def thin(root: Path, keep: int | None, *, dry_run: bool) -> ThinReport:
    """The snapshots of the backup folder `root`; all but the newest `keep` are dropped, unless that is None.

    With them go all files that none of the others names. Interrupted, it leaves no snapshot without its files, and is
    ended by the same call. Blocks. Raises: NotFound, FolderBusy when a backup runs, VersionSkew, DamagedContent when a
    manifest is damaged: nobody knows what it needs, and nothing is dropped.
    """
    archive = Archive.reading(root)
    if keep is None:
        return ThinReport([_told(one) for one in _manifests(archive)])
    with Archive.writing(root) as held:
        found = _manifests(held)
        old, kept = found[:-keep], found[-keep:]
        report = ThinReport([_told(one) for one in found], [one.name for one in old])
        for one in old:
            if not dry_run:
                held.drop(one.name)
                failpoint("thin.dropped")
        for path in held.unneeded(kept):
            report.files += 1
            report.bytes += path.stat().st_size
            if not dry_run:
                path.unlink()
                failpoint("thin.removed")
    return report


def _manifests(archive: Archive) -> list[Manifest]:
    return sorted((archive.load(name) for name in archive.names()), key=lambda one: one.ordinal)


def _told(manifest: Manifest) -> Snapshot:
    return Snapshot(manifest.name, manifest.time, len(manifest.packs), sum(pack.length for pack in manifest.packs))
