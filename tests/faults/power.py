"""Power cuts replayed: one recorded run, cut after any call of it, and looked at whether all is there that was told.

`python -m tests.faults.power --prefixes N --seed S --report FILE` needs a C compiler, for the recorder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3
from tests.faults import zygote
from tests.faults.power_disk import MODES, Call, Disk, is_shared, read_log, write_out
from tests.faults.power_run import files_of, state

from mlv_server import app, telemetry
from mlv_server.cli.main import main as command
from mlv_server.rpc.chain import Parts
from mlv_server.services import recovery, verification
from mlv_server.settings import SETTINGS_FILE, load_settings

SOURCE = Path(__file__).with_name("power_recorder.c")
WORKSPACES = {"w1": "admin", "w2": "ann"}
CLIENT_EVERY, RESTORE_EVERY = 10, 25
"""Of how many prefixes one is also looked at through a client, and through a restore: these take longer."""


def compiler() -> str | None:
    """The C compiler that is there."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def build(folder: Path) -> Path:
    """The recorder, compiled into `folder`."""
    found, library = compiler(), folder / "recorder.so"
    assert found is not None
    subprocess.run([found, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"], check=True)
    return library


def recorded_by(library: Path, world: Path, log: Path) -> dict[str, str]:
    """The environment in which a process is recorded."""
    return {"LD_PRELOAD": str(library), "MLV_RECORD_ROOT": str(world), "MLV_RECORD_LOG": str(log)}


def record(folder: Path, seed: int) -> list[Call]:
    """Play the run under the recorder; its calls. Raises: AssertionError when the recording misses something."""
    world, log = folder / "world", folder / "log"
    world.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.power_run", str(world), str(log), str(seed)],
        env={**os.environ, **recorded_by(build(folder), world, log)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    calls = read_log(log)
    disk = Disk(str(world))
    for call in calls:
        disk.apply(call)
    real = {path.relative_to(world).as_posix(): path for path in world.rglob("*") if path.is_file()}
    seen = disk.files()
    assert {name for name in real if not is_shared(name)} == {name for name in seen if not is_shared(name)}
    differing = [name for name, path in real.items() if not is_shared(name) and path.read_bytes() != seen[name]]
    assert not differing, f"the recorder missed writes to {differing}"
    shutil.rmtree(world)
    return calls


@dataclass(slots=True)
class Report:
    """What came of it."""

    seed: int
    calls: int = 0
    acknowledgements: int = 0
    prefixes: int = 0
    through_clients: int = 0
    restored: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As written to the file."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Cut:
    """One state of the disk: after how many calls, in which way, and what was told before and after it."""

    call: int
    mode: str
    seed: int
    before: dict[str, Any]
    after: dict[str, Any]
    steps: int
    """Acknowledgements so far."""

    def __str__(self) -> str:
        told = f"{self.before.get('what', 'nothing')!r}, before {self.after.get('what')!r}"
        return f"call {self.call}, mode {self.mode}, seed {self.seed}, after {told}"


def replay(
    calls: list[Call], folder: Path, prefixes: int, seed: int, check: Callable[[Path, Cut, int], list[str]]
) -> list[str]:
    """Cut at `prefixes` places, the same for each seed, and hand each state of the disk to `check`; its complaints."""
    rng = random.Random(seed)
    world = Path(os.path.commonpath([call.first for call in calls if call.kind == "o"]))
    places = sorted(rng.choices([n for n, call in enumerate(calls, 1) if call.kind not in "oc"], k=prefixes))
    told = [json.loads(call.first) for call in calls if call.kind == "a"]
    disk, applied, steps, complaints = Disk(str(world)), 0, 0, []
    for number, place in enumerate(places):
        for call in calls[applied:place]:
            disk.apply(call)
            steps += call.kind == "a"
        applied = place
        mode, own = rng.choice(MODES), rng.randrange(1 << 30)
        before, after = told[steps - 1] if steps else {}, told[min(steps, len(told) - 1)]
        cut = Cut(place, mode, own, before, after, steps)
        shutil.rmtree(world, ignore_errors=True)
        write_out(world, disk.crash(random.Random(own), mode))
        complaints += [f"{cut}: {one}" for one in check(world, cut, number)]
    return complaints


# --- looking --------------------------------------------------------------------------------------------------------


def look(world: Path, cut: Cut, number: int, report: Report) -> list[str]:
    """What is wrong with a state of the disk after the server has been started on it."""
    report.prefixes += 1
    found: list[str] = []
    if not cut.steps:
        return found  # the user was told nothing yet
    found += _in_fork(lambda: asyncio.run(_server_faults(world / "server", cut)))
    if not found and number % RESTORE_EVERY == 0 and cut.before["snapshots"]:
        report.restored += 1
        found += _in_fork(lambda: _restore_faults(world, cut))
    if not found:
        found += _lost_edits(world, cut)
    if not found and number % CLIENT_EVERY == 0 and cut.steps > 1:
        report.through_clients += 1
        found += _client_faults(world, cut)
    return found


def _in_fork(work: Callable[[], list[str]]) -> list[str]:
    """What `work` answers, done in a process of its own."""

    def inner() -> int:
        sys.stdout.write(json.dumps(work()) + "\n")
        return 0

    ended = zygote.Fork(inner).wait()
    if ended is None:
        return ["it hangs"]
    if ended.code:
        return [f"it broke ({ended.code}): {ended.err[-1500:]}"]
    answer: list[str] = json.loads(ended.out.splitlines()[-1])
    return answer


async def _server_faults(folder: Path, cut: Cut) -> list[str]:
    settings = load_settings(folder / SETTINGS_FILE)
    telemetry.configure_logging(settings)
    async with app.open_parts(settings) as parts:
        await recovery.after_start(parts.db, parts.store, parts.background, 0)
        await parts.background.settle()
        found = [f"verify: {one}" for one in (await verification.verify(parts.db, parts.store)).damaged]
        versions = await _versions(parts)
    return found + _state_faults(state(folder), cut) + _version_faults(versions, cut)


def _state_faults(now: dict[str, Any], cut: Cut) -> list[str]:
    """All rows are those that were acknowledged, or all are those of what came next, with its audit entries."""
    before, after = cut.before["state"], cut.after["state"]
    found = []
    if now["rows"] not in (before["rows"], after["rows"]):
        for name, rows in now["rows"].items():
            if rows != before["rows"][name]:
                found.append(f"{name} is neither as before{'' if rows == after['rows'][name] else ' nor as after'}")
    told = after if now["rows"] == after["rows"] != before["rows"] else before
    for chain, (length, _) in told["audit"].items():
        if now["audit"].get(chain, (0, ""))[0] < length:
            found.append(f"audit chain {chain} lost entries")
    return found


def _version_faults(versions: dict[str, dict[str, str]], cut: Cut) -> list[str]:
    """Every acknowledged version has just its files, bit for bit."""
    allowed = (cut.before["versions"], {**cut.before["versions"], **cut.after["versions"]})
    return [] if versions in allowed else [f"versions {sorted(versions)} are not {sorted(allowed[0])}, bit for bit"]


async def _versions(parts: Parts) -> dict[str, dict[str, str]]:
    """Every version: the BLAKE3 of each file's bytes as the store gives them."""
    found: dict[str, dict[str, str]] = {}
    read: dict[Any, str] = {}
    for repository in await parts.db.read(lambda tx: tx.repositories.list_all()):
        last = await parts.db.read(lambda tx, one=repository: tx.changesets.count(one.id))
        for number in range(1, last + 1):
            rows = await parts.db.read(lambda tx, one=repository, n=number: list(tx.versions.files(one.id, n)))
            files = found[str(number)] = {}
            for row in rows:
                content = row.state.content
                if content not in read:
                    data = [part async for part in parts.store.read_range(repository.domain_id, content, 0, 1 << 30)]
                    read[content] = blake3(b"".join(data)).hexdigest()
                files[row.path] = read[content]
    return found


def _restore_faults(world: Path, cut: Cut) -> list[str]:
    """Every acknowledged snapshot becomes the server that it was."""
    found = []
    for name, wanted in cut.before["snapshots"].items():
        back = world / f"back-{name}"
        command.main(["restore", str(world / "backup"), str(back), "--snapshot", name], standalone_mode=False)
        if state(back)["rows"] != wanted["rows"]:
            found.append(f"snapshot {name} is not what the server was")
    return found


def _kept(world: Path) -> set[str]:
    """The names of all bytes that users find: in workspaces, in rescue folders."""
    found: set[str] = set()
    for name in WORKSPACES:
        found.update(blake3(data).hexdigest() for data in files_of(world / name).values())
        rescue = world / name / ".mlv" / "rescue"
        found.update(blake3(path.read_bytes()).hexdigest() for path in rescue.rglob("*") if path.is_file())
    return found


def _lost_edits(world: Path, cut: Cut) -> list[str]:
    """Everything that a user saved and did not commit is somewhere (N4)."""
    kept = _kept(world)
    return [
        f"N4: {name}/{path} is lost"
        for name, files in cut.before["mine"].items()
        for path, one in files.items()
        if one not in kept
    ]


def _client_faults(world: Path, cut: Cut) -> list[str]:
    """The next commands of both users heal their workspaces, which then are as the server says."""
    server = zygote.Server(world / "server", zygote.Trap())
    try:
        server.start()
    except AssertionError as error:
        return [f"the server does not start: {str(error)[-600:]}"]
    try:
        return [fault for name, user in WORKSPACES.items() for fault in _healed(world, cut, name, user)]
    except AssertionError as error:
        return [f"a command broke: {str(error)[-1500:]}"]
    finally:
        server.kill()


def _healed(world: Path, cut: Cut, name: str, user: str) -> list[str]:
    workspace = world / name
    if name not in cut.before["workspaces"]:
        return []
    if not (workspace / ".mlv").is_dir():
        return [f"{name}: the workspace is gone"]
    for arguments in (("status",), ("update",), ("update", "--verify"), ("status", "--json")):
        ended = zygote.command(world / f"{user}-config", workspace, arguments).finish()
        if ended.code not in {0, 5}:
            return [f"{name}: mlv {' '.join(arguments)} -> {ended.code}: {ended.err[-800:]}"]
    said = json.loads(ended.out)
    lost = _lost_edits(world, cut)
    wanted = {**cut.before["versions"], **cut.after["versions"]}[str(said["base"])] if said["base"] else {}
    changed = {one.get(name) for one in said["files"] for name in ("path", "source")}
    have = {path: blake3(data).hexdigest() for path, data in files_of(workspace).items()}
    torn = [path for path, one in wanted.items() if path not in changed and have.get(path) != one]
    return lost + [f"N3: {name}/{path} is not as committed" for path in torn]


def main() -> None:
    """Replay and report; exit code 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefixes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    told = parser.parse_args()
    report = Report(told.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlv-power-") as folder:
        place = Path(folder).resolve()
        calls = record(place, told.seed)
        report.calls = len(calls)
        report.acknowledgements = sum(call.kind == "a" for call in calls)
        zygote.warm()
        report.failures = replay(calls, place, told.prefixes, told.seed, lambda *cut: look(*cut, report))
    report.seconds = round(time.monotonic() - began, 1)
    text = json.dumps(report.as_json(), indent=1)
    if told.report:
        told.report.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
