"""Lock rules as their owners write them: `[[lock]]` tables of a policy file, read, checked and written again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from mlv_core.entities import LockNeed, LockScope
from mlv_core.errors import InvalidPath, InvalidRequest
from mlv_core.ids import escape
from mlv_core.paths import glob_match
from mlv_server.domain.file_kinds import KINDS
from mlv_server.domain.lock_rules import LONGEST_LEASE, LockRule, LockRules

Table = Mapping[str, object]

RULES_LIMIT = 200
"""Each is asked about each file of a commit."""
SHORTEST_MILLISECONDS = 300_000
"""Of a lease: that a workspace was heard of is written down within a minute, not with each call."""
LONGEST_MILLISECONDS = 366 * 86_400_000
"""Of whatever a rule says: what is locked for longer is frozen."""
_SCOPES = {"branch": LockScope.BRANCH, "line": LockScope.LINE, "repo": LockScope.REPOSITORY}
_NEEDS = {need.name.lower(): need for need in LockNeed}
_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_SIZES = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_FIELDS = ("path", "types", "text", "min_size", "need", "scope", "ttl", "max", "grant_after")


def parse_lock_rules(tables: Sequence[Table]) -> LockRules:
    """The rules that `[[lock]]` tables say, in their order.

    Raises: InvalidRequest naming the table by its number and the field.
    """
    if len(tables) > RULES_LIMIT:
        raise InvalidRequest(f"lock: {len(tables):,} rules; {RULES_LIMIT} are allowed.")
    return tuple(parse_lock_rule(table, f"lock {number}") for number, table in enumerate(tables, start=1))


def parse_lock_rule(table: Table, where: str = "lock") -> LockRule:
    """The rule that one table says; `where` is how an error names the table.

    Raises: InvalidRequest naming the field.
    """
    unknown = sorted(set(table) - set(_FIELDS))
    if unknown:
        raise InvalidRequest(
            f"{where}: there is no field '{escape(unknown[0])}'.", advice=f"Fields: {', '.join(_FIELDS)}."
        )
    if "need" not in table:
        raise InvalidRequest(f"{where}: need is missing.", advice=f"need = {_either(_NEEDS)}")
    rule = LockRule(
        need=_NEEDS[_one_of(table, where, "need", _NEEDS)],
        endings=_endings(table, where),
        glob=_glob(table, where),
        text=_flag(table, where, "text"),
        size=_size(table, where, "min_size"),
        scope=_SCOPES[_one_of(table, where, "scope", _SCOPES)] if "scope" in table else None,
        ttl=_time(table, where, "ttl"),
        max=_time(table, where, "max"),
        grant_after=_time(table, where, "grant_after"),
    )
    longest = LONGEST_LEASE if rule.max is None else rule.max
    if rule.ttl is not None and rule.ttl > longest:
        raise InvalidRequest(f"{where}: ttl is longer than max, which is {duration_text(longest)}.")
    return rule


def lock_rule_table(rule: LockRule) -> dict[str, object]:
    """The table that `parse_lock_rule` makes this rule of, without the fields that say nothing."""
    table: dict[str, object] = {}
    if rule.glob != "**":
        table["path"] = rule.glob
    if rule.endings:
        table["types"] = _types(rule.endings)
    if rule.text is not None:
        table["text"] = rule.text
    if rule.size:
        table["min_size"] = _size_text(rule.size)
    table["need"] = rule.need.name.lower()
    if rule.scope is not None:
        table["scope"] = next(name for name, scope in _SCOPES.items() if scope is rule.scope)
    times = (("ttl", rule.ttl), ("max", rule.max), ("grant_after", rule.grant_after))
    return table | {name: duration_text(time) for name, time in times if time is not None}


def duration_text(milliseconds: int) -> str:
    """A time as a rule writes it: in the largest unit that it is a whole number of."""
    unit = next((unit for unit, length in _UNITS.items() if milliseconds % length == 0), "s")
    return f"{milliseconds // _UNITS[unit]}{unit}"


def _refuse(where: str, field: str, value: object, wanted: str) -> NoReturn:
    raise InvalidRequest(f"{where}: {field} is '{escape(str(value))[:100]}'; write {wanted}.")


def _either(names: Iterable[str]) -> str:
    return " or ".join(f'"{name}"' for name in names)


def _one_of(table: Table, where: str, field: str, names: Mapping[str, object]) -> str:
    value = table[field]
    if not isinstance(value, str) or value not in names:
        _refuse(where, field, value, _either(names))
    return value


def _flag(table: Table, where: str, field: str) -> bool | None:
    value = table.get(field)
    if value is not None and not isinstance(value, bool):
        _refuse(where, field, value, "true or false")
    return value


def _glob(table: Table, where: str) -> str:
    value = table.get("path", "**")
    if not isinstance(value, str) or not value:
        _refuse(where, "path", value, 'a glob such as "weights/**"')
    try:
        glob_match(value, "a")
    except InvalidPath as error:
        raise InvalidRequest(f"{where}: path: {error.message}") from error
    return value


def _endings(table: Table, where: str) -> frozenset[str]:
    value = table.get("types", [])
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        _refuse(where, "types", value, '["weights", ".bin"]')
    found: set[str] = set()
    for name in names:
        if isinstance(name, str) and name in KINDS:
            found |= KINDS[name]
        elif isinstance(name, str) and re.fullmatch(r"\.[^./\s]{1,32}", name):
            found.add(name[1:].casefold())
        else:
            _refuse(where, "types", name, f'an ending such as ".bin", or one of {", ".join(KINDS)}')
    return frozenset(found)


def _types(endings: frozenset[str]) -> list[str]:
    kinds = [name for name, known in KINDS.items() if known <= endings]
    named = frozenset[str]().union(*(KINDS[name] for name in kinds))
    return kinds + [f".{ending}" for ending in sorted(endings - named)]


def _time(table: Table, where: str, field: str) -> int | None:
    value = table.get(field)
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9})\s*([smhdw])", value) if isinstance(value, str) else None
    if match is None:
        _refuse(where, field, value, 'a time such as "30m", "12h" or "14d"')
    time = int(match[1]) * _UNITS[match[2]]
    if not SHORTEST_MILLISECONDS <= time <= LONGEST_MILLISECONDS:
        _refuse(where, field, value, "a time of 5 minutes to 366 days")
    return time


def _size(table: Table, where: str, field: str) -> int:
    value = table.get(field, 0)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    match = re.fullmatch(r"(\d{1,7})\s*([KMGT]iB|B)", value) if isinstance(value, str) else None
    if match is None or int(match[1]) * _SIZES[match[2]] >= 1 << 63:
        _refuse(where, field, value, 'a size such as "1 MiB"')
    return int(match[1]) * _SIZES[match[2]]


def _size_text(size: int) -> str | int:
    unit = next(unit for unit, length in _SIZES.items() if size % length == 0)
    return size if unit == "B" else f"{size // _SIZES[unit]} {unit}"
