"""hf-xet with its local content store, driven through its Python API in the rivals' environment."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.rivals import setup
from benchmarks.rivals.base import Rival

DRIVER = Path(__file__).with_name("xet_driver.py")


class Xet(Rival):
    """Content only: the list of names and hashes, which the Hub keeps in git, is a JSON file here."""

    name: ClassVar[str] = "hf-xet"
    verbs: ClassVar[frozenset[str]] = frozenset({"commit", "checkout", "update"})
    note: ClassVar[str] = "its local content store: no wire, no fsync, one process is both sides; sent = its growth"

    @classmethod
    def missing(cls) -> str | None:
        """PyPI's `hf-xet`."""
        there = list(setup.PYTHON.parent.parent.glob("lib/*/site-packages/hf_xet"))
        return None if there else "hf-xet not installed: python -m benchmarks.rivals.setup"

    def setup(self) -> None:
        """Empty folders."""
        self.tree.mkdir()
        self.store.mkdir()

    def environment(self) -> dict[str, str]:
        """A cache of its own."""
        return super().environment() | {"HF_XET_CACHE": str(self.home / "cache")}

    def driver(self, verb: str, number: int, folder: Path) -> None:
        """Run the driver."""
        self.run(setup.PYTHON, DRIVER, verb, self.store, self.home / f"{number}.json", folder)

    def commit(self, number: int) -> None:
        """Upload every file of the tree; unchanged chunks are found by the client."""
        self.driver("upload", number, self.tree)

    def checkout(self, number: int, folder: Path) -> None:
        """Download every file."""
        self.driver("download", number, folder)

    def update(self, number: int, folder: Path) -> None:
        """Download the files whose hash differs from what the folder holds."""
        self.driver("download", number, folder)

    def status(self) -> None:
        """It has none."""
        raise NotImplementedError(self.name)
