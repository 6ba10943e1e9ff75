"""A server without a wire: a real database and content store in a folder, and calls as the chain would make them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mlv_core.entities import Change, FileMode, FileState, Operation, Records, Repository, User
from mlv_core.hashing import hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FileId, RepositoryName, WorkspaceId
from mlv_core.records import store_records
from mlv_server.content.store import ContentStore
from mlv_server.domain.policy import Principal
from mlv_server.metadata import migrations
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.outgoing.caller import Caller
from mlv_server.services import access, identity, policy, repositories, workspaces
from mlv_server.services.background import Background
from mlv_server.services.call import Call
from mlv_server.services.memory import Memory
from mlv_server.settings import Settings, load_settings

T = TypeVar("T")
NOON = 1_700_000_000_000
"""Server time of the first call, in ms."""
DETECTOR = RepositoryName("fraud", "detector")


class House:
    """The parts of one server, and its people."""

    def __init__(self, settings: Settings) -> None:
        migrations.upgrade(settings.database_url)
        self.settings = settings
        self.db = Database.open_now(settings.database_url)
        self.store = self.run(ContentStore.open(settings, self.db))
        self.background = Background(settings, self.db, self.store)
        self.outgoing = Caller(settings)
        self.memory = Memory()
        self.now = NOON
        self.tokens: dict[str, str] = {}

    def run(self, body: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(body)

    def close(self) -> None:
        self.run(self.background.close())
        self.run(self.store.close())
        self.db.close_now()

    def call_as(self, principal: Principal) -> Call:
        """A call of `principal`, one second after the last."""
        self.now += 1000
        return Call(
            principal=principal,
            request_id=secrets.token_hex(8),
            now=self.now,
            fresh=secrets.token_bytes(32),
            peer="ipv4:127.0.0.1:50000",
            db=self.db,
            store=self.store,
            background=self.background,
            settings=self.settings,
            outgoing=self.outgoing,
            memory=self.memory,
        )

    def host(self) -> Call:
        return self.call_as(Principal.host())

    def call(self, user: str) -> Call:
        """A call signed in with the user's first token."""
        return self.sign_in(self.tokens[user])

    def sign_in(self, token: str) -> Call:
        return self.call_as(self.run(access.authenticate(self.db, token, self.now)))

    def add_user(self, name: str, *, admin: bool = False) -> User:
        user, self.tokens[name] = self.run(identity.add_user(self.host(), name, admin, dry_run=False))
        return user

    def add_repository(self, name: RepositoryName = DETECTOR) -> Repository:
        return self.run(repositories.create(self.host(), name, "", dry_run=False))

    def grant(self, role: str, user: str, name: RepositoryName = DETECTOR) -> None:
        self.run(policy.grant(self.host(), str(name), role, user, dry_run=False))

    def add_workspace(self, user: str, workspace: str, name: RepositoryName = DETECTOR, branch: str = "main") -> None:
        self.run(
            workspaces.register(
                self.call(user), name, WorkspaceId(workspace), f"host-{workspace}", "/w", branch, ChangesetNumber(0)
            )
        )

    def commit(self, files: Mapping[str, bytes | None], name: RepositoryName = DETECTOR) -> ChangesetNumber:
        """A version of main with these contents (None deletes), written straight into the database."""
        return self.db.write_now(lambda tx: _commit(tx, name, files, self.now))


def _commit(tx: Transaction, name: RepositoryName, files: Mapping[str, bytes | None], now: int) -> ChangesetNumber:
    repository = tx.repositories.get(name)
    main = tx.branches.get(repository.id, "main")
    newest = tx.changesets.newest(repository.id)
    number = ChangesetNumber(newest.number + 1 if newest else 1)
    last_file_id = newest.last_file_id if newest else FileId(0)
    before = tx.versions.lookup(repository.id, main.head, files) if main.head else {}
    changes = []
    for path, data in sorted(files.items()):
        if data is None:
            changes.append(Change(path, Operation.DELETE, before[path].file_id, None))
            continue
        if path in before:
            file_id, operation = before[path].file_id, Operation.MODIFY
        else:
            last_file_id = FileId(last_file_id + 1)
            file_id, operation = last_file_id, Operation.ADD
        state = FileState(file_id, FileMode.REGULAR, b"\0" not in data, len(data), hash_content(data))
        changes.append(Change(path, operation, file_id, state))
    rows = tx.versions.rows(repository.id, main.head, files) if main.head else {}
    tx.versions.add(repository.id, number, main.head, changes, rows)
    tx.changesets.add(
        ChangesetRow(
            repository_id=repository.id,
            number=number,
            id=bytes(32),
            first_parent=main.head,
            second_parent=None,
            depth=int(number),
            branch_id=BranchId(main.id),
            author="someone",
            time=now,
            message="",
            prepared_min=main.head,
            prepared_max=main.head,
            files_changed=len(changes),
            raw_bytes=0,
            stored_bytes=0,
            last_file_id=last_file_id,
            records=store_records(Records()),
        )
    )
    tx.branches.advance(repository.id, main.id, main.head, number)
    return number


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "server"
    folder.mkdir()
    file = folder / "mlv-server.toml"
    file.write_text("[server]\nplaintext = true\n")
    built = House(load_settings(file, {}))
    yield built
    built.close()


@pytest.fixture
def detector(house: House) -> House:
    """A house with fraud/detector at @1, two contributors with a workspace each, a reader and a stranger."""
    for name in ("alice", "bob", "rita", "stranger"):
        house.add_user(name)
    house.add_user("root", admin=True)
    house.add_repository()
    house.grant("contributor", "alice")
    house.grant("contributor", "bob")
    house.grant("reader", "rita")
    house.commit({"model.safetensors": b"\0one", "data/train.parquet": b"\0rows", "train.py": b"print()\n"})
    house.add_workspace("alice", "wa")
    house.add_workspace("alice", "wa2")
    house.add_workspace("bob", "wb")
    return house
