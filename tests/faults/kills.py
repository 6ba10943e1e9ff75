"""SIGKILL of server and client, at named points and at any instant, thousands of times, during users' work.

    python -m tests.faults.kills --kills 500 --seed 1 --report kills.json

After each: restart, the same command again, and the invariants N1 to N4 of the house: what was acknowledged is there,
what was not is there whole or not at all, locks and local edits are as the model has them, the workspace is healed.
"""

from __future__ import annotations

import argparse
import json
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

from tests.faults import zygote
from tests.faults.house import House, code_of
from tests.faults.model import OK, Repository, Workspace
from tests.faults.strikes import (
    ALONE,
    AWAY,
    CLIENT,
    DATABASE,
    DONE_ALREADY,
    ONCE,
    SERVER,
    SHARE_KILLED,
    SHARE_LOOKED,
    SHARE_NAMED,
    SHARE_REFUSED,
    Found,
    Kill,
    Struck,
    Tally,
)
from tests.faults.workload import LOCAL, USER_ACTS, Chooser, Op, can_update

KILLS_PER_REPOSITORY = 100
KILLS_PER_VERIFY = 50
REPOSITORIES_PER_SERVER = 8
EPOCHS_PER_LINE = 5
"""Of progress."""
FAILURES_LIMIT = 20
"""By then it is known that something is wrong."""
CREW = (("ann1", "ann"), ("ann2", "ann"), ("bob1", "bob"))


class Run:
    """Users at work on one server after the other, until so many kills or seconds are over."""

    def __init__(self, seed: int, folder: Path, tally: Tally) -> None:
        self.seed, self.folder, self.tally = seed, folder, tally
        self.client_trap, self.server_trap = zygote.Trap(), zygote.Trap()
        self.took: dict[str, float] = {}
        self.recent: deque[str] = deque(maxlen=25)
        self.epoch = self.step = 0
        self.house: House | None = None
        self.failures: list[str] = []

    def work(self, kills: int, seconds: float, first: int = 0) -> None:
        """Go on until both are reached; what is found is kept in `failures`, and the next repository goes on."""
        end = time.monotonic() + seconds
        wanted = self.tally.total + kills
        self.epoch = first
        while (self.tally.total < wanted or time.monotonic() < end) and len(self.failures) < FAILURES_LIMIT:
            try:
                self._work_once(min(KILLS_PER_REPOSITORY, max(wanted - self.tally.total, 10)))
            except AssertionError as error:
                found = f"epoch {self.epoch} step {self.step}: {type(error).__name__}: {error}"
                again = f"python -m tests.faults.kills --seed {self.seed} --epoch {self.epoch} --kills 100"
                self.failures.append("\n".join((found, *self.recent, f"again: {again}")))
                say(found)
                self._abandon()
            self.epoch += 1
            if self.epoch % EPOCHS_PER_LINE == 0:
                say(f"{self.tally.total} kills, {len(self.failures)} failures")
        self._close()

    def _work_once(self, kills: int) -> None:
        if self.house is None or self.epoch % REPOSITORIES_PER_SERVER == 0:
            self._close()
            self.house = House.build(self.folder / f"server{self.epoch}", self.server_trap)
        _Epoch(self, self.house).work(kills)

    def _abandon(self) -> None:
        """Leave a house in which something is wrong, with all that is in it, for whoever looks into it."""
        if self.house is not None and self.house.server.running:
            self.house.server.kill()
        self.house = None

    def _close(self) -> None:
        if self.house is not None:
            self.house.server.stop()
            shutil.rmtree(self.house.folder)
            self.house = None


