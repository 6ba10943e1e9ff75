"""The policy as people write it: what is read, which line is wrong, and the same document again."""

from __future__ import annotations

import pytest

from mlv_core.entities import Effect, SubjectKind
from mlv_core.policies import Verdict
from mlv_server.domain.policy import Resource
from mlv_server.domain.policy_document import Names, parse_document, stored_test
from mlv_server.domain.policy_fields import places
from mlv_server.domain.policy_toml import write_document

NAMES = Names({"alice": "Alice", "everybody": "Everybody"}, {"reviewers": "reviewers"}, frozenset({"t1"}))
REPOSITORY = "fraud/detector"


def faults(text: str, repository: str = REPOSITORY) -> list[str]:
    return list(parse_document(text, repository, NAMES)[1])


def test_every_section_is_read() -> None:
    document, problems = parse_document(
        """
version = 7
[[allow]]
who = ["ALICE", "group:reviewers", "token:t1", "everybody", "user:everybody"]
role = "reader"
[[require]]
actions = "merge"
approvals = 2
by = "group:Reviewers"
[[lock]]
path = "weights/**"
need = "required"
[[test]]
expect = "alice write main:src/a b.py = approval"
from = "10.0.0.1"
""",
        REPOSITORY,
        NAMES,
    )
    assert problems == ()
    assert document.base == 7
    assert [(rule.subject_kind, rule.subject) for rule in document.rules] == [
        (SubjectKind.USER, "Alice"),
        (SubjectKind.GROUP, "reviewers"),
        (SubjectKind.TOKEN, "t1"),
        (SubjectKind.EVERYBODY, ""),
        (SubjectKind.USER, "Everybody"),
        (SubjectKind.EVERYBODY, ""),
    ]
    required = document.rules[-1]
    assert (required.effect, required.actions) == (Effect.REQUIRE, ("merge",))
    assert required.conditions == (("approvals", "2"), ("by", "group:reviewers"))
    assert [document.lines[rule.id] for rule in document.rules] == [3] * 5 + [6]
    assert document.locks is not None
    (test,) = document.tests
    assert (test.who, test.action, test.verdict, test.address) == ("Alice", "write", Verdict.APPROVAL, "10.0.0.1")
    assert test.resource == Resource(REPOSITORY, "branch/main", "src/a b.py")


def test_a_table_named_twice_is_one_rule() -> None:
    text = '[[allow]]\nwho = "alice"\nrole = "reader"\n'
    document, problems = parse_document(text + text, REPOSITORY, NAMES)
    assert (len(document.rules), problems) == (1, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[allow]\n", "line 1: "),
        ('x = """\n', "line 1: "),
        ('[allow]\nwho = "alice"\n', "line 1: write [[allow]] in double brackets"),
        ('[[allow]]\nrole = "reader"\n', "line 1: [[allow]] who: is missing"),
        ('[[allow]]\nwho = "alice"\n', "line 1: [[allow]] needs either role or actions"),
        ('[[allow]]\nwho = "alice"\nrole = "reader"\nactions = ["read"]\n', "line 1: [[allow]] needs either"),
        ('[[allow]]\nwho = []\nrole = "reader"\n', "line 2: [[allow]] who: must be a text or a list"),
        ('[[allow]]\nwho = [1]\nrole = "reader"\n', "line 2: [[allow]] who: must hold texts"),
        ('[[deny]]\nwho = "alice"\nactions = "fly"\n', "line 3: [[deny]] actions: there is no action 'fly'"),
        ('[[deny]]\nwho = "token:t2"\nactions = "read"\n', "line 2: [[deny]] who: there is no token 't2'"),
        ('[[deny]]\nwho = "alice"\nactions = "read"\nref = "main"\n', "line 4: [[deny]] ref: 'main' is neither"),
        ('[[deny]]\nwho = "alice"\nactions = "read"\nuntil = "soon"\n', "line 4: [[deny]] until: must be a date"),
        ('[[deny]]\nwho = "alice"\nactions = "read"\npath = "' + "[" * 99 + '"\n', "line 4: [[deny]] path: "),
        ('[[deny]]\nwho = "alice"\nactions = "read"\npath = "a\\tb"\n', "line 4: [[deny]] path: must be a text"),
        ('[[require]]\nactions = "merge"\n', "line 1: [[require]] asks for nothing"),
        ('[[require]]\napprovals = 1\nby = "alice"\n', "line 1: [[require]] actions: is missing"),
        ('[[require]]\nactions = "merge"\napprovals = 0\nby = "alice"\n', "line 3: [[require]] approvals: must be"),
        ('[[require]]\nactions = "merge"\nby = "alice"\n', "line 3: [[require]] by: says who approves"),
        ('[[require]]\nactions = "merge"\napprovals = 1\nby = "token:t1"\n', "line 4: [[require]] by: people approve"),
        (
            '[[require]]\nactions = "label.create"\npath = "a/**"\napprovals = 1\nby = "alice"\n',
            "line 3: [[require]] path: a label is of a whole version",
        ),
        ('[[lock]]\npath = "a"\n', "line 1: [[lock]]: need is missing"),
        ('[[test]]\nexpect = "alice read"\n', "line 2: [[test]] expect: write expect ="),
        ('[[test]]\nexpect = "alice read main:../x = deny"\n', "line 2: [[test]] expect: "),
        ('[[test]]\nexpect = "alice fly = deny"\n', "line 2: [[test]] expect: there is no action 'fly'"),
        ('[[test]]\nexpect = "everybody read = deny"\n', "line 2: [[test]] expect: "),
        ('[[test]]\nexpect = "alice read = deny"\nfrom = "home"\n', "line 3: [[test]] from: 'home' is no address"),
        ('version = "1"\n', "line 1: "),
        ("gate = 1\n", "line 1: [[gate]]: sections are"),
    ],
)
def test_a_fault_names_its_line(text: str, said: str) -> None:
    found = faults(text)
    assert any(one.startswith(said) for one in found), found


