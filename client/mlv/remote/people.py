"""Calls about the server itself, users, tokens and the access policy."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, Channel
from mlv_core.entities import Rule, TokenInfo, TokenLimits, User
from mlv_core.explaining import Explanation, WeighedRule
from mlv_core.signing_in import Identity, ServerInfo
from mlv_proto.convert.identity import identity_from_wire, token_info_from_wire, user_from_wire
from mlv_proto.convert.policy import explanation_from_wire, rule_from_wire, weighed_from_wire
from mlv_proto.convert.server import server_info_from_wire
from mlv_proto.v1 import identity_pb2 as pb
from mlv_proto.v1 import policy_pb2, server_pb2


class PeopleCalls:
    """Who is who and who may do what. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def info(self) -> ServerInfo:
        """What the server says of itself."""
        request = server_pb2.GetServerRequest()
        return server_info_from_wire(
            self._channel.unary("ServerService/GetServer", request, server_pb2.GetServerResponse)
        )

    def whoami(self) -> tuple[Identity, bool]:
        """Who the token belongs to, and whether it is the first one that must be exchanged."""
        answer = self._channel.unary("IdentityService/WhoAmI", pb.WhoAmIRequest(), pb.WhoAmIResponse)
        return identity_from_wire(answer), answer.exchange

    def exchange_token(self) -> tuple[str, TokenInfo]:
        """The user's own token for the first one, which is dead afterwards (P7)."""
        request = pb.ExchangeTokenRequest()
        answer = self._channel.unary("IdentityService/ExchangeToken", request, pb.ExchangeTokenResponse, again=False)
        return answer.token, token_info_from_wire(answer.info)

    def add_user(
        self, name: str, *, server_admin: bool = False, owner: str = "", service: bool = False, dry_run: bool = False
    ) -> tuple[User, str]:
        """A new user, or a service account with its owner, and a first token of theirs."""
        request = pb.AddUserRequest(name=name, server_admin=server_admin, dry_run=dry_run, service=service, owner=owner)
        answer = self._channel.unary("IdentityService/AddUser", request, pb.AddUserResponse, again=False)
        return user_from_wire(answer.user), answer.token

    def list_users(self) -> tuple[User, ...]:
        """All users."""
        request, parse = pb.ListUsersRequest(), pb.ListUsersResponse.FromString
        answers = self._channel.answers("IdentityService/ListUsers", request, parse, seconds=CALL_SECONDS)
        return tuple(user_from_wire(user) for answer in answers for user in answer.users)

    def disable_user(self, name: str, *, dry_run: bool = False) -> User:
        """Shut a user out."""
        request = pb.DisableUserRequest(name=name, dry_run=dry_run)
        answer = self._channel.unary("IdentityService/DisableUser", request, pb.DisableUserResponse)
        return user_from_wire(answer.user)

    def create_token(
        self,
        user: str = "",
        description: str = "",
        scope: tuple[str, ...] = (),
        expires_in: int | None = None,
        *,
        limits: TokenLimits = TokenLimits(),  # noqa: B008 - a frozen value
        dry_run: bool = False,
    ) -> tuple[str, TokenInfo]:
        """A new token of `user` ('' = the caller), limited to `scope` and `limits`, for `expires_in` seconds."""
        request = pb.CreateTokenRequest(
            user=user,
            description=description,
            scope=scope,
            expires_in=expires_in,
            dry_run=dry_run,
            networks=limits.networks,
            repositories=limits.repositories,
        )
        answer = self._channel.unary("IdentityService/CreateToken", request, pb.CreateTokenResponse, again=False)
        return answer.token, token_info_from_wire(answer.info)

    def list_tokens(self, user: str = "") -> tuple[TokenInfo, ...]:
        """The tokens of `user` ('' = the caller), without their secrets."""
        request, parse = pb.ListTokensRequest(user=user), pb.ListTokensResponse.FromString
        answers = self._channel.answers("IdentityService/ListTokens", request, parse, seconds=CALL_SECONDS)
        return tuple(token_info_from_wire(info) for answer in answers for info in answer.tokens)

    def revoke_token(self, identifier: str, *, dry_run: bool = False) -> TokenInfo:
        """Make a token worthless at once."""
        request = pb.RevokeTokenRequest(id=identifier, dry_run=dry_run)
        answer = self._channel.unary("IdentityService/RevokeToken", request, pb.RevokeTokenResponse)
        return token_info_from_wire(answer.info)

    def grant_role(self, repository: str, role: str, user: str, *, dry_run: bool = False) -> Rule:
        """Give `user` a role on a repository (or glob of repositories)."""
        request = policy_pb2.GrantRoleRequest(repository=repository, role=role, user=user, dry_run=dry_run)
        answer = self._channel.unary("PolicyService/GrantRole", request, policy_pb2.GrantRoleResponse)
        return rule_from_wire(answer.rule)

    def revoke_role(self, repository: str, role: str, user: str, *, dry_run: bool = False) -> int:
        """Take a role back; how many rules went."""
        request = policy_pb2.RevokeRoleRequest(repository=repository, role=role, user=user, dry_run=dry_run)
        return self._channel.unary("PolicyService/RevokeRole", request, policy_pb2.RevokeRoleResponse).removed

    def show_policy(self, repository: str = "", version: int | None = None) -> tuple[tuple[Rule, ...], int]:
        """The rules that speak of a repository ('' = all of the server) and the policy's version; or those of then."""
        request = policy_pb2.ShowPolicyRequest(repository=repository, version=version)
        parse = policy_pb2.ShowPolicyResponse.FromString
        rules: list[Rule] = []
        version = 0
        for answer in self._channel.answers("PolicyService/ShowPolicy", request, parse, seconds=CALL_SECONDS):
            rules += map(rule_from_wire, answer.rules)
            version = answer.version
        return tuple(rules), version

    def explain_policy(
        self, repository: str, user: str, action: str, ref: str = "", path: str = "", address: str = ""
    ) -> Explanation:
        """Why `user` may or may not do `action` on a place of a repository; '' in ref or path: any."""
        request = policy_pb2.ExplainPolicyRequest(
            repository=repository, user=user, action=action, ref=ref, path=path, from_address=address
        )
        parse = policy_pb2.ExplainPolicyResponse.FromString
        head = policy_pb2.ExplainPolicyResponse()
        rules: list[WeighedRule] = []
        for number, answer in enumerate(
            self._channel.answers("PolicyService/ExplainPolicy", request, parse, seconds=CALL_SECONDS)
        ):
            rules += map(weighed_from_wire, answer.rules)
            head = head if number else answer
        return explanation_from_wire(head, tuple(rules))
