"""P7, P8, L11: groups, programs' accounts, and tokens that are bound to networks and repositories."""

from __future__ import annotations

import pytest
from tests.integration.server.commit_kit import add, publish, request_for
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.entities import TokenLimits
from mlv_core.errors import AlreadyExists, Denied, InvalidRequest, NotFound, NotSignedIn
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_server.services import access, approvals, groups, history, identity, policy, repositories

DAY = 86_400
OTHER = RepositoryName("fraud", "other")


def signed_in(house: House, token: str, address: str = "127.0.0.1"):
    return house.call_as(house.run(access.authenticate(house.db, token, house.now, address)))


def token(house: House, user: str, *, by: str | None = None, expires: int | None = None, scope=(), **limits):
    call = house.host() if by is None else house.call(by)
    return house.run(
        identity.create_token(call, user, "", tuple(scope), expires, dry_run=False, limits=TokenLimits(**limits))
    )


def resolves(house: House, call) -> int:
    """What somebody who may read the repository gets."""
    house.run(access.authorize(call, "meta.read", str(DETECTOR)))
    return house.run(history.resolve(call, DETECTOR, "head", ""))[0]


def test_a_grant_to_a_group_holds_for_who_is_in_it_at_that_moment(detector: House) -> None:
    house = detector
    house.run(groups.add(house.host(), "reviewers", dry_run=False))
    house.run(policy.grant(house.host(), str(DETECTOR), "reader", "group:Reviewers", dry_run=False))
    with pytest.raises(NotFound):
        resolves(house, house.call("stranger"))

    house.run(groups.put_in(house.host(), "reviewers", ("stranger", "rita", "Rita"), dry_run=False))
    assert house.run(groups.show(house.host(), "reviewers"))[0].members == ("rita", "stranger")
    assert resolves(house, house.call("stranger")) == 1

    house.run(groups.take_out(house.host(), "reviewers", ("stranger",), dry_run=False))
    with pytest.raises(NotFound):
        resolves(house, house.call("stranger"))
    with pytest.raises(NotFound) as caught:
        house.run(groups.take_out(house.host(), "reviewers", ("stranger",), dry_run=False))
    assert caught.value.items == ("stranger",)


def test_P6_a_group_of_which_a_rule_speaks_stays(detector: House) -> None:
    house = detector
    house.run(groups.add(house.host(), "reviewers", dry_run=False))
    with pytest.raises(AlreadyExists):
        house.run(groups.add(house.host(), "Reviewers", dry_run=False))
    house.run(policy.grant(house.host(), str(DETECTOR), "reader", "group:reviewers", dry_run=False))
    with pytest.raises(InvalidRequest) as caught:
        house.run(groups.delete(house.host(), "reviewers", dry_run=False))
    assert "fraud/detector" in caught.value.items[0]
    assert house.run(policy.revoke(house.host(), str(DETECTOR), "reader", "group:reviewers", dry_run=False)) == 1
    house.run(groups.delete(house.host(), "reviewers", dry_run=False))
    assert house.run(groups.list_all(house.host())) == ()


def test_a_dry_run_of_a_group_changes_nothing(detector: House) -> None:
    house = detector
    house.run(groups.add(house.host(), "a", dry_run=True))
    assert house.run(groups.list_all(house.host())) == ()
    house.run(groups.add(house.host(), "a", dry_run=False))
    shown = house.run(groups.put_in(house.host(), "a", ("rita",), dry_run=True))
    assert shown.members == ("rita",)
    assert house.run(groups.show(house.host(), "a"))[0].members == ()


