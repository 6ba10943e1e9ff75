"""From what clients wrote down to a verdict: each call becomes acts on files, with bounds of the server's time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.history import NEVER, Operation, order_faults
from tests.faults.lock_history import Act, Calls, Times, lock_faults, token_faults

Line = dict[str, Any]
FIRST = "first"
ACTING = frozenset({"lock", "steal", "unlock", "break", "give", "commit"})


@dataclass(slots=True)
class World:
    """What happened to the server while the clients worked, by the clock of all processes, in seconds.

    `moves` are start, end and ms of each move of its clock; `lives` are when each of its processes was started and when
    it was surely dead. `force` are who may break locks; `workspaces` maps ids to clients.
    """

    offset_ms: float
    workspaces: Mapping[str, str]
    force: frozenset[str]
    moves: list[tuple[float, float, float]] = field(default_factory=list)
    lives: list[tuple[float, float]] = field(default_factory=list)

    def over(self, end: float) -> float:
        """From when on a call that its client gave up at `end` can have no effect: what served it is dead."""
        return next((dead for born, dead in reversed(self.lives) if born <= end), NEVER)


def read_lines(files: Iterable[Path]) -> list[Line]:
    """Every call that was written down."""
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class History:
    """All that was written down of a run.

    `contents` is what the files held at first, at the version `head`; `log` every changeset after that: its number and
    what it brought.
    """

    lines: list[Line]
    world: World
    contents: dict[str, str]
    log: list[tuple[int, str]]
    head: int

    def save(self, path: Path) -> None:
        """Write it, to be judged again."""
        world = {**asdict(self.world), "force": sorted(self.world.force)}
        value = {"world": world, "contents": self.contents, "log": self.log, "head": self.head, "lines": self.lines}
        path.write_text(json.dumps(value), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> History:
        """Read what `save` wrote."""
        value = json.loads(path.read_text(encoding="utf-8"))
        world = value["world"]
        pairs = {name: [tuple(one) for one in world[name]] for name in ("moves", "lives")}
        whole = World(
            world["offset_ms"], world["workspaces"], frozenset(world["force"]), pairs["moves"], pairs["lives"]
        )
        log = [(number, content) for number, content in value["log"]]
        return cls(value["lines"], whole, value["contents"], log, value["head"])


def judge(history: History) -> list[str]:
    """What is wrong with a history: of locks and contents of each file, of tokens, and of the order of commits."""
    world, lines, head = history.world, history.lines, history.head
    times = Times(world.offset_ms, world.moves)
    acts: list[Act] = []
    calls = []
    for line in lines:
        unknown = line["code"] is None
        end = max(line["start"], world.over(line["end"])) if unknown else line["end"]
        early, late = times.early(line["start"]), times.late(end)
        calls.append((line["client"], line["start"], end, late))
        told = {"client": line["client"], "start": line["start"], "end": end, "early": early, "late": late}
        acts += _acts(line, told, world)
    first = Operation("", "commit", "main", FIRST, str(head), "", -1.0, -0.5)
    found = lock_faults(acts, Calls(calls), history.contents)
    return found + token_faults(acts) + order_faults([first, *_orders(lines, world)], [(head, FIRST), *history.log])


def _acts(line: Line, told: Mapping[str, Any], world: World) -> Iterator[Act]:
    """What one call meant for each file."""
    verb, code, answer = line["verb"], line["code"], line.get("answer")
    if verb in ACTING:
        common = {**told, "verb": verb, "path": line["path"], "code": code, "force": line["client"] in world.force}
        common |= {name: line[name] for name in ("have", "presented", "value", "kept") if name in line}
        if code is None and verb == "give":
            common["holder"] = " ".join(_spaces(line["user"], world))
        if code == "" and verb != "commit":
            (one,) = answer or ()
            common |= _lock(one, world)
            if verb != "give":
                common["holder"] = ""
        yield Act(**common)
    elif code == "" and verb in {"renew", "list"}:
        locks = {one[0]: one for one in answer or ()}
        missing = "lacks" if verb == "renew" else "seen"
        for path in {*locks, *line["believed"]}:
            if path in locks:
                yield Act(**told, verb="seen", path=path, **_lock(locks[path], world))
            else:
                yield Act(**told, verb=missing, path=path)
    elif code == "" and verb == "read":
        yield Act(**told, verb="read", path=line["path"], value=(answer or ["", ""])[1])


def _lock(told: Sequence[Any], world: World) -> dict[str, Any]:
    _, workspace, token, lease, since = told
    return {"holder": world.workspaces[workspace], "token": token, "lease": float(lease), "since": float(since)}


def _spaces(user: str, world: World) -> list[str]:
    return [name for name in world.workspaces.values() if name.partition("/")[0] == user]


def _orders(lines: Iterable[Line], world: World) -> Iterator[Operation]:
    """The calls that speak of the order of commits."""
    for line in lines:
        code = line["code"]
        common = {"client": line["client"], "key": "main", "code": code, "start": line["start"]}
        end = world.over(line["end"]) if code is None else line["end"]
        if line["verb"] == "commit" and not code:
            yield Operation(
                **common, verb="commit", argument=line["value"], result=str(line.get("answer", "")), end=end
            )
        elif line["verb"] in {"head", "read"} and code == "":
            number = line["answer"] if line["verb"] == "head" else line["answer"][0]
            yield Operation(**common, verb="head", result=str(number), end=end)


def counted(lines: Iterable[Line]) -> Counter[str]:
    """How many calls of each kind were answered how."""
    counts: Counter[str] = Counter()
    for line in lines:
        how = "unknown" if line["code"] is None else line["code"] or "ok"
        counts[f"{line['verb']} {how}"] += 1
        if line.get("paused"):
            counts[f"paused commit {how}"] += 1
    return counts
