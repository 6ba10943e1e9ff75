"""Nobody grants what they lack: in any part of the place, from any network, for any time of what is granted (P6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_server.domain.granting import lacking_actions
from mlv_server.domain.policy import ACTIONS, ROLES, Policy, Principal

ALICE = Principal(1, "alice", server_admin=False, token_id="t1", groups=frozenset({"research"}))
ROOT = Principal(2, "root", server_admin=True, token_id="t2")
REPOSITORY = "fraud/detector"


def rule(effect: Effect = Effect.ALLOW, role: str = "", *actions: str, **more: object) -> Rule:
    fields: dict[str, object] = {"subject_kind": SubjectKind.USER, "subject": "alice", "repository": REPOSITORY}
    return Rule(id=1, effect=effect, role=role, **{"actions": actions, **fields, **more})  # type: ignore[arg-type]


def lacks(granted: Rule, *own: Rule, who: Principal = ALICE, now: int = 0) -> set[str]:
    return set(lacking_actions(who, granted, Policy(1, own), now))


def test_P6_what_one_has_everywhere_one_may_grant_everywhere() -> None:
    assert lacks(rule(role="maintainer", subject="bob"), rule(role="contributor")) == (
        ROLES["maintainer"] - ROLES["contributor"]
    )
    assert not lacks(rule(role="contributor"), rule(role="contributor"))
    assert lacks(rule(role="reader")) == ROLES["reader"]
    assert not lacks(rule(role="admin"), who=ROOT)
    by_group = rule(role="reader", subject_kind=SubjectKind.GROUP, subject="research")
    assert not lacks(rule(role="reader"), by_group)


@pytest.mark.parametrize(
    ("own", "granted", "enough"),
    [
        ({"ref": "branch/*"}, {}, False),
        ({"ref": "branch/*"}, {"ref": "branch/main"}, True),
        ({"ref": "branch/*"}, {"ref": "branch/fix/*"}, True),
        ({"ref": "branch/fix/*"}, {"ref": "branch/*"}, False),
        ({"ref": "branch/?x"}, {"ref": "branch/ax"}, True),
        ({"ref": "branch/?x"}, {"ref": "branch/[ab]x"}, False),
        ({"path": "src/**"}, {}, False),
        ({"path": "src/**"}, {"path": "src/**"}, True),
        ({"path": "src/**"}, {"path": "src/lib/*.py"}, True),
        ({"path": "src/**"}, {"path": "*.py"}, False),
        ({"path": "src/**"}, {"path": "srcs/a"}, False),
        ({"expires_at": 50}, {}, False),
        ({"expires_at": 50}, {"expires_at": 50}, True),
        ({"expires_at": 50}, {"expires_at": 51}, False),
        ({"conditions": (("from", "10.0.0.0/8"),)}, {}, False),
        ({"conditions": (("from", "10.0.0.0/8"),)}, {"conditions": (("from", "10.1.0.0/16"),)}, True),
        ({"conditions": (("from", "10.1.0.0/16"),)}, {"conditions": (("from", "10.0.0.0/8"),)}, False),
        ({"conditions": (("from", "10.1.0.0/16"),)}, {"conditions": (("from", "fd00::/8"),)}, False),
    ],
)
def test_P6_a_part_is_not_the_whole(own: dict[str, object], granted: dict[str, object], *, enough: bool) -> None:
    found = lacks(rule(Effect.ALLOW, "", "write", **granted), rule(Effect.ALLOW, "", "write", **own))
    assert found == (set() if enough else {"write"})


def test_P6_what_is_forbidden_in_a_part_is_lacking() -> None:
    own, deny = rule(role="admin"), rule(Effect.DENY, "", "deploy", ref="env/prod")
    assert lacks(rule(Effect.ALLOW, "", "deploy"), own, deny) == {"deploy"}
    assert lacks(rule(Effect.ALLOW, "", "deploy", ref="env/*"), own, deny) == {"deploy"}
    assert lacks(rule(Effect.ALLOW, "", "deploy", ref="env/staging"), own, deny) == set()
    assert lacks(rule(Effect.ALLOW, "", "deploy"), own, replace(deny, expires_at=5), now=5) == set()
    assert lacks(rule(Effect.ALLOW, "", "deploy"), replace(deny, subject="root"), who=ROOT) == {"deploy"}


def test_P6_a_scope_limits_what_its_token_grants() -> None:
    scoped = replace(ROOT, scope=frozenset({"policy.write", "read"}))
    assert lacks(rule(role="admin"), who=scoped) == ACTIONS - {"policy.write", "read"}
