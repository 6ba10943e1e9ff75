"""Calls about the access policy as a document, and about approvals."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, Channel
from mlv_core.entities import Rule
from mlv_core.ids import RepositoryName
from mlv_core.policies import (
    AccessChange,
    Approval,
    PolicyDifference,
    PolicySet,
    PolicyTestResult,
    PolicyVersion,
)
from mlv_proto.convert.policy import (
    access_change_from_wire,
    approval_from_wire,
    policy_set_from_wire,
    policy_test_from_wire,
    policy_version_from_wire,
    rule_from_wire,
)
from mlv_proto.v1 import approvals_pb2
from mlv_proto.v1 import policy_pb2 as pb


class PolicyCalls:
    """The policy as a whole. In `repository` '' is the server's own document. Raises: what the server refuses with."""

    _channel: Channel

    def policy_document(self, repository: str, version: int | None = None) -> tuple[str, int]:
        """The document (None: the one in force) and its version."""
        request = pb.GetPolicyDocumentRequest(repository=repository, version=version)
        answer = self._channel.unary("PolicyService/GetPolicyDocument", request, pb.GetPolicyDocumentResponse)
        return answer.document, answer.version

    def set_policy(
        self,
        repository: str,
        document: str = "",
        *,
        base: int | None = None,
        to: int | None = None,
        message: str = "",
        dry_run: bool = False,
    ) -> PolicySet:
        """Set a document, or that of version `to` again; `base` is what it was made from if it does not say so."""
        request = pb.SetPolicyRequest(
            repository=repository, document=document, base=base, to=to, message=message, dry_run=dry_run
        )
        answer = self._channel.unary("PolicyService/SetPolicy", request, pb.SetPolicyResponse)
        return policy_set_from_wire(answer)

    def test_policy(self, repository: str, document: str | None = None) -> tuple[tuple[PolicyTestResult, ...], int]:
        """What comes of the tests of a document (None: the one in force), and the version in force."""
        request = pb.TestPolicyRequest(repository=repository, document=document)
        parse = pb.TestPolicyResponse.FromString
        results: list[PolicyTestResult] = []
        version = 0
        for answer in self._channel.answers("PolicyService/TestPolicy", request, parse, seconds=CALL_SECONDS):
            results += map(policy_test_from_wire, answer.results)
            version = answer.version
        return tuple(results), version

    def diff_policy(
        self, repository: str, document: str | None = None, before: int | None = None, after: int | None = None
    ) -> PolicyDifference:
        """Who gains and loses what from one version (None: the one in force) to another, or to a document."""
        request = pb.DiffPolicyRequest(repository=repository, document=document, before=before, after=after)
        parse = pb.DiffPolicyResponse.FromString
        head = pb.DiffPolicyResponse()
        added: list[Rule] = []
        removed: list[Rule] = []
        access: list[AccessChange] = []
        answers = self._channel.answers("PolicyService/DiffPolicy", request, parse, seconds=CALL_SECONDS)
        for number, answer in enumerate(answers):
            head = head if number else answer
            added += map(rule_from_wire, answer.added)
            removed += map(rule_from_wire, answer.removed)
            access += map(access_change_from_wire, answer.access)
        return PolicyDifference(
            before=head.before,
            after=head.after,
            added=tuple(added),
            removed=tuple(removed),
            access=tuple(access),
            complete=head.complete,
            others=tuple(head.others),
        )

    def policy_versions(self, repository: str, limit: int = 0) -> tuple[PolicyVersion, ...]:
        """The versions of a document, newest first."""
        request = pb.ListPolicyVersionsRequest(repository=repository, limit=limit)
        parse = pb.ListPolicyVersionsResponse.FromString
        answers = self._channel.answers("PolicyService/ListPolicyVersions", request, parse, seconds=CALL_SECONDS)
        return tuple(policy_version_from_wire(one) for answer in answers for one in answer.versions)

    def approve(self, repository: RepositoryName, revision: str, message: str, *, dry_run: bool = False) -> Approval:
        """Approve a version."""
        request = approvals_pb2.ApproveRequest(
            repository=str(repository), revision=revision, message=message, dry_run=dry_run
        )
        answer = self._channel.unary("ApprovalsService/Approve", request, approvals_pb2.ApproveResponse)
        return approval_from_wire(answer.approval)

    def withdraw_approval(self, repository: RepositoryName, revision: str, *, dry_run: bool = False) -> Approval:
        """Take the own approval back."""
        request = approvals_pb2.WithdrawApprovalRequest(repository=str(repository), revision=revision, dry_run=dry_run)
        answer = self._channel.unary(
            "ApprovalsService/WithdrawApproval", request, approvals_pb2.WithdrawApprovalResponse
        )
        return approval_from_wire(answer.approval)

    def list_approvals(self, repository: RepositoryName, revision: str = "") -> tuple[Approval, ...]:
        """The approvals of a version ('': of all), newest first."""
        request = approvals_pb2.ListApprovalsRequest(repository=str(repository), revision=revision)
        parse = approvals_pb2.ListApprovalsResponse.FromString
        answers = self._channel.answers("ApprovalsService/ListApprovals", request, parse, seconds=CALL_SECONDS)
        return tuple(approval_from_wire(one) for answer in answers for one in answer.approvals)