def test_P8_a_program_has_an_owner_and_a_token_that_ends_soon(detector: House) -> None:
    house = detector
    user, secret = house.run(
        identity.add_user(house.host(), "ci", server_admin=False, dry_run=False, owner="Alice", service=True)
    )
    assert (user.service, user.owner) == (True, "alice")
    call = signed_in(house, secret)
    assert call.principal.service
    whoami = house.run(identity.whoami(call))
    assert whoami.service
    assert whoami.expires_at is not None
    assert whoami.expires_at <= house.now + identity.SERVICE_LIFETIME_SECONDS * 1000

    with pytest.raises(InvalidRequest):
        token(house, "ci", expires=91 * DAY)
    with pytest.raises(Denied):
        house.run(identity.create_token(call, "", "", (), DAY, dry_run=False))
    _, info = token(house, "ci", by="alice", expires=DAY)
    assert info.service
    assert len(house.run(identity.list_tokens(house.call("alice"), "ci"))) == 2
    with pytest.raises(Denied):
        house.run(identity.list_tokens(house.call("bob"), "ci"))
    house.run(identity.revoke_token(house.call("alice"), info.id, dry_run=False))
    with pytest.raises(NotFound):
        house.run(identity.revoke_token(house.call("bob"), info.id, dry_run=False))


@pytest.mark.parametrize(
    ("owner", "service", "admin"),
    [("", True, False), ("alice", False, False), ("alice", True, True), ("ci", True, False)],
)
def test_a_program_is_no_admin_and_answers_for_nobody(detector: House, owner: str, service: bool, admin: bool) -> None:
    house = detector
    house.run(identity.add_user(house.host(), "ci", server_admin=False, dry_run=False, owner="alice", service=True))
    with pytest.raises(InvalidRequest):
        house.run(identity.add_user(house.host(), "b", admin, dry_run=False, owner=owner, service=service))


def test_L11_a_program_is_shut_out_with_its_owner(detector: House) -> None:
    house = detector
    _, secret = house.run(
        identity.add_user(house.host(), "ci", server_admin=False, dry_run=False, owner="alice", service=True)
    )
    signed_in(house, secret)
    house.run(identity.disable_user(house.host(), "alice", dry_run=False))
    with pytest.raises(NotSignedIn):
        signed_in(house, secret)


def test_what_a_program_did_is_marked_in_the_audit(detector: House) -> None:
    house = detector
    _, secret = house.run(
        identity.add_user(house.host(), "ci", server_admin=False, dry_run=False, owner="alice", service=True)
    )
    house.grant("admin", "ci")
    call = signed_in(house, secret)
    house.run(policy.grant(call, str(DETECTOR), "reader", "bob", dry_run=False))
    chain = house.db.read_now(lambda tx: list(tx.audit.rows(tx.repositories.get(DETECTOR).id)))
    assert b'"service":"True"' in chain[-1].record


def test_P8_a_token_works_only_from_its_networks(detector: House) -> None:
    house = detector
    secret, info = token(house, "rita", networks=("10.1.0.0/16", "2001:db8::/32"))
    assert info.networks == ("10.1.0.0/16", "2001:db8::/32")
    for address in ("10.1.2.3", "2001:db8::7", "::ffff:10.1.9.9"):
        assert resolves(house, signed_in(house, secret, address)) == 1
    for address in ("10.2.0.1", "127.0.0.1", "2001:db9::1", ""):
        with pytest.raises(NotSignedIn):
            signed_in(house, secret, address)
    found = {one.id: one for one in house.run(identity.list_tokens(house.host(), "rita"))}[info.id]
    assert found.last_used_from == "10.1.2.3"


def test_P4_P8_a_token_for_some_repositories_knows_of_no_others(detector: House) -> None:
    house = detector
    house.add_repository(OTHER)
    house.grant("admin", "rita", OTHER)
    secret, _ = token(house, "rita", repositories=("fraud/det*",))
    call = signed_in(house, secret)
    assert resolves(house, call) == 1
    assert [str(one.name) for one in house.run(repositories.list_visible(call))] == [str(DETECTOR)]
    with pytest.raises(NotFound) as hidden:
        house.run(access.authorize(call, "read", str(OTHER)))
    with pytest.raises(NotFound) as absent:
        house.run(access.authorize(call, "read", "fraud/nothing"))
    assert hidden.value.message.replace("other", "X") == absent.value.message.replace("nothing", "X")

    root, _ = token(house, "root", repositories=("fraud/det*",))
    with pytest.raises(Denied):
        house.run(access.authorize(signed_in(house, root), "admin", None))


