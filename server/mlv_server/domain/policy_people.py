"""What a policy says to people who are not calling: its tests, and whether somebody is left who may change it (P6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mlv_core.deferred import dataclass
from mlv_core.policies import GROUP, PolicyTestResult, Verdict
from mlv_server.domain.approving import asking, in_words
from mlv_server.domain.policy import Policy, Principal, Resource, decide
from mlv_server.domain.policy_document import Expectation

FOREVER = 1 << 62
"""A time after every expiry."""


@dataclass(frozen=True, slots=True)
class People:
    """Everybody, by name: as they would be without a token in hand. `disabled` are those who cannot sign in."""

    users: Mapping[str, Principal]
    disabled: frozenset[str]

    def active(self) -> Iterable[Principal]:
        """Those who can sign in."""
        return (user for name, user in self.users.items() if name not in self.disabled)

    def named(self, who: str) -> Principal:
        """A user, or for "group:NAME" somebody who is in that group and nothing else."""
        if who.startswith(GROUP):
            return member_of(who.removeprefix(GROUP))
        return self.users[who]


def member_of(group: str) -> Principal:
    """Somebody who is in `group` and nothing else ('': in none)."""
    groups = frozenset({group}) if group else frozenset[str]()
    return Principal(0, "\0", server_admin=False, token_id="", groups=groups)


def judge(
    principal: Principal, action: str, resource: Resource, policy: Policy, now: int
) -> tuple[Verdict, int | None, str]:
    """What the policy says, by which rule, and why."""
    decision = decide(principal, action, resource, policy, now)
    if not decision.allowed:
        return Verdict.DENY, decision.rule, decision.reason
    rules = asking(principal, action, resource, None, policy, now) if resource.ref else ()
    if rules:
        return Verdict.APPROVAL, rules[0].id, f"rule {rules[0].id} asks for {in_words(rules[0])}"
    return Verdict.ALLOW, decision.rule, decision.reason


def run_tests(
    tests: Iterable[Expectation], policy: Policy, people: People, now: int, lines: Mapping[int, int]
) -> tuple[PolicyTestResult, ...]:
    """What comes of each test; `lines` tells where rules stand that have no number yet."""
    results: list[PolicyTestResult] = []
    for test in tests:
        who = replace(people.named(test.who), address=test.address)
        verdict, rule, reason = judge(who, test.action, test.resource, policy, now)
        if test.who in people.disabled:
            verdict, rule, reason = Verdict.DENY, None, "the user is disabled"
        if rule is not None and rule in lines:
            reason = reason.replace(f"rule {rule} ", f"the rule at line {lines[rule]} ", 1)
        results.append(PolicyTestResult(test.text, verdict, verdict is test.verdict, reason, test.line))
    return tuple(results)


def is_led(policy: Policy, repository: str, people: People, now: int) -> bool:
    """Whether somebody who can sign in is an admin of `repository` by a rule, from anywhere and without an end."""
    place = Resource(repository)
    own = (replace(user, server_admin=False) for user in people.active())
    return any(
        decide(user, "admin", place, policy, FOREVER).allowed
        and decide(user, "policy.write", place, policy, now).allowed
        for user in own
    )


def can_be_changed(policy: Policy, repository: str, people: People, now: int) -> bool:
    """Whether anybody, an admin of the server too, may still change the policy of `repository`."""
    place = Resource(repository)
    return any(decide(user, "policy.write", place, policy, now).allowed for user in people.active())