def test_the_servers_document_is_about_several_repositories() -> None:
    rule = '[[allow]]\nwho = "alice"\nrole = "reader"\n'
    assert faults(rule, "")[0].startswith("line 1: [[allow]] repository: is missing")
    assert "stands for one repository" in faults(rule + 'repository = "fraud/detector"\n', "")[0]
    assert faults(rule + 'repository = "fraud/*"\n', "") == []
    assert "there is no such key" in faults(rule + 'repository = "fraud/*"\n')[0]
    assert "belong into the document of a repository" in faults('[[lock]]\nneed = "none"\n', "")[0]
    assert "names no repository" in faults('[[test]]\nexpect = "alice read = deny"\n', "")[0]
    assert faults('[[test]]\nexpect = "alice read fraud/detector:main = deny"\n', "") == []


def test_limits_are_named() -> None:
    assert "more than 1,048,576 bytes" in faults("#" * (1 << 20) + "\n")[0]
    tests = '[[test]]\nexpect = "alice read = deny"\n' * 1_001
    assert "there are more than 1,000" in faults(tests)[0]
    rules = "".join(f'[[deny]]\nwho = "alice"\nactions = "read"\nref = "branch/b{n}"\n' for n in range(4_999))
    assert faults(rules) == []
    more = f'{rules}[[deny]]\nwho = ["alice", "group:reviewers", "everybody"]\nactions = "read"\n'
    assert faults(more) == ["line 19997: [[deny]] there are more than 5,000 rules; name groups instead of users"]
    many = ", ".join(f'"group:{number}"' for number in range(1_001))
    assert "a list of 1 to 1000 texts" in faults(f"[[deny]]\nwho = [{many}]\nactions = 'read'\n")[0]


def test_what_looks_like_a_table_inside_of_a_text_is_none() -> None:
    text = 'a = """\n[[allow]]\n"""\n[[allow]]\nb = \'\'\'x\'\'\'\nc = 1 # """\n[[allow]]\n'
    found, top = places(text)
    assert [place.line for place in found["allow"]] == [4, 7]
    assert (top.of("a"), found["allow"][0].of("c"), found["allow"][0].of("absent")) == (1, 6, 4)


def test_a_document_is_written_in_one_order_and_read_as_it_was() -> None:
    text = (
        '[[deny]]\nwho = "alice"\nactions = ["write", "read"]\npath = "a\\"b\\\\c/**"\n'
        '[[allow]]\nwho = "group:reviewers"\nrole = "reader"\n[[allow]]\nwho = "alice"\nrole = "reader"\n'
        '[[test]]\nexpect = "alice write = deny"\n'
    )
    document, problems = parse_document(text, REPOSITORY, NAMES)
    assert problems == ()
    tests = [stored_test(one) for one in document.tests]
    written = write_document(REPOSITORY, 3, document.rules, tests, None)
    assert written == write_document(REPOSITORY, 3, reversed(document.rules), tests, None)
    assert 'who = ["Alice", "group:reviewers"]\nrole = "reader"\n' in written
    again, problems = parse_document(written, REPOSITORY, NAMES)
    assert problems == ()
    assert again.base == 3
    assert write_document(REPOSITORY, 3, again.rules, [stored_test(one) for one in again.tests], None) == written
