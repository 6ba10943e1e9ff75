"""Repositories: made, listed and described."""

from __future__ import annotations

from typing import Any

from mlv_core.entities import Branch, BranchKind, Effect, Repository, Rule, SubjectKind
from mlv_core.errors import Denied, InvalidRequest
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.releasing import CreatedRepository, SetUp
from mlv_server.domain.templates import plan_of
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, reading, templates
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View

DESCRIPTION_LIMIT = 1_000
"""Characters: a paragraph; longer texts belong into a file."""
MAIN = "main"


async def create(call: Call, name: RepositoryName, description: str, dry_run: bool) -> Repository:
    """Make an empty repository with nothing but the branch `main`: as `create_from` without a template."""
    return (await create_from(call, name, description, "", dry_run)).repository


async def create_from(
    call: Call, name: RepositoryName, description: str, template: str, dry_run: bool
) -> CreatedRepository:
    """Make an empty repository with the branch `main`, closed to all but its maker and the server's admins.

    What `template` ('': none) says is set up in the same transaction.
    Raises: InvalidRequest, AlreadyExists, Denied unless the caller is an admin of the server or of such names.
    """
    plan = plan_of(template) if template else None
    if len(description) > DESCRIPTION_LIMIT:
        raise InvalidRequest(f"description has more than {DESCRIPTION_LIMIT:,} characters.")

    def work(tx: Transaction) -> CreatedRepository:
        if not access.may(tx, call, "admin", name):
            raise Denied(
                f"You may not create '{name}': only admins of the server or of these names may.",
                advice="Ask an admin of the server.",
            )

        by = call.principal.user
        row = tx.repositories.create(name, description, by, call.now)
        tx.branches.add(
            row.id,
            Branch(
                id=tx.repositories.next_branch_id(row.id),
                name=MAIN,
                kind=BranchKind.MAIN,
                target="",
                head=ChangesetNumber(0),
                origin=ChangesetNumber(0),
                created_by=by,
                created_at=call.now,
            ),
        )
        if call.principal.user_id:
            tx.rules.change((_admin_rule(by, name, call.now),), (), by, call.now, act="create")
        tx.audit.append(row.id, (access.audit_entry(call, "repository.create", str(name)),))
        set_up = () if plan is None else templates.set_up(tx, call, row, plan)
        return CreatedRepository(_entity(row, changesets=0), set_up)

    once = Once((str(name), description, template), _read)
    return await access.write(call, work, "repository.create", str(name), dry_run=dry_run, once=once)


async def list_visible(call: Call) -> tuple[Repository, ...]:
    """The repositories that the caller may list, sorted by name; sizes are left out (P4)."""

    def work(tx: Transaction) -> tuple[Repository, ...]:
        rows = [row for row in tx.repositories.list_all() if access.may(tx, call, "list", row.name)]
        return tuple(_entity(row, tx.changesets.count(row.id)) for row in rows)

    return await call.db.read(work)


async def get(call: Call, name: RepositoryName) -> Repository:
    """A repository with its sizes, which whoever may read only a part is not told: they say what is there (P5).

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[RepositoryRow, int, int, int] | Repository:
        row = tx.repositories.get(name)
        if reading.is_limited(View(tx, call, row)):
            return _entity(row, tx.changesets.count(row.id))
        changesets, _, raw_bytes = tx.changesets.totals(row.id)
        metadata_bytes = tx.versions.lists(row.id).total_bytes() + tx.changesets.said_bytes(row.id)
        metadata_bytes += tx.environments.total_bytes(row.id) + tx.shelves.said_bytes(row.id)
        return row, changesets, raw_bytes, metadata_bytes

    found = await call.db.read(work)
    if isinstance(found, Repository):
        return found
    row, changesets, raw_bytes, metadata_bytes = found
    stored_bytes = metadata_bytes + await call.store.stored_bytes(row.domain_id)
    return _entity(row, changesets, stored_bytes, await call.store.cache_bytes(), raw_bytes)


def _entity(
    row: RepositoryRow, changesets: int, stored_bytes: int = 0, cache_bytes: int = 0, raw_bytes: int = 0
) -> Repository:
    return Repository(
        name=row.name,
        description=row.description,
        created_at=row.created_at,
        created_by=row.created_by,
        changesets=changesets,
        stored_bytes=stored_bytes,
        cache_bytes=cache_bytes,
        raw_bytes=raw_bytes,
    )


def _read(said: dict[str, Any]) -> CreatedRepository:
    made = said["repository"]
    repository = Repository(**{**made, "name": RepositoryName(**made["name"])})
    return CreatedRepository(repository, tuple(SetUp(**one) for one in said["set_up"]))


def _admin_rule(user: str, name: RepositoryName, now: int) -> Rule:
    return Rule(
        id=0,
        effect=Effect.ALLOW,
        subject_kind=SubjectKind.USER,
        subject=user,
        role="admin",
        actions=(),
        repository=str(name),
        created_by=user,
        created_at=now,
    )