class _Epoch:
    """One repository's life."""

    def __init__(self, run: Run, house: House) -> None:
        self.run, self.house, self.tally = run, house, run.tally
        self.rng = random.Random(f"{run.seed}:{run.epoch}")
        self.chooser = Chooser(self.rng)
        self.repo = Repository(maintainers=frozenset({"ann"}))
        self.owed: dict[str, set[bytes]] = {}
        self.born = len(CREW)

    def work(self, kills: int) -> None:
        """Do as many steps as it takes."""
        self.house.new_repository(f"e{self.run.epoch}")
        for name, user in CREW:
            self.repo.checkout(name, user, "main")
            self.house.checkout(self.repo.workspaces[name])
            self.owed[name] = set()
        wanted, self.run.step = self.tally.total + kills, 0
        verified = self.tally.total
        while self.tally.total < wanted:
            self.run.step += 1
            self._step()
            if self.tally.total - verified >= KILLS_PER_VERIFY:
                verified = self.tally.total
                self._verify()
        self._verify()
        self.tally.checks["files read bit for bit"] += self.house.read_all(self.repo)

    def _step(self) -> None:
        for _ in range(3):
            op, after = self._next(), self.repo.fork()
            wanted = op.act(after)
            if wanted == OK or op.verb == "checkout" or self.rng.random() < SHARE_REFUSED:
                break
        ws = after.workspaces[op.workspace]
        self.run.recent.append(f"{self.run.step} {ws.name} {op.verb} {op.path} {op.other} -> {wanted or 'ok'}")
        if op.verb in USER_ACTS:
            before = self.repo.workspaces[ws.name].disk.get(op.path)
            self.owed[ws.name] -= {before[0]} if before else set()
            self.owed[ws.name] |= {op.data} if op.verb == "write" else set()
            self.house.do(op, ws)
            self.repo = after
            return
        kill = self._plan(op, wanted)
        struck = self._strike(op, ws, kill)
        self.run.recent[-1] += f" | {kill.victim} {kill.point} {kill.delay:.3f} | got {struck.code}"
        alone = op.verb in ALONE and struck.code == OK == wanted
        if struck.code is None or (struck.server_died and (struck.code in AWAY or alone)):
            self._unknown(op, after, wanted)
        elif struck.code != wanted:
            raise Found(f"{op} answered {struck.code or 'ok'}, by the model {wanted or 'ok'}\n{struck.text}")
        else:
            self.tally.answers[op.verb, struck.code] += 1
            self.repo = after
            if op.verb == "checkout":
                self.house.meet(ws)
            looks = self.rng.random() < SHARE_LOOKED
            if struck.server_died or looks:
                self._same(self.house.look(ws, read=2), ws)

    def _next(self) -> Op:
        stuck = [ws for ws in self.repo.workspaces.values() if not can_update(self.repo, ws) and not ws.conflicts]
        if self.rng.random() < (0.05 if stuck else 0.01):
            left = self.rng.choice(sorted(stuck or self.repo.workspaces.values(), key=lambda one: one.name))
            del self.repo.workspaces[left.name], self.owed[left.name]
            self.born += 1
            name = f"{left.user}{self.born}"
            self.owed[name] = set()
            return Op("checkout", name, left.user, self.rng.choice(sorted(self.repo.branches)))
        return self.chooser.next(self.repo)

    # --- killing ------------------------------------------------------------------------------------------------------

    def _plan(self, op: Op, wanted: str) -> Kill:
        rng = self.rng
        if rng.random() > SHARE_KILLED:
            return Kill()
        victim = "client" if op.verb in LOCAL else rng.choices(("client", "server", "both"), (47, 47, 6))[0]
        points = {"client": CLIENT.get(op.verb, ()), "server": SERVER.get(op.verb, DATABASE)}.get(victim, ())
        if points and wanted == OK and rng.random() < SHARE_NAMED:
            return Kill(victim, rng.choice(points), rng.choice((1, 1, 1, 2)))
        return Kill(victim, delay=rng.uniform(0.0, self.run.took.get(op.verb, 0.02 if op.verb in LOCAL else 0.06)))

    def _strike(self, op: Op, ws: Workspace, kill: Kill) -> Struck:
        """Type the command and let die whom the plan names; a dead server is started again at once."""
        house, run = self.house, self.run
        run.client_trap.set(kill.point if kill.victim == "client" else "", kill.hit)
        run.server_trap.set(kill.point if kill.victim == "server" else "", kill.hit)
        began = time.monotonic()
        client = house.type(op, ws, run.client_trap)
        died = False
        if kill.victim and not kill.point:
            client.wait(kill.delay)
            during = client.ended is None
            if kill.victim in {"client", "both"} and client.kill():
                self.tally.kills["client", "any instant", op.verb] += 1
            if kill.victim in {"server", "both"} and house.server.kill():
                self.tally.kills["server", "any instant", op.verb if during else "idle"] += 1
                died = True
                self._restart()
        while client.ended is None:
            assert house.server.fork is not None
            poll = select.poll()
            poll.register(client.handle, select.POLLIN)
            poll.register(house.server.fork.handle, select.POLLIN)
            ready = poll.poll(zygote.WAIT_SECONDS * 1000)
            if not ready:
                client.finish()
            client.wait(0.0)
            died |= self._revive(kill, op)
        if run.server_trap.disarm() and house.server.fork is not None:
            house.server.fork.wait()  # it is dying, maybe of work that goes on after the answer
        died |= self._revive(kill, op)
        if not died and not kill.victim:
            run.took[op.verb] = 0.8 * run.took.get(op.verb, 0.02 if op.verb in LOCAL else 0.06) + 0.2 * (
                time.monotonic() - began
            )
        if run.client_trap.sprung:
            self.tally.kills["client", kill.point, op.verb] += 1
        run.client_trap.set()
        run.server_trap.set()
        ended = client.finish()
        if ended.code < 0:
            return Struck(None, died, ended.out + ended.err)
        answer = json.loads(ended.out or "null")
        return Struck(code_of(answer), died, ended.out + ended.err)

    def _revive(self, kill: Kill, op: Op) -> bool:
        """Start the server again if it died; whether it had."""
        if self.house.server.running:
            return False
        sprung = self.run.server_trap.sprung
        ended = self.house.server.fork.ended if self.house.server.fork else None
        if not sprung and (ended is None or ended.code != -signal.SIGKILL):  # only the harness kills so, if late
            raise Found(f"the server ended by itself: {ended}")
        self.tally.kills["server", kill.point, op.verb] += 1
        self.run.server_trap.set()
        self._restart()
        return True

    def _restart(self) -> None:
        self.house.server.start()
        self.tally.restarts += 1

    # --- judging ------------------------------------------------------------------------------------------------------

    def _unknown(self, op: Op, after: Repository, wanted: str) -> None:
        """Nobody was told how it ended: all or nothing, nothing of the user's lost, and the same command ends it."""
        ws = after.workspaces[op.workspace]
        arguments = self.house.arguments(op, ws)
        if op.verb == "checkout":
            self._checkout_again(op, after)
            return
        seen = self.house.look(ws, read=2)
        landed = self._whole_or_nothing(seen["served"], after)
        self._nothing_lost(ws)
        if landed and op.verb in ONCE:
            self.repo = after
            # Killed before it heard the answer, which the next command that speaks to the server asks for (C3).
            self._same(self.house.look(ws, [("log",)], read=2), ws)
            return
        again = [arguments, ("move", "-k", op.path, op.other)] if op.verb == "move" else [arguments]
        kind, source = self.repo.workspaces[ws.name].pending.get(op.path, ("", ""))
        if (op.verb, kind) == ("revert", "move"):
            again.append(("revert", source))  # the file has its old name again, by which its lock is given back
        healed = self.house.look(ws, again, read=2)
        code = healed["codes"][0]
        if code not in {wanted, DONE_ALREADY.get(op.verb, wanted)} and not (
            op.verb == "move" and code == "ALREADY_EXISTS"
        ):
            raise Found(f"{op} again answered {code or 'ok'}, by the model {wanted or 'ok'} (landed before: {landed})")
        self.tally.checks["same command again"] += 1
        self.repo = after
        self._same(healed, ws)

    def _checkout_again(self, op: Op, after: Repository) -> None:
        ws = after.workspaces[op.workspace]
        again = self.house.type(op, ws).finish()
        if again.code:
            self.house.must(ws.user, self.house.place(ws), "update")
        self.tally.checks["same command again"] += 1
        self.house.meet(ws)
        self.repo = after
        self._same(self.house.look(ws, read=2), ws)

    def _whole_or_nothing(self, served: dict[str, Any], after: Repository) -> bool:
        """N1, N2: the server stands before the act or after it; whether after."""
        old, new = self.house.served(self.repo), self.house.served(after)
        if served not in (old, new):
            differs = f"{_difference(served, old)}\n{_difference(served, new)}"
            raise Found(f"N1, N2: the server shows neither before nor after:\n{differs}")
        self.tally.checks["N1, N2 whole or nothing"] += 1
        return bool(served == new and old != new)

    def _nothing_lost(self, ws: Workspace) -> None:
        """N4: every byte that the user wrote lies in the workspace, in its rescue folder or in history."""
        owed = self.owed[ws.name] - self.house.kept(ws)
        history = {file.data for version in self.repo.versions for file in version.values()} if owed else set()
        if owed - history:
            raise Found(
                f"N4: {len(owed - history)} contents of {ws.name} are lost, such as {next(iter(owed - history))[:60]!r}"
            )
        self.tally.checks["N4 nothing lost"] += 1

    def _same(self, seen: dict[str, Any], ws: Workspace) -> None:
        """Server and workspace are exactly as the model has them (N1, N3, N4)."""
        wanted = self.house.served(self.repo)
        if seen["served"] != wanted:
            raise Found(f"N1: the server is not as the model: {_difference(seen['served'], wanted)}")
        if differs := self.house.differs(ws, seen["status"]) or ws.misbelieves(seen["status"]):
            raise Found(f"N3, N4: {ws.name} {differs}")
        self._nothing_lost(ws)
        self.tally.checks["as the model"] += 1

    def _verify(self) -> None:
        self.house.server.stop()
        report = self.house.verify()
        if report["damaged"] or report["foreign"]:
            raise Found(f"verify: {report}")
        self.tally.checks["verify of everything"] += 1
        self.house.server.start()


