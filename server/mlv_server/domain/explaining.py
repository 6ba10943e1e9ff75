"""The decision of the policy with all that was weighed for it."""

from __future__ import annotations

from mlv_core.entities import Effect, Rule
from mlv_core.explaining import Explanation, WeighedRule, Weight
from mlv_server.domain.globs import matches_name
from mlv_server.domain.policy import Policy, Principal, Resource, actions_of, covers, decide


def explain(principal: Principal, action: str, resource: Resource, policy: Policy, now: int) -> Explanation:
    """Why `decide` says what it says. Where several rules decide alike, the one with the lowest number is named."""
    decision = decide(principal, action, resource, policy, now)
    found = [
        (rule, weight)
        for rule in sorted(policy.about(principal, resource.repository), key=lambda rule: rule.id)
        if action in actions_of(rule) and (weight := _weight(rule, resource, now, allowed=decision.allowed))
    ]
    named = next((rule.id for rule, weight in found if weight is Weight.AGREES), None)
    deciding = None if decision.rule is None else named
    reason = decision.reason
    if deciding is not None:
        reason = f"rule {deciding} {'allows' if decision.allowed else 'forbids'} '{action}'"
    weighed = [WeighedRule(rule, Weight.DECIDES if rule.id == deciding else weight) for rule, weight in found]
    weighed.sort(key=lambda one: (one.weight, one.rule.id))
    scope = tuple(sorted(principal.scope))
    return Explanation(principal.user, decision.allowed, deciding, reason, tuple(weighed), scope)


def _weight(rule: Rule, resource: Resource, now: int, *, allowed: bool) -> Weight | None:
    """What `rule`, which speaks of the action, has to do with the decision; None: it is about another place."""
    forbids = rule.effect is not Effect.ALLOW
    if not covers(rule, resource):
        return Weight.NARROWER if forbids and _is_part(rule, resource, now) else None
    if rule.expires_at is not None and rule.expires_at <= now:
        return Weight.EXPIRED
    if rule.conditions and not forbids:
        return Weight.CONDITIONAL
    return Weight.LOSES if allowed is forbids else Weight.AGREES


def _is_part(rule: Rule, resource: Resource, now: int) -> bool:
    """Whether a rule that forbids speaks of a part of what was asked about."""
    if not matches_name(rule.repository, resource.repository) or (
        rule.expires_at is not None and rule.expires_at <= now
    ):
        return False
    return covers(rule, Resource(resource.repository, resource.ref or rule.ref, resource.path or rule.path))
