"""Users and tokens: identity.proto."""

from __future__ import annotations

from mlv_core.entities import Group, TokenInfo, User
from mlv_core.signing_in import Identity
from mlv_proto.convert import checks
from mlv_proto.v1 import identity_pb2 as pb


def user_to_wire(user: User) -> pb.User:
    """A user."""
    return pb.User(
        name=user.name,
        server_admin=user.server_admin,
        disabled=user.disabled,
        created_at=user.created_at,
        created_by=user.created_by,
        service=user.service,
        owner=user.owner,
    )


def user_from_wire(message: pb.User) -> User:
    """A user. Raises: InvalidRequest."""
    created_at = checks.number(message.created_at, "user.created_at")
    return User(
        message.name,
        message.server_admin,
        message.disabled,
        created_at,
        message.created_by,
        message.service,
        message.owner,
    )


def group_to_wire(group: Group) -> pb.Group:
    """A group."""
    return pb.Group(name=group.name, members=group.members, created_at=group.created_at, created_by=group.created_by)


def group_from_wire(message: pb.Group) -> Group:
    """A group. Raises: InvalidRequest."""
    created_at = checks.number(message.created_at, "group.created_at")
    return Group(message.name, tuple(message.members), created_at, message.created_by)


def token_info_to_wire(info: TokenInfo) -> pb.TokenInfo:
    """A token without its secret."""
    return pb.TokenInfo(
        id=info.id,
        user=info.user,
        description=info.description,
        scope=info.scope,
        created_at=info.created_at,
        expires_at=info.expires_at,
        last_used_at=info.last_used_at,
        revoked=info.revoked,
        networks=info.networks,
        repositories=info.repositories,
        last_used_from=info.last_used_from,
        service=info.service,
    )


def token_info_from_wire(message: pb.TokenInfo) -> TokenInfo:
    """A token without its secret. Raises: InvalidRequest."""
    return TokenInfo(
        message.id,
        message.user,
        message.description,
        tuple(message.scope),
        checks.number(message.created_at, "info.created_at"),
        checks.moment(message.expires_at, "info.expires_at") if message.HasField("expires_at") else None,
        checks.number(message.last_used_at, "info.last_used_at") if message.HasField("last_used_at") else None,
        message.revoked,
        tuple(message.networks),
        tuple(message.repositories),
        message.last_used_from,
        message.service,
    )


def identity_to_wire(identity: Identity) -> pb.WhoAmIResponse:
    """Who calls."""
    return pb.WhoAmIResponse(
        user=identity.user,
        server_admin=identity.server_admin,
        token_id=identity.token_id,
        scope=identity.scope,
        expires_at=identity.expires_at,
        exchange=identity.exchange,
        service=identity.service,
        repositories=identity.repositories,
    )


def identity_from_wire(message: pb.WhoAmIResponse) -> Identity:
    """Who calls. Raises: InvalidRequest."""
    return Identity(
        message.user,
        message.server_admin,
        message.token_id,
        tuple(message.scope),
        checks.moment(message.expires_at, "expires_at") if message.HasField("expires_at") else None,
        message.exchange,
        message.service,
        tuple(message.repositories),
    )
