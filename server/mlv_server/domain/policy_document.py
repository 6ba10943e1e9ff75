"""The policy of a repository, or the server's own, as people write it in TOML: read and checked as a whole (P6)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mlv_core.deferred import dataclass
from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidPath, InvalidRequest
from mlv_core.ids import escape, fold
from mlv_core.paths import check_path
from mlv_core.policies import EVERYBODY, GROUP, TOKEN, USER, Verdict, who_of
from mlv_server.domain.globs import is_pattern
from mlv_server.domain.lock_rule_tables import RULES_LIMIT as LOCK_RULES_LIMIT
from mlv_server.domain.lock_rule_tables import parse_lock_rule
from mlv_server.domain.lock_rules import LockRule
from mlv_server.domain.networks import FROM, parse_address, parse_network
from mlv_server.domain.policy import ACTIONS, APPROVABLE, APPROVALS, BY, ROLES, Resource
from mlv_server.domain.policy_fields import Fields, Place, Problems, places

DOCUMENT_BYTES = 1 << 20
"""Room for some ten thousand lines; people read it."""
RULES_LIMIT = 5_000
"""Each subject of a table is a rule of its own; more belong into groups."""
TESTS_LIMIT = 1_000
"""All must pass before a change takes effect."""
APPROVALS_LIMIT = 20
KINDS = ("branch/", "label/", "env/")
_RULE_SECTIONS = {"allow": Effect.ALLOW, "deny": Effect.DENY, "require": Effect.REQUIRE}
SECTIONS = (*_RULE_SECTIONS, "lock", "test")
_RULE_KEYS = ("who", "role", "actions", "ref", "path", "from", "until")
_REQUIRE_KEYS = ("actions", "ref", "path", "who", "from", "approvals", "by", "until")
_EXPECT = re.compile(r"(\S+)\s+(\S+)(?:\s+(\S.*?))??\s*=\s*(\S+)")
_VERDICTS = {"allow": Verdict.ALLOW, "deny": Verdict.DENY, "approval": Verdict.APPROVAL}
_SYNTAX_LINE = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Names:
    """Who there is: users and groups by folded name, and the ids of tokens."""

    users: Mapping[str, str]
    groups: Mapping[str, str]
    tokens: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expectation:
    """One test: who ("alice" or "group:NAME") may do what where; `address` is where the call comes from."""

    text: str
    who: str
    action: str
    resource: Resource
    verdict: Verdict
    address: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """What was written: `base` is the version that it was made from, None where it does not say so.

    Rules have numbers below zero until they take effect; `lines` tells where each stands. `locks` None: the usual
    rules about locks. Whoever may not be the same twice is there once.
    """

    base: int | None
    rules: tuple[Rule, ...]
    tests: tuple[Expectation, ...]
    locks: tuple[LockRule, ...] | None
    lines: Mapping[int, int]


def parse_document(text: str, repository: str, names: Names) -> tuple[Document, tuple[str, ...]]:
    """The document and everything that is wrong with it, line by line; `repository` '' is the server's own document."""
    problems = Problems()
    if len(text.encode("utf-8", "replace")) > DOCUMENT_BYTES:
        return _nothing(), (f"line 1: the document has more than {DOCUMENT_BYTES:,} bytes",)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX_LINE.search(str(error))
        line = int(place[1]) if place else len(text.splitlines()) or 1
        return _nothing(), (f"line {line}: {_SYNTAX_LINE.sub('', str(error))}",)
    except (ValueError, RecursionError):
        return _nothing(), ("line 1: the document holds a number or a list that no policy needs",)
    found, top = places(text)
    reader = _Reader(repository, names, problems)
    base = Fields(said, "document", top, problems).number("version", 0, 1 << 62) if "version" in said else None
    for section, tables in said.items():
        if section == "version":
            continue
        if section not in SECTIONS:
            problems.add(_first(found, top, section), f"[[{escape(section)[:50]}]]: sections are {_listed(SECTIONS)}")
        elif not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            problems.add(_first(found, top, section), f"write [[{section}]] in double brackets")
        else:
            where = [*found.get(section, ()), *([top] * len(tables))]
            reader.section(section, tables, where)
    return reader.document(base), problems.in_order()


def key_of(rule: Rule) -> tuple[object, ...]:
    """What makes two rules the same, whoever made them and when."""
    return (
        rule.effect,
        rule.subject_kind,
        "" if rule.subject_kind is SubjectKind.EVERYBODY else rule.subject,
        rule.role,
        frozenset(rule.actions),
        fold(rule.repository),
        rule.ref,
        rule.path,
        frozenset(rule.conditions),
        rule.expires_at,
    )


def own_rules(rules: Iterable[Rule], repository: str) -> tuple[Rule, ...]:
    """Those that belong to the document of `repository`, or for '' to the server's: those for several repositories."""
    if not repository:
        return tuple(rule for rule in rules if is_pattern(rule.repository))
    return tuple(rule for rule in rules if fold(rule.repository) == fold(repository))


