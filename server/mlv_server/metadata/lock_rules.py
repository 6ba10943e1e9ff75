"""The lock rules of a repository in the database (L3): the tables that their owner wrote, in order."""

from __future__ import annotations

import json
from functools import lru_cache

from sqlalchemy import Connection, bindparam, delete, insert, select

from mlv_server.domain.lock_rule_tables import lock_rule_table, parse_lock_rules
from mlv_server.domain.lock_rules import DEFAULT_RULES, LockRules
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import lock_rules

REMEMBERED = 256
"""Sets of rules held as values: one for each repository in use that has its own."""


class LockRulesOfRepositories:
    """The rules of each repository; DEFAULT_RULES where none were set."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, repository_id: int) -> LockRules:
        """The rules in force."""
        text = _OF.scalar(self._connection, repository=repository_id)
        return DEFAULT_RULES if text is None else _rules(text)

    def put(self, repository_id: int, rules: LockRules | None) -> None:
        """Put `rules` in force instead of those before; None: the default ones again."""
        self._connection.execute(delete(lock_rules).where(lock_rules.c.repository_id == repository_id))
        if rules is not None:
            text = json.dumps([lock_rule_table(rule) for rule in rules], separators=(",", ":"))
            self._connection.execute(insert(lock_rules).values(repository_id=repository_id, rules=text))


_OF = Prepared(select(lock_rules.c.rules).where(lock_rules.c.repository_id == bindparam("repository")))


@lru_cache(maxsize=REMEMBERED)
def _rules(text: str) -> LockRules:
    """What was stored, found by the text itself: what is remembered of it is never out of date."""
    return parse_lock_rules(json.loads(text))
