"""Roles given and taken, and the rules in force."""

from __future__ import annotations

from typing import Any

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import Denied, InvalidRequest, NotFound
from mlv_core.ids import RepositoryName, escape
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import ROLES, Resource, actions_of, missing_actions
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call
from mlv_server.services.once import Once


async def grant(call: Call, repository: str, role: str, user: str, dry_run: bool) -> Rule:
    """Give `user` a role on `repository`; the rule is returned as it stands, with id 0 on a dry run.

    Raises: InvalidRequest for an unknown role, NotFound, Denied when the caller lacks what the role gives (P6).
    """
    _check_role(role)
    name = RepositoryName.parse(repository)

    def work(tx: Transaction) -> Rule:
        row = tx.repositories.get(name)
        access.check(tx, call, "policy.write", row)
        subject = tx.users.get(user)[1].name
        policy = tx.rules.policy()

        lacking = missing_actions(call.principal, ROLES[role], Resource(str(row.name)), policy, call.now)
        if lacking:
            raise Denied(
                f"Nobody grants what they lack; you lack: {', '.join(sorted(lacking))}.",
                advice="Ask an admin of the server.",
            )
        existing = next((rule for rule in policy.rules if _is_grant(rule, row, role, subject)), None)
        if existing is not None:
            return existing

        rule = Rule(
            id=0,
            effect=Effect.ALLOW,
            subject_kind=SubjectKind.USER,
            subject=subject,
            role=role,
            actions=(),
            repository=str(row.name),
            created_by=call.principal.user,
            created_at=call.now,
        )
        (added,) = tx.rules.change((rule,), (), call.principal.user, call.now)
        entry = access.audit_entry(call, "policy.grant", str(row.name), role=role, user=subject, rule=added.id)
        tx.audit.append(row.id, (entry,))
        return added

    once = Once((repository, role, user), _read)
    return await access.write(call, work, "policy.grant", repository, dry_run=dry_run, repository=name, once=once)


async def revoke(call: Call, repository: str, role: str, user: str, dry_run: bool) -> int:
    """Take a role on `repository` from `user`; returns how many rules ended.

    The last admin of a repository is removed only by an admin of the server, who remains one of every repository (P6).
    Raises: InvalidRequest for an unknown role and for the last admin, NotFound when the user or the rule does not
    exist, Denied.
    """
    _check_role(role)
    name = RepositoryName.parse(repository)

    def work(tx: Transaction) -> int:
        row = tx.repositories.get(name)
        access.check(tx, call, "policy.write", row)
        subject = tx.users.get(user)[1].name

        ending = tuple(rule.id for rule in tx.rules.policy().rules if _is_grant(rule, row, role, subject))
        if not ending:
            raise NotFound(
                f"{escape(subject)} has no role '{role}' on {row.name}.", advice="'mlv policy show REPO' shows who has."
            )

        leads = "admin" in ROLES[role] and not call.principal.server_admin
        if leads and not _is_led(tx, row, frozenset(ending)):
            raise InvalidRequest(
                f"{escape(subject)} is the last admin of {row.name}.",
                advice=f"Make another one first: 'mlv policy grant admin NAME {row.name}'.",
            )

        tx.rules.change((), ending, call.principal.user, call.now)
        entry = access.audit_entry(call, "policy.revoke", str(row.name), role=role, user=subject)
        tx.audit.append(row.id, (entry,))
        return len(ending)

    once = Once((repository, role, user), int)
    return await access.write(call, work, "policy.revoke", repository, dry_run=dry_run, repository=name, once=once)


async def show(call: Call, repository: str | None) -> tuple[tuple[Rule, ...], int]:
    """The rules that speak of `repository`, or with None all of the server's, and the policy's version."""
    policy = await call.db.read(lambda tx: tx.rules.policy())
    if repository is None:
        return policy.rules, policy.version
    name = str(RepositoryName.parse(repository))
    return tuple(rule for rule in policy.rules if matches_name(rule.repository, name)), policy.version


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


def _is_led(tx: Transaction, row: RepositoryRow, ending: frozenset[int]) -> bool:
    """Whether somebody who can sign in is still an admin of the repository without the rules that end."""
    return any(
        rule.id not in ending
        and rule.effect is Effect.ALLOW
        and rule.subject_kind is SubjectKind.USER
        and "admin" in actions_of(rule)
        and matches_name(rule.repository, str(row.name))
        and (rule.conditions, rule.expires_at) == ((), None)
        and not tx.users.get(rule.subject)[1].disabled
        for rule in tx.rules.policy().rules
    )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InvalidRequest(f"There is no role '{escape(role)}'.", advice=f"Roles: {', '.join(ROLES)}.")


def _is_grant(rule: Rule, row: RepositoryRow, role: str, subject: str) -> bool:
    return (
        rule.effect is Effect.ALLOW
        and rule.subject_kind is SubjectKind.USER
        and rule.subject == subject
        and rule.role == role
        and rule.repository == str(row.name)
        and (rule.ref, rule.path, rule.conditions, rule.expires_at) == ("*", "**", (), None)
    )
