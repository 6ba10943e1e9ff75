"""The access policy in the database: its rules, and one row for each of its versions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import NotFound
from mlv_core.ids import fold
from mlv_core.policies import PolicyVersion
from mlv_server.domain.globs import is_pattern
from mlv_server.domain.policy import Policy
from mlv_server.metadata.prepared import IN_LIMIT, Prepared
from mlv_server.metadata.tables import policy_versions, rules

Sections = dict[str, Any]
"""What a document holds besides rules, as JSON: its tests."""
_VERSION = Prepared(select(func.max(policy_versions.c.version)))


class PolicyCache:
    """The newest policy seen by a reader: one per database, replaced as a whole."""

    __slots__ = ("policy",)

    def __init__(self) -> None:
        self.policy = Policy(version=0, rules=())


class Rules:
    """Rules of the access policy.

    Each change makes a new version; numbers go up over all documents: one for each repository, and the server's own.
    """

    def __init__(self, connection: Connection, cache: PolicyCache, *, may_remember: bool) -> None:
        self._connection = connection
        self._cache = cache
        self._may_remember = may_remember
        self._found: Policy | None = None

    def version(self) -> int:
        """The number of the policy in force; 0 before the first rule."""
        return _VERSION.scalar(self._connection) or 0

    def policy(self) -> Policy:
        """The policy in force, which one transaction looks up once unless it changes it.

        A transaction that writes never fills the cache: what it sees may be undone.
        """
        if self._found is None:
            version = self.version()
            cached = self._cache.policy
            self._found = cached if cached.version == version else self._load(version)
        return self._found

    def change(
        self,
        add: tuple[Rule, ...],
        remove: tuple[int, ...],
        by: str,
        now: int,
        *,
        act: str = "change",
        why: str = "",
        sections: tuple[str, Sections] | None = None,
    ) -> tuple[Rule, ...]:
        """Put rules in force (their ids are given here) and others, by id, out of force; returns those added.

        Each document that this changes gets a new version; `sections` gives one anew what it holds besides rules.
        """
        self._found = None
        gone = [_rule(row) for row in self._removed(remove)]
        added = self._add(add)
        touched = {document_of(rule) for rule in (*added, *gone)}
        for document in sorted(touched | ({sections[0]} if sections else set())):
            own = None if sections is None or sections[0] != document else sections[1]
            self._connection.execute(
                insert(policy_versions).values(
                    version=self.version() + 1,
                    time=now,
                    by=by,
                    document=document,
                    act=act,
                    why=why,
                    added=[{"id": rule.id, **_columns(rule)} for rule in added if document_of(rule) == document],
                    removed=[{"id": rule.id, **_columns(rule)} for rule in gone if document_of(rule) == document],
                    sections=own,
                )
            )
        return added

    def document_version(self, document: str) -> int:
        """The newest version that changed a document; 0 before the first."""
        newest = select(func.max(policy_versions.c.version)).where(policy_versions.c.document == document)
        return self._connection.scalar(newest) or 0

    def history(self, document: str, limit: int) -> tuple[PolicyVersion, ...]:
        """The versions of a document, newest first."""
        columns = (policy_versions.c[name] for name in ("version", "time", "by", "why", "act"))
        lengths = (func.json_array_length(policy_versions.c[name]) for name in ("added", "removed"))
        found = select(*columns, *lengths).where(policy_versions.c.document == document)
        newest = found.order_by(policy_versions.c.version.desc()).limit(limit)
        return tuple(PolicyVersion(*row) for row in self._connection.execute(newest))

    def rules_at(self, document: str, version: int) -> tuple[Rule, ...]:
        """The rules of a document as they were in one of its versions.

        Raises: NotFound.
        """
        self._check(document, version)
        standing = {rule.id: rule for rule in self.policy().rules if document_of(rule) == document}
        later = select(policy_versions.c.added, policy_versions.c.removed).where(
            policy_versions.c.document == document, policy_versions.c.version > version
        )
        for row in self._connection.execute(later.order_by(policy_versions.c.version.desc())):
            for said in row.added:
                standing.pop(said["id"], None)
            for said in row.removed:
                standing[said["id"]] = _said(said)
        return tuple(standing[number] for number in sorted(standing))

    def sections_at(self, document: str, version: int) -> Sections:
        """What a document held besides rules in one of its versions."""
        found = (
            select(policy_versions.c.sections)
            .where(
                policy_versions.c.document == document,
                policy_versions.c.version <= version,
                policy_versions.c.sections.is_not(None),
            )
            .order_by(policy_versions.c.version.desc())
            .limit(1)
        )
        return self._connection.scalar(found) or {}

    def _load(self, version: int) -> Policy:
        found = self._connection.execute(select(rules).order_by(rules.c.id))
        policy = Policy(version, tuple(_rule(row) for row in found))
        if self._may_remember:
            self._cache.policy = policy
        return policy

    def _check(self, document: str, version: int) -> None:
        known = select(policy_versions.c.version).where(
            policy_versions.c.document == document, policy_versions.c.version == version
        )
        if version and self._connection.scalar(known) is None:
            shown = "'mlv policy history REPO' shows the versions, with --server those of the server."
            raise NotFound(f"There is no version {version} of this policy.", advice=shown)

    def _removed(self, ids: tuple[int, ...]) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        for start in range(0, len(ids), IN_LIMIT):
            some = rules.c.id.in_(ids[start : start + IN_LIMIT])
            found += self._connection.execute(delete(rules).where(some).returning(rules)).all()
        return sorted(found, key=lambda row: int(row.id))

    def _add(self, add: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if not add:
            return ()
        made = self._connection.scalars(
            insert(rules).returning(rules.c.id, sort_by_parameter_order=True), [_columns(rule) for rule in add]
        )
        return tuple(replace(rule, id=number) for rule, number in zip(add, made.all(), strict=True))


def document_of(rule: Rule) -> str:
    """The document that a rule belongs to: that of its repository, folded, or '' for rules of several."""
    return "" if is_pattern(rule.repository) else fold(rule.repository)


def _said(said: dict[str, Any]) -> Rule:
    return Rule(
        **{
            **said,
            "effect": Effect(said["effect"]),
            "subject_kind": SubjectKind(said["subject_kind"]),
            "actions": tuple(said["actions"]),
            "conditions": tuple((name, value) for name, value in said["conditions"]),
        }
    )


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
