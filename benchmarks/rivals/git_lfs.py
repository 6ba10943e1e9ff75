"""git with git-lfs: `git daemon` for the history, a small server of our own for LFS transfer and locks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from benchmarks.harness import disk_bytes, free_port
from benchmarks.rivals.base import Rival, needs
from benchmarks.series import HERE

_LARGE = ("safetensors", "bin", "csv", "jsonl", "parquet", "arrow")
_SETTINGS = """[user]
    name = bench
    email = bench@localhost
[init]
    defaultBranch = main
[advice]
    detachedHead = false
[filter "lfs"]
    clean = git-lfs clean -- %f
    smudge = git-lfs smudge -- %f
    process = git-lfs filter-process
    required = true
[lfs]
    url = {lfs}
    locksverify = true
"""


class GitLfs(Rival):
    """Models and tables go through LFS; small files rest in git, as its users do it."""

    name: ClassVar[str] = "git-lfs"
    verbs: ClassVar[frozenset[str]] = Rival.verbs | {"lock", "locks", "log"}
    note: ClassVar[str] = "no TLS; `log` is local"
    url: str

    @classmethod
    def missing(cls) -> str | None:
        """Debian's `git` and `git-lfs`."""
        return needs("git-lfs")

    def setup(self) -> None:
        """Bare repository, two servers and two relays, a clone with the attributes."""
        (self.store / "lfs").mkdir(parents=True)
        self.run("git", "init", "-q", "--bare", self.store / "git")
        git, lfs = free_port(), free_port()
        address = ("--listen=127.0.0.1", f"--port={git}", f"--base-path={self.store}")
        self.serve("git", "daemon", "--export-all", "--enable=receive-pack", *address, port=git)
        program = ("-m", "benchmarks.rivals.lfs_server", self.store / "lfs", lfs)
        self.serve(sys.executable, *program, port=lfs)
        self.url = f"git://127.0.0.1:{self.relay(git)}/git"
        settings = _SETTINGS.format(lfs=f"http://127.0.0.1:{self.relay(lfs)}")
        (self.home / ".gitconfig").write_text(settings, encoding="utf-8")
        self.run("git", "init", "-q", self.tree)
        self.git("remote", "add", "origin", self.url)
        lines = "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in _LARGE)
        (self.tree / ".gitattributes").write_text(lines, encoding="utf-8")
        self.empty_store = disk_bytes(self.store)

    def environment(self) -> dict[str, str]:
        """The servers' modules are found from the benchmark's root."""
        return super().environment() | {"PYTHONPATH": str(HERE.parent), "GIT_TERMINAL_PROMPT": "0"}

    def git(self, *words: object, at: Path | None = None) -> object:
        """Run `git`."""
        return self.run("git", *words, at=at or self.tree)

    def commit(self, number: int) -> None:
        """`git add`, `git commit`, `git push`; each version gets a tag."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"version {number}")
        self.git("tag", f"v{number}")
        self.git("push", "-q", "origin", "HEAD:main", f"v{number}")

    def checkout(self, number: int, folder: Path) -> None:
        """`git clone` without files, then `git checkout` of the version (whose large files LFS brings)."""
        self.git("clone", "-q", "-n", self.url, folder, at=self.home)
        self.git("checkout", "-q", f"v{number}", at=folder)

    def update(self, number: int, folder: Path) -> None:
        """`git fetch`, then `git checkout`."""
        self.git("fetch", "-q", "--tags", at=folder)
        self.git("checkout", "-q", f"v{number}", at=folder)

    def status(self) -> None:
        """`git status`."""
        self.git("status", "--short")

    def lock(self, path: str) -> None:
        """`git lfs lock`."""
        self.git("lfs", "lock", path)

    def unlock(self, path: str) -> None:
        """`git lfs unlock`."""
        self.git("lfs", "unlock", path)

    def locks(self) -> None:
        """`git lfs locks`."""
        self.git("lfs", "locks")

    def log(self) -> None:
        """`git log`, which asks no server."""
        self.git("log", "-n", "20")
