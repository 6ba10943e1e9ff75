"""Documents of the policy read and written again, differences against asking everybody, authors against sets."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.ids import ChangesetNumber
from mlv_core.paths import glob_match
from mlv_core.policies import Verdict
from mlv_server.domain.ancestry import brought
from mlv_server.domain.policy import ROLES, Policy, Principal, Resource
from mlv_server.domain.policy_difference import ANY, changed_rules, difference
from mlv_server.domain.policy_document import Names, key_of, parse_document
from mlv_server.domain.policy_people import People, judge
from mlv_server.domain.policy_toml import write_document

REPOSITORY = "fraud/detector"
USERS = {
    "alice": Principal(1, "alice", server_admin=False, token_id="", groups=frozenset({"g"})),
    "bob": Principal(2, "bob", server_admin=False, token_id="", groups=frozenset({"g", "h"})),
    "carol": Principal(3, "carol", server_admin=False, token_id=""),
    "root": Principal(4, "root", server_admin=True, token_id=""),
}
NAMES = Names({name: name for name in USERS}, {"g": "g", "h": "h"})
ASKED = ("read", "write", "merge", "deploy")

subjects = st.sampled_from(
    [
        *((SubjectKind.USER, name) for name in ("alice", "bob", "carol")),
        (SubjectKind.GROUP, "g"),
        (SubjectKind.GROUP, "h"),
        (SubjectKind.EVERYBODY, ""),
    ]
)
what = st.one_of(
    st.sampled_from(["reader", "contributor", "maintainer"]).map(lambda role: (role, ())),
    st.sets(st.sampled_from(ASKED), min_size=1).map(lambda some: ("", tuple(sorted(some)))),
)
refs = st.sampled_from(["*", "branch/*", "branch/main", "env/prod", "env/*"])
paths = st.sampled_from(["**", "src/**", "weights/*.bin", 'odd "name"\\ü/**'])
networks = st.lists(st.sampled_from(["10.0.0.0/8", "::1/128", "192.168.0.1/32"]), max_size=2, unique=True)
ends = st.sampled_from([None, 0, 1_800_000_000_000, 1_800_000_000_123, 4_102_444_800_000])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind, subject = draw(subjects)
    effect = draw(st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY, Effect.REQUIRE]))
    role, actions = draw(what)
    conditions = tuple(("from", network) for network in draw(networks))
    path = draw(paths)
    if effect is Effect.REQUIRE:
        role, actions = "", ("merge",)
        conditions += (("approvals", str(draw(st.integers(1, 3)))), ("by", draw(st.sampled_from(["alice", "group:g"]))))
    return Rule(0, effect, kind, subject, role, actions, REPOSITORY, draw(refs), path, conditions, draw(ends))


@given(st.lists(rules(), max_size=8))
def test_P6_a_document_says_the_rules_that_it_was_written_from(drawn: list[Rule]) -> None:
    written = write_document(REPOSITORY, 1, drawn, [], None)
    document, problems = parse_document(written, REPOSITORY, NAMES)
    assert problems == ()
    assert {key_of(rule) for rule in document.rules} == {key_of(rule) for rule in drawn}
    assert write_document(REPOSITORY, 1, document.rules, [], None) == written


@given(st.lists(rules(), max_size=5), st.lists(rules(), max_size=3), st.integers(0, 5))
def test_P6_whoever_gains_or_loses_where_a_changed_rule_speaks_is_told(
    kept: list[Rule], more: list[Rule], gone: int
) -> None:
    before = [replace(rule, id=number) for number, rule in enumerate(kept, 1)]
    after = [replace(rule, id=number + 100) for number, rule in enumerate([*kept[gone:], *more], 1)]
    old, new = Policy(1, tuple(before)), Policy(2, tuple(after))
    added, removed = changed_rules(before, after)
    found = difference(old, new, (added, removed), People(USERS, frozenset()), 5)
    told = {
        (who, change.ref, change.path, action): (change.before, change.after)
        for change in found.access
        for who in (change.subject, *change.users)
        for action in change.actions
    }
    for rule in (*added, *removed):
        for name, user in USERS.items():
            if not _speaks(rule, user):
                continue
            place = Resource(REPOSITORY, _any(rule.ref), _any(rule.path))
            for action in ROLES[rule.role] if rule.role else rule.actions:
                was, now = (judge(user, action, place, policy, 5)[0] for policy in (old, new))
                said = {one for at, one in told.items() if at[0] == name and at[3] == action and _holds(at, place)}
                exact = told.get((name, rule.ref, rule.path, action))
                assert (was, now) in said if was is not now else exact is None or exact[0] is exact[1]
    for was, now in told.values():
        assert was is not now or Verdict(was) is now


def _speaks(rule: Rule, user: Principal) -> bool:
    if rule.subject_kind is SubjectKind.EVERYBODY:
        return True
    return rule.subject in (user.groups if rule.subject_kind is SubjectKind.GROUP else {user.user})


def _holds(told: tuple[str, str, str, str], place: Resource) -> bool:
    """Whether what was told of a place is told of `place` too."""
    _, ref, path, _ = told
    return (ref == "*" or fnmatch(place.ref, ref)) and (path == "**" or glob_match(path, place.path))


def _any(glob: str) -> str:
    return glob.replace("**", ANY).replace("*", ANY)


@given(st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 20))), max_size=20), st.data())
def test_P3_what_a_version_brings_is_what_only_it_has(drawn: list[tuple[int, int | None]], data: st.DataObject) -> None:
    history: dict[ChangesetNumber, tuple[ChangesetNumber, ...]] = {}
    for number, (first, second) in enumerate(drawn, 1):
        parents = {min(one, number - 1) for one in (first, second) if one is not None} - {0}
        history[ChangesetNumber(number)] = tuple(map(ChangesetNumber, sorted(parents)))
    source, target = (ChangesetNumber(data.draw(st.integers(0, len(drawn)))) for _ in range(2))

    def reached(start: ChangesetNumber) -> set[ChangesetNumber]:
        found: set[ChangesetNumber] = set()
        waiting = [start] if start else []
        while waiting:
            number = waiting.pop()
            found.add(number)
            waiting += [one for one in history[number] if one not in found]
        return found

    window = data.draw(st.integers(1, 5))
    asked = brought(source, target, lambda high: {n: p for n, p in history.items() if high - window < n <= high})
    assert list(asked) == sorted(reached(source) - reached(target), reverse=True)


values = st.one_of(
    st.sampled_from(
        ['"alice"', '"everybody"', '"branch/x"', '"10.0.0.0/8"', '["read"]', "[]", "[[1]]", "{}", "1", "-1"]
    ),
    st.sampled_from(
        ["true", "nan", "1979-05-27", "1979-05-27T07:32:00Z", "0001-01-01", "07:32:00", '"""\n[[test]]\n"""']
    ),
    st.text(max_size=8).map(lambda text: f"'{text}'"),
)
keys = st.sampled_from(
    ["who", "role", "actions", "ref", "path", "from", "until", "approvals", "by", "expect", "need", "x"]
)
tables = st.tuples(
    st.sampled_from(["[[allow]]", "[[deny]]", "[[require]]", "[[lock]]", "[[test]]", "[[odd]]", "[allow]"]),
    st.dictionaries(keys, values, max_size=6),
).map(lambda drawn: "\n".join([drawn[0], *(f"{key} = {value}" for key, value in drawn[1].items())]))


@given(st.one_of(st.text(), st.lists(tables, max_size=4).map("\n".join)), st.sampled_from([REPOSITORY, ""]))
def test_whatever_is_written_is_read_or_refused_by_line(text: str, repository: str) -> None:
    document, problems = parse_document(text, repository, NAMES)
    assert all(problem.startswith("line ") for problem in problems)
    if not problems:
        written = write_document(repository, 1, document.rules, [], None)
        assert parse_document(written, repository, NAMES)[1] == ()


@pytest.mark.parametrize("text", ["a = " + "[" * 5_000, "a = " + "1" * 5_000])
def test_what_breaks_a_parser_is_refused(text: str) -> None:
    assert parse_document(text, REPOSITORY, NAMES)[1]
