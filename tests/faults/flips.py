"""Bits that flip in a store at rest: each is found by `verify` or refused at the start, none reaches a client.

`python -m tests.faults.flips --flips N --seed S --report FILE`. A bit flips as on a disk: no time of any file changes.
Files that are sealed when a server stops tell every flip; `rows` are flips in a database without its seal, as under a
server that runs for months: there a flip counts that changes anything that can be read, and others are harmless.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import zygote
from tests.faults.power_run import REPOSITORY, Run, files_of, play

from mlv_server.cli.main import main as command
from mlv_server.content.archive import Archive
from mlv_server.metadata.migrations import fresh_schema
from mlv_server.services import seals

KINDS = ("pack", "database", "rows", "settings", "certificate", "cache", "backup")
"""Kinds of files, each as often as the others."""
READS = (("log", "--json"), ("labels", "--json"), ("locks", "--json"))
"""What a client asks, beside the files of versions."""


def kind_of(name: str) -> str:
    """The kind of a file of the store, '' for one that holds nothing."""
    top, _, rest = name.partition("/")
    if top == "backup":
        return "backup" if rest != "lock" else ""
    if "/cache/" in rest:
        return "cache" if "/cache/files/" in rest else ""
    if rest.startswith("content/"):
        return "pack"
    if rest.startswith("tls/"):
        return "certificate"
    return {"mlv-server.toml": "settings", "mlv.db": "database"}.get(rest, "")


@dataclass(slots=True)
class Report:
    """What came of it."""

    seed: int
    flips: int = 0
    found: int = 0
    delivered: int = 0
    told_wrong: int = 0
    """Flips in rows that a client was told from a database without its seal; none of a file's bytes."""
    harmless: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    how: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As written to the file."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Ground:
    """The store as it was, and what a client sees of it."""

    whole: Path
    world: Path
    truth: dict[str, Any]
    rows: frozenset[tuple[str, str]]

    def again(self) -> None:
        """Lay the store down as it was, times too."""
        shutil.rmtree(self.world, ignore_errors=True)
        shutil.copytree(self.whole, self.world)


