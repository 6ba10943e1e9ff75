"""Who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_proto import convert
from mlv_proto.v1 import policy_pb2 as pb
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import access, explaining, policy
from mlv_server.services.call import Call


async def _grant_role(call: Call, request: pb.GrantRoleRequest) -> pb.GrantRoleResponse:
    rule = await policy.grant(call, request.repository, request.role, request.user, request.dry_run)
    return pb.GrantRoleResponse(rule=convert.rule_to_wire(rule))


async def _revoke_role(call: Call, request: pb.RevokeRoleRequest) -> pb.RevokeRoleResponse:
    removed = await policy.revoke(call, request.repository, request.role, request.user, request.dry_run)
    return pb.RevokeRoleResponse(removed=removed)


async def _show_policy(call: Call, request: pb.ShowPolicyRequest) -> AsyncIterator[pb.ShowPolicyResponse]:
    await access.authorize(call, "policy.read" if request.repository else "admin", request.repository or None)
    rules, version = await policy.show(call, request.repository or None)
    for some in convert.batches(rules):
        yield pb.ShowPolicyResponse(rules=map(convert.rule_to_wire, some), version=version)


async def _explain(call: Call, request: pb.ExplainPolicyRequest) -> AsyncIterator[pb.ExplainPolicyResponse]:
    explained = await explaining.explain(
        call, request.repository, request.user, request.action, request.ref, request.path, request.from_address
    )
    yield convert.explanation_to_wire(explained)
    for some in convert.batches(explained.rules):
        yield pb.ExplainPolicyResponse(rules=map(convert.weighed_to_wire, some))


SERVICE = Service(
    "mlv.v1.PolicyService",
    (
        Method("GrantRole", "policy.write", _grant_role),
        Method("RevokeRole", "policy.write", _revoke_role),
        Method("ShowPolicy", Access.SIGNED_IN, _show_policy),
        Method("ExplainPolicy", Access.SIGNED_IN, _explain),
    ),
)
