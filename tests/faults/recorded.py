"""Clients at work all at once while server and clients are killed; what they were answered must have an order.

    python -m tests.faults.recorded --rounds 3 --seed 1 --report history.json
    python -m tests.faults.recorded --operations 100000 --clients 64 --seed 1 --report histories.md

Each client is a process with a workspace of its own. What it asks and what it is answered is recorded with times of
one clock, and checked by `tests.faults.history`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.faults import lock_rounds, zygote
from tests.faults.history import NEVER, Operation, faults, order_faults
from tests.faults.house import House
from tests.faults.lock_breaches import BREACHES
from tests.faults.model import Workspace

from mlv import connect
from mlv.sdk import open_workspace
from mlv_core.errors import MlvError

CREW = (("ann1", "ann"), ("bob1", "bob"), ("cat1", "cat"), ("dan1", "dan"))
PATHS = ("w0.bin", "w1.bin", "a/w2.bin")
LABELS = 4
ROUND_SECONDS = 8.0
PAUSES = (0.1, 0.7)
"""Between two kills, at least and at most, in seconds."""
UNKNOWN = frozenset({"UNREACHABLE", "INTERNAL", "LIMIT_EXCEEDED"})
"""Answers after which nobody knows what the server did."""
TELLING = frozenset({"LOCK_HELD", "NOT_FOUND", "ALREADY_EXISTS"})
"""Refusals that say something about a lock or a label; the others say only that nothing was done."""


class Client:
    """One process: it asks at random, and writes down what it asked and what it was answered."""

    def __init__(self, house: House, ws: Workspace, log: Path, seed: str) -> None:
        self._house, self._ws, self._rng = house, ws, random.Random(seed)
        self._file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._seed, self._count = seed, 0
        self._workspace = open_workspace(house.place(ws), timeout_seconds=3.0)
        self._client = connect(timeout_seconds=3.0)
        self._repository = self._client.repository(house.repository)

    def work(self, until: float) -> int:
        """Go on until the clock says so."""
        acts = (self._change, self._change, self._lock, self._unlock, self._look, self._look, self._name)
        while time.monotonic() < until:
            self._rng.choice(acts)()
        return 0

    def look(self) -> int:
        """Read everything once."""
        for path in PATHS:
            self._read(path)
            self._holder(path)
        self._head()
        for number in range(LABELS):
            self._label_of(f"v{number}")
        return 0

    def _ask(self, verb: str, key: str, argument: str, act: Callable[[], str]) -> str | None:
        """Do `act` and record it; its result, None when it was refused."""
        self._count += 1
        told = {"id": f"{self._seed}/{self._count}", "client": self._ws.name, "verb": verb, "key": key}
        self._tell({**told, "argument": argument, "start": time.monotonic()})
        code: str | None = ""
        result = ""
        try:
            result = act()
        except MlvError as error:
            code = None if error.code in UNKNOWN else error.code
        self._tell({"id": told["id"], "code": code, "result": result, "end": time.monotonic()})
        return result if code == "" else None

    def _tell(self, event: dict[str, object]) -> None:
        os.write(self._file, json.dumps(event).encode() + b"\n")

    def _lock(self, path: str = "") -> bool:
        path = path or self._rng.choice(PATHS)

        def act() -> str:
            return str(int(self._workspace.lock(path).locks[0].token))

        if self._ask("lock", path, "", act) is not None:
            return True
        try:
            self._workspace.update()
            self._workspace.resolve(".", "theirs")
        except MlvError:
            return False
        return False

    def _unlock(self) -> None:
        path = self._rng.choice(PATHS)
        if self._ws.user == "ann" and self._rng.random() < 0.3:
            self._ask("break", path, "", lambda: self._broken(path))
        else:
            self._ask("unlock", path, "", lambda: str(len(self._workspace.unlock(path))))

    def _broken(self, path: str) -> str:
        from mlv.actions import locks  # noqa: PLC0415 - warm already; the SDK has no break

        return str(
            len(
                locks.unlock(
                    self._workspace._context, (str(self._house.place(self._ws) / path),), force=True, reason="needed"
                )
            )
        )

    def _change(self) -> None:
        path = self._rng.choice(PATHS)
        if not self._lock(path):
            return
        keep = self._rng.random() < 0.2
        content = f"{path} {self._seed}/{self._count}"
        (self._house.place(self._ws) / path).write_bytes(b"\x00" + content.encode())

        def act() -> str:
            return str(self._workspace.commit(content, path, keep_locks=keep).changeset)

        self._ask("commit keep" if keep else "commit", path, content, act)

    def _look(self) -> None:
        self._rng.choice((self._head, lambda: self._read(self._rng.choice(PATHS)), self._any_holder, self._any_label))()

    def _read(self, path: str) -> None:
        def act() -> str:
            return self._repository.version("main").read(path)[1:].decode()

        self._ask("read", path, "", act)

    def _any_holder(self) -> None:
        self._holder(self._rng.choice(PATHS))

    def _holder(self, path: str) -> None:
        names = {there: name for name, there in self._house.ids.items()}

        def act() -> str:
            found = [names[str(one.workspace)] for one in self._repository.locks() if one.path == path]
            return ",".join(found)

        self._ask("holder", path, "", act)

    def _head(self) -> None:
        self._ask("head", "main", "", lambda: str(self._repository.version("main").number))

    def _name(self) -> None:
        name = f"v{self._rng.randrange(LABELS)}"
        number = self._rng.randint(1, 3)

        def act() -> str:
            return str(int(self._repository.create_label(name, number).changeset))

        self._ask("label", f"label {name}", str(number), act)

    def _any_label(self) -> None:
        self._label_of(f"v{self._rng.randrange(LABELS)}")

    def _label_of(self, name: str) -> None:
        def act() -> str:
            return next((str(int(one.changeset)) for one in self._repository.labels() if one.name == name), "")

        self._ask("label of", f"label {name}", "", act)


def read_log(file: Path) -> list[Operation]:
    """The operations of a log; those without an answer are unknown."""
    asked: dict[str, Operation] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if "verb" in event:
            asked[event["id"]] = Operation(
                event["client"], event["verb"], event["key"], event["argument"], code=None, start=event["start"]
            )
            continue
        one = asked[event["id"]]
        end = NEVER if event["code"] is None else event["end"]
        asked[event["id"]] = Operation(
            one.client, one.verb, one.key, one.argument, event["result"], event["code"], one.start, end
        )
    return [one for one in asked.values() if not one.code or one.code in TELLING]


class Rounds:
    """One repository a round, with clients that die, and a server that does."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.counts: Counter[str] = Counter()
        self.trap = zygote.Trap()
        self.house = House.build(folder / "house", self.trap)

    def round(self, number: int) -> list[str]:
        """What is wrong with one round's history; nothing, if all is well."""
        house, rng = self.house, random.Random(f"{self.seed}:{number}")
        house.new_repository(f"h{number}")
        for _, user in CREW:
            house.must("admin", self.folder, "policy", "grant", "releaser", user, house.repository)
        spaces = {name: Workspace(name, user, "main") for name, user in CREW}
        for ws in spaces.values():
            house.checkout(ws)
        log = self.folder / f"history{number}.jsonl"
        self._first(spaces["ann1"], log)
        for ws in spaces.values():
            house.must(ws.user, house.place(ws), "update")
        until = time.monotonic() + ROUND_SECONDS
        lives = Counter(spaces.keys())
        running = {name: self._start(ws, log, f"{number}.{name}.1", until) for name, ws in spaces.items()}
        while (left := until - time.monotonic()) > 0:
            running[rng.choice(sorted(running))].wait(min(left, rng.uniform(*PAUSES)))
            self._kill_one(rng, running)
            for name, fork in running.items():
                if fork.ended is not None and fork.ended.code < 0:
                    lives[name] += 1
                    running[name] = self._start(spaces[name], log, f"{number}.{name}.{lives[name]}", until)
        for fork in running.values():
            ended = fork.finish()
            assert ended.code == 0, ended.err
        for name, ws in spaces.items():
            house.must(ws.user, house.place(ws), "update")
            last = zygote.Fork(lambda ws=ws, name=name: self._client(ws, log, f"{number}.{name}.end").look())  # type: ignore[misc]
            assert last.finish().code == 0, last.ended
        return self._judge(log)

    def close(self) -> None:
        """Stop the server; what `verify` finds wrong."""
        self.house.server.stop()
        report = self.house.verify()
        assert (report["damaged"], report["foreign"]) == ([], []), report

    def _first(self, ws: Workspace, log: Path) -> None:
        """Commit @1 to @3, so that every path has a file; they are part of the history."""

        def work() -> int:
            client = self._client(ws, log, "first")
            for path in PATHS:
                file = self.house.place(ws) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"\x00" + path.encode())
                client._workspace.add(path)
                client._workspace.commit(path, path)
            return 0

        ended = zygote.Fork(work).finish()
        assert ended.code == 0, ended.err

    def _client(self, ws: Workspace, log: Path, seed: str) -> Client:
        os.environ["MLV_CONFIG_DIR"] = str(self.house.config(ws.user))
        return Client(self.house, ws, log, seed)

    def _start(self, ws: Workspace, log: Path, seed: str, until: float) -> zygote.Fork:
        return zygote.Fork(lambda: self._client(ws, log, seed).work(until))

    def _kill_one(self, rng: random.Random, running: dict[str, zygote.Fork]) -> None:
        if rng.random() < 0.5:
            self.counts["server kills"] += self.house.server.kill()
            self.house.server.start()
        else:
            self.counts["client kills"] += running[rng.choice(sorted(running))].kill()

    def _judge(self, log: Path) -> list[str]:
        operations = read_log(log)
        for one in operations:
            self.counts[f"{one.verb} {'unknown' if one.code is None else one.code or 'ok'}"] += 1
        self.counts["operations"] += len(operations)
        self.counts["rounds"] += 1
        first = [Operation("ann1", "commit", "first", path, str(n), "", -1.0, -0.5) for n, path in enumerate(PATHS, 1)]
        found = faults([one for one in operations if one.verb != "head"], {path: path for path in PATHS})
        return found + order_faults([*operations, *first], self._landed())

    def _landed(self) -> list[tuple[int, str]]:
        """All changesets of main: number and the content that each brought, read back bit for bit."""

        def work() -> object:
            os.environ["MLV_CONFIG_DIR"] = str(self.house.config("admin"))
            with connect() as client:
                where = client.repository(self.house.repository)
                found = []
                for one in where.log(branch="main"):
                    version = where.version(int(one.number))
                    (path,) = (change.path for change in version.changes)
                    content = version.read(path)[1:].decode()
                    assert content == one.message, f"@{one.number} brought {content!r}, not {one.message!r}"
                    found.append([int(one.number), content])
            return found

        return [(number, content) for number, content in self.house.told(work)]