def test_P8_a_bound_token_makes_none_that_is_less_bound(detector: House) -> None:
    house = detector
    secret, _ = token(house, "rita", networks=("10.1.0.0/16",), repositories=("fraud/*",))
    call = signed_in(house, secret, "10.1.0.1")
    for limits in (
        TokenLimits(),
        TokenLimits(("10.1.0.0/16",)),
        TokenLimits(("10.0.0.0/8",), ("fraud/*",)),
        TokenLimits(("10.1.2.0/24",), ("*",)),
    ):
        with pytest.raises(Denied):
            house.run(identity.create_token(call, "", "", (), DAY, dry_run=False, limits=limits))
    narrow = TokenLimits(("10.1.2.0/24",), ("fraud/*",))
    assert house.run(identity.create_token(call, "", "", (), DAY, dry_run=False, limits=narrow))[1].networks


@pytest.mark.parametrize("limits", [TokenLimits(("10.1.0.1/16",)), TokenLimits(("here",)), TokenLimits((), ("",))])
def test_what_is_no_network_and_no_repository_is_refused(detector: House, limits: TokenLimits) -> None:
    with pytest.raises(InvalidRequest):
        detector.run(identity.create_token(detector.call("rita"), "", "", (), DAY, dry_run=False, limits=limits))


def test_P3_nobody_approves_their_own_work_as_a_program_nor_a_program_s_work_that_they_answer_for(
    detector: House,
) -> None:
    house = detector
    for name, owner in (("ci", "alice"), ("bot", "bob")):
        made = identity.add_user(house.host(), name, server_admin=False, dry_run=False, owner=owner, service=True)
        house.tokens[name] = house.run(made)[1]
        house.grant("contributor", name)
    publish(house, "alice", request_for(add("a.txt", b"a"), contents=(b"a",)))
    publish(house, "ci", request_for(add("b.txt", b"b", 2), contents=(b"b",), prepared=2, workspace=""))

    def counted() -> list[str]:
        def work(tx):
            row = tx.repositories.get(DETECTOR)
            written_by = approvals.authors(tx, row.id, ChangesetNumber(3), ChangesetNumber(1))
            barred = tx.users.standing_for(written_by)
            return [one.user for one in tx.approvals.approvers(row.id, ChangesetNumber(3)) if one.user not in barred]

        return house.db.read_now(work)

    for number, user in (("@2", "ci"), ("@3", "alice"), ("@3", "ci")):
        with pytest.raises(Denied, match="others approve it"):
            house.run(approvals.approve(house.call(user), DETECTOR, number, "", dry_run=False))
    house.run(approvals.approve(house.call("bot"), DETECTOR, "@3", "", dry_run=False))
    assert counted() == ["bot"]
    house.run(identity.disable_user(house.host(), "bob", dry_run=False))
    assert counted() == []


def test_P8_a_token_for_some_repositories_shuts_nobody_out(detector: House) -> None:
    house = detector
    admins, _ = token(house, "root", repositories=("fraud/other",))
    bobs, own = token(house, "bob", repositories=("fraud/other",))
    first = {name: house.run(identity.list_tokens(house.call(name), ""))[0].id for name in ("alice", "bob")}
    for text, other in ((admins, first["alice"]), (bobs, first["bob"])):
        with pytest.raises(NotFound):
            house.run(identity.revoke_token(signed_in(house, text), other, dry_run=False))
    with pytest.raises(Denied):
        house.run(identity.list_tokens(signed_in(house, admins), "alice"))
    assert house.run(identity.revoke_token(signed_in(house, bobs), own.id, dry_run=False)).revoked
