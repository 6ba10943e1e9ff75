"""All users with their groups at once, as a change of the policy is weighed for everybody."""

from __future__ import annotations

from sqlalchemy import Connection, select

from mlv_server.domain.policy import Principal
from mlv_server.domain.policy_document import Names
from mlv_server.domain.policy_people import People
from mlv_server.metadata.tables import group_members, groups, tokens, users


class Everybody:
    """Users, groups and tokens as a whole, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def people(self) -> People:
        """Every user, with their groups and no token in hand."""
        inside: dict[int, set[str]] = {}
        members = select(group_members.c.user_id, groups.c.name).join(groups, groups.c.id == group_members.c.group_id)
        for row in self._connection.execute(members):
            inside.setdefault(row.user_id, set()).add(row.name)
        found: dict[str, Principal] = {}
        disabled: set[str] = set()
        for row in self._connection.execute(select(users)):
            belongs = frozenset(inside.get(row.id, ()))
            found[row.name] = Principal(row.id, row.name, row.server_admin, token_id="", groups=belongs)
            if row.disabled:
                disabled.add(row.name)
        return People(found, frozenset(disabled))

    def names(self) -> Names:
        """The names of users and groups, and the ids of tokens."""
        return Names(
            {row.folded: row.name for row in self._connection.execute(select(users.c.folded, users.c.name))},
            {row.folded: row.name for row in self._connection.execute(select(groups.c.folded, groups.c.name))},
            frozenset(self._connection.scalars(select(tokens.c.id))),
        )
