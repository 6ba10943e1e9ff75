"""Subversion with svnserve on loopback, no TLS."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.harness import CommandFailedError, disk_bytes, free_port
from benchmarks.rivals.base import Rival, needs

_ACCESS = "[general]\nanon-access = none\nauth-access = write\npassword-db = passwd\n"
_AS_USER = ("--username", "bench", "--password", "bench", "--non-interactive", "--no-auth-cache")


class Svn(Rival):
    """Version n is revision n + 1."""

    name: ClassVar[str] = "svn"
    verbs: ClassVar[frozenset[str]] = Rival.verbs | {"lock", "locks", "log"}
    note: ClassVar[str] = "svnserve, no TLS"
    url: str

    @classmethod
    def missing(cls) -> str | None:
        """Debian's `subversion`."""
        return needs("svn", "svnadmin", "svnserve")

    def setup(self) -> None:
        """Repository with a user, svnserve, relay, checkout of the empty revision."""
        self.run("svnadmin", "create", self.store)
        (self.store / "conf" / "svnserve.conf").write_text(_ACCESS, encoding="utf-8")
        (self.store / "conf" / "passwd").write_text("[users]\nbench = bench\n", encoding="utf-8")
        port = free_port()
        address = ("--listen-host", "127.0.0.1", "--listen-port", port)
        self.serve("svnserve", "--daemon", "--foreground", "--threads", "--root", self.store, *address, port=port)
        self.url = f"svn://127.0.0.1:{self.relay(port)}/"
        self.svn("checkout", "-q", self.url, self.tree, at=self.home)
        self.empty_store = disk_bytes(self.store)

    def svn(self, *words: object, at: Path | None = None) -> object:
        """Run `svn` as the user; once more where svnserve hung up on the connection, which it does now and then."""
        command = ("svn", *words, *_AS_USER)
        try:
            return self.run(*command, at=at or self.tree)
        except CommandFailedError as problem:
            if "E210002" not in str(problem):
                raise
            return self.run(*command, at=at or self.tree)

    def commit(self, number: int) -> None:
        """`svn add --force .` (new files), then `svn commit`."""
        self.svn("add", "-q", "--force", ".")
        self.svn("commit", "-q", "-m", f"version {number}")

    def checkout(self, number: int, folder: Path) -> None:
        """`svn checkout -r N`."""
        self.svn("checkout", "-q", "-r", number + 1, self.url, folder, at=self.home)

    def update(self, number: int, folder: Path) -> None:
        """`svn update -r N`."""
        self.svn("update", "-q", "-r", number + 1, at=folder)

    def status(self) -> None:
        """`svn status`."""
        self.svn("status")

    def lock(self, path: str) -> None:
        """`svn lock`."""
        self.svn("lock", path)

    def unlock(self, path: str) -> None:
        """`svn unlock`."""
        self.svn("unlock", path)

    def locks(self) -> None:
        """`svn status -u`: what shows others' locks."""
        self.svn("status", "-u")

    def log(self) -> None:
        """`svn log`, asked of the server."""
        self.svn("log", "-l", "20", self.url)