class _Reader:
    """What was read so far."""

    def __init__(self, repository: str, names: Names, problems: Problems) -> None:
        self._repository = repository
        self._names = names
        self._problems = problems
        self._rules: dict[tuple[object, ...], Rule] = {}
        self._lines: dict[int, int] = {}
        self._tests: list[Expectation] = []
        self._locks: list[LockRule] | None = None

    def document(self, base: int | None) -> Document:
        """All of it."""
        locks = None if self._locks is None else tuple(self._locks)
        return Document(base, tuple(self._rules.values()), tuple(self._tests), locks, self._lines)

    def section(self, section: str, tables: Sequence[Mapping[str, object]], where: Sequence[Place]) -> None:
        """Read the tables of one kind."""
        limit = {"test": TESTS_LIMIT, "lock": LOCK_RULES_LIMIT}.get(section, RULES_LIMIT)
        if len(tables) > limit:
            self._problems.add(where[limit].line, f"[[{section}]]: there are more than {limit:,}")
            return
        for number, table in enumerate(tables):
            fields = Fields(table, section, where[number], self._problems)
            if section == "test":
                self._test(fields)
            elif section == "lock":
                self._lock(table, fields)
            else:
                self._rule(fields, _RULE_SECTIONS[section])

    def _lock(self, table: Mapping[str, object], fields: Fields) -> None:
        self._locks = self._locks or []
        if not self._repository:
            fields.fault("", "rules about locks belong into the document of a repository")
            return
        try:
            self._locks.append(parse_lock_rule(table, "[[lock]]"))
        except InvalidRequest as error:
            self._problems.add(fields.line, f"{error.message} {error.advice}".strip())

    def _rule(self, fields: Fields, effect: Effect) -> None:
        requires = effect is Effect.REQUIRE
        keys = _REQUIRE_KEYS if requires else _RULE_KEYS
        if "signed" in fields and requires:
            fields.fault("signed", "signatures cannot be required: no label is signed yet; leave it out")
            keys = (*keys, "signed")
        fields.only(keys if self._repository else (*keys, "repository"))
        conditions = tuple((FROM, network) for network in fields.texts("from"))
        for _, network in conditions:
            if parse_network(network) is None:
                fields.fault("from", f"'{escape(network)}' is no network; write one such as 10.0.0.0/8")
        actions = self._actions(fields)
        if requires:
            conditions += self._approvals(fields, actions)
            if not conditions:
                fields.fault("", "asks for nothing; write approvals = 2 and by = ..., or from = [...]")
        rule = Rule(
            id=0,
            effect=effect,
            subject_kind=SubjectKind.EVERYBODY,
            subject="",
            role="" if requires else self._role(fields, actions),
            actions=actions,
            repository=self._repository or self._pattern(fields),
            ref=_ref(fields),
            path=fields.path(),
            conditions=conditions,
            expires_at=fields.moment("until"),
        )
        if APPROVALS in dict(conditions) and rule.path != "**" and not frozenset(actions) <= {"merge", "write"}:
            fields.fault("path", "a label is of a whole version: leave the path out")
        if not requires and "who" not in fields:
            fields.fault("who", 'is missing; write who = ["alice", "group:reviewers"] or who = "everybody"')
        for kind, subject in self._subjects(fields, "who") or ([(SubjectKind.EVERYBODY, "")] if requires else []):
            self._keep(replace(rule, subject_kind=kind, subject=subject), fields)

    def _keep(self, rule: Rule, fields: Fields) -> None:
        if len(self._rules) > RULES_LIMIT:
            return  # which was told already
        numbered = replace(rule, id=-1 - len(self._rules))
        if self._rules.setdefault(key_of(rule), numbered) is numbered:
            self._lines[numbered.id] = fields.line
        if len(self._rules) == RULES_LIMIT + 1:
            fields.fault("", f"there are more than {RULES_LIMIT:,} rules; name groups instead of users")

    def _actions(self, fields: Fields) -> tuple[str, ...]:
        actions = fields.texts("actions")
        for action in actions:
            if action not in ACTIONS:
                fields.fault("actions", f"there is no action '{escape(action)}'; actions are {_listed(ACTIONS)}")
        return tuple(sorted(actions))

    def _role(self, fields: Fields, actions: tuple[str, ...]) -> str:
        role = fields.text("role")
        if role and role not in ROLES:
            fields.fault("role", f"there is no role '{escape(role)}'; roles are {', '.join(ROLES)}")
        if ("role" in fields) == ("actions" in fields):
            fields.fault("", "needs either role or actions")
        return "" if actions else role

    def _approvals(self, fields: Fields, actions: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        if "actions" not in fields:
            fields.fault("actions", "is missing: what asks for it?")
        if "approvals" not in fields:
            if "by" in fields:
                fields.fault("by", "says who approves, but approvals does not say how many must")
            return ()
        count = fields.number("approvals", 1, APPROVALS_LIMIT)
        by = self._subjects(fields, "by")
        others = sorted(frozenset(actions) & ACTIONS - APPROVABLE - {"write"})
        if others:
            known = _listed(APPROVABLE | {"write"})
            fields.fault("approvals", f"cannot be asked for before '{others[0]}', only before {known}")
        if "by" not in fields:
            fields.fault("by", 'is missing: who may approve? by = "group:reviewers"')
        if any(kind is SubjectKind.TOKEN for kind, _ in by):
            fields.fault("by", "people approve, not tokens")
        named = (who_of(Rule(0, Effect.ALLOW, kind, subject, "", (), "")) for kind, subject in by)
        return ((APPROVALS, str(count or 1)), *((BY, who) for who in named))

    def _pattern(self, fields: Fields) -> str:
        pattern = fields.text("repository")
        if not pattern:
            fields.fault("repository", 'is missing; write repository = "fraud/*"')
        elif not is_pattern(pattern):
            advice = f"'mlv policy set {escape(pattern)} FILE' sets the policy of one repository"
            fields.fault("repository", f"'{escape(pattern)}' stands for one repository; {advice}")
        return pattern or "*"

    def _subjects(self, fields: Fields, key: str) -> list[tuple[SubjectKind, str]]:
        found = []
        for who in fields.texts(key):
            subject = subject_of(who, self._names)
            if subject is None:
                fields.fault(key, f"there is no {_noun(who)} '{escape(who.partition(':')[2] or who)}'")
            else:
                found.append(subject)
        return found

    def _test(self, fields: Fields) -> None:
        fields.only(("expect", "from"))
        text = fields.text("expect")
        said = _EXPECT.fullmatch(text)
        if said is None or said[4] not in _VERDICTS:
            if text or "expect" not in fields:
                place = "env/prod" if self._repository else "fraud/detector:env/prod"
                fields.fault("expect", f'write expect = "alice deploy {place} = deny" (or allow, or approval)')
            return
        address = fields.text("from")
        if address and parse_address(address) is None:
            fields.fault("from", f"'{escape(address)}' is no address; write one such as 10.1.2.3")
        if said[2] not in ACTIONS:
            fields.fault("expect", f"there is no action '{escape(said[2])}'; actions are {_listed(ACTIONS)}")
        subject = subject_of(said[1], self._names)
        if subject is None or subject[0] not in {SubjectKind.USER, SubjectKind.GROUP}:
            fields.fault("expect", f"there is no {_noun(said[1])} '{escape(said[1].partition(':')[2] or said[1])}'")
            return
        who = GROUP + subject[1] if subject[0] is SubjectKind.GROUP else subject[1]
        test = expectation({"expect": text, "from": address, "who": who}, self._repository, fields.line)
        if not test.resource.repository or is_pattern(test.resource.repository):
            fields.fault("expect", "names no repository: write 'alice read fraud/detector = allow'")
        if test.resource.path:
            try:
                check_path(test.resource.path)
            except InvalidPath as error:
                fields.fault("expect", error.message)
        self._tests.append(test)


def expectation(test: Mapping[str, str], repository: str, line: int = 0) -> Expectation:
    """A test that was checked: its text, whom it means, and where a call comes from ('': not known)."""
    said = _EXPECT.fullmatch(test["expect"])
    if said is None:
        raise InvalidRequest(f"'{escape(test['expect'])}' is no test.")
    rest = said[3] or ""
    if not repository:
        repository, _, rest = rest.partition(":")
    ref, _, path = rest.partition(":")
    if ref in {"*", "**"}:
        ref = ""
    resource = Resource(repository, f"branch/{ref}" if ref and not ref.startswith(KINDS) else ref, path)
    return Expectation(test["expect"], test["who"], said[2], resource, _VERDICTS[said[4]], test.get("from", ""), line)


def stored_test(test: Expectation) -> dict[str, str]:
    """A test as it is kept: what `expectation` reads again."""
    kept = {"expect": test.text, "who": test.who}
    return {**kept, "from": test.address} if test.address else kept


def subject_of(who: str, names: Names) -> tuple[SubjectKind, str] | None:
    """Whom the document means by `who`; None if there is nobody of that name."""
    if who == EVERYBODY:
        return SubjectKind.EVERYBODY, ""
    if who.startswith(GROUP):
        group = names.groups.get(fold(who.removeprefix(GROUP)))
        return None if group is None else (SubjectKind.GROUP, group)
    if who.startswith(TOKEN):
        token = who.removeprefix(TOKEN)
        return (SubjectKind.TOKEN, token) if token in names.tokens else None
    user = names.users.get(fold(who.removeprefix(USER)))
    return None if user is None else (SubjectKind.USER, user)


def _ref(fields: Fields) -> str:
    ref = fields.text("ref", "*")
    if ref not in {"*", "**"} and not ref.startswith(KINDS):
        fields.fault("ref", f"'{escape(ref)}' is neither branch/NAME nor label/NAME nor env/NAME; NAME may be a glob")
    return ref


def _noun(who: str) -> str:
    return "group" if who.startswith(GROUP) else "token" if who.startswith(TOKEN) else "user"


def _first(found: Mapping[str, Sequence[Place]], top: Place, section: str) -> int:
    at = found.get(section)
    return at[0].line if at else top.of(section)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names if isinstance(names, tuple) else sorted(names))


def _nothing() -> Document:
    return Document(None, (), (), None, {})
