"""Rules of the access policy: policy.proto."""

from __future__ import annotations

from mlv_core.entities import Effect, Rule, SubjectKind
from mlv_core.errors import InvalidRequest
from mlv_core.explaining import Explanation, WeighedRule, Weight
from mlv_core.policies import (
    AccessChange,
    Approval,
    PolicySet,
    PolicyTestResult,
    PolicyVersion,
    Verdict,
)
from mlv_proto.convert import checks
from mlv_proto.v1 import approvals_pb2
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
        expires_at=checks.moment(message.expires_at, "rule.expires_at") if message.HasField("expires_at") else None,
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


def policy_set_to_wire(done: PolicySet) -> pb.SetPolicyResponse:
    """What setting a policy came to."""
    return pb.SetPolicyResponse(
        version=done.version,
        before=done.before,
        added=done.added,
        removed=done.removed,
        kept=done.kept,
        tests=done.tests,
        others=done.others,
    )


def policy_set_from_wire(message: pb.SetPolicyResponse) -> PolicySet:
    """What setting a policy came to. Raises: InvalidRequest."""
    return PolicySet(
        version=checks.number(message.version, "version"),
        before=checks.number(message.before, "before"),
        added=message.added,
        removed=message.removed,
        kept=message.kept,
        tests=message.tests,
        others=checks.texts(message.others, "others"),
    )


def policy_test_to_wire(result: PolicyTestResult) -> pb.PolicyTestResult:
    """What came of a test."""
    return pb.PolicyTestResult(
        expect=result.expect,
        verdict=checks.wire_enum(result.verdict),
        passed=result.passed,
        reason=result.reason,
        line=result.line,
    )


def policy_test_from_wire(message: pb.PolicyTestResult) -> PolicyTestResult:
    """What came of a test. Raises: InvalidRequest."""
    verdict = checks.enum(Verdict, message.verdict, "verdict")
    return PolicyTestResult(message.expect, verdict, message.passed, message.reason, message.line)


def access_change_to_wire(change: AccessChange) -> pb.AccessChange:
    """What changes for somebody."""
    return pb.AccessChange(
        subject=change.subject,
        actions=change.actions,
        repository=change.repository,
        ref=change.ref,
        path=change.path,
        before=checks.wire_enum(change.before),
        after=checks.wire_enum(change.after),
        users=change.users,
    )


def access_change_from_wire(message: pb.AccessChange) -> AccessChange:
    """What changes for somebody. Raises: InvalidRequest."""
    return AccessChange(
        subject=message.subject,
        actions=tuple(message.actions),
        repository=message.repository,
        ref=message.ref,
        path=message.path,
        before=checks.enum(Verdict, message.before, "access.before"),
        after=checks.enum(Verdict, message.after, "access.after"),
        users=tuple(message.users),
    )


def policy_version_to_wire(version: PolicyVersion) -> pb.PolicyVersion:
    """A version of a policy."""
    return pb.PolicyVersion(
        version=version.version,
        time=version.time,
        by=version.by,
        why=version.why,
        act=version.act,
        added=version.added,
        removed=version.removed,
    )


def policy_version_from_wire(message: pb.PolicyVersion) -> PolicyVersion:
    """A version of a policy. Raises: InvalidRequest."""
    return PolicyVersion(
        version=checks.number(message.version, "version"),
        time=checks.number(message.time, "time"),
        by=message.by,
        why=message.why,
        act=message.act,
        added=message.added,
        removed=message.removed,
    )


def approval_to_wire(approval: Approval) -> approvals_pb2.Approval:
    """An approval."""
    return approvals_pb2.Approval(
        changeset=approval.changeset, user=approval.user, message=approval.message, time=approval.time
    )


def approval_from_wire(message: approvals_pb2.Approval) -> Approval:
    """An approval. Raises: InvalidRequest."""
    changeset, time = checks.number(message.changeset, "changeset"), checks.number(message.time, "time")
    return Approval(changeset, message.user, message.message, time)
