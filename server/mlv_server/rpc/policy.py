"""Who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.message import Message

from mlv_proto.convert import checks
from mlv_proto.convert.policy import (
    access_change_to_wire,
    explanation_to_wire,
    policy_set_to_wire,
    policy_test_to_wire,
    policy_version_to_wire,
    rule_to_wire,
    weighed_to_wire,
)
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import policy_pb2 as pb
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import access, explaining, policy, policy_documents
from mlv_server.services.call import Call


async def _grant_role(call: Call, request: pb.GrantRoleRequest) -> pb.GrantRoleResponse:
    rule = await policy.grant(call, request.repository, request.role, request.user, request.dry_run)
    return pb.GrantRoleResponse(rule=rule_to_wire(rule))


async def _revoke_role(call: Call, request: pb.RevokeRoleRequest) -> pb.RevokeRoleResponse:
    removed = await policy.revoke(call, request.repository, request.role, request.user, request.dry_run)
    return pb.RevokeRoleResponse(removed=removed)


async def _show_policy(call: Call, request: pb.ShowPolicyRequest) -> AsyncIterator[pb.ShowPolicyResponse]:
    await _authorize(call, "policy.read", request.repository)
    then = _version(request, "version")
    rules, version = await policy.show(call, request.repository or None, then)
    for some in batches(rules):
        yield pb.ShowPolicyResponse(rules=map(rule_to_wire, some), version=version)


async def _explain(call: Call, request: pb.ExplainPolicyRequest) -> AsyncIterator[pb.ExplainPolicyResponse]:
    explained = await explaining.explain(
        call, request.repository, request.user, request.action, request.ref, request.path, request.from_address
    )
    yield explanation_to_wire(explained)
    for some in batches(explained.rules):
        yield pb.ExplainPolicyResponse(rules=map(weighed_to_wire, some))


async def _get_document(call: Call, request: pb.GetPolicyDocumentRequest) -> pb.GetPolicyDocumentResponse:
    await _authorize(call, "policy.read", request.repository)
    version = _version(request, "version")
    text, number = await policy_documents.show(call, request.repository, version)
    return pb.GetPolicyDocumentResponse(document=text, version=number)


async def _set(call: Call, request: pb.SetPolicyRequest) -> pb.SetPolicyResponse:
    await _authorize(call, "policy.write", request.repository)
    done = await policy_documents.put(
        call,
        request.repository,
        request.document,
        _version(request, "base"),
        _version(request, "to"),
        request.message,
        request.dry_run,
    )
    return policy_set_to_wire(done)


async def _test(call: Call, request: pb.TestPolicyRequest) -> AsyncIterator[pb.TestPolicyResponse]:
    await _authorize(call, "policy.read", request.repository)
    document = request.document if request.HasField("document") else None
    results, version = await policy_documents.test(call, request.repository, document)
    for some in batches(results):
        yield pb.TestPolicyResponse(results=map(policy_test_to_wire, some), version=version)


async def _diff(call: Call, request: pb.DiffPolicyRequest) -> AsyncIterator[pb.DiffPolicyResponse]:
    await _authorize(call, "policy.read", request.repository)
    found = await policy_documents.compare(
        call,
        request.repository,
        request.document if request.HasField("document") else None,
        _version(request, "before"),
        _version(request, "after"),
    )
    yield pb.DiffPolicyResponse(before=found.before, after=found.after, complete=found.complete, others=found.others)
    for rules in batches(found.added):
        yield pb.DiffPolicyResponse(added=map(rule_to_wire, rules))
    for rules in batches(found.removed):
        yield pb.DiffPolicyResponse(removed=map(rule_to_wire, rules))
    for changes in batches(found.access):
        yield pb.DiffPolicyResponse(access=map(access_change_to_wire, changes))


async def _history(call: Call, request: pb.ListPolicyVersionsRequest) -> AsyncIterator[pb.ListPolicyVersionsResponse]:
    await _authorize(call, "policy.read", request.repository)
    found = await policy_documents.history(call, request.repository, request.limit)
    for some in batches(found):
        yield pb.ListPolicyVersionsResponse(versions=map(policy_version_to_wire, some))


def _version(request: Message, field: str) -> int | None:
    """The number of a version that `request` names in `field`; None where it names none. Raises: InvalidRequest."""
    return checks.number(getattr(request, field), field) if request.HasField(field) else None


async def _authorize(call: Call, action: str, repository: str) -> None:
    """A repository's document takes a right on it, the server's own an admin of the server."""
    await access.authorize(call, action if repository else "admin", repository or None)


SERVICE = Service(
    "mlv.v1.PolicyService",
    (
        Method("GrantRole", "policy.write", _grant_role),
        Method("RevokeRole", "policy.write", _revoke_role),
        Method("ShowPolicy", Access.SIGNED_IN, _show_policy),
        Method("ExplainPolicy", Access.SIGNED_IN, _explain),
        Method("GetPolicyDocument", Access.SIGNED_IN, _get_document),
        Method("SetPolicy", Access.SIGNED_IN, _set),
        Method("TestPolicy", Access.SIGNED_IN, _test),
        Method("DiffPolicy", Access.SIGNED_IN, _diff),
        Method("ListPolicyVersions", Access.SIGNED_IN, _history),
    ),
)
