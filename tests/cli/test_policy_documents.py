"""The policy as a document, as admins use it: shown, set, tested, compared, set back; refusals name their reason."""

from __future__ import annotations

import itertools
import textwrap

import pytest
from tests.cli.people import Typist
from tests.servers import Team

_numbers = itertools.count(1)


@pytest.fixture
def admin(team: Team, tmp_path) -> Typist:
    return Typist(team.admin.name, team.admin.config, tmp_path)


@pytest.fixture
def lead(member, tmp_path) -> Typist:
    """An admin of the repository, and not of the server."""
    user = member("admin")
    return Typist(user.name, user.config, tmp_path)


@pytest.fixture
def alice(admin: Typist) -> str:
    name = f"alice{next(_numbers)}"
    admin.mlv("user", "add", name)
    return name


def document(typist: Typist, repository: str) -> str:
    return typist.mlv("policy", "show", repository, "--toml")


def write(typist: Typist, text: str, name: str = "policy.toml") -> str:
    typist.write(name, text.encode())
    return name


def with_more(typist: Typist, repository: str, more: str) -> str:
    """A file with the document in force and more."""
    return write(typist, document(typist, repository) + textwrap.dedent(more))


def may(typist: Typist, who: str, action: str, place: str) -> bool:
    return typist.json("policy", "explain", who, action, place)["allowed"]


def test_P6_a_document_goes_around_and_stays_the_same(admin, repository, alice):
    file = with_more(
        admin,
        repository,
        f"""
        [[allow]]
        who = ["{alice}", "admin"]
        actions = ["read", "write"]
        ref = "branch/fix/*"
        path = "src/**"
        from = ["10.0.0.0/8", "::1"]
        until = 2127-01-01

        [[deny]]
        who = "everybody"
        actions = ["obliterate"]
        until = 2126-05-04T03:02:01Z

        [[require]]
        actions = ["merge", "label.create"]
        approvals = 2
        by = ["admin", "{alice}"]

        [[lock]]
        path = "weights/**"
        need = "required"

        [[test]]
        expect = "{alice} obliterate branch/main = deny"

        [[test]]
        expect = "{alice} write branch/fix/typo:src/a.py = allow"
        from = "10.1.2.3"
        """,
    )
    done = admin.json("policy", "set", repository, file)
    assert (done["added"], done["removed"], done["kept"], done["tests"]) == (4, 0, 1, 2)
    shown = document(admin, repository)
    assert "until = 2127-01-01\n" in shown
    assert "until = 2126-05-04T03:02:01Z\n" in shown
    assert admin.json("policy", "set", repository, write(admin, shown)) | {"dry_run": False} == {
        **done,
        "added": 0,
        "removed": 0,
        "kept": 5,
        "others": [],
        "before": done["version"],
    }
    assert document(admin, repository) == shown
    said = admin.json("policy", "show", repository, "--toml")
    assert said == {"version": done["version"], "document": shown.rstrip("\n") + "\n"}
    text = admin.mlv("policy", "show", repository)
    assert "2 approvals by admin" in text
    assert "from 10.0.0.0/8 or ::1, until 2127-01-01T00:00Z" in text


def test_every_fault_is_named_with_file_and_line(admin, repository):
    file = with_more(
        admin,
        repository,
        """
        [[allow]]
        who = ["nobody-here", "group:ghosts"]
        role = "contribtor"
        from = "10.0.0.1/8"
        colour = "red"
        [[require]]
        actions = ["deploy"]
        approvals = 2
        signed = true
        [[test]]
        expect = "admin may read"
        [[rule]]
        """,
    )
    refused = admin.json("policy", "set", repository, file, code=2)
    assert refused["code"] == "INVALID_POLICY"
    at = document(admin, repository).count("\n")
    for line, words in (
        (3, "there is no user 'nobody-here'"),
        (3, "there is no group 'ghosts'"),
        (4, "there is no role 'contribtor'"),
        (5, "'10.0.0.1/8' is no network"),
        (6, "there is no such key"),
        (9, "cannot be asked for before 'deploy'"),
        (7, "[[require]] by: is missing"),
        (10, "signatures cannot be required"),
        (12, "write expect = "),
        (13, "sections are allow, deny, require, lock, test"),
    ):
        found = [item for item in refused["items"] if words in item]
        assert [item.split(": ")[0] for item in found] == [f"policy.toml:{at + line}"], (words, refused["items"])
    assert len(refused["items"]) == 10
    text = admin.mlv("policy", "set", repository, file, code=2)
    assert f"policy.toml:{at + 4}: [[allow]] role: there is no role 'contribtor'" in text


