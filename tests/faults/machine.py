"""A hypothesis state machine that drives the model of a repository and a real server with the same commands.

    python -m tests.faults.machine --examples 50 --seed 1 --report machine.json

Commands run in this process, some as real `mlv` processes; every answer is compared with the model's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.faults.house import House, code_of, typed
from tests.faults.model import Repository, Workspace
from tests.faults.workload import LINES, POOL, USER_ACTS, Chooser, Op, content, ended
from tests.faults.zygote import Trap
from tests.servers import COMMAND_SECONDS, RunningServer

CREW = (("ann1", "ann"), ("ann2", "ann"), ("bob1", "bob"))
STEPS = 40
FIRST = ("w0.bin", "t1.txt", "a/w0.bin", "a/b/t1.txt", "c/t1.txt", "w9.bin")
"""What every example begins with as @1."""
_numbers = itertools.count(1)

who = st.integers(0, len(CREW) - 1)
paths = st.sampled_from([ended(path) for path in POOL])
places = st.integers(0, 30)
"""Which of the paths that a verb may be meant for."""


class Machine(RuleBasedStateMachine):
    """Three workspaces of two users on one repository, the model beside the real one."""

    house: House
    counts: Counter[str]
    log: list[str]

    @initialize()
    def begin(self) -> None:
        """A new repository for every example."""
        self.repo = Repository(maintainers=frozenset({"ann"}))
        self.names = itertools.count(1)
        self.house.new_repository(f"m{next(_numbers)}")
        for name, user in CREW:
            self.repo.checkout(name, user, "main")
            self.house.checkout(self.repo.workspaces[name])
        for path in FIRST:
            self._do(Op("write", "ann1", path, data=content(random.Random(path), path, None)))
            self._do(Op("add", "ann1", path))
        self._do(Op("commit", "ann1"))
        for name, _ in CREW:
            self._do(Op("update", name))

    @rule(seed=st.integers(0, 1 << 32))
    def work(self, seed: int) -> None:
        """Some acts in a row, most of which make sense: what single draws seldom come to."""
        chooser = Chooser(random.Random(seed), prefix=f"s{next(self.names)}-")
        for _ in range(6):
            self._do(chooser.next(self.repo))

    @rule(ws=who, path=paths, line=st.integers(0, LINES // 2), number=st.integers(0, 1 << 40), executable=st.booleans())
    def write(self, ws: int, path: str, line: int, number: int, executable: bool) -> None:
        """The user edits a file, or makes one."""
        old = self._ws(ws).disk.get(path, (b"\n".join(b"line %d" % at for at in range(LINES)), False))[0]
        lines = old.split(b"\n")
        lines[2 * line % len(lines)] = b"%d by hand" % number
        data = b"\x00\xff" + number.to_bytes(8, "big") * 40 if path.endswith(".bin") else b"\n".join(lines)
        self._do(Op("write", self._ws(ws).name, path, data=data, flag=executable and not number % 4))

    @rule(ws=who, place=places)
    def change(self, ws: int, place: int) -> None:
        """Change a file that the workspace may commit."""
        found = self._ws(ws)
        chosen = sorted(path for path, file in found.tracked.items() if file.token or path.endswith(".txt"))
        path = _one_of(chosen, place)
        if path in found.disk:
            self.write(ws, path, place % 5, next(self.names), executable=False)

    @rule(ws=who, place=places)
    def add(self, ws: int, place: int) -> None:
        """Record a new file."""
        status = self._ws(ws).status()
        self._do(
            Op(
                "add",
                self._ws(ws).name,
                _one_of([path for path, state in status.items() if state == "untracked"], place),
            )
        )

    @rule(verb=st.sampled_from(("delete", "remove", "lock", "unlock", "revert", "meta", "break")), ws=who, place=places)
    def act(self, verb: str, ws: int, place: int) -> None:
        """One of the verbs that name a file that is tracked."""
        found = self._ws(ws)
        chosen = [lock.path for lock in self.repo.locks] if verb == "break" else list(found.tracked)
        self._do(Op(verb, self._ws(ws).name, _one_of(chosen, place), str(place)))

    @rule(ws=who, place=places)
    def edit(self, ws: int, place: int) -> None:
        """Take the lock of weights."""
        weights = [path for path in self._ws(ws).tracked if path.endswith(".bin")]
        self._do(Op("edit", self._ws(ws).name, _one_of(weights, place)))

    @rule(ws=who, path=paths, verb=st.sampled_from(("add", "edit", "delete", "revert", "unlock", "resolve")))
    def mistake(self, ws: int, path: str, verb: str) -> None:
        """A verb on any path, also where it makes no sense."""
        self._do(Op(verb, self._ws(ws).name, path, "mine" if verb == "resolve" else ""))

    @rule(ws=who, place=places)
    def move(self, ws: int, place: int) -> None:
        """Move a file to where none ever was."""
        path = _one_of(list(self._ws(ws).tracked), place)
        name = path.rpartition("/")[2]
        if name:
            self._do(
                Op(
                    "move",
                    self._ws(ws).name,
                    path,
                    f"{('', 'a/', 'd/e/')[place % 3]}{name[0]}x{next(self.names)}{name[-4:]}",
                )
            )

    @rule(ws=who, keep=st.booleans())
    def commit(self, ws: int, keep: bool) -> None:
        """Commit everything."""
        self._do(Op("commit", self._ws(ws).name, flag=keep))

    @rule(ws=who, place=places)
    def commit_part(self, ws: int, place: int) -> None:
        """Commit one path."""
        self._do(Op("commit", self._ws(ws).name, _one_of(list(self._ws(ws).status()), place)))

    @rule(ws=who)
    def update(self, ws: int) -> None:
        """Bring the newest version."""
        self._do(Op("update", self._ws(ws).name))

    @rule(ws=who, place=places, accept=st.sampled_from(("mine", "theirs")))
    def resolve(self, ws: int, place: int, accept: str) -> None:
        """Decide a conflict."""
        self._do(Op("resolve", self._ws(ws).name, _one_of(list(self._ws(ws).conflicts), place), accept))

    @rule(ws=who, back=st.integers(0, 3))
    def undo(self, ws: int, back: int) -> None:
        """Take back one of the newest versions."""
        self._do(Op("undo", self._ws(ws).name, other=str(max(1, len(self.repo.versions) - 1 - back))))

    @rule(ws=who, verb=st.sampled_from(("label", "branch")), again=st.booleans())
    def name(self, ws: int, verb: str, again: bool) -> None:
        """Name a version, or a branch."""
        taken = [*self.repo.labels, *self.repo.branches]
        self._do(Op(verb, self._ws(ws).name, other=taken[-1] if again else f"n{next(self.names)}"))

    @rule(place=places, user=st.sampled_from(("ann", "bob")))
    def checkout(self, place: int, user: str) -> None:
        """Another workspace, on any branch, in the place of the user's last one."""
        left = [one for one in self.repo.workspaces.values() if one.user == user][-1]
        if left.status():
            return
        name = f"{user}{next(self.names) + 100}"
        self.repo.checkout(name, user, _one_of(list(self.repo.branches), place))
        del self.repo.workspaces[left.name]
        self.house.checkout(self.repo.workspaces[name])
        self._same(name)

    def teardown(self) -> None:
        """At the end everything is compared bit for bit."""
        if hasattr(self, "repo"):
            for name in self.repo.workspaces:
                self._same(name)
            self.counts["files read bit for bit"] += self.house.read_all(self.repo)

    def _ws(self, number: int) -> Workspace:
        return sorted(self.repo.workspaces.values(), key=lambda one: one.name)[number]

    def _do(self, op: Op) -> None:
        if (not op.path and op.verb not in {"commit", "update", "undo", "label", "branch"}) or not op.known(self.repo):
            return
        after = self.repo.fork()
        wanted = op.act(after)
        ws = after.workspaces[op.workspace]
        self.repo = after
        if op.verb in USER_ACTS:
            self.house.do(op, ws)
            return
        self.counts[f"{op.verb} {wanted or 'ok'}"] += 1
        self.counts["steps"] += 1
        got, answer = self._type(op, after)
        assert got == wanted, f"{op} answered {got or 'ok'}, by the model {wanted or 'ok'}\n{answer}"
        if self.counts["steps"] % 3 == 0:
            self._same(op.workspace)

    def _type(self, op: Op, repo: Repository) -> tuple[str, Any]:
        ws = repo.workspaces[op.workspace]
        config, place = self.house.config(ws.user), self.house.place(ws)
        if self.counts["steps"] % 40:
            answer = typed(config, place, op.arguments())[1]
            return code_of(answer), answer
        self.counts["steps by a real process"] += 1
        done = subprocess.run(
            [sys.executable, "-m", "mlv.cli.main", *op.arguments(), "--json"],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env={**os.environ, "MLV_CONFIG_DIR": str(config)},
            check=False,
        )
        return code_of(json.loads(done.stdout or "null")), done.stdout + done.stderr

    def _same(self, name: str) -> None:
        """Server, disk and status are as the model has them."""
        ws = self.repo.workspaces[name]
        seen = self.house.look(ws)
        assert seen["served"] == json.loads(json.dumps(self.house.served(self.repo)))
        assert not (differs := self.house.differs(ws, seen["status"])), f"{name}: {differs}"
        assert ws.rescued <= self.house.kept(ws), f"{name}: bytes that were to be rescued are nowhere"
        self.counts["comparisons"] += 1


