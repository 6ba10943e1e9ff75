"""Labels: immutable names of versions, under a right of their own."""

from __future__ import annotations

from mlv_core.entities import Label
from mlv_core.errors import InvalidRequest
from mlv_core.ids import RepositoryName, check_name
from mlv_server.domain.events import label_event
from mlv_server.metadata.branches import MAIN
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, history
from mlv_server.services.call import Call
from mlv_server.services.once import Once

MESSAGE_LIMIT = 64 * 1024
"""Characters: room for release notes."""


async def create(call: Call, repository: RepositoryName, name: str, at: str, message: str, dry_run: bool) -> Label:
    """Name the version at revision `at` ('': the head of main) for good.

    Raises: InvalidName, InvalidRequest, NotFound, AlreadyExists, Denied.
    """
    check_name(name, "label")
    if len(message) > MESSAGE_LIMIT:
        raise InvalidRequest(f"message has more than {MESSAGE_LIMIT:,} characters.")
    named = (await history.resolve(call, repository, at, ""))[0] if at else None

    def work(tx: Transaction) -> Label:
        row = tx.repositories.get(repository)
        access.check(tx, call, "label.create", row, f"label/{name}")
        changeset = tx.branches.by_id(row.id, MAIN).head if named is None else named

        if changeset == 0:
            raise InvalidRequest("There is no version to label yet.", advice="Commit first.")
        label = Label(name, changeset, message, call.principal.user, call.now)

        tx.labels.add(row.id, label)
        tx.audit.append(row.id, (access.audit_entry(call, "label.create", name, changeset=changeset),))
        tx.events.append(row.id, call.now, (label_event(label),))
        return label

    return await access.write(
        call,
        work,
        "label.create",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), name, at, message), lambda said: Label(**said)),
    )


async def list_all(call: Call, repository: RepositoryName) -> tuple[Label, ...]:
    """Every label of a repository, newest version first.

    Raises: NotFound.
    """
    return await call.db.read(lambda tx: tx.labels.list_all(tx.repositories.get(repository).id))
