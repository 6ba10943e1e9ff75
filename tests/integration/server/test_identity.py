"""People and tokens on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlv_core.errors import AlreadyExists, Denied, InvalidName, InvalidRequest, NotFound, NotSignedIn
from mlv_server.services import access, bootstrap, identity

if TYPE_CHECKING:
    from tests.integration.server.conftest import House

DAY = 86_400_000


def test_P7_the_first_token_is_exchanged_once_and_is_then_dead(house: House) -> None:
    first = house.run(bootstrap.first_admin(house.db, house.settings))
    call = house.sign_in(first)
    assert house.run(identity.whoami(call)).exchange
    with pytest.raises(Denied):
        house.run(access.authorize(call, "admin", None))

    own, info = house.run(identity.exchange_token(call))
    me = house.run(identity.whoami(house.sign_in(own)))
    assert (me.user, me.server_admin, me.exchange, me.token_id) == ("admin", True, False, info.id)
    with pytest.raises(NotSignedIn, match="exchanged"):
        house.sign_in(first)
    with pytest.raises(NotSignedIn):
        house.run(identity.exchange_token(call))
    with pytest.raises(InvalidRequest):
        house.run(identity.exchange_token(house.sign_in(own)))


def test_P7_a_lost_exchange_is_mended_on_the_host(house: House) -> None:
    first = house.run(bootstrap.first_admin(house.db, house.settings))
    house.run(identity.exchange_token(house.sign_in(first)))
    token, _ = house.run(identity.create_token(house.host(), "admin", "", (), None, dry_run=False))
    assert house.run(identity.whoami(house.sign_in(token))).user == "admin"


def test_P7_a_server_has_one_first_admin(house: House) -> None:
    house.run(bootstrap.first_admin(house.db, house.settings))
    with pytest.raises(AlreadyExists):
        house.run(bootstrap.first_admin(house.db, house.settings))


@pytest.mark.parametrize("token", ["", "nonsense", "mlv_aaaaaaaaaaaa_" + "a" * 52])
def test_an_unknown_token_signs_nobody_in(house: House, token: str) -> None:
    with pytest.raises(NotSignedIn, match="does not know"):
        house.sign_in(token)


def test_P8_a_wrong_secret_is_told_as_an_unknown_token(house: House) -> None:
    house.add_user("alice")
    token = house.tokens["alice"]
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    with pytest.raises(NotSignedIn, match="does not know"):
        house.sign_in(wrong)


def test_P8_no_secret_lies_in_the_database(house: House) -> None:
    house.add_user("alice")
    secret = house.tokens["alice"].rpartition("_")[2].encode()
    for file in house.settings.directory.rglob("mlv.db*"):
        assert secret not in file.read_bytes()


def test_P8_tokens_expire(house: House) -> None:
    house.add_user("alice")
    token, info = house.run(identity.create_token(house.call("alice"), "", "ci", (), 60, dry_run=False))
    assert info.expires_at is not None
    house.sign_in(token)
    house.now = info.expires_at
    with pytest.raises(NotSignedIn, match="expired"):
        house.sign_in(token)


def test_P8_a_token_ends_when_the_settings_say_and_not_in_a_hundred_years(house: House) -> None:
    house.add_user("alice")
    call = house.call("alice")
    _, info = house.run(identity.create_token(call, "", "", (), None, dry_run=False))
    assert info.expires_at == call.now + house.settings.token_days * DAY
    for seconds in (0, 100 * 365 * 86_400):
        with pytest.raises(InvalidRequest, match="ten years"):
            house.run(identity.create_token(call, "", "", (), seconds, dry_run=False))


def test_P8_last_use_is_shown_and_written_once_a_minute(house: House) -> None:
    house.add_user("alice")

    def last() -> int | None:
        (info,) = house.db.read_now(lambda tx: tx.tokens.list_of(tx.users.get("alice")[0]))
        return info.last_used_at

    assert last() is None
    first = house.now
    house.call("alice")
    house.call("alice")
    assert last() == first
    house.now += 60_000
    later = house.now
    house.call("alice")
    assert last() == later


def test_P8_a_revoked_token_is_dead_at_once(house: House) -> None:
    house.add_user("alice")
    token, info = house.run(identity.create_token(house.call("alice"), "", "", (), None, dry_run=False))
    assert house.run(identity.revoke_token(house.call("alice"), info.id, dry_run=False)).revoked
    with pytest.raises(NotSignedIn, match="revoked"):
        house.sign_in(token)
    shown = {one.id: one.revoked for one in house.run(identity.list_tokens(house.call("alice"), ""))}
    assert shown[info.id]


def test_P8_a_scoped_token_makes_no_wider_one(house: House) -> None:
    house.add_user("alice")
    narrow, info = house.run(identity.create_token(house.call("alice"), "", "", ("reader",), None, dry_run=False))
    assert info.scope == ("list", "meta.read", "read")
    for scope in ((), ("write",), ("reader", "write")):
        with pytest.raises(Denied, match="scope"):
            house.run(identity.create_token(house.sign_in(narrow), "", "", scope, None, dry_run=False))
    _, narrower = house.run(identity.create_token(house.sign_in(narrow), "", "", ("read",), None, dry_run=False))
    assert narrower.scope == ("read",)


def test_others_tokens_are_for_admins_of_the_server(house: House) -> None:
    house.add_user("alice")
    house.add_user("bob")
    house.add_user("root", admin=True)
    (token,) = house.run(identity.list_tokens(house.call("root"), "bob"))
    with pytest.raises(Denied):
        house.run(identity.list_tokens(house.call("alice"), "bob"))
    with pytest.raises(Denied):
        house.run(identity.create_token(house.call("alice"), "bob", "", (), None, dry_run=False))
    with pytest.raises(NotFound):
        house.run(identity.revoke_token(house.call("alice"), token.id, dry_run=False))
    assert house.run(identity.revoke_token(house.call("root"), token.id, dry_run=False)).revoked


def test_P8_a_token_with_a_scope_revokes_only_itself(house: House) -> None:
    house.add_user("alice")
    narrow, info = house.run(identity.create_token(house.call("alice"), "", "ci", ("reader",), None, dry_run=False))
    (own, _) = house.run(identity.list_tokens(house.call("alice"), ""))
    with pytest.raises(NotFound):
        house.run(identity.revoke_token(house.sign_in(narrow), own.id, dry_run=False))
    assert house.run(identity.revoke_token(house.sign_in(narrow), info.id, dry_run=False)).revoked
    assert house.call("alice").principal.user == "alice"


def test_nobody_is_called_as_the_host_is_in_the_audit_trail(house: House) -> None:
    with pytest.raises(InvalidName, match="host"):
        house.run(identity.add_user(house.host(), "Host", server_admin=False, dry_run=False))


def test_a_disabled_user_is_out_at_once(house: House) -> None:
    house.add_user("alice")
    house.add_user("root", admin=True)
    assert house.run(identity.disable_user(house.call("root"), "ALICE", dry_run=False)).disabled
    with pytest.raises(NotSignedIn, match="disabled"):
        house.call("alice")
    with pytest.raises(InvalidRequest, match="disabled"):
        house.run(identity.create_token(house.call("root"), "alice", "", (), None, dry_run=False))


def test_P6_the_last_admin_of_the_server_cannot_be_removed(house: House) -> None:
    house.add_user("root", admin=True)
    with pytest.raises(InvalidRequest, match="last admin"):
        house.run(identity.disable_user(house.call("root"), "root", dry_run=False))
    house.add_user("second", admin=True)
    house.run(identity.disable_user(house.call("second"), "root", dry_run=False))
    with pytest.raises(InvalidRequest, match="last admin"):
        house.run(identity.disable_user(house.call("second"), "second", dry_run=False))


def test_user_names_are_checked_and_compared_without_regard_to_case(house: House) -> None:
    house.add_user("alice")
    with pytest.raises(AlreadyExists):
        house.run(identity.add_user(house.host(), "Alice", server_admin=False, dry_run=False))
    with pytest.raises(InvalidName):
        house.run(identity.add_user(house.host(), "a b", server_admin=False, dry_run=False))
    assert [user.name for user in house.run(identity.list_users(house.host()))] == ["alice"]


def test_a_dry_run_decides_everything_and_changes_nothing(house: House) -> None:
    house.add_user("root", admin=True)
    house.add_user("alice")
    before = _dump(house)
    user, token = house.run(identity.add_user(house.host(), "new", server_admin=False, dry_run=True))
    assert (user.name, token) == ("new", "")
    with pytest.raises(AlreadyExists):
        house.run(identity.add_user(house.host(), "alice", server_admin=False, dry_run=True))
    assert house.run(identity.disable_user(house.host(), "alice", dry_run=True)).disabled
    text, _ = house.run(identity.create_token(house.host(), "alice", "", (), None, dry_run=True))
    assert text == ""
    assert _dump(house) == before


def _dump(house: House) -> list[tuple[object, ...]]:
    return house.db.read_now(
        lambda tx: [
            tuple(row)
            for table in ("users", "tokens", "audit", "rules", "policy_versions")
            for row in tx.connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]
    )