def test_what_is_no_toml_is_told_before_anything_is_sent(admin, repository):
    file = write(admin, 'version = 1\n[[allow]\nwho = "admin"\n')
    for command in (("set", repository, file), ("test", repository, file), ("diff", repository, file)):
        refused = admin.json("policy", *command, code=2)
        assert refused["code"] == "INVALID_POLICY"
        assert refused["message"].startswith("policy.toml:2: ")
    assert admin.json("policy", "set", repository, "absent.toml", code=2)["code"] == "USAGE"
    admin.json("policy", "set", repository, code=2)


def test_P6_tests_must_pass_before_it_takes_effect(admin, repository, alice):
    file = with_more(
        admin,
        repository,
        f"""
        [[allow]]
        who = "{alice}"
        actions = ["deploy"]
        [[test]]
        expect = "{alice} deploy env/prod = deny"
        [[test]]
        expect = "{alice} read = deny"
        """,
    )
    refused = admin.json("policy", "set", repository, file, code=2)
    assert refused["code"] == "POLICY_TESTS_FAILED"
    at = document(admin, repository).count("\n")
    reason = f"the rule at line {at + 2} allows 'deploy'"
    assert refused["items"] == [
        f"policy.toml:{at + 5}: {alice} deploy env/prod = deny, but the policy says allow: {reason}"
    ]
    assert not may(admin, alice, "deploy", f"{repository}:env/prod")
    tried = admin.json("policy", "test", repository, file, code=2)
    assert [(one["passed"], one["verdict"]) for one in tried["tests"]] == [(False, "allow"), (True, "deny")]
    assert "FAIL" in admin.mlv("policy", "test", repository, file, code=2)
    assert admin.json("policy", "test", repository)["tests"] == []


def test_P6_tests_bind_grants_too(admin, repository, alice):
    file = with_more(admin, repository, f'[[test]]\nexpect = "{alice} write branch/main = deny"\n')
    admin.mlv("policy", "set", repository, file)
    assert admin.json("policy", "grant", "contributor", alice, repository, code=2)["code"] == "POLICY_TESTS_FAILED"
    admin.mlv("policy", "grant", "reader", alice, repository)
    assert admin.mlv("policy", "test", repository).endswith("1 test, 0 failed\n")


def test_P6_whoever_changed_it_meanwhile_is_not_overwritten(admin, lead, repository, alice):
    file = with_more(admin, repository, f'[[deny]]\nwho = "{alice}"\nactions = ["read"]\n')
    lead.mlv("policy", "grant", "reader", alice, repository)
    refused = admin.json("policy", "set", repository, file, code=3)
    assert refused["code"] == "POLICY_MOVED"
    assert "mlv policy diff" in refused["advice"]
    lost = admin.json("policy", "diff", repository, file)
    assert [rule["role"] for rule in lost["removed"]] == ["reader"]
    newest = lost["before"]
    done = admin.json("policy", "set", repository, file, "--base", str(newest))
    assert done["before"] == newest
    nothing = write(admin, document(admin, repository).replace("version = ", "# "))
    assert "which version" in admin.json("policy", "set", repository, nothing, code=2)["message"]


def test_P6_nobody_grants_what_they_lack(admin, lead, repository, alice):
    admin.mlv(
        "policy",
        "set",
        repository,
        with_more(admin, repository, f'[[deny]]\nwho = "{lead.name}"\nactions = ["deploy"]\n'),
    )
    refused = lead.json(
        "policy",
        "set",
        repository,
        with_more(lead, repository, f'[[allow]]\nwho = "{alice}"\nactions = ["deploy"]\n'),
        code=5,
    )
    assert "you lack: deploy" in refused["message"]
    assert refused["items"][0].startswith("policy.toml:")
    freed = document(lead, repository).split("[[deny]]")[0]
    assert "you lack: deploy" in lead.json("policy", "set", repository, write(lead, freed), code=5)["message"]
    narrow = f'[[allow]]\nwho = "{alice}"\nactions = ["read"]\nref = "branch/*"\n'
    assert lead.json("policy", "set", repository, with_more(lead, repository, narrow))["added"] == 1


