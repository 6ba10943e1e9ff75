"""Rights on a real database: what is granted, hidden, denied and written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import AlreadyExists, Denied, InvalidName, InvalidRequest, NotFound
from mlv_core.ids import RepositoryName
from mlv_server.domain.audit import first_fault
from mlv_server.services import access, identity, policy, repositories

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

NAME = "fraud/detector"
SECRET = RepositoryName("fraud", "secret")


def allowed(house: House, user: str, action: str) -> bool:
    try:
        house.run(access.authorize(house.call(user), action, NAME))
    except (Denied, NotFound):
        return False
    return True


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("reader", "read", "write"),
        ("contributor", "write", "lock.break"),
        ("releaser", "label.create", "write"),
        ("maintainer", "lock.break", "policy.write"),
        ("admin", "policy.write", None),
    ],
)
def test_a_role_is_given_and_taken(detector: House, role: str, may: str, may_not: str | None) -> None:
    assert not allowed(detector, "stranger", may)
    rule = detector.run(policy.grant(detector.call("root"), NAME, role, "stranger", dry_run=False))
    assert (rule.role, rule.subject, rule.repository) == (role, "stranger", NAME)
    assert allowed(detector, "stranger", may)
    assert may_not is None or not allowed(detector, "stranger", may_not)
    assert detector.run(policy.revoke(detector.call("root"), NAME, role, "stranger", dry_run=False)) == 1
    assert not allowed(detector, "stranger", may)


def test_a_role_given_twice_is_one_rule(detector: House) -> None:
    first = detector.run(policy.grant(detector.call("root"), NAME, "reader", "bob", dry_run=False))
    assert detector.run(policy.grant(detector.call("root"), "Fraud/Detector", "reader", "BOB", dry_run=False)) == first


def test_P1_P4_a_stranger_is_told_that_nothing_is_there(detector: House) -> None:
    def refusal(name: str) -> str:
        with pytest.raises(NotFound) as caught:
            detector.run(access.authorize(detector.call("stranger"), "read", name))
        return caught.value.message.replace(name, "NAME")

    assert refusal(NAME) == refusal("no/such")
    assert detector.run(repositories.list_visible(detector.call("stranger"))) == ()


def test_P4_only_what_one_may_list_is_listed(detector: House) -> None:
    detector.add_repository(SECRET)
    assert [str(one.name) for one in detector.run(repositories.list_visible(detector.call("rita")))] == [NAME]
    assert len(detector.run(repositories.list_visible(detector.call("root")))) == 2


def test_who_may_see_it_is_told_what_is_missing(detector: House) -> None:
    with pytest.raises(Denied, match="'write' on fraud/detector") as caught:
        detector.run(access.authorize(detector.call("rita"), "write", NAME))
    assert caught.value.exit_code == 5


def test_P2_a_deny_wins_over_every_role(detector: House) -> None:
    deny = Rule(0, Effect.DENY, SubjectKind.USER, "alice", "", ("write",), "fraud/*")
    detector.db.write_now(lambda tx: tx.rules.change((deny,), (), "root", detector.now))
    detector.grant("admin", "alice")
    assert not allowed(detector, "alice", "write")
    assert allowed(detector, "alice", "read")
    assert allowed(detector, "bob", "write")


def test_P8_a_scope_denies_what_the_user_may_and_hides_nothing(detector: House) -> None:
    token, _ = detector.run(identity.create_token(detector.call("alice"), "", "", ("read",), None, dry_run=False))
    detector.run(access.authorize(detector.sign_in(token), "read", NAME))
    with pytest.raises(Denied, match="scope"):
        detector.run(access.authorize(detector.sign_in(token), "write", NAME))


def test_P6_nobody_grants_what_they_lack(detector: House) -> None:
    writer = Rule(0, Effect.ALLOW, SubjectKind.USER, "alice", "", ("policy.write",), NAME)
    detector.db.write_now(lambda tx: tx.rules.change((writer,), (), "root", detector.now))
    detector.run(policy.grant(detector.call("alice"), NAME, "contributor", "rita", dry_run=False))
    with pytest.raises(Denied, match=r"lock\.break"):
        detector.run(policy.grant(detector.call("alice"), NAME, "maintainer", "rita", dry_run=False))


def test_P6_the_last_admin_of_a_repository_is_removed_by_an_admin_of_the_server_alone(detector: House) -> None:
    def revoke(by: str, user: str) -> int:
        return detector.run(policy.revoke(detector.call(by), NAME, "admin", user, dry_run=False))

    detector.grant("admin", "alice")
    with pytest.raises(InvalidRequest, match="alice is the last admin of fraud/detector"):
        revoke("alice", "alice")
    detector.grant("admin", "bob")
    assert revoke("alice", "bob") == 1
    detector.grant("admin", "bob")
    detector.run(identity.disable_user(detector.call("root"), "bob", dry_run=False))
    with pytest.raises(InvalidRequest, match="last admin"):
        revoke("alice", "alice")
    assert detector.run(policy.revoke(detector.call("alice"), NAME, "reader", "rita", dry_run=False)) == 1
    assert revoke("root", "alice") == 1
    assert allowed(detector, "root", "policy.write")
    detector.grant("admin", "alice")
    assert allowed(detector, "alice", "policy.write")


def test_a_denial_names_what_helps(detector: House) -> None:
    def advice(user: str, action: str, repository: str | None = NAME, scope: tuple[str, ...] = ()) -> str:
        call = detector.call(user)
        if scope:
            token, _ = detector.run(identity.create_token(call, "", "", scope, None, dry_run=False))
            call = detector.sign_in(token)
        with pytest.raises(Denied) as caught:
            detector.run(access.authorize(call, action, repository))
        return caught.value.advice

    assert "'mlv policy grant contributor rita fraud/detector'" in advice("rita", "write")
    assert "'mlv policy grant releaser alice fraud/detector'" in advice("alice", "label.create")
    assert "'mlv policy grant maintainer alice fraud/detector'" in advice("alice", "lock.break")
    assert "'mlv policy grant admin alice fraud/detector'" in advice("alice", "policy.write")
    assert "admin of the server" in advice("alice", "admin", None)
    assert "'mlv token create --scope write'" in advice("alice", "write", scope=("read",))
    deny = Rule(0, Effect.DENY, SubjectKind.USER, "alice", "", ("write",), "fraud/*")
    (rule,) = detector.db.write_now(lambda tx: tx.rules.change((deny,), (), "root", detector.now))
    assert f"Rule {rule.id} " in advice("alice", "write")


def test_grants_of_what_is_not_there_are_refused(detector: House) -> None:
    root = detector.call("root")
    with pytest.raises(InvalidRequest, match="emperor"):
        detector.run(policy.grant(root, NAME, "emperor", "bob", dry_run=False))
    with pytest.raises(NotFound, match="user"):
        detector.run(policy.grant(root, NAME, "reader", "nobody", dry_run=False))
    with pytest.raises(NotFound, match="no role"):
        detector.run(policy.revoke(root, NAME, "admin", "bob", dry_run=False))
    with pytest.raises(NotFound, match="repository"):
        detector.run(policy.grant(root, "no/such", "reader", "bob", dry_run=False))


def test_the_policy_is_shown_with_a_version_that_each_change_raises(detector: House) -> None:
    rules, version = detector.run(policy.show(detector.call("root"), NAME))
    assert {(rule.subject, rule.role) for rule in rules} == {
        ("alice", "contributor"),
        ("bob", "contributor"),
        ("rita", "reader"),
    }
    detector.run(policy.grant(detector.call("root"), NAME, "admin", "bob", dry_run=True))
    assert detector.run(policy.show(detector.call("root"), NAME)) == (rules, version)
    detector.grant("admin", "bob")
    after = detector.run(policy.show(detector.call("root"), None))
    assert (len(after[0]), after[1]) == (4, version + 1)


def test_who_creates_a_repository_is_its_admin_and_only_admins_create(detector: House) -> None:
    with pytest.raises(Denied):
        detector.run(repositories.create(detector.call("alice"), SECRET, "", dry_run=False))
    wide = Rule(0, Effect.ALLOW, SubjectKind.USER, "alice", "admin", (), "fraud/*")
    detector.db.write_now(lambda tx: tx.rules.change((wide,), (), "root", detector.now))
    made = detector.run(repositories.create(detector.call("alice"), SECRET, "a secret", dry_run=False))
    assert (made.created_by, made.description, made.changesets) == ("alice", "a secret", 0)
    rules, _ = detector.run(policy.show(detector.call("root"), str(SECRET)))
    assert {(rule.subject, rule.role, rule.repository) for rule in rules} >= {("alice", "admin", str(SECRET))}
    with pytest.raises(AlreadyExists):
        detector.run(repositories.create(detector.call("alice"), RepositoryName("Fraud", "Secret"), "", dry_run=False))


def test_P4_creating_a_name_that_is_hidden_tells_nothing(detector: House) -> None:
    detector.add_repository(SECRET)

    def refusal(name: RepositoryName) -> str:
        with pytest.raises(Denied) as caught:
            detector.run(repositories.create(detector.call("alice"), name, "", dry_run=False))
        return caught.value.message.replace(str(name), "NAME")

    assert refusal(SECRET) == refusal(RepositoryName("fraud", "free"))


def test_bad_repository_names_are_refused(detector: House) -> None:
    with pytest.raises(InvalidName):
        detector.run(access.authorize(detector.call("alice"), "read", "../etc"))


def test_changes_and_denials_are_audited_in_sound_chains(detector: House) -> None:
    detector.grant("admin", "bob")
    with pytest.raises(Denied):
        detector.run(access.authorize(detector.call("rita"), "write", NAME))
    with pytest.raises(NotFound):
        detector.run(access.authorize(detector.call("stranger"), "read", NAME))
    with pytest.raises(Denied):
        detector.run(repositories.create(detector.call("alice"), SECRET, "", dry_run=False))

    chains = detector.db.read_now(lambda tx: {chain: list(tx.audit.rows(chain)) for chain in tx.audit.chains()})
    assert {chain: first_fault(chain, rows) for chain, rows in chains.items()} == dict.fromkeys(chains)
    said = [json.loads(row.record) for rows in chains.values() for row in rows]
    denied = {(one["user"], one["action"], one["object"]) for one in said if not one["allowed"]}
    assert denied == {
        ("rita", "write", NAME),
        ("stranger", "read", NAME),
        ("alice", "repository.create", str(SECRET)),
    }
    grants = [one for one in said if one["action"] == "policy.grant" and one["detail"]["role"] == "admin"]
    assert [(one["user"], one["object"], one["detail"]["user"]) for one in grants] == [("host", NAME, "bob")]
    assert all(one["request"] and one["peer"] for one in said)


def test_an_edited_audit_row_is_found(detector: House) -> None:
    def tamper(tx: object) -> None:
        tx.connection.exec_driver_sql(  # type: ignore[attr-defined]
            "UPDATE audit SET record = replace(record, 'host', 'alice') WHERE chain = 1 AND sequence = 2"
        )

    detector.db.write_now(tamper)
    assert detector.db.read_now(lambda tx: first_fault(1, tx.audit.rows(1))) == 2
