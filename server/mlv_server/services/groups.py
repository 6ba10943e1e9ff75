"""Groups: made, filled and ended by admins of the server; what a rule gives to a group holds for who is in it now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlv_core.entities import Effect, Group, Rule, SubjectKind
from mlv_core.errors import InvalidRequest, NotFound
from mlv_core.ids import check_name, escape, fold
from mlv_server.domain.audit import SERVER_CHAIN
from mlv_server.domain.policy import BY
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call
from mlv_server.services.once import Once

MEMBERS_LIMIT = 1_000
"""Users named in one request; a group may have more."""
SHOWN_LIMIT = 20
"""Rules that a refusal names."""


async def add(call: Call, name: str, dry_run: bool) -> Group:
    """Make a group without members. Raises: InvalidName, AlreadyExists."""
    check_name(name, "group")
    group = Group(name, (), call.now, call.principal.user)

    def work(tx: Transaction) -> Group:
        tx.groups.add(group)
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "group.add", name),))
        return group

    return await access.write(call, work, "group.add", name, dry_run=dry_run, once=Once((name,), _read))


async def list_all(call: Call) -> tuple[Group, ...]:
    """Every group with its members, sorted by name."""
    return await call.db.read(lambda tx: tx.groups.list_all())


async def show(call: Call, name: str) -> tuple[Group, tuple[Rule, ...]]:
    """A group, and the rules that speak of it. Raises: NotFound."""

    def work(tx: Transaction) -> tuple[Group, tuple[Rule, ...]]:
        _, group = tx.groups.get(name)
        return group, _rules_of(tx, group)

    return await call.db.read(work)


async def delete(call: Call, name: str, dry_run: bool) -> Group:
    """End a group. One of which a rule speaks stays: another group of that name would get the rights.

    So does one that labels are kept for. Raises: NotFound, InvalidRequest naming the rules or labels.
    """

    def work(tx: Transaction) -> Group:
        group_id, group = tx.groups.get(name)
        rules = _rules_of(tx, group)
        if rules:
            raise InvalidRequest(
                f"{'1 rule speaks' if len(rules) == 1 else f'{len(rules)} rules speak'} of the group "
                f"'{escape(group.name)}'.",
                items=tuple(_shown(rule) for rule in rules[:SHOWN_LIMIT]),
                advice=f"First 'mlv policy revoke ROLE group:{escape(group.name)} REPO' or 'mlv policy set'.",
            )

        kept = tx.labels.kept_for(f"group:{group.name}")
        if kept:
            raise InvalidRequest(
                f"Labels are kept for the group '{escape(group.name)}'.",
                items=kept[:SHOWN_LIMIT],
                advice="Take that back first: 'mlv label --unreserve PATTERN --repo REPO'.",
            )

        tx.groups.delete(group_id)
        tx.audit.append(SERVER_CHAIN, (access.audit_entry(call, "group.delete", group.name),))
        tx.wake_watchers()
        return group

    once = Once(("delete", name), _read)
    return await access.write(call, work, "group.delete", name, dry_run=dry_run, once=once)


async def put_in(call: Call, name: str, users: tuple[str, ...], dry_run: bool) -> Group:
    """Make users members, who may be some already; what the group may do, they may at once. Raises: NotFound."""
    _check(users)

    def work(tx: Transaction) -> Group:
        group_id, group = tx.groups.get(name)
        known = {fold(member) for member in group.members}
        found = {fold(user.name): (user_id, user.name) for user_id, user in map(tx.users.get, users)}
        new = [found[one] for one in sorted(found) if one not in known]

        for user_id, _ in new:
            tx.groups.put_in(group_id, user_id)
        entries = [access.audit_entry(call, "group.add-member", group.name, user=user) for _, user in new]
        tx.audit.append(SERVER_CHAIN, tuple(entries))
        tx.wake_watchers()
        return tx.groups.get(name)[1]

    once = Once(("add-member", name, users), _read)
    return await access.write(call, work, "group.add-member", name, dry_run=dry_run, once=once)


async def take_out(call: Call, name: str, users: tuple[str, ...], dry_run: bool) -> Group:
    """End memberships; what came from the group ends at once. Raises: NotFound, for who is no member too."""
    _check(users)

    def work(tx: Transaction) -> Group:
        group_id, group = tx.groups.get(name)
        known = {fold(member) for member in group.members}
        found = {fold(user.name): (user_id, user.name) for user_id, user in map(tx.users.get, users)}
        strange = tuple(escape(found[one][1]) for one in sorted(found) if one not in known)
        if strange:
            raise NotFound(
                f"{strange[0]} is not in the group '{escape(group.name)}'.",
                items=strange,
                advice=f"'mlv group show {escape(group.name)}' shows who is.",
            )

        for user_id, _ in found.values():
            tx.groups.take_out(group_id, user_id)
        entries = [access.audit_entry(call, "group.remove-member", group.name, user=user) for _, user in found.values()]
        tx.audit.append(SERVER_CHAIN, tuple(entries))
        tx.wake_watchers()
        gone = set(found)
        return replace(group, members=tuple(one for one in group.members if fold(one) not in gone))

    once = Once(("remove-member", name, users), _read)
    return await access.write(call, work, "group.remove-member", name, dry_run=dry_run, once=once)


def _check(users: tuple[str, ...]) -> None:
    if not 0 < len(users) <= MEMBERS_LIMIT:
        raise InvalidRequest(f"members: {len(users):,} users are named; name 1 to {MEMBERS_LIMIT:,}.")


def _rules_of(tx: Transaction, group: Group) -> tuple[Rule, ...]:
    of_group, approves = (SubjectKind.GROUP, group.name), (BY, f"group:{group.name}")
    return tuple(
        rule
        for rule in tx.rules.policy().rules
        if (rule.subject_kind, rule.subject) == of_group or approves in rule.conditions
    )


def _shown(rule: Rule) -> str:
    verb = "allows" if rule.effect is Effect.ALLOW else "forbids" if rule.effect is Effect.DENY else "asks"
    return f"rule {rule.id} {verb} {rule.role or ','.join(rule.actions)} on {rule.repository}:{rule.ref}:{rule.path}"


def _read(said: dict[str, Any]) -> Group:
    return Group(**{**said, "members": tuple(said["members"])})