def test_P6_the_last_admin_cannot_be_removed(admin, lead, repository, alice):
    rest = f"version = {lead.json('policy', 'history', repository)[0]['version']}\n"
    own = f'{rest}[[allow]]\nwho = "{alice}"\nrole = "reader"\n'
    assert "last admin" in lead.json("policy", "set", repository, write(lead, own), code=2)["message"]
    everybody = with_more(admin, repository, '[[deny]]\nwho = "everybody"\nactions = ["policy.write"]\n')
    assert "nobody could change" in admin.json("policy", "set", repository, everybody, code=2)["message"]
    assert admin.json("policy", "set", repository, write(admin, own))["removed"] == 2


def test_P6_a_difference_tells_who_gains_and_loses_what(admin, repository, alice):
    admin.mlv("policy", "grant", "contributor", alice, repository)
    file = write(
        admin,
        document(admin, repository).replace("contributor", "reader")
        + '[[deny]]\nwho = "everybody"\nactions = ["list"]\nref = "branch/secret"\n'
        + f'[[allow]]\nwho = "{alice}"\nactions = ["deploy"]\nref = "env/*"\n',
    )
    found = admin.json("policy", "diff", repository, file)
    rows = {(one["subject"], one["ref"], one["before"], one["after"]): one for one in found["access"]}
    gained = rows[alice, "env/*", "deny", "allow"]
    assert gained["actions"] == ["deploy"]
    assert rows[alice, "*", "allow", "deny"]["actions"] == ["branch.create", "merge", "open", "write"]
    secret = [one for one in found["access"] if one["ref"] == "branch/secret"]
    assert {user for one in secret for user in [one["subject"], *one["users"]]} >= {alice, "admin"}
    assert [rule["role"] for rule in found["removed"]] == ["contributor"]
    dry = admin.json("policy", "set", repository, file, "-n")
    assert (dry["dry_run"], dry["access"]) == (True, found["access"])
    assert may(admin, alice, "write", f"{repository}:main")
    text = admin.mlv("policy", "diff", repository, file)
    assert f"{alice} gains deploy on env/*\n" in text
    assert f"{alice} loses branch.create, merge, open, write everywhere\n" in text
    same = admin.mlv("policy", "diff", repository, write(admin, document(admin, repository)))
    assert "nobody gains or loses anything" in same


def test_P6_every_version_can_be_shown_and_set_back(admin, repository, alice):
    first = admin.json("policy", "history", repository)[0]["version"]
    before = document(admin, repository)
    admin.mlv("policy", "grant", "reader", alice, repository)
    file = with_more(
        admin, repository, f'[[deny]]\nwho = "{alice}"\nactions = ["read"]\n[[test]]\nexpect = "{alice} read = deny"\n'
    )
    done = admin.json("policy", "set", repository, file, "-m", "left the team")
    known = admin.json("policy", "history", repository)
    assert [(one["act"], one["why"], one["added"], one["removed"]) for one in known][:2] == [
        ("set", "left the team", 1, 0),
        ("grant", "", 1, 0),
    ]
    assert (known[0]["version"], known[0]["by"], known[-1]["version"]) == (done["version"], "admin", first)
    assert "left the team" in admin.mlv("policy", "history", repository)
    assert admin.mlv("policy", "show", repository, "--toml", "--version", str(first)) == before
    assert len(admin.json("policy", "show", repository, "--version", str(first))["rules"]) == 1
    assert admin.json("policy", "diff", repository, f"{first}:{known[1]['version']}")["access"][0]["after"] == "allow"
    back = admin.json("policy", "set", repository, "--to", str(first), "-m", "a mistake")
    assert (back["added"], back["removed"]) == (0, 2)
    assert document(admin, repository).split("\n", 2)[2] == before.split("\n", 2)[2]
    last = admin.json("policy", "diff", repository)
    assert [rule["effect"] for rule in last["removed"]] == ["allow", "deny"]
    assert admin.json("policy", "set", repository, "--to", "999999", code=9)["code"] == "NOT_FOUND"


