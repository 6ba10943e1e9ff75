"""The access policy in the database: its rules, and one row for each of its versions."""

from __future__ import annotations

from sqlalchemy import Connection, Row, delete, func, insert, select

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_server.domain.policy import Policy
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import policy_versions, rules

_VERSION = Prepared(select(func.max(policy_versions.c.version)))


class PolicyCache:
    """The newest policy seen by a reader: one per database, replaced as a whole."""

    __slots__ = ("policy",)

    def __init__(self) -> None:
        self.policy = Policy(version=0, rules=())


class Rules:
    """Rules of the access policy. Each change makes a new version."""

    def __init__(self, connection: Connection, cache: PolicyCache, *, may_remember: bool) -> None:
        self._connection = connection
        self._cache = cache
        self._may_remember = may_remember

    def version(self) -> int:
        """The number of the policy in force; 0 before the first rule."""
        return _VERSION.scalar(self._connection) or 0

    def policy(self) -> Policy:
        """The policy in force.

        A transaction that writes never fills the cache: what it sees may be undone.
        """
        version = self.version()
        cached = self._cache.policy
        if cached.version == version:
            return cached
        found = self._connection.execute(select(rules).order_by(rules.c.id))
        policy = Policy(version, tuple(_rule(row) for row in found))
        if self._may_remember:
            self._cache.policy = policy
        return policy

    def change(self, add: tuple[Rule, ...], remove: tuple[int, ...], by: str, now: int) -> tuple[Rule, ...]:
        """Put rules in force (their ids are given here) and others, by id, out of force; returns those added."""
        removed = self._connection.execute(delete(rules).where(rules.c.id.in_(remove)).returning(rules)).all()
        added = tuple(
            _rule(self._connection.execute(insert(rules).values(**_columns(rule)).returning(rules)).one())
            for rule in add
        )
        self._connection.execute(
            insert(policy_versions).values(
                version=self.version() + 1,
                time=now,
                by=by,
                added=[{"id": rule.id, **_columns(rule)} for rule in added],
                removed=[{"id": row.id, **_columns(_rule(row))} for row in removed],
            )
        )
        return added


def _columns(rule: Rule) -> dict[str, object]:
    return {
        "effect": int(rule.effect),
        "subject_kind": int(rule.subject_kind),
        "subject": rule.subject,
        "role": rule.role,
        "actions": list(rule.actions),
        "repository": rule.repository,
        "ref": rule.ref,
        "path": rule.path,
        "conditions": [list(pair) for pair in rule.conditions],
        "expires_at": rule.expires_at,
        "created_by": rule.created_by,
        "created_at": rule.created_at,
    }


def _rule(row: Row[tuple[object, ...]]) -> Rule:
    return Rule(
        id=row.id,
        effect=Effect(row.effect),
        subject_kind=SubjectKind(row.subject_kind),
        subject=row.subject,
        role=row.role,
        actions=tuple(row.actions),
        repository=row.repository,
        ref=row.ref,
        path=row.path,
        conditions=tuple((name, value) for name, value in row.conditions),
        expires_at=row.expires_at,
        created_by=row.created_by,
        created_at=row.created_at,
    )
