"""Rules about parts of a repository, and what somebody then sees of it."""

from __future__ import annotations

import pytest
from tests.integration.server.commit_kit import add, delete, lock, publish, request_for
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.entities import BranchKind, Effect, Rule, SubjectKind
from mlv_core.errors import MlvError
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import (
    HistoryFilter,
    PlanRequest,
    Range,
)
from mlv_server.services import (
    branches,
    content,
    history,
    logs,
)

CODECS = frozenset(range(8))
SECRET = b"\0secret weights"
LOCKED = b"\0one"


def rule(house: House, effect: Effect, user: str, actions: tuple[str, ...], ref: str = "*", path: str = "**") -> None:
    """Put one more rule about the repository in force."""
    made = Rule(0, effect, SubjectKind.USER, user, "", actions, str(DETECTOR), ref, path)
    house.db.write_now(lambda tx: tx.rules.change((made,), (), "test", 0))


def hide(house: House, user: str, *, ref: str = "*", path: str = "**") -> None:
    rule(house, Effect.DENY, user, ("list", "meta.read", "read"), ref, path)


def collect(house: House, stream_of):
    async def all_of():
        return [one async for page in stream_of for one in page]

    return house.run(all_of())


def ls(house: House, user: str, number: int = 2) -> list[str]:
    return [
        row.path for row in collect(house, history.list_files(house.call(user), DETECTOR, ChangesetNumber(number), ()))
    ]


def plan(house: House, user: str, target: int = 2, base: int = 0):
    request = PlanRequest(DETECTOR, ChangesetNumber(base), ChangesetNumber(target), CODECS)
    call = house.call(user)

    async def parts():
        return [part async for part in content.plan_download(call, DETECTOR, request)]

    return house.run(parts())


def get(house: House, user: str, number: int, one: Range) -> bytes:
    call = house.call(user)

    async def read():
        return b"".join([data async for data in content.get_ranges(call, DETECTOR, ChangesetNumber(number), (one,))])

    return house.run(read())


def log(house: House, user: str, **wanted):
    return house.run(logs.list_changesets(house.call(user), DETECTOR, HistoryFilter(page_size=50, **wanted)))[0]


def refused(house: House, body) -> MlvError:
    with pytest.raises(MlvError) as caught:
        house.run(body)
    return caught.value


def stock(detector: House) -> House:
    """Rita may read all, bob and alice commit; @2 brings weights/secret.bin and docs/a.txt with their content."""
    request = request_for(
        add("weights/secret.bin", SECRET), add("docs/a.txt", b"words\n"), contents=(SECRET, b"words\n"), prepared=1
    )
    publish(detector, "alice", request)
    return detector


def cleared(house: House) -> None:
    """@3 holds only what @2 brought."""
    model = lock(house, "alice", "wa", base=2)
    data = lock(house, "alice", "wa", "data/train.parquet", b"\0rows", 2)
    gone = (delete("model.safetensors", 2, model), delete("data/train.parquet", 2, data), delete("train.py", 2))
    publish(house, "alice", request_for(*gone, prepared=2))


def branch(house: House, name: str, at: str = "@2") -> None:
    house.run(branches.create(house.call("alice"), DETECTOR, name, BranchKind.EXPERIMENT, at, "", dry_run=False))
