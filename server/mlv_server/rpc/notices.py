"""What concerns a workspace by name."""

from __future__ import annotations

from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_proto.convert import checks
from mlv_proto.convert import notices as convert
from mlv_proto.v1 import notices_pb2 as pb
from mlv_server.rpc.methods import Method, Service
from mlv_server.services import notices
from mlv_server.services.call import Call


async def _list(call: Call, request: pb.ListNoticesRequest) -> pb.ListNoticesResponse:
    name, workspace = RepositoryName.parse(request.repository), WorkspaceId(request.workspace)
    after = checks.number(request.after, "after")
    return convert.notices_to_wire(await notices.list_new(call, name, workspace, after))


SERVICE = Service("mlv.v1.NoticesService", (Method("ListNotices", "list", _list),))
