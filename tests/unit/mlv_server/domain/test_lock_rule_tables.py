"""Lock rules as tables: read, refused by field, written again."""

from __future__ import annotations

import pytest

from mlv_core.entities import LockNeed, LockScope
from mlv_core.errors import InvalidRequest
from mlv_server.domain.file_kinds import WEIGHTS
from mlv_server.domain.lock_rule_tables import RULES_LIMIT, lock_rule_table, parse_lock_rule, parse_lock_rules
from mlv_server.domain.lock_rules import DEFAULT_RULES, HOUR, LockRule

FULL = {
    "path": "weights/**",
    "types": ["weights", ".BIN2"],
    "text": False,
    "min_size": "1 MiB",
    "need": "required",
    "scope": "line",
    "ttl": "12h",
    "max": "14d",
    "grant_after": "30m",
}


def test_L3_a_table_says_everything_that_a_rule_holds() -> None:
    rule = LockRule(
        need=LockNeed.REQUIRED,
        endings=WEIGHTS | {"bin2"},
        glob="weights/**",
        text=False,
        size=1 << 20,
        scope=LockScope.LINE,
        ttl=12 * HOUR,
        max=14 * 24 * HOUR,
        grant_after=HOUR // 2,
    )
    assert parse_lock_rule(FULL) == rule
    written = {**FULL, "types": ["weights", ".bin2"], "max": "2w"}
    assert lock_rule_table(rule) == written
    assert list(lock_rule_table(rule)) == list(FULL)


def test_the_default_rules_can_be_written_and_read_again() -> None:
    assert parse_lock_rules([lock_rule_table(rule) for rule in DEFAULT_RULES]) == DEFAULT_RULES


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "lock: need is missing."),
        ({"need": "must"}, 'lock: need is \'must\'; write "none" or "optional" or "required".'),
        ({"need": ["required"]}, "lock: need is "),
        ({"scope": "world"}, 'lock: scope is \'world\'; write "branch" or "line" or "repo".'),
        ({"colour": 1}, "lock: there is no field 'colour'."),
        ({"path": ""}, "lock: path is ''"),
        ({"path": "a" * 100_000}, "lock: path: "),
        ({"types": ["weight"]}, "lock: types is 'weight'"),
        ({"types": [7]}, "lock: types is '7'"),
        ({"types": 7}, "lock: types is '7'"),
        ({"text": "yes"}, "lock: text is 'yes'; write true or false."),
        ({"min_size": "1 MB"}, "lock: min_size is '1 MB'; write a size such as \"1 MiB\"."),
        ({"min_size": -1}, "lock: min_size is '-1'"),
        ({"min_size": True}, "lock: min_size is 'True'"),
        ({"min_size": "9999999 TiB"}, "lock: min_size is "),
        ({"ttl": "12"}, "lock: ttl is '12'; write a time such as "),
        ({"ttl": 12}, "lock: ttl is '12'"),
        ({"ttl": "299s"}, "lock: ttl is '299s'; write a time of 5 minutes to 366 days."),
        ({"max": "367d"}, "lock: max is '367d'"),
        ({"ttl": "15d"}, "lock: ttl is longer than max, which is 2w."),
        ({"ttl": "2h", "max": "1h"}, "lock: ttl is longer than max, which is 1h."),
    ],
)
def test_what_a_rule_cannot_say_is_refused_by_the_name_of_the_field(table: dict[str, object], said: str) -> None:
    full = {"need": "required", **table} if table else table
    with pytest.raises(InvalidRequest) as refused:
        parse_lock_rule(full)
    assert refused.value.message.startswith(said)


def test_rules_are_counted_and_named_by_their_number() -> None:
    with pytest.raises(InvalidRequest, match=r"^lock 2: need is missing"):
        parse_lock_rules([{"need": "none"}, {}])
    with pytest.raises(InvalidRequest, match="200 are allowed"):
        parse_lock_rules([{"need": "none"}] * (RULES_LIMIT + 1))
