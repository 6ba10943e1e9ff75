"""restic, rsync and cp: they bring bytes from here to there; none has locks, changesets or a server that decides."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from benchmarks.harness import free_port
from benchmarks.rivals.base import Rival, needs


class Restic(Rival):
    """Backups into a repository on the same disk: one process is both sides."""

    name: ClassVar[str] = "restic"
    note: ClassVar[str] = "local repository, no wire; sent = its growth"

    @classmethod
    def missing(cls) -> str | None:
        """Debian's `restic`."""
        return needs("restic")

    def setup(self) -> None:
        """`restic init`."""
        self.tree.mkdir()
        self.restic("init")

    def restic(self, *words: object) -> None:
        """Run `restic` on the repository."""
        self.run("restic", "--repo", self.store, "-q", *words, at=self.tree)

    def environment(self) -> dict[str, str]:
        """The repository's password and a cache of its own."""
        cache = str(self.home / "cache")
        return super().environment() | {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": cache}

    def commit(self, number: int) -> None:
        """`restic backup`."""
        self.restic("backup", "--tag", f"v{number}", ".")

    def checkout(self, number: int, folder: Path) -> None:
        """`restic restore`."""
        self.restic("restore", "latest", "--tag", f"v{number}", "--target", folder)

    def update(self, number: int, folder: Path) -> None:
        """`restic restore` over the folder."""
        self.checkout(number, folder)

    def status(self) -> None:
        """`restic backup --dry-run`: what it would store."""
        self.restic("backup", "--dry-run", ".")


class Rsync(Rival):
    """Each version is a folder on the server, unchanged files hard linked to the version before."""

    name: ClassVar[str] = "rsync"
    note: ClassVar[str] = "rsync daemon, no TLS; a version = a folder with hard links"
    url: str

    @classmethod
    def missing(cls) -> str | None:
        """Debian's `rsync`."""
        return needs("rsync")

    def setup(self) -> None:
        """A daemon with one module."""
        self.tree.mkdir()
        self.store.mkdir()
        settings = f"use chroot = no\nuid = root\ngid = root\n[store]\npath = {self.store}\nread only = no\n"
        (self.home / "rsyncd.conf").write_text(settings, encoding="utf-8")
        port = free_port()
        where = (f"--config={self.home / 'rsyncd.conf'}", "--address=127.0.0.1", f"--port={port}")
        self.serve("rsync", "--daemon", "--no-detach", *where, port=port)
        self.url = f"rsync://127.0.0.1:{self.relay(port)}/store"

    def commit(self, number: int) -> None:
        """`rsync --link-dest` of the version before, with fsync."""
        base = (f"--link-dest=../{number - 1}",) if number else ()
        self.run("rsync", "-a", "--fsync", *base, f"{self.tree}/", f"{self.url}/{number}/")

    def checkout(self, number: int, folder: Path) -> None:
        """`rsync` from the version's folder."""
        self.run("rsync", "-a", "--fsync", f"{self.url}/{number}/", f"{folder}/")

    def update(self, number: int, folder: Path) -> None:
        """The same into a folder that is there."""
        self.checkout(number, folder)

    def status(self) -> None:
        """`rsync --dry-run` against the newest version."""
        newest = max(self.store.iterdir(), key=lambda folder: int(folder.name))
        self.run("rsync", "-a", "-n", "-i", f"{self.tree}/", f"{self.url}/{newest.name}/")


class Copy(Rival):
    """`cp -R` and `sync --file-system`: the limit of a disk that knows nothing."""

    name: ClassVar[str] = "cp"
    verbs: ClassVar[frozenset[str]] = frozenset({"commit", "checkout"})
    note: ClassVar[str] = "limit: cp, then syncfs; nothing is verified"

    @classmethod
    def missing(cls) -> str | None:
        """Always there."""
        return None if shutil.which("cp") else "no cp"

    def setup(self) -> None:
        """Two folders."""
        self.tree.mkdir()
        self.store.mkdir()

    def commit(self, number: int) -> None:
        """Copy all of it."""
        self.run("cp", "-R", self.tree, self.store / str(number))
        self.run("sync", "--file-system", self.store)

    def checkout(self, number: int, folder: Path) -> None:
        """Copy it back."""
        self.run("cp", "-R", self.store / str(number), folder)
        self.run("sync", "--file-system", folder)

    def update(self, number: int, folder: Path) -> None:
        """Not measured."""
        raise NotImplementedError(self.name)

    def status(self) -> None:
        """Not measured."""
        raise NotImplementedError(self.name)
