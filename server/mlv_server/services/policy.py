"""Roles given and taken, and the rules in force."""

from __future__ import annotations

from typing import Any

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidRequest, NotFound
from mlv_core.ids import RepositoryName, escape, fold
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import ROLES
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, policy_changes
from mlv_server.services.call import Call
from mlv_server.services.once import Once

GROUP = "group:"
"""Before the name of a group, where a user or a group may stand."""


async def grant(call: Call, repository: str, role: str, user: str, dry_run: bool) -> Rule:
    """Give `user` (`group:NAME`: a group) a role on `repository`; returns the rule as it stands, id 0 on a dry run.

    Raises: InvalidRequest for an unknown role, NotFound, Denied when the caller lacks what the role gives (P6).
    """
    _check_role(role)
    name = RepositoryName.parse(repository)

    def work(tx: Transaction) -> Rule:
        row = tx.repositories.get(name)
        access.check(tx, call, "policy.write", row)
        kind, subject = _subject(tx, user)
        existing = next((rule for rule in tx.rules.policy().rules if _is_grant(rule, row, role, kind, subject)), None)
        if existing is not None:
            return existing

        rule = Rule(
            id=0,
            effect=Effect.ALLOW,
            subject_kind=kind,
            subject=subject,
            role=role,
            actions=(),
            repository=str(row.name),
            created_by=call.principal.user,
            created_at=call.now,
        )
        change = policy_changes.Change(row, (rule,), (), "grant")
        policy_changes.check(tx, call, change)

        (added,) = policy_changes.apply(tx, call, change, role=role, user=subject)
        return added

    once = Once((repository, role, user), _read)
    return await access.write(call, work, "policy.grant", repository, dry_run=dry_run, repository=name, once=once)


async def revoke(call: Call, repository: str, role: str, user: str, dry_run: bool) -> int:
    """Take a role on `repository` from `user` (`group:NAME`: a group); returns how many rules ended.

    The last admin of a repository is removed only by an admin of the server, who remains one of every repository (P6).
    Raises: InvalidRequest for an unknown role and for the last admin, NotFound when the user or the rule does not
    exist, Denied.
    """
    _check_role(role)
    name = RepositoryName.parse(repository)

    def work(tx: Transaction) -> int:
        row = tx.repositories.get(name)
        access.check(tx, call, "policy.write", row)
        kind, subject = _subject(tx, user)

        ending = tuple(rule for rule in tx.rules.policy().rules if _is_grant(rule, row, role, kind, subject))
        if not ending:
            raise NotFound(
                f"{escape(subject)} has no role '{role}' on {row.name}.", advice="'mlv policy show REPO' shows who has."
            )

        change = policy_changes.Change(row, (), ending, "revoke")
        policy_changes.check(tx, call, change)

        policy_changes.apply(tx, call, change, role=role, user=subject)
        return len(ending)

    once = Once((repository, role, user), int)
    return await access.write(call, work, "policy.revoke", repository, dry_run=dry_run, repository=name, once=once)


async def show(call: Call, repository: str | None, version: int | None = None) -> tuple[tuple[Rule, ...], int]:
    """The rules that speak of `repository` and its document's version, or with None all rules and the newest version.

    With `version`: those of the document alone, as they were then. Raises: NotFound.
    """
    document = "" if repository is None else fold(str(RepositoryName.parse(repository)))

    def work(tx: Transaction) -> tuple[tuple[Rule, ...], int]:
        if version is not None:
            return tx.rules.rules_at(document, version), version
        rules = tx.rules.policy().rules
        found = tuple(rule for rule in rules if not document or matches_name(rule.repository, document))
        return found, tx.rules.document_version(document) if document else tx.rules.version()

    return await call.db.read(work)


def _read(said: dict[str, Any]) -> Rule:
    return Rule(
        **{
            **said,
            "effect": Effect(said["effect"]),
            "subject_kind": SubjectKind(said["subject_kind"]),
            "actions": tuple(said["actions"]),
            "conditions": tuple((name, value) for name, value in said["conditions"]),
        }
    )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InvalidRequest(f"There is no role '{escape(role)}'.", advice=f"Roles: {', '.join(ROLES)}.")


def _subject(tx: Transaction, name: str) -> tuple[SubjectKind, str]:
    """A user, or with `group:` before the name a group, as it is called. Raises: NotFound."""
    if name.startswith(GROUP):
        return SubjectKind.GROUP, tx.groups.get(name.removeprefix(GROUP))[1].name
    return SubjectKind.USER, tx.users.get(name)[1].name


def _is_grant(rule: Rule, row: RepositoryRow, role: str, kind: SubjectKind, subject: str) -> bool:
    return (
        rule.effect is Effect.ALLOW
        and (rule.subject_kind, rule.subject) == (kind, subject)
        and rule.role == role
        and rule.repository == str(row.name)
        and (rule.ref, rule.path, rule.conditions, rule.expires_at) == ("*", "**", (), None)
    )
