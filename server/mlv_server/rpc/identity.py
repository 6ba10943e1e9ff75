"""Users and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.entities import TokenLimits
from mlv_proto.convert.identity import group_to_wire, identity_to_wire, token_info_to_wire, user_to_wire
from mlv_proto.convert.policy import rule_to_wire
from mlv_proto.convert.slices import batches
from mlv_proto.v1 import identity_pb2 as pb
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import groups, identity
from mlv_server.services.call import Call


async def _who_am_i(call: Call, _: pb.WhoAmIRequest) -> pb.WhoAmIResponse:
    answer = identity_to_wire(await identity.whoami(call))
    answer.exchange = call.principal.exchange
    return answer


async def _exchange_token(call: Call, _: pb.ExchangeTokenRequest) -> pb.ExchangeTokenResponse:
    secret, info = await identity.exchange_token(call)
    return pb.ExchangeTokenResponse(token=secret, info=token_info_to_wire(info))


async def _add_user(call: Call, request: pb.AddUserRequest) -> pb.AddUserResponse:
    user, secret = await identity.add_user(
        call, request.name, request.server_admin, request.dry_run, owner=request.owner, service=request.service
    )
    return pb.AddUserResponse(user=user_to_wire(user), token=secret)


async def _list_users(call: Call, _: pb.ListUsersRequest) -> AsyncIterator[pb.ListUsersResponse]:
    for some in batches(await identity.list_users(call)):
        yield pb.ListUsersResponse(users=map(user_to_wire, some))


async def _disable_user(call: Call, request: pb.DisableUserRequest) -> pb.DisableUserResponse:
    user = await identity.disable_user(call, request.name, request.dry_run)
    return pb.DisableUserResponse(user=user_to_wire(user))


async def _create_token(call: Call, request: pb.CreateTokenRequest) -> pb.CreateTokenResponse:
    seconds = request.expires_in if request.HasField("expires_in") else None
    limits = TokenLimits(tuple(request.networks), tuple(request.repositories))
    secret, info = await identity.create_token(
        call, request.user, request.description, tuple(request.scope), seconds, request.dry_run, limits
    )
    return pb.CreateTokenResponse(token=secret, info=token_info_to_wire(info))


async def _list_tokens(call: Call, request: pb.ListTokensRequest) -> AsyncIterator[pb.ListTokensResponse]:
    for some in batches(await identity.list_tokens(call, request.user)):
        yield pb.ListTokensResponse(tokens=map(token_info_to_wire, some))


async def _revoke_token(call: Call, request: pb.RevokeTokenRequest) -> pb.RevokeTokenResponse:
    info = await identity.revoke_token(call, request.id, request.dry_run)
    return pb.RevokeTokenResponse(info=token_info_to_wire(info))


async def _add_group(call: Call, request: pb.AddGroupRequest) -> pb.AddGroupResponse:
    made = await groups.add(call, request.name, request.dry_run)
    return pb.AddGroupResponse(group=group_to_wire(made))


async def _list_groups(call: Call, _: pb.ListGroupsRequest) -> AsyncIterator[pb.ListGroupsResponse]:
    for some in batches(await groups.list_all(call)):
        yield pb.ListGroupsResponse(groups=map(group_to_wire, some))


async def _get_group(call: Call, request: pb.GetGroupRequest) -> AsyncIterator[pb.GetGroupResponse]:
    group, rules = await groups.show(call, request.name)
    yield pb.GetGroupResponse(group=group_to_wire(group))
    for some in batches(rules):
        yield pb.GetGroupResponse(rules=map(rule_to_wire, some))


async def _delete_group(call: Call, request: pb.DeleteGroupRequest) -> pb.DeleteGroupResponse:
    ended = await groups.delete(call, request.name, request.dry_run)
    return pb.DeleteGroupResponse(group=group_to_wire(ended))


async def _add_members(call: Call, request: pb.AddMembersRequest) -> pb.AddMembersResponse:
    group = await groups.put_in(call, request.name, tuple(request.members), request.dry_run)
    return pb.AddMembersResponse(group=group_to_wire(group))


async def _remove_members(call: Call, request: pb.RemoveMembersRequest) -> pb.RemoveMembersResponse:
    group = await groups.take_out(call, request.name, tuple(request.members), request.dry_run)
    return pb.RemoveMembersResponse(group=group_to_wire(group))


SERVICE = Service(
    "mlv.v1.IdentityService",
    (
        Method("WhoAmI", Access.EXCHANGE, _who_am_i),
        Method("ExchangeToken", Access.EXCHANGE, _exchange_token),
        Method("AddUser", "admin", _add_user),
        Method("ListUsers", "admin", _list_users),
        Method("DisableUser", "admin", _disable_user),
        Method("CreateToken", Access.SIGNED_IN, _create_token),
        Method("ListTokens", Access.SIGNED_IN, _list_tokens),
        Method("RevokeToken", Access.SIGNED_IN, _revoke_token),
        Method("AddGroup", "admin", _add_group),
        Method("ListGroups", "admin", _list_groups),
        Method("GetGroup", "admin", _get_group),
        Method("DeleteGroup", "admin", _delete_group),
        Method("AddMembers", "admin", _add_members),
        Method("RemoveMembers", "admin", _remove_members),
    ),
)