def main() -> None:
    """Flip and report; exit code 1 when a flip was not found, or was delivered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    told = parser.parse_args()
    report, rng, began = Report(told.seed), random.Random(told.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlv-flips-") as folder:
        ground = prepare(Path(folder).resolve(), told.seed)
        files: dict[str, list[str]] = {}
        for path in sorted(ground.whole.rglob("*")):
            name = path.relative_to(ground.whole).as_posix()
            if path.is_file() and path.stat().st_size and kind_of(name):
                files.setdefault(kind_of(name), []).append(name)
        files["rows"] = files["database"]
        while report.flips < told.flips:
            kind = KINDS[report.flips % len(KINDS)]
            flip(ground, kind, rng.choice(files[kind]), rng, report)
            report.seconds = round(time.monotonic() - began, 1)
            text = json.dumps(report.as_json(), indent=1)
            if told.report:
                told.report.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    sys.exit(bool(report.failures))


def prepare(folder: Path, seed: int) -> Ground:
    """A store with history, locks, labels, snapshots and caches, whose server has stopped; and what a client sees."""
    world, whole = folder / "world", folder / "whole"
    world.mkdir()
    run = Run(world, folder / "log", random.Random(seed))
    play(run, stops=True)
    server = zygote.Server(world / "server", zygote.Trap())
    server.start()
    truth = seen(world)
    fresh_schema()  # each fork has it then
    server.stop()
    shutil.rmtree(world / "read")
    shutil.copytree(world, whole)
    return Ground(whole, world, truth, rows_of(world / "server" / "mlv.db"))


def seen(world: Path) -> dict[str, Any]:
    """What a client gets: the files of three versions, and what commands print. An error counts as nothing."""
    found: dict[str, Any] = {}
    for number in ("1", "10"):
        place = world / "read" / number
        place.parent.mkdir(exist_ok=True)
        ended = zygote.command(
            world / "admin-config", world, ("checkout", f"{REPOSITORY}@{number}", str(place))
        ).finish()
        if not ended.code:
            found[number] = {name: data.hex() for name, data in files_of(place).items()}
    for arguments in READS:
        ended = zygote.command(world / "admin-config", world / "w1", arguments).finish()
        if not ended.code:
            found[" ".join(arguments)] = ended.out
    return found


def rows_of(file: Path) -> frozenset[tuple[str, str]]:
    """Everything that can be read of a database; nothing where it cannot be read."""
    database = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    database.text_factory = bytes
    try:
        names = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return frozenset(
            (name, repr(row))
            for name in ("sqlite_master", *names)
            for row in database.execute(f'SELECT * FROM "{name}"')
        )
    except (sqlite3.Error, UnicodeDecodeError):
        return frozenset()
    finally:
        database.close()


def flip(ground: Ground, kind: str, name: str, rng: random.Random, report: Report) -> None:
    """Flip one bit of a file, and look at it in every way."""
    path = ground.world / name
    status, data = (ground.whole / name).stat(), bytearray((ground.whole / name).read_bytes())
    bit = rng.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    if kind == "rows":
        beside = ground.whole.parent / "flipped.db"
        beside.write_bytes(data)
        if rows_of(beside) == ground.rows:
            report.harmless += 1
            return
    ground.again()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    if kind == "rows":
        (ground.world / "server" / seals.NAME).unlink()
    report.flips += 1
    report.by_kind[kind] += 1
    how, wrong = looked_at_backup(ground) if kind == "backup" else looked_at(ground, kind)
    report.how[f"{kind}: {how or 'not found'}"] += 1
    report.found += bool(how)
    files_wrong = [one for one in wrong if one.isdigit()]
    report.delivered += bool(files_wrong) or (bool(wrong) and kind != "rows")
    report.told_wrong += bool(wrong) and not files_wrong and kind == "rows"
    if not how or files_wrong or (wrong and kind != "rows"):
        report.failures.append(f"{name}, bit {bit}: {how or 'not found'}, delivered {wrong}")


def looked_at(ground: Ground, kind: str) -> tuple[str, list[str]]:
    """How the flip was found, and what a client was told that is not so."""
    server = zygote.Server(ground.world / "server", zygote.Trap())
    copy = ground.world.parent / "copy"
    if kind == "cache":  # a server that meets a damaged copy drops it
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ground.world / "server", copy)
    try:
        server.start()
    except AssertionError as error:
        return "refused at the start" if "mlv_core.errors." in str(error) else "", []
    told = seen(ground.world)
    wrong = [name for name, answer in told.items() if answer != ground.truth[name]]
    server.kill()
    if kind == "cache":
        shutil.rmtree(ground.world / "server")
        shutil.copytree(copy, ground.world / "server")
    how = ""
    ended = hosted("verify", str(ground.world / "server"), "--json")
    said = json.loads(ended.out) if ended.out.startswith("{") else {}
    if ended.code == 7 or said.get("dropped"):
        how = "verify"
    elif ended.code:
        how = how or "verify is refused"
    return how, wrong


def looked_at_backup(ground: Ground) -> tuple[str, list[str]]:
    """As `looked_at`, for a backup: one of the snapshots is refused, or restored as damaged."""
    for name in reversed(Archive(ground.world / "backup").names()):
        back = ground.world / f"back-{name}"
        ended = hosted("restore", str(ground.world / "backup"), str(back), "--snapshot", name, "--json")
        if ended.code:
            return "restore" if ended.code == 7 else "restore is refused", []
    return "", []


def hosted(*arguments: str) -> zygote.Ended:
    """A command of the host, in a fork."""

    def work() -> int:
        try:
            command.main(list(arguments), standalone_mode=False)
        except SystemExit as error:
            return int(error.code or 0)
        return 0

    ended = zygote.Fork(work).wait()
    assert ended is not None
    return ended


if __name__ == "__main__":
    main()
