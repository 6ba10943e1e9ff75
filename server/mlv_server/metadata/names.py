"""The namespace that branches, labels and environments of a repository share, compared case-folded."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select

from mlv_core.errors import AlreadyExists
from mlv_core.ids import escape, fold
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import names

_NAME = Prepared(
    select(names.c.name).where(
        names.c.repository_id == bindparam("repository"),
        names.c.folded == bindparam("folded"),
        names.c.kind == bindparam("kind"),
    )
)


def claim_name(connection: Connection, repository_id: int, kind: str, name: str) -> None:
    """Take `name` for a `kind` (branch, label, environment).

    Raises: AlreadyExists naming what has it.
    """
    taken = connection.execute(
        select(names.c.kind, names.c.name).where(names.c.repository_id == repository_id, names.c.folded == fold(name))
    ).first()
    if taken is not None:
        raise AlreadyExists(
            f"The name '{escape(name)}' is taken by the {taken.kind} '{escape(taken.name)}'.",
            advice="Choose another name: branches, labels and environments share one set of names.",
        )
    connection.execute(insert(names).values(repository_id=repository_id, folded=fold(name), kind=kind, name=name))


def canonical_name(connection: Connection, repository_id: int, kind: str, name: str) -> str | None:
    """The name as it was given at its making, found without regard to case; None if no `kind` has it."""
    found: str | None = _NAME.scalar(connection, repository=repository_id, folded=fold(name), kind=kind)
    return found
