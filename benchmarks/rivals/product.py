"""mlv itself: the real command and the real server with TLS on loopback, through the counting relay."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.harness import PROGRAMS, Person, Server, disk_bytes
from benchmarks.rivals.base import Rival

REPOSITORY = "bench/compare"


class Mlv(Rival):
    """This product; `inside` is the clock of `commit --json` and `update --json`."""

    name: ClassVar[str] = "mlv"
    verbs: ClassVar[frozenset[str]] = Rival.verbs | {"prepare", "lock", "locks", "log"}
    server: Server
    person: Person

    @classmethod
    def missing(cls) -> str | None:
        """Never: it is what is measured."""
        return None

    def setup(self) -> None:
        """Server folder, admin, repository, workspace."""
        self.store = self.home / "server"
        self.server = Server(self.store)
        self.server.start()
        self.person = Person("admin", self.home, f"mlv://127.0.0.1:{self.relay(self.server.port)}")
        self.person.login(self.server.admin_token, self.server.fingerprint)
        self.person.run("repo", "create", REPOSITORY)
        self.person.run("checkout", REPOSITORY, self.tree)
        self.empty_store = self.server.disk_bytes()

    def environment(self) -> dict[str, str]:
        """The person's."""
        return self.person.environment

    def mlv(self, *words: object, at: Path | None = None) -> object:
        """Run `mlv`, remember its own clock."""
        answer = self.run(PROGRAMS / "mlv", *words, "--json", at=at or self.tree)
        if isinstance(answer, dict) and isinstance(answer.get("seconds"), float):
            self.tally.inside = answer["seconds"]
        return answer

    def commit(self, number: int) -> None:
        """`mlv add .` for the first, then `mlv commit`."""
        if not number:
            self.mlv("add", ".")
        self.mlv("commit", "-m", f"version {number}")

    def prepare(self, paths: list[str]) -> None:
        """`mlv edit`."""
        self.mlv("edit", *paths)

    def checkout(self, number: int, folder: Path) -> None:
        """`mlv checkout REPO@N`."""
        self.mlv("checkout", f"{REPOSITORY}@{number + 1}", folder, at=self.home)

    def update(self, number: int, folder: Path) -> None:
        """`mlv update @N`."""
        self.mlv("update", f"@{number + 1}", at=folder)

    def status(self) -> None:
        """`mlv status`."""
        self.mlv("status")

    def lock(self, path: str) -> None:
        """`mlv edit`: the lock, and the file made writable."""
        self.mlv("edit", path)

    def unlock(self, path: str) -> None:
        """`mlv revert`."""
        self.mlv("revert", path)

    def locks(self) -> None:
        """`mlv locks`."""
        self.mlv("locks")

    def log(self) -> None:
        """`mlv log`."""
        self.mlv("log")

    def forget_caches(self) -> None:
        """Delete the caches of the stopped server."""
        self.server.stop()
        self.server.drop_caches()
        self.server.start()

    def server_cache_bytes(self) -> int:
        """The folders whose loss loses nothing."""
        return sum(disk_bytes(folder) for folder in self.server.caches())

    def server_bytes(self) -> int:
        """Packs and database."""
        return self.server.disk_bytes() - self.empty_store

    def server_pids(self) -> list[int]:
        """The server's process."""
        return [self.server.process.pid] if self.server.process else []

    def close(self) -> None:
        """Stop server and relay."""
        self.server.stop()
        super().close()