def _difference(seen: dict[str, Any], wanted: dict[str, Any]) -> str:
    return "; ".join(f"{key}: {seen[key]} not {wanted[key]}" for key in wanted if seen[key] != wanted[key])


def say(text: str) -> None:
    """A line of progress."""
    print(time.strftime("%H:%M:%S"), text, flush=True)  # noqa: T201 - for whoever runs it


def report_of(run: Run) -> dict[str, Any]:
    """The run as JSON: counts by kind, and how to replay a failure."""
    tally = run.tally
    by_point: Counter[str] = Counter()
    for (victim, place, _), count in tally.kills.items():
        by_point[f"{victim}: {place}"] += count
    return {
        "seed": run.seed,
        "kills": tally.total,
        "kills_by_place": dict(sorted(by_point.items())),
        "kills_by_kind": {" / ".join(kind): count for kind, count in sorted(tally.kills.items())},
        "answers": {f"{verb} {code or 'ok'}": count for (verb, code), count in sorted(tally.answers.items())},
        "checks": dict(tally.checks),
        "restarts": tally.restarts,
        "seconds": round(tally.seconds, 1),
        "points_passed": sorted(run.client_trap.passed() | run.server_trap.passed()),
        "failure": "\n\n".join(run.failures),
    }


def main() -> int:
    """Run; 1 when an invariant does not hold."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=500, help="at least so many")
    options.add_argument("--seconds", type=float, default=0.0, help="and at least so long")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--epoch", type=int, default=0, help="begin with this repository, to replay a failure")
    options.add_argument("--folder", type=Path, help="where to work; else a new folder in memory")
    options.add_argument("--report", type=Path, help="write a JSON report here")
    given = options.parse_args()
    zygote.warm()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mlv-kills-", dir=memory))
    run, began = Run(given.seed, folder, Tally()), time.monotonic()
    run.work(given.kills, given.seconds, given.epoch)
    run.tally.seconds = time.monotonic() - began
    told = report_of(run)
    if given.report:
        given.report.write_text(json.dumps(told, indent=1), encoding="utf-8")
    done = f"{told['kills']} kills in {told['seconds']} s, {told['restarts']} restarts; every invariant held"
    say(told["failure"] or done)
    if not run.failures and not given.folder:
        shutil.rmtree(folder)
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["OK", "Found", "Kill", "Run", "Tally", "report_of"]
