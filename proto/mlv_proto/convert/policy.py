"""Rules of the access policy: policy.proto."""

from __future__ import annotations

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidRequest
from mlv_core.explaining import Explanation, WeighedRule, Weight
from mlv_proto.convert import checks
from mlv_proto.v1 import policy_pb2 as pb


def rule_to_wire(rule: Rule) -> pb.Rule:
    """A rule."""
    return pb.Rule(
        id=rule.id,
        effect=checks.wire_enum(rule.effect),
        subject_kind=checks.wire_enum(rule.subject_kind),
        subject=rule.subject,
        role=rule.role,
        actions=rule.actions,
        repository=rule.repository,
        ref=rule.ref,
        path=rule.path,
        conditions=[pb.Condition(name=name, value=value) for name, value in rule.conditions],
        expires_at=rule.expires_at,
        created_by=rule.created_by,
        created_at=rule.created_at,
    )


def rule_from_wire(message: pb.Rule) -> Rule:
    """A rule. Raises: InvalidRequest."""
    if bool(message.role) == bool(message.actions):
        raise InvalidRequest("rule.role or rule.actions must be set, and not both.")
    return Rule(
        id=checks.number(message.id, "rule.id"),
        effect=checks.enum(Effect, message.effect, "rule.effect"),
        subject_kind=checks.enum(SubjectKind, message.subject_kind, "rule.subject_kind"),
        subject=message.subject,
        role=message.role,
        actions=tuple(message.actions),
        repository=message.repository,
        ref=message.ref,
        path=message.path,
        conditions=tuple((condition.name, condition.value) for condition in message.conditions),
        expires_at=checks.number(message.expires_at, "rule.expires_at") if message.HasField("expires_at") else None,
        created_by=message.created_by,
        created_at=checks.number(message.created_at, "rule.created_at"),
    )


def weighed_to_wire(weighed: WeighedRule) -> pb.WeighedRule:
    """A rule and its weight."""
    return pb.WeighedRule(rule=rule_to_wire(weighed.rule), weight=checks.wire_enum(weighed.weight))


def weighed_from_wire(message: pb.WeighedRule) -> WeighedRule:
    """A rule and its weight. Raises: InvalidRequest."""
    return WeighedRule(rule_from_wire(message.rule), checks.enum(Weight, message.weight, "weight"))


def explanation_to_wire(explained: Explanation) -> pb.ExplainPolicyResponse:
    """An explanation without its rules."""
    return pb.ExplainPolicyResponse(
        user=explained.user,
        allowed=explained.allowed,
        rule=explained.rule,
        reason=explained.reason,
        scope=explained.scope,
    )


def explanation_from_wire(message: pb.ExplainPolicyResponse, rules: tuple[WeighedRule, ...]) -> Explanation:
    """An explanation with its rules. Raises: InvalidRequest."""
    rule = checks.number(message.rule, "rule") if message.HasField("rule") else None
    return Explanation(message.user, message.allowed, rule, message.reason, rules, tuple(message.scope))
