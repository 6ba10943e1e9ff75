"""The decision of the policy with all that was weighed for it."""

from __future__ import annotations

from mlv_core.entities import Effect, Rule
from mlv_core.explaining import Explanation, WeighedRule, Weight
from mlv_server.domain.approving import in_words
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import (
    APPROVALS,
    Policy,
    Principal,
    Resource,
    actions_of,
    covers,
    decide,
    hindrance,
    is_live,
    is_met,
)


def explain(principal: Principal, action: str, resource: Resource, policy: Policy, now: int) -> Explanation:
    """Why `decide` says what it says. Where several rules decide alike, the one with the lowest number is named."""
    decision = decide(principal, action, resource, policy, now)
    found = [
        (rule, weight)
        for rule in sorted(policy.about(principal, resource.repository), key=lambda rule: rule.id)
        if action in actions_of(rule)
        and (weight := _weight(rule, action, principal, resource, now, allowed=decision.allowed))
    ]
    named = next((rule for rule, weight in found if weight is Weight.AGREES), None)
    deciding = None if decision.rule is None or named is None else named.id
    reason = decision.reason
    if deciding is not None and named is not None:
        reason = f"rule {deciding} allows '{action}'" if decision.allowed else hindrance(named, action, principal)
    asking = [rule for rule, weight in found if weight is Weight.REQUIRES] if decision.allowed else []
    reason = "; ".join([reason, *(f"rule {rule.id} asks for {in_words(rule)}" for rule in asking)])
    weighed = [WeighedRule(rule, Weight.DECIDES if rule.id == deciding else weight) for rule, weight in found]
    weighed.sort(key=lambda one: (one.weight, one.rule.id))
    scope = tuple(sorted(principal.scope))
    return Explanation(principal.user, decision.allowed, deciding, reason, tuple(weighed), scope)


def _weight(
    rule: Rule, action: str, principal: Principal, resource: Resource, now: int, *, allowed: bool
) -> Weight | None:
    """What `rule`, which speaks of the action, has to do with the decision; None: it is about another place."""
    forbids = rule.effect is not Effect.ALLOW
    if not covers(rule, resource):
        return Weight.NARROWER if forbids and _is_part(rule, resource, now) else None
    if not is_live(rule, now):
        return Weight.EXPIRED
    if not forbids:
        return Weight.CONDITIONAL if not is_met(rule, principal) else Weight.AGREES if allowed else Weight.LOSES
    if hindrance(rule, action, principal):
        return Weight.LOSES if allowed else Weight.AGREES
    if rule.effect is Effect.DENY:
        return Weight.CONDITIONAL
    return Weight.REQUIRES if any(name == APPROVALS for name, _ in rule.conditions) else Weight.MET


def _is_part(rule: Rule, resource: Resource, now: int) -> bool:
    """Whether a rule that forbids speaks of a part of what was asked about."""
    if not matches_name(rule.repository, resource.repository) or not is_live(rule, now):
        return False
    return covers(rule, Resource(resource.repository, resource.ref or rule.ref, resource.path or rule.path))
