"""Who may do what: roles as sets of actions, and the decision over all rules (P1, P2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidRequest
from mlv_core.ids import fold
from mlv_core.paths import glob_match
from mlv_server.domain.globs import is_pattern, matches_name

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
        "obliterate",
        "policy.read",
        "policy.write",
        "audit.read",
        "admin",
    }
)
"""Everything that can be allowed or denied on a repository."""

HOST = "host"
"""The name of whoever works on the server's own host."""
_READER = frozenset({"list", "read", "meta.read"})
_CONTRIBUTOR = _READER | {"open", "write", "merge", "branch.create"}

ROLES: dict[str, frozenset[str]] = {
    "reader": _READER,
    "contributor": _CONTRIBUTOR,
    "releaser": _READER | {"label.create"},
    "maintainer": _CONTRIBUTOR | {"lock.break", "label.create"},
    "admin": ACTIONS,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `scope` limits the token to these actions, empty: no limit; `exchange` marks the first token (P7)."""

    user_id: int
    user: str
    server_admin: bool
    token_id: str
    scope: frozenset[str] = frozenset()
    exchange: bool = False
    groups: frozenset[str] = frozenset()

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
    """Whether it is allowed, by which rule (None: by no rule), and why in words."""

    allowed: bool
    rule: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules of one version of the policy; their order means nothing (P2)."""

    version: int
    rules: tuple[Rule, ...]
    _places: Mapping[tuple[SubjectKind, str, str], list[Rule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[tuple[SubjectKind, str, str], list[Rule]] = {}
        for rule in self.rules:
            subject = "" if rule.subject_kind is SubjectKind.EVERYBODY else rule.subject
            place = "" if is_pattern(rule.repository) else fold(rule.repository)
            found.setdefault((rule.subject_kind, subject, place), []).append(rule)
        object.__setattr__(self, "_places", found)

    def about(self, principal: Principal, repository: str) -> Iterator[Rule]:
        """The rules that speak of `principal` and may speak of `repository`, without a look at the others."""
        subjects = [
            (SubjectKind.EVERYBODY, ""),
            (SubjectKind.USER, principal.user),
            (SubjectKind.TOKEN, principal.token_id),
            *((SubjectKind.GROUP, group) for group in principal.groups),
        ]
        name = fold(repository)
        for kind, subject in subjects:
            yield from self._places.get((kind, subject, ""), ())
            yield from self._places.get((kind, subject, name), ())


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
    counts, a narrower deny does not. A rule with conditions that cannot be checked here never allows and always denies.
    """
    if reason := _closed(principal, action):
        return Decision(allowed=False, rule=None, reason=reason)
    allowing: Rule | None = None
    for rule in policy.about(principal, resource.repository):
        if not _speaks_of(rule, action, now) or not covers(rule, resource):
            continue
        if rule.effect is not Effect.ALLOW:
            return Decision(allowed=False, rule=rule.id, reason=f"rule {rule.id} forbids '{action}'")
        allowing = allowing or (None if rule.conditions else rule)
    if principal.server_admin:
        return Decision(allowed=True, rule=None, reason="server administrator")
    if allowing is None:
        return Decision(allowed=False, rule=None, reason=f"no rule allows '{action}'")
    return Decision(allowed=True, rule=allowing.id, reason=f"rule {allowing.id} allows '{action}'")


def decide_on_server(principal: Principal, action: str) -> Decision:
    """Whether `principal` may do `action` to the server as a whole: no rule of a repository gives that."""
    if reason := _closed(principal, action):
        return Decision(allowed=False, rule=None, reason=reason)
    reason = "server administrator" if principal.server_admin else "only server administrators may"
    return Decision(allowed=principal.server_admin, rule=None, reason=reason)


def missing_actions(
    principal: Principal, actions: frozenset[str], resource: Resource, policy: Policy, now: int
) -> frozenset[str]:
    """Those of `actions` that `principal` lacks on `resource`: nobody grants what they lack (P6)."""
    return frozenset(a for a in actions if not decide(principal, a, resource, policy, now).allowed)


def _closed(principal: Principal, action: str) -> str:
    """Why this token may not do `action` whatever the rules say; '' if it may."""
    if not principal.user:
        return "nobody is signed in"
    if principal.exchange:
        return "the first token can only be exchanged at login"
    if principal.scope and action not in principal.scope:
        return f"the token's scope lacks '{action}'"
    return ""


def _speaks_of(rule: Rule, action: str, now: int) -> bool:
    return action in actions_of(rule) and (rule.expires_at is None or rule.expires_at > now)


def covers(rule: Rule, resource: Resource) -> bool:
    """Whether `rule` counts on `resource`, whoever asks; what is left open is any for an allow, all for the others."""
    if not matches_name(rule.repository, resource.repository):
        return False
    narrower_counts = rule.effect is Effect.ALLOW
    ref_covered = matches_name(rule.ref, resource.ref) if resource.ref else narrower_counts or rule.ref in {"*", "**"}
    path_covered = glob_match(rule.path, resource.path) if resource.path else narrower_counts or rule.path == "**"
    return ref_covered and path_covered