def _locks(given: argparse.Namespace, folder: Path) -> int:
    """A history of locks; 1 when it has no order."""
    told = lock_rounds.run(given.operations, given.clients, given.seed, folder, given.breach)
    if given.report:
        lock_rounds.report(given.report, told)
    found = told["failure"]
    where = f"\nthe history: {folder / lock_rounds.HISTORY}" if found else ""
    if given.history and not found:
        shutil.copyfile(folder / lock_rounds.HISTORY, given.history)
    print(f"{found}{where}" or f"{told['counts']['operations']} operations of locks, in an order that could have been")  # noqa: T201
    if not found:
        shutil.rmtree(folder)
    return 1 if found else 0


def main() -> int:
    """Run; 1 when a history has no order."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3, help="at least so many")
    options.add_argument("--seconds", type=float, default=0.0, help="and at least so long")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--report", type=Path, help="write a JSON report here")
    options.add_argument("--operations", type=int, default=0, help="instead: a history of so many operations on locks")
    options.add_argument("--clients", type=int, default=64, help="of a history of locks")
    options.add_argument("--history", type=Path, help="keep a history of locks in this file")
    options.add_argument("--breach", default="", choices=("", *BREACHES), help="a rule of locks that the server breaks")
    given = options.parse_args()
    zygote.warm()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="mlv-history-", dir=memory))
    if given.operations:
        return _locks(given, folder)
    began, failure, number = time.monotonic(), "", 0
    rounds = Rounds(folder, given.seed)
    try:
        while number < given.rounds or time.monotonic() - began < given.seconds:
            number += 1
            if found := rounds.round(number):
                raise AssertionError("\n".join(found))  # noqa: TRY301 - one way to tell
        rounds.close()
    except AssertionError as error:
        failure = f"round {number} of seed {given.seed}: {error}\nthe history: {folder}/history{number}.jsonl"
    told = {
        "seed": given.seed,
        "seconds": round(time.monotonic() - began, 1),
        "counts": dict(sorted(rounds.counts.items())),
    }
    replay = f"python -m tests.faults.recorded --rounds {number} --seed {given.seed}" if failure else ""
    if given.report:
        text = json.dumps({**told, "failure": failure, "replay": replay}, indent=1)
        given.report.write_text(text, encoding="utf-8")
    done = f"{rounds.counts['operations']} operations in {number} rounds, each in an order that could have been"
    print(failure or done)  # noqa: T201 - for whoever runs it
    if not failure:
        shutil.rmtree(folder)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
