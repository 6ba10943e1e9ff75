"""A policy written as the document that gives the same policy when it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mlv_core.entities import Effect, Rule
from mlv_core.ids import fold
from mlv_core.policies import who_of
from mlv_server.domain.approving import wanted_by
from mlv_server.domain.lock_rule_tables import lock_rule_table
from mlv_server.domain.lock_rules import LockRule
from mlv_server.domain.networks import networks_in

Value = str | int | bool | datetime | list[str]
_SECTIONS = {Effect.ALLOW: "allow", Effect.DENY: "deny", Effect.REQUIRE: "require"}


def write_document(
    repository: str,
    version: int,
    rules: Iterable[Rule],
    tests: Iterable[Mapping[str, str]],
    locks: tuple[LockRule, ...] | None,
) -> str:
    """The document; rules that differ only in whom they speak of are one table. The order is always the same."""
    name = repository or "the server"
    command = f"mlv policy set {repository or '--server'} FILE"
    parts = [f"# The access policy of {name}, as '{command}' takes it. Comments are not kept.\nversion = {version}\n"]
    parts += [_table(section, body) for section, body in _tables(rules, with_repository=not repository)]
    for rule in locks or ():
        body = {key: value for key, value in lock_rule_table(rule).items() if isinstance(value, str | int | list)}
        parts.append(_table("lock", body))
    parts += [_table("test", {key: test[key] for key in ("expect", "from") if key in test}) for test in tests]
    return "\n".join(parts)


def _tables(rules: Iterable[Rule], *, with_repository: bool) -> list[tuple[str, Mapping[str, Value]]]:
    groups: dict[tuple[object, ...], list[Rule]] = {}
    for rule in rules:
        groups.setdefault(_likeness(rule), []).append(rule)
    alike = sorted(groups.values(), key=lambda some: _order(some[0]))
    return [(_SECTIONS[some[0].effect], _body(some, with_repository=with_repository)) for some in alike]


def _likeness(rule: Rule) -> tuple[object, ...]:
    """What rules of one table have in common."""
    place = (fold(rule.repository), rule.ref, rule.path)
    return (rule.effect, rule.role, frozenset(rule.actions), place, frozenset(rule.conditions), rule.expires_at)


def _order(rule: Rule) -> tuple[object, ...]:
    place = (fold(rule.repository), rule.ref, rule.path)
    return (rule.effect, *place, rule.role, sorted(rule.actions), sorted(rule.conditions), rule.expires_at or 0)


def _body(alike: list[Rule], *, with_repository: bool) -> dict[str, Value]:
    rule = alike[0]
    who = sorted({who_of(one) for one in alike})
    approvals, by = wanted_by(rule)
    networks = list(networks_in(rule.conditions))
    body: dict[str, Value] = {}
    if rule.effect is not Effect.REQUIRE or who != ["everybody"]:
        body["who"] = who[0] if len(who) == 1 else who
    if rule.role:
        body["role"] = rule.role
    else:
        body["actions"] = sorted(rule.actions)
    if with_repository:
        body["repository"] = rule.repository
    if rule.ref not in {"*", "**"}:
        body["ref"] = rule.ref
    if rule.path != "**":
        body["path"] = rule.path
    if networks:
        body["from"] = sorted(networks)
    if approvals:
        body["approvals"] = approvals
        body["by"] = by[0] if len(by) == 1 else sorted(by)
    if rule.expires_at is not None:
        body["until"] = datetime.fromtimestamp(rule.expires_at / 1000, UTC)
    return body


def _table(section: str, body: Mapping[str, Value]) -> str:
    return "".join([f"[[{section}]]\n", *(f"{key} = {_value(value)}\n" for key, value in body.items())])


def _value(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        whole = (
            value.strftime("%Y-%m-%d")
            if (value.hour, value.minute, value.second, value.microsecond) == (0,) * 4
            else ""
        )
        return whole or value.isoformat(timespec="milliseconds" if value.microsecond else "seconds").replace(
            "+00:00", "Z"
        )
    return str(value) if isinstance(value, int) else _text(value)


def _text(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
