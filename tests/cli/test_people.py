"""P4, P8: groups, programs' accounts, tokens, reads in the audit and files withheld, as their users see them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.servers import Team, User, running_team

REPOSITORY = "fraud/detector"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with running_team(tmp_path_factory.mktemp("team")) as made:
        made.admin.mlv("repo", "create", REPOSITORY)
        folder = made.admin.home / "w"
        made.admin.mlv("checkout", REPOSITORY, str(folder))
        for name, text in (("weights/big.txt", "secret\n"), ("docs/a.txt", "words\n")):
            (folder / name).parent.mkdir()
            (folder / name).write_text(text)
        made.admin.mlv("add", ".", cwd=folder)
        made.admin.mlv("commit", "-m", "one", cwd=folder)
        yield made


def test_a_group_from_its_making_to_its_end(team: Team) -> None:
    admin, member = team.admin, team.member("gina")
    assert member.mlv("repo", "list", "--json").json == []
    assert admin.mlv("group", "add", "reviewers", "--json").json["members"] == []
    admin.mlv("group", "add-member", "reviewers", "gina")
    admin.mlv("policy", "grant", "reader", "group:reviewers", REPOSITORY)
    shown = admin.mlv("group", "show", "reviewers", "--json").json
    assert shown["members"] == ["gina"]
    assert [rule["role"] for rule in shown["rules"]] == ["reader"]
    assert [one["name"] for one in member.mlv("repo", "list", "--json").json] == [REPOSITORY]

    admin.mlv("group", "remove-member", "reviewers", "gina")
    assert member.mlv("repo", "list", "--json").json == []
    refused = admin.mlv("group", "delete", "reviewers", code=2)
    assert "1 rule speaks of the group 'reviewers'." in refused.err
    assert "policy revoke" in refused.err
    assert "is not in the group" in admin.mlv("group", "remove-member", "reviewers", "gina", code=9).err
    admin.mlv("policy", "revoke", "reader", "group:reviewers", REPOSITORY)
    admin.mlv("group", "delete", "reviewers")
    assert admin.mlv("group", "list", "--json").json == []
    member.mlv("group", "list", code=5)


def test_P8_a_program_and_its_tokens_are_shown_as_such(team: Team) -> None:
    owner = team.member("olga")
    made = team.admin.mlv("user", "add", "ci", "--service", "--owner", "olga", "--json").json
    assert (made["service"], made["owner"]) == (True, "olga")
    token = owner.mlv(
        "token", "create", "--user", "ci", "--from", "127.0.0.0/8", "--repo", "fraud/*", "--expires", "7d", "--json"
    ).json
    assert token["networks"] == ["127.0.0.0/8"]
    program = User("ci", owner.config, owner.home, {"MLV_TOKEN": token["token"]})
    shown = program.mlv("whoami", "--json").json
    assert (shown["user"], shown["service"], shown["repositories"]) == ("ci", True, ["fraud/*"])
    listed = owner.mlv("token", "list", "--user", "ci", "--json").json
    used = next(one for one in listed if one["id"] == token["id"])
    assert used["last_used_from"] == "127.0.0.1"
    assert "a program of olga" in team.admin.mlv("user", "list").out

    elsewhere = owner.mlv("token", "create", "--user", "ci", "--from", "10.0.0.0/8", "--json").json
    User("ci", owner.config, owner.home, {"MLV_TOKEN": elsewhere["token"]}).mlv("whoami", code=5)


def test_P8_a_revoked_token_ends_its_watch_at_once(team: Team) -> None:
    team.member("walter", reader=REPOSITORY.replace("/", "__"))
    token = team.admin.mlv("token", "create", "--user", "walter", "--json").json
    home = team.admin.home
    watcher = User("walter", team.admin.config, home, {"MLV_TOKEN": token["token"]})
    watching = watcher.popen("watch", REPOSITORY, "--after", "0", "--json")
    try:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["kind"]
        team.admin.mlv("token", "revoke", token["id"])
        told = "".join(watching.communicate(timeout=15))
    finally:
        watching.kill()
    assert watching.returncode == 5
    assert "revoked" in told


def test_P4_a_checkout_leaves_out_what_may_not_be_read_and_says_so_once(team: Team) -> None:
    reader = team.member("rosa", reader=REPOSITORY.replace("/", "__"))
    team.member("rudi", reader=REPOSITORY.replace("/", "__"))
    file = team.admin.home / "policy.toml"
    document = team.admin.mlv("policy", "show", REPOSITORY, "--toml").out
    file.write_text(document + '\n[[deny]]\nwho = "rosa"\nactions = ["read"]\npath = "weights/**"\n')
    team.admin.mlv("policy", "set", REPOSITORY, str(file), "-m", "weights are not for all")
    folder = reader.home / "w"
    done = reader.mlv("checkout", REPOSITORY, str(folder), "--json").json
    assert (done["added"], done["withheld"]) == (["docs/a.txt"], 1)
    assert not (folder / "weights").exists()
    assert "weights/big.txt" in reader.mlv("ls", "@1", cwd=folder).out
    reader.mlv("status", cwd=folder)
    again = reader.mlv("update", cwd=folder)
    assert "left out" not in again.out + again.err
    beside = reader.mlv("checkout", REPOSITORY, str(reader.home / "w2"))
    assert "1 file left out, which you may list but not read" in beside.err


def test_the_audit_tells_who_read_what_in_batches_and_survives_a_stop(team: Team) -> None:
    reader = team.member("ruth", reader=REPOSITORY.replace("/", "__"))
    reader.mlv("checkout", REPOSITORY, str(reader.home / "w"))
    User("ruth", reader.config, reader.home, {"MLV_TOKEN": "mlv_aaaaaaaaaaaa_" + "a" * 52}).mlv("whoami", code=5)
    team.server.stop()
    team.server.start()
    (found,) = team.admin.mlv("audit", "log", REPOSITORY, "--kind", "read", "--user", "ruth", "--json").json
    assert (found["object"], found["detail"]["files"]) == (f"{REPOSITORY}@1", "2")
    assert int(found["detail"]["bytes"]) > 0
    (failed,) = team.admin.mlv("audit", "log", "--kind", "sign-in", "--last", "1h", "-l", "1", "--json").json
    assert (failed["allowed"], failed["detail"]["attempts"]) == (False, "1")
    team.admin.mlv("audit", "verify", REPOSITORY)
