"""The call that asks what concerns a workspace."""

from __future__ import annotations

from mlv.remote.channel import Channel
from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_core.noticing import Notices


class NoticeCalls:
    """Notices. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    @property
    def noticed(self) -> int | None:
        """What the server's answers said so far: the number of an event to ask about; None: there is nothing new."""
        return self._channel.noticed

    def list_notices(self, repository: RepositoryName, workspace: WorkspaceId, after: int) -> Notices:
        """What concerns the workspace and has happened after event number `after`; it is not tried again."""
        from mlv_proto.convert import notices as convert
        from mlv_proto.v1 import notices_pb2 as pb

        request = pb.ListNoticesRequest(repository=str(repository), workspace=workspace, after=after)
        answer = self._channel.unary("NoticesService/ListNotices", request, pb.ListNoticesResponse, again=False)
        return convert.notices_from_wire(answer)
