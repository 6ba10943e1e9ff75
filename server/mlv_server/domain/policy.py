"""Who may do what: roles as sets of actions, and the decision over all rules (P1, P2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidRequest
from mlv_core.ids import fold
from mlv_core.paths import glob_match
from mlv_server.domain.globs import is_pattern, matches_name
from mlv_server.domain.networks import FROM, comes_from, networks_in

ACTIONS = frozenset(
    {
        "list",
        "read",
        "meta.read",
        "open",
        "write",
        "merge",
        "branch.create",
        "branch.delete",
        "label.create",
        "label.move",
        "deploy",
        "lock.break",
        "lock.diverge",
        "freeze",
        "obliterate",
        "policy.read",
        "policy.write",
        "audit.read",
        "admin",
    }
)
"""Everything that can be allowed or denied on a repository."""

APPROVABLE = frozenset({"merge", "label.create", "label.move"})
"""Actions on one version that exists already, which people can approve beforehand; who does them looks at approvals."""
APPROVALS, BY = "approvals", "by"
"""Names of conditions: how many must approve, and who may (once for each)."""

HOST = "host"
"""The name of whoever works on the server's own host."""
COMPILED_LIMIT = 1_000_000
"""Rules held in compiled form at most, each eight bytes and a share of its table: some tens of megabytes."""
_ENTRY = 100
"""What an entry costs beside its rules, counted in rules."""
_ANY = frozenset({"*", "**"})
_READER = frozenset({"list", "read", "meta.read"})
_CONTRIBUTOR = _READER | {"open", "write", "merge", "branch.create"}