def test_the_servers_own_document_speaks_of_many_repositories(admin, lead, repository, alice):
    space = repository.split("/")[0]
    base = admin.mlv("policy", "show", "--toml")
    text = base + f'[[allow]]\nwho = "{alice}"\nrepository = "{space}/*"\nrole = "reader"\n'
    text += f'[[test]]\nexpect = "{alice} read {repository} = allow"\n'
    done = admin.json("policy", "set", "--server", write(admin, text))
    try:
        assert (done["repository"], done["added"]) == (None, 1)
        assert may(admin, alice, "read", repository)
        deny = with_more(lead, repository, f'[[deny]]\nwho = "{alice}"\nactions = ["read"]\n')
        assert lead.json("policy", "set", repository, deny, code=2)["code"] == "POLICY_TESTS_FAILED"
        assert lead.json("policy", "show", "--toml", code=5)["code"] == "DENIED"
        one = write(admin, base + f'[[allow]]\nwho = "{alice}"\nrepository = "{repository}"\nrole = "reader"\n')
        assert (
            "stands for one repository"
            in admin.json("policy", "set", "--server", one, "--base", str(done["version"]), code=2)["items"][0]
        )
    finally:
        admin.mlv("policy", "set", "--server", "--to", str(done["before"]))


def test_P4_a_changed_policy_is_told_to_who_may_read_it(admin, lead, member, repository, alice):
    reader = member("reader")
    reads = Typist(reader.name, reader.config, admin.here)
    admin.mlv("policy", "grant", "reader", alice, repository)

    def told(typist: Typist) -> list[str]:
        lines = typist.mlv("watch", repository, "--after", "0", "--once", "--json").splitlines()
        return [line for line in lines if "policy.changed" in line]

    assert told(lead)
    assert not told(reads)
    assert reads.json("policy", "history", repository, code=5)["code"] == "DENIED"
    audit = admin.json("audit", "log", repository)
    assert any(one["action"] == "policy.grant" for one in audit)


def test_P3_from_an_address(admin, repository, alice):
    text = f'[[allow]]\nwho = "{alice}"\nactions = ["read"]\nfrom = "10.0.0.0/8"\n'
    text += f'[[require]]\nwho = "{alice}"\nactions = ["list"]\nfrom = "192.168.0.0/16"\n'
    admin.mlv("policy", "set", repository, with_more(admin, repository, text))
    place = f"{repository}:main"
    assert admin.json("policy", "explain", alice, "read", place, "--from", "10.9.9.9")["allowed"]
    elsewhere = admin.json("policy", "explain", alice, "read", place, "--from", "11.9.9.9")
    assert (elsewhere["allowed"], [one["weight"] for one in elsewhere["rules"]]) == (False, ["conditional"])
    assert not admin.json("policy", "explain", alice, "read", place)["allowed"]
    asked = admin.json("policy", "explain", alice, "list", place, "--from", "10.9.9.9")
    assert "only from 192.168.0.0/16" in asked["reason"]
    assert "is no address" in admin.json("policy", "explain", alice, "list", place, "--from", "home", code=2)["message"]


def test_P3_a_rule_holds_for_the_address_that_calls(admin, team, repository):
    user = team.member(f"local{next(_numbers)}")
    admin.mlv(
        "policy", "set", repository,
        with_more(admin, repository, f'[[allow]]\nwho = "{user.name}"\nrole = "reader"\nfrom = "127.0.0.0/8"\n'),
    )  # fmt: skip
    typist = Typist(user.name, user.config, admin.here)
    assert typist.json("repo", "show", repository)["name"] == repository
    own = typist.json("policy", "explain", user.name, "read", repository)
    assert own["allowed"]
    elsewhere = document(admin, repository).replace("127.0.0.0/8", "10.0.0.0/8")
    admin.mlv("policy", "set", repository, write(admin, elsewhere))
    typist.json("repo", "show", repository, code=9)


def test_L3_rules_about_locks_are_a_part_of_the_document(admin, pair, repository):
    author, _ = pair
    file = with_more(admin, repository, '[[lock]]\npath = "*.py"\nneed = "required"\n')
    done = admin.json("policy", "set", repository, file)
    assert (done["added"], done["others"]) == (0, ["rules about locks: 1 instead of the usual ones"])
    author.write("train.py", b"by nobody's leave\n")
    assert author.json("commit", "-m", "unlocked", code=4)["code"] == "LOCK_NEEDED"
    assert '[[lock]]\npath = "*.py"\n' in document(admin, repository)
    admin.mlv("policy", "set", repository, "--to", str(done["before"]))
    assert "[[lock]]" not in document(admin, repository)
    author.mlv("commit", "-m", "free again")
    back = admin.json("policy", "set", repository, "--to", str(done["version"]))
    assert back["others"] == ["rules about locks: 1 instead of the usual ones"]
