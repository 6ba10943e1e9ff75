"""What may be asked before sign-in."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mlv_core.codecs import ALL_CODECS
from mlv_core.signing_in import ServerInfo
from mlv_proto.convert.server import server_info_to_wire
from mlv_server.auth.certificates import authority_der
from mlv_server.rpc.methods import Access, Method, Service

if TYPE_CHECKING:
    from mlv_proto.v1 import server_pb2 as pb
    from mlv_server.services.call import Call


async def _get_server(call: Call, _: pb.GetServerRequest) -> pb.GetServerResponse:
    authority = b"" if call.settings.plaintext else authority_der(call.settings)
    return server_info_to_wire(ServerInfo(server_version(), authority, frozenset(ALL_CODECS)))


def server_version() -> str:
    """The installed version of the distribution, '0' when it runs from a bare source tree."""
    try:
        return version("mlvcs")
    except PackageNotFoundError:
        return "0"


SERVICE = Service("mlv.v1.ServerService", (Method("GetServer", Access.PUBLIC, _get_server),))
