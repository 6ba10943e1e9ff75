"""Calls about groups of users."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, Channel
from mlv_core.entities import Group, Rule
from mlv_proto.convert.identity import group_from_wire
from mlv_proto.convert.policy import rule_from_wire
from mlv_proto.v1 import identity_pb2 as pb


class GroupCalls:
    """Groups and their members. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def add_group(self, name: str, *, dry_run: bool = False) -> Group:
        """A new group without members."""
        request = pb.AddGroupRequest(name=name, dry_run=dry_run)
        return group_from_wire(self._channel.unary("IdentityService/AddGroup", request, pb.AddGroupResponse).group)

    def list_groups(self) -> tuple[Group, ...]:
        """All groups with their members."""
        request, parse = pb.ListGroupsRequest(), pb.ListGroupsResponse.FromString
        answers = self._channel.answers("IdentityService/ListGroups", request, parse, seconds=CALL_SECONDS)
        return tuple(group_from_wire(group) for answer in answers for group in answer.groups)

    def show_group(self, name: str) -> tuple[Group, tuple[Rule, ...]]:
        """A group, and the rules that speak of it."""
        request, parse = pb.GetGroupRequest(name=name), pb.GetGroupResponse.FromString
        answers = list(self._channel.answers("IdentityService/GetGroup", request, parse, seconds=CALL_SECONDS))
        rules = tuple(rule_from_wire(rule) for answer in answers for rule in answer.rules)
        return group_from_wire(answers[0].group), rules

    def delete_group(self, name: str, *, dry_run: bool = False) -> Group:
        """End a group of which no rule speaks."""
        request = pb.DeleteGroupRequest(name=name, dry_run=dry_run)
        return group_from_wire(
            self._channel.unary("IdentityService/DeleteGroup", request, pb.DeleteGroupResponse).group
        )

    def add_members(self, name: str, users: tuple[str, ...], *, dry_run: bool = False) -> Group:
        """Put users into a group."""
        request = pb.AddMembersRequest(name=name, members=users, dry_run=dry_run)
        return group_from_wire(self._channel.unary("IdentityService/AddMembers", request, pb.AddMembersResponse).group)

    def remove_members(self, name: str, users: tuple[str, ...], *, dry_run: bool = False) -> Group:
        """Take users out of a group."""
        request = pb.RemoveMembersRequest(name=name, members=users, dry_run=dry_run)
        return group_from_wire(
            self._channel.unary("IdentityService/RemoveMembers", request, pb.RemoveMembersResponse).group
        )
