"""Users and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_proto import convert
from mlv_proto.v1 import identity_pb2 as pb
from mlv_server.rpc.methods import Access, Method, Service
from mlv_server.services import identity
from mlv_server.services.call import Call


async def _who_am_i(call: Call, _: pb.WhoAmIRequest) -> pb.WhoAmIResponse:
    answer = convert.identity_to_wire(await identity.whoami(call))
    answer.exchange = call.principal.exchange
    return answer


async def _exchange_token(call: Call, _: pb.ExchangeTokenRequest) -> pb.ExchangeTokenResponse:
    secret, info = await identity.exchange_token(call)
    return pb.ExchangeTokenResponse(token=secret, info=convert.token_info_to_wire(info))


async def _add_user(call: Call, request: pb.AddUserRequest) -> pb.AddUserResponse:
    user, secret = await identity.add_user(call, request.name, request.server_admin, request.dry_run)
    return pb.AddUserResponse(user=convert.user_to_wire(user), token=secret)


async def _list_users(call: Call, _: pb.ListUsersRequest) -> AsyncIterator[pb.ListUsersResponse]:
    for some in convert.batches(await identity.list_users(call)):
        yield pb.ListUsersResponse(users=map(convert.user_to_wire, some))


async def _disable_user(call: Call, request: pb.DisableUserRequest) -> pb.DisableUserResponse:
    user = await identity.disable_user(call, request.name, request.dry_run)
    return pb.DisableUserResponse(user=convert.user_to_wire(user))


async def _create_token(call: Call, request: pb.CreateTokenRequest) -> pb.CreateTokenResponse:
    seconds = request.expires_in if request.HasField("expires_in") else None
    secret, info = await identity.create_token(
        call, request.user, request.description, tuple(request.scope), seconds, request.dry_run
    )
    return pb.CreateTokenResponse(token=secret, info=convert.token_info_to_wire(info))


async def _list_tokens(call: Call, request: pb.ListTokensRequest) -> AsyncIterator[pb.ListTokensResponse]:
    for some in convert.batches(await identity.list_tokens(call, request.user)):
        yield pb.ListTokensResponse(tokens=map(convert.token_info_to_wire, some))


async def _revoke_token(call: Call, request: pb.RevokeTokenRequest) -> pb.RevokeTokenResponse:
    info = await identity.revoke_token(call, request.id, request.dry_run)
    return pb.RevokeTokenResponse(info=convert.token_info_to_wire(info))


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
    ),
)