ROLES: dict[str, frozenset[str]] = {
    "reader": _READER,
    "contributor": _CONTRIBUTOR,
    "releaser": _READER | {"label.create"},
    "maintainer": _CONTRIBUTOR | {"lock.break", "label.create", "freeze", "branch.delete"},
    "admin": ACTIONS,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and from which `address` ('' where it is not known).

    `scope` limits the token to these actions and `repositories` to those that match one of these globs, empty: no
    limit; `exchange` marks the first token (P7); `service`: a program signs in, no person.
    """

    user_id: int
    user: str
    server_admin: bool
    token_id: str
    scope: frozenset[str] = frozenset()
    exchange: bool = False
    groups: frozenset[str] = frozenset()
    address: str = ""
    repositories: tuple[str, ...] = ()
    service: bool = False

    @classmethod
    def anonymous(cls) -> Principal:
        """Nobody: whoever has not signed in, to whom nothing is allowed."""
        return cls(user_id=0, user="", server_admin=False, token_id="")

    @classmethod
    def host(cls) -> Principal:
        """Whoever works on the server's own host with the files of the server in hand."""
        return cls(user_id=0, user=HOST, server_admin=True, token_id="")


@dataclass(frozen=True, slots=True)
class Resource:
    """What is asked for. `ref`: `branch/NAME`, `label/NAME` or `env/NAME`; '' in ref or path: somewhere in there."""

    repository: str
    ref: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, by which rule (None: by no rule), and why in words; `advice` where there is some."""

    allowed: bool
    rule: int | None
    reason: str
    advice: str = ""


class _Candidates:
    """Rules of one effect on one repository and action, by whom they speak of.

    `narrow`: one of them speaks of some refs or paths only.
    """

    __slots__ = ("groups", "narrow", "others")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.narrow = False
        self.groups: dict[str, list[Rule]] = {}
        self.others: dict[tuple[SubjectKind, str], list[Rule]] = {}
        for rule in rules:
            self.narrow = self.narrow or rule.ref not in _ANY or rule.path != "**"
            if rule.subject_kind is SubjectKind.GROUP:
                self.groups.setdefault(rule.subject, []).append(rule)
            else:
                subject = "" if rule.subject_kind is SubjectKind.EVERYBODY else rule.subject
                self.others.setdefault((rule.subject_kind, subject), []).append(rule)

    def of(self, principal: Principal) -> Iterator[Rule]:
        """Those that speak of `principal`."""
        if self.others:
            yield from self.others.get((SubjectKind.EVERYBODY, ""), ())
            yield from self.others.get((SubjectKind.USER, principal.user), ())
            yield from self.others.get((SubjectKind.TOKEN, principal.token_id), ())
        few, many = principal.groups, self.groups
        for group in few if len(few) < len(many) else many:
            if group in few and group in many:
                yield from many[group]


class _Shelf:
    """What was compiled, until it becomes too much: whoever asks may name repositories that are not there."""

    __slots__ = ("by_action", "by_repository", "held")

    def __init__(self) -> None:
        self.by_repository: dict[str, tuple[Rule, ...]] = {}
        self.by_action: dict[tuple[str, str], tuple[_Candidates, _Candidates]] = {}
        self.held = 0

    def count(self, rules: int) -> None:
        """Note what another entry holds; all goes when it is too much."""
        self.held += rules + _ENTRY
        if self.held > COMPILED_LIMIT:
            self.by_repository.clear()
            self.by_action.clear()
            self.held = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules of one version of the policy; their order means nothing (P2).

    What is compiled lives in here and thus ends with the version: a change holds at once.
    """

    version: int
    rules: tuple[Rule, ...]
    _places: Mapping[str, list[Rule]] = field(init=False, repr=False, compare=False)
    _patterns: Mapping[str, list[Rule]] = field(init=False, repr=False, compare=False)
    _shelf: _Shelf = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places: dict[str, list[Rule]] = {}
        patterns: dict[str, list[Rule]] = {}
        for rule in self.rules:
            index = patterns if is_pattern(rule.repository) else places
            index.setdefault(fold(rule.repository), []).append(rule)
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_patterns", patterns)
        object.__setattr__(self, "_shelf", _Shelf())

    def on(self, repository: str) -> tuple[Rule, ...]:
        """The rules that speak of `repository`, about whomever."""
        found = self._shelf.by_repository.get(repository)
        if found is None:
            matching = (rules for pattern, rules in self._patterns.items() if matches_name(pattern, repository))
            found = tuple(rule for rules in (self._places.get(fold(repository), ()), *matching) for rule in rules)
            self._shelf.count(len(found))
            self._shelf.by_repository[repository] = found
        return found

    def about(self, principal: Principal, repository: str) -> Iterator[Rule]:
        """The rules that speak of `principal` and of `repository`."""
        return _Candidates(self.on(repository)).of(principal)

    def candidates(self, action: str, repository: str) -> tuple[_Candidates, _Candidates]:
        """The rules that do not allow, and those that allow, `action` on `repository`."""
        found = self._shelf.by_action.get((action, repository))
        if found is None:
            speaking = [rule for rule in self.on(repository) if action in actions_of(rule)]
            found = (
                _Candidates(rule for rule in speaking if rule.effect is not Effect.ALLOW),
                _Candidates(rule for rule in speaking if rule.effect is Effect.ALLOW),
            )
            self._shelf.count(len(speaking))
            self._shelf.by_action[action, repository] = found
        return found


def actions_of(rule: Rule) -> frozenset[str]:
    """The actions that `rule` speaks of; none for a role that is not known."""
    return ROLES.get(rule.role, frozenset()) if rule.role else frozenset(rule.actions)


def expand_scope(names: tuple[str, ...]) -> frozenset[str]:
    """The actions that a token's scope names, by action or by role.

    Raises: InvalidRequest naming what is neither.
    """
    scope: set[str] = set()
    for name in names:
        if name not in ACTIONS and name not in ROLES:
            raise InvalidRequest(
                f"'{name}' is neither an action nor a role.", advice=f"Actions: {', '.join(sorted(ACTIONS))}."
            )
        scope |= ROLES.get(name) or {name}
    return frozenset(scope)


def advice_for(principal: Principal, action: str, repository: str | None, decision: Decision) -> str:
    """What whoever was refused may do about `decision`; `repository` None is the server as a whole."""
    if principal.exchange:
        return "'mlv login URL' exchanges the first token for your own."
    if principal.scope and action not in principal.scope:
        return f"Use a token without a scope, or with '{action}' in it: 'mlv token create --scope {action}'."
    if repository is None:
        return "Ask an admin of the server to do it; no role on a repository gives this right."
    if decision.advice:
        return decision.advice
    if decision.rule is not None:
        return f"Rule {decision.rule} wins over every role: 'mlv policy show {repository}' shows it to an admin."
    role = smallest_role(action)
    return f"Ask an admin for a role that has it: 'mlv policy grant {role} {principal.user} {repository}'."


def smallest_role(action: str) -> str:
    """The role that has `action` and as little besides as there is."""
    return min((name for name, actions in ROLES.items() if action in actions), key=lambda name: len(ROLES[name]))


def decide(principal: Principal, action: str, resource: Resource, policy: Policy, now: int) -> Decision:
    """Whether `principal` may do `action` on `resource` at `now` (ms): default deny (P1), any deny wins (P2).

    Without ref or path in `resource` the question is whether it is allowed anywhere in there: a narrower allow
    counts, a narrower deny does not. A condition that cannot be checked never allows and always denies. What is allowed
    may still ask for approvals of the version, where there is one (P3): `domain.approving` tells which.
    """
    if reason := _closed(principal, action, resource.repository):
        return Decision(allowed=False, rule=None, reason=reason)
    forbidding, allowing = policy.candidates(action, resource.repository)
    for rule in forbidding.of(principal):
        if is_live(rule, now) and _covers_within(rule, resource) and (reason := hindrance(rule, action, principal)):
            return Decision(allowed=False, rule=rule.id, reason=reason, advice=_remedy(rule))
    if principal.server_admin:
        return Decision(allowed=True, rule=None, reason="server administrator")
    for rule in allowing.of(principal):
        if is_live(rule, now) and _covers_within(rule, resource) and is_met(rule, principal):
            return Decision(allowed=True, rule=rule.id, reason=f"rule {rule.id} allows '{action}'")
    return Decision(allowed=False, rule=None, reason=f"no rule allows '{action}'")


def hindrance(rule: Rule, action: str, principal: Principal) -> str:
    """Why a rule that does not allow stands in the way of `principal`; '' if it does not."""
    if not rule.conditions:
        return f"rule {rule.id} forbids '{action}'"
    if rule.effect is Effect.DENY:
        counts = comes_from(rule.conditions, principal.address) is not False
        return f"rule {rule.id} forbids '{action}'" if counts else ""
    names = {name for name, _ in rule.conditions}
    if FROM in names and not comes_from(rule.conditions, principal.address):
        networks = " or ".join(networks_in(rule.conditions))
        return f"rule {rule.id} lets '{action}' come only from {networks}"
    if APPROVALS in names and action not in APPROVABLE:
        return f"rule {rule.id} asks for approvals, so that changes land there only by a merge"
    return "" if names <= {FROM, APPROVALS, BY} else f"rule {rule.id} asks for what this server cannot check"


def _remedy(rule: Rule) -> str:
    """What whoever is hindered by `rule` can do; '' if nothing is to be said."""
    if rule.effect is Effect.REQUIRE and any(name == APPROVALS for name, _ in rule.conditions):
        return "Commit to a branch of your own ('mlv branch NAME'); once it is approved, 'mlv merge' brings it there."
    return ""


def is_met(rule: Rule, principal: Principal) -> bool:
    """Whether the conditions of a rule that allows are met."""
    if not rule.conditions:
        return True
    return all(name == FROM for name, _ in rule.conditions) and bool(comes_from(rule.conditions, principal.address))


def decide_on_server(principal: Principal, action: str) -> Decision:
    """Whether `principal` may do `action` to the server as a whole: no rule of a repository gives that."""
    if reason := _closed(principal, action, ""):
        return Decision(allowed=False, rule=None, reason=reason)
    reason = "server administrator" if principal.server_admin else "only server administrators may"
    return Decision(allowed=principal.server_admin, rule=None, reason=reason)


def _closed(principal: Principal, action: str, repository: str) -> str:
    """Why this token may not do `action` whatever the rules say; '' if it may. `repository` '': on the server."""
    if not principal.user:
        return "nobody is signed in"
    if principal.exchange:
        return "the first token can only be exchanged at login"
    if principal.scope and action not in principal.scope:
        return f"the token's scope lacks '{action}'"
    limits = principal.repositories
    if limits and not (repository and any(matches_name(glob, repository) for glob in limits)):
        return "the token is for other repositories"
    return ""


def covers(rule: Rule, resource: Resource) -> bool:
    """Whether `rule` counts on `resource`, whoever asks; what is left open is any for an allow, all for the others."""
    return matches_name(rule.repository, resource.repository) and _covers_within(rule, resource)


def is_live(rule: Rule, now: int) -> bool:
    """Whether `rule` counts at `now` (ms)."""
    return rule.expires_at is None or rule.expires_at > now


def _covers_within(rule: Rule, resource: Resource) -> bool:
    """As `covers`, for a rule that is known to speak of the repository."""
    narrower_counts = rule.effect is Effect.ALLOW
    if rule.ref not in _ANY and not (matches_name(rule.ref, resource.ref) if resource.ref else narrower_counts):
        return False
    return rule.path == "**" or (glob_match(rule.path, resource.path) if resource.path else narrower_counts)
