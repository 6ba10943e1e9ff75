"""DVC with git beside it and a local remote."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.harness import disk_bytes
from benchmarks.rivals.base import Rival, needs

_SETTINGS = "[user]\n name = bench\n email = bench@localhost\n[init]\n defaultBranch = main\n"


class Dvc(Rival):
    """The files lie in the folder `data`, which DVC tracks as one."""

    name: ClassVar[str] = "dvc"
    note: ClassVar[str] = "local remote, no wire; sent = its growth"

    @classmethod
    def missing(cls) -> str | None:
        """PyPI's `dvc`."""
        return needs("dvc")

    def setup(self) -> None:
        """A bare git repository and a folder as remote."""
        (self.store / "data").mkdir(parents=True)
        (self.home / ".gitconfig").write_text(_SETTINGS, encoding="utf-8")
        self.run("git", "init", "-q", "--bare", self.store / "git")
        self.run("git", "clone", "-q", self.store / "git", self.tree)
        self.dvc("init", "-q")
        self.dvc("config", "core.analytics", "false")
        self.dvc("remote", "add", "-q", "-d", "store", self.store / "data")
        (self.tree / "data").mkdir()
        self.empty_store = disk_bytes(self.store)

    def environment(self) -> dict[str, str]:
        """Folders of its own."""
        own = {f"DVC_{kind}_DIR": str(self.home / kind.lower()) for kind in ("GLOBAL_CONFIG", "SITE_CACHE")}
        return super().environment() | own | {"DVC_NO_ANALYTICS": "1"}

    def content(self, folder: Path) -> Path:
        """The tracked folder."""
        return folder / "data"

    def dvc(self, *words: object, at: Path | None = None) -> object:
        """Run `dvc`."""
        return self.run("dvc", *words, at=at or self.tree)

    def commit(self, number: int) -> None:
        """`dvc add`, `git commit`, `dvc push`, `git push`."""
        self.dvc("add", "-q", "data")
        self.run("git", "add", "-A", at=self.tree)
        self.run("git", "commit", "-q", "-m", f"version {number}", at=self.tree)
        self.run("git", "tag", f"v{number}", at=self.tree)
        self.dvc("push", "-q")
        self.run("git", "push", "-q", "origin", "HEAD:main", f"v{number}", at=self.tree)

    def checkout(self, number: int, folder: Path) -> None:
        """`git clone`, then `dvc pull`."""
        self.run("git", "clone", "-q", self.store / "git", folder)
        self.update(number, folder)

    def update(self, number: int, folder: Path) -> None:
        """`git checkout`, then `dvc pull`."""
        self.run("git", "fetch", "-q", "--tags", at=folder)
        self.run("git", "-c", "advice.detachedHead=false", "checkout", "-q", f"v{number}", at=folder)
        self.dvc("pull", "-q", at=folder)

    def status(self) -> None:
        """`dvc status`."""
        self.dvc("status", "-q")
