"""The policy's document on a real database: races, dry runs, what is written down, versions worked out backwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import Denied, InvalidRequest, NotFound, PolicyMoved, PolicyTestsFailed
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.policies import PolicySet
from mlv_server.domain.audit import first_fault
from mlv_server.services import access, approvals, policy, policy_documents, repositories
from mlv_server.services.call import Call

NAME = str(DETECTOR)


def put(call: Call, text: str, *, base: int | None = None, dry_run: bool = False, name: str = NAME) -> PolicySet:
    return asyncio.run(policy_documents.put(call, name, text, base, None, "because", dry_run))


def document(house: House) -> tuple[str, int]:
    return house.run(policy_documents.show(house.call("root"), NAME, None))


def deny(user: str, action: str = "deploy") -> str:
    return f'[[deny]]\nwho = "{user}"\nactions = ["{action}"]\n'


def state(house: House) -> tuple[object, ...]:
    def read(tx):  # type: ignore[no-untyped-def]
        row = tx.repositories.get(DETECTOR)
        audit = sum(1 for chain in tx.audit.chains() for _ in tx.audit.rows(chain))
        return tx.rules.policy().rules, tx.rules.version(), audit, tx.events.last(row.id), tx.lock_rules.of(row.id)

    return house.db.read_now(read)  # type: ignore[no-any-return]


def test_P6_of_two_who_set_at_once_one_is_told_of_the_other(detector: House) -> None:
    text, version = document(detector)
    calls = [detector.call("root"), detector.call("root")]

    async def both() -> list[PolicySet | BaseException]:
        texts = [text + deny("alice"), text + deny("bob")]
        acts = [
            policy_documents.put(call, NAME, one, None, None, "", False) for call, one in zip(calls, texts, strict=True)
        ]
        return list(await asyncio.gather(*acts, return_exceptions=True))

    found = detector.run(both())
    done = [one for one in found if isinstance(one, PolicySet)]
    lost = [one for one in found if isinstance(one, PolicyMoved)]
    assert (len(done), len(lost)) == (1, 1)
    assert (done[0].before, lost[0].exit_code) == (version, 3)
    rules, _ = detector.run(policy.show(detector.call("root"), NAME))
    assert sum(rule.effect is Effect.DENY for rule in rules) == 1


def test_P6_a_change_elsewhere_is_no_race(detector: House) -> None:
    text, _ = document(detector)
    other = RepositoryName("fraud", "other")
    detector.add_repository(other)
    detector.grant("reader", "alice", other)
    assert put(detector.call("root"), text + deny("alice")).added == 1


def test_a_dry_run_and_a_refusal_leave_nothing_but_the_denial(detector: House) -> None:
    text, _ = document(detector)
    before = state(detector)
    more = f'{deny("alice")}[[lock]]\nneed = "none"\n[[test]]\nexpect = "alice deploy = deny"\n'
    assert put(detector.call("root"), text + more, dry_run=True).added == 1
    with pytest.raises(PolicyTestsFailed, match="1 of 1 tests fail"):
        put(detector.call("root"), text + '[[test]]\nexpect = "alice read = deny"\n')
    assert state(detector) == before
    with pytest.raises(Denied):
        put(detector.call("alice"), text + deny("bob"))
    rules, version, audit, event, locks = state(detector)
    assert (rules, version, event, locks) == (before[0], before[1], before[3], before[4])
    assert audit == int(str(before[2])) + 1


def test_P6_a_change_is_in_the_trail_and_in_the_stream(detector: House) -> None:
    text, version = document(detector)
    done = put(detector.call("root"), text + deny("alice"))
    row = detector.db.read_now(lambda tx: tx.repositories.get(DETECTOR))
    entries = detector.db.read_now(lambda tx: list(tx.audit.rows(row.id)))
    assert first_fault(row.id, entries) is None
    said = entries[-1].record.decode()
    assert '"action":"policy.set"' in said
    assert f'"version":"{done.version}"' in said
    assert '"why":"because"' in said
    last = detector.db.read_now(lambda tx: tx.events.after(row.id, tx.events.last(row.id) - 1, 1))
    assert [(event.kind.value, event.data["version"]) for _, _, event in last] == [("policy.changed", done.version)]
    assert put(detector.call("root"), document(detector)[0]).version == done.version > version


def test_P6_versions_are_worked_out_backwards_whoever_made_them(detector: House) -> None:
    shown: dict[int, tuple[Rule, ...]] = {}
    for number, act in enumerate((deny("alice"), deny("bob"), None, deny("rita", "merge"), None)):
        if act is None:
            detector.grant("maintainer", ("alice", "bob")[number % 2])
        else:
            put(detector.call("root"), document(detector)[0] + act)
        rules, version = detector.run(policy.show(detector.call("root"), NAME))
        shown[version] = rules
    text, _ = document(detector)
    put(detector.call("root"), "\n\n".join(part for part in text.split("\n\n") if "[[deny]]" not in part))
    for version, rules in shown.items():
        assert detector.run(policy.show(detector.call("root"), NAME, version))[0] == rules
    with pytest.raises(NotFound, match="no version 999"):
        detector.run(policy_documents.show(detector.call("root"), NAME, 999))
    back = min(shown)
    detector.run(policy_documents.put(detector.call("root"), NAME, "", None, back, "", False))
    after = detector.run(policy.show(detector.call("root"), NAME))[0]
    assert {replace(rule, id=0, created_at=0) for rule in after} == {
        replace(rule, id=0, created_at=0) for rule in shown[back]
    }


def test_P6_a_part_of_a_right_is_granted_in_that_part_alone(detector: House) -> None:
    own = Rule(0, Effect.ALLOW, SubjectKind.USER, "alice", "", ("policy.write", "policy.read"), NAME)
    part = replace(own, actions=("deploy",), ref="env/staging")
    detector.db.write_now(lambda tx: tx.rules.change((own, part), (), "root", detector.now))
    text, _ = document(detector)
    wide = '[[allow]]\nwho = "rita"\nactions = ["deploy"]\nref = "env/*"\n'
    with pytest.raises(Denied, match="you lack: deploy") as caught:
        put(detector.call("alice"), text + wide)
    assert "env/*" in caught.value.items[0]
    assert put(detector.call("alice"), text + wide.replace("env/*", "env/staging")).added == 1


def test_P2_nobody_locks_everybody_out(detector: House) -> None:
    text, _ = document(detector)
    with pytest.raises(InvalidRequest, match="nobody could change"):
        put(detector.call("root"), text + '[[deny]]\nwho = "everybody"\nactions = ["policy.write"]\n')
    once = '[[deny]]\nwho = "everybody"\nactions = ["policy.write"]\nuntil = 2001-01-01\n'
    assert put(detector.call("root"), text + once).added == 1


def test_P3_the_address_of_the_call_decides(detector: House) -> None:
    text, _ = document(detector)
    put(detector.call("root"), text + '[[require]]\nactions = ["write"]\nfrom = ["10.0.0.0/8"]\n')

    def call(address: str) -> Call:
        here = detector.call("alice")
        return replace(here, principal=replace(here.principal, address=address))

    detector.run(access.authorize(call("10.1.2.3"), "write", NAME))
    for elsewhere in ("11.1.2.3", ""):
        with pytest.raises(Denied, match=r"only from 10\.0\.0\.0/8"):
            detector.run(access.authorize(call(elsewhere), "write", NAME))
    detector.run(access.authorize(call("11.1.2.3"), "read", NAME))


def test_P3_authors_of_all_that_lands_are_excluded(detector: House) -> None:
    number = detector.commit({"train.py": b"print(2)\n"})
    row = detector.db.read_now(lambda tx: tx.repositories.get(DETECTOR))
    given = detector.run(approvals.approve(detector.call("bob"), DETECTOR, f"@{number}", "", dry_run=False))
    assert (given.user, given.changeset) == ("bob", number)

    def authors(base: int) -> frozenset[str]:
        return detector.db.read_now(lambda tx: approvals.authors(tx, row.id, number, ChangesetNumber(base)))

    assert authors(0) == authors(1) == {"someone"}
    assert authors(number) == frozenset()


def test_a_new_repository_begins_its_own_history(detector: House) -> None:
    other = RepositoryName("fraud", "other")
    detector.run(repositories.create(detector.call("root"), other, "", dry_run=False))
    (first,) = detector.run(policy_documents.history(detector.call("root"), str(other), 0))
    assert (first.by, first.added, first.removed) == ("root", 1, 0)
    assert detector.run(policy_documents.compare(detector.call("root"), str(other), None, 0, None)).before == 0