def _one_of(chosen: list[str], place: int) -> str:
    return sorted(chosen)[place % len(chosen)] if chosen else ""


def run(folder: Path, examples: int, seconds: float, seed: int, counts: Counter[str]) -> None:
    """Run so many examples, and so long. Raises: AssertionError with the shortest failing sequence."""
    server = RunningServer.create(folder / "server").start()
    house = House(folder, Trap(), forks=False)
    end, number = time.monotonic() + seconds, seed
    before, variable = Path.cwd(), os.environ.get("MLV_CONFIG_DIR")
    try:
        house.move_in(server.url, server.fingerprint, server.admin_token)
        while number == seed or time.monotonic() < end:
            kind = type("Model", (Machine,), {"house": house, "counts": counts})
            chosen = settings(
                max_examples=examples,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate, Phase.shrink),
                print_blob=True,
            )
            run_state_machine_as_test(hypothesis.seed(number)(kind), settings=chosen)
            number += 1
    except BaseException:
        counts["failed seed"] = number
        raise
    finally:
        server.stop()
        os.chdir(before)
        os.environ.pop("MLV_CONFIG_DIR", None)
        if variable is not None:
            os.environ["MLV_CONFIG_DIR"] = variable
    report = server.verify()
    assert (report["damaged"], report["foreign"]) == ([], [])


def main() -> int:
    """Run; 1 when model and reality differ."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--examples", type=int, default=50, help="sequences of commands for one seed")
    options.add_argument("--seconds", type=float, default=0.0, help="go on with the next seeds for so long")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--report", type=Path, help="write a JSON report here")
    given = options.parse_args()
    counts: Counter[str] = Counter()
    failure, began = "", time.monotonic()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mlv-model-", dir=memory) as folder:
        try:
            run(Path(folder), given.examples, given.seconds, given.seed, counts)
        except AssertionError as error:
            notes = "\n".join(getattr(error, "__notes__", ()))
            failure = f"seed {counts['failed seed']}: {error}\n{notes}"
    seconds = round(time.monotonic() - began, 1)
    replay = f"python -m tests.faults.machine --examples {given.examples} --seed {counts['failed seed']}"
    told = {"seed": given.seed, "seconds": seconds, "counts": dict(sorted(counts.items())), "failure": failure}
    if given.report:
        text = json.dumps({**told, "replay": replay if failure else ""}, indent=1)
        given.report.write_text(text, encoding="utf-8")
    done = f"{counts['steps']} steps in {seconds} s, each answered as by the model"
    print(failure or done)  # noqa: T201 - for whoever runs it
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
