"""Plays one history on every system, act by act in turn, and verifies every file that comes back."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import blake3

from benchmarks.harness import CommandFailedError
from benchmarks.measures import Figures
from benchmarks.rivals.base import Rival, files_of, measure
from benchmarks.rivals.copiers import Copy, Restic, Rsync
from benchmarks.rivals.dvc import Dvc
from benchmarks.rivals.git_lfs import GitLfs
from benchmarks.rivals.pipe import Pipe
from benchmarks.rivals.product import Mlv
from benchmarks.rivals.svn import Svn
from benchmarks.rivals.xet import Xet
from benchmarks.series import HERE

ALL: tuple[type[Rival], ...] = (Mlv, Svn, GitLfs, Dvc, Xet, Restic, Rsync, Copy, Pipe)
BLOCK = 1 << 20
WORK = HERE / ".work" / "compare"


@dataclass(frozen=True, slots=True)
class Version:
    """One version: the paths it writes over (from the second on), and what writes it into a folder."""

    paths: list[str]
    write: Callable[[Path], None]


def available(names: Sequence[str] | None) -> tuple[list[type[Rival]], dict[str, str]]:
    """The systems that run here, and why the others do not. Raises ValueError for an unknown name."""
    unknown = set(names or ()) - {kind.name for kind in ALL}
    if unknown:
        raise ValueError(f"unknown rivals {', '.join(sorted(unknown))}; known: {', '.join(k.name for k in ALL)}")
    wanted = [kind for kind in ALL if not names or kind.name in names]
    reasons = {kind.name: reason for kind in wanted if (reason := kind.missing())}
    for name, reason in reasons.items():
        print(f"  {name} is left out: {reason}", file=sys.stderr)
    return [kind for kind in wanted if kind.name not in reasons], reasons


class History:
    """A history in the making: the systems take turns, one that fails is left out and its reason kept."""

    def __init__(self, row: str, case: str, kinds: list[type[Rival]]) -> None:
        """Set up every system in an emptied folder."""
        self.figures = Figures(row, case)
        self.failed: dict[str, str] = {}
        self.rivals: list[Rival] = []
        self.expected: list[str] = []
        self.turn = 0
        shutil.rmtree(WORK, ignore_errors=True)
        for kind in kinds:
            rival = kind(WORK / kind.name.replace(" ", "-"))
            self.rivals.append(rival)
            self._guard(rival, rival.setup)

    def act(self, label: str, verb: str, *words: Callable[[Rival], object]) -> None:
        """Each system that has `verb` does it once; whoever began last time ends this time."""
        self.turn += 1
        shift = self.turn % max(len(self.rivals), 1)
        for rival in self.rivals[shift:] + self.rivals[:shift]:
            if verb in rival.verbs:
                self._guard(rival, partial(self._measured, rival, label, verb, words))

    def each(self, what: Callable[[Rival], object]) -> None:
        """Each system does something that is not measured."""
        for rival in list(self.rivals):
            self._guard(rival, partial(what, rival))

    def play(self, versions: Sequence[Version]) -> None:
        """Commit every version; check out the first, update to each next one, at last check out the oldest."""
        for number, version in enumerate(versions):
            self._version(number, version)
            print(f"  {self.figures.row}, {self.figures.case}: version {number}", file=sys.stderr)
        self.act("status, nothing changed", "status")
        if len(versions) > 1:
            self.each(lambda r: r.forget_caches())
            self.act("checkout of the oldest", "checkout", lambda _: 0, lambda r: r.home / "c")
            self.verify(0, "c")
        if len(versions) > 10:
            self.act("update ten on", "update", lambda _: 10, lambda r: r.home / "c")
            self.verify(10, "c")
        self.each(self._sizes)

    def _version(self, number: int, version: Version) -> None:
        if number:
            self.act("edit", "prepare", lambda _: version.paths)
        self.each(lambda r: version.write(r.content(r.tree)))
        self.expected.append(digest(self.rivals[0].content(self.rivals[0].tree)))
        self.act("next commit" if number else "first commit", "commit", lambda _: number)
        if number:
            self.act("update one on", "update", lambda _: number, lambda r: r.home / "b")
        else:
            self.act("first checkout", "checkout", lambda _: number, lambda r: r.home / "b")
        self.verify(number, "b")

    def verify(self, number: int, name: str) -> None:
        """Compare a folder with the version, where the folder is. A system that brought other bytes is left out."""

        def check(rival: Rival) -> None:
            folder = rival.content(rival.home / name)
            if "update" not in rival.verbs and name == "b" and number:
                return
            if digest(folder) != self.expected[number]:
                raise CommandFailedError(f"version {number} came back with other bytes")

        self.each(check)

    def close(self) -> Figures:
        """Stop everything; returns the figures."""
        for rival in self.rivals:
            rival.close()
        shutil.rmtree(WORK, ignore_errors=True)
        return self.figures

    def _measured(self, rival: Rival, label: str, verb: str, words: Sequence[Callable[[Rival], object]]) -> None:
        cost = measure(rival, verb, *(word(rival) for word in words))
        self.figures.add(label, rival.name, cost)

    def _sizes(self, rival: Rival) -> None:
        self.figures.sizes["stored, all versions", rival.name] = rival.server_bytes()
        if rival.server_cache_bytes():
            self.figures.sizes["cache of the server", rival.name] = rival.server_cache_bytes()
        self.figures.sizes["client's disk beside the files", rival.name] = max(rival.client_disk(), 0)

    def _guard(self, rival: Rival, work: Callable[[], object]) -> None:
        try:
            work()
        except (CommandFailedError, OSError, ValueError) as problem:
            print(f"  {rival.name} failed: {problem}", file=sys.stderr)
            self.failed[rival.name] = str(problem).splitlines()[0].replace(f"{HERE.parent}/", "")[:200]
            rival.close()
            self.rivals.remove(rival)


def digest(folder: Path) -> str:
    """One hash over names and contents of the benchmark's files below `folder`."""
    state = blake3.blake3()
    for path in files_of(folder):
        state.update(str(path.relative_to(folder)).encode() + b"\0")
        # Not by mmap: mapped files would count as memory of this process, below which no child can be measured.
        with path.open("rb", buffering=0) as source:
            while block := source.read(BLOCK):
                state.update(block)
        state.update(path.stat().st_size.to_bytes(8, "little"))
    return state.hexdigest()
