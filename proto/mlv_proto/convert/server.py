"""What may be asked before sign-in: server.proto."""

from __future__ import annotations

from mlv_core.signing_in import ServerInfo
from mlv_proto.convert import checks
from mlv_proto.v1 import server_pb2 as pb


def server_info_to_wire(info: ServerInfo) -> pb.GetServerResponse:
    """What a server says of itself."""
    return pb.GetServerResponse(
        version=info.version,
        certificate_authority=info.certificate_authority,
        codecs=sorted(info.codecs),
        protocol=info.protocol,
    )


def server_info_from_wire(message: pb.GetServerResponse) -> ServerInfo:
    """What a server says of itself. Raises: InvalidRequest."""
    codecs = checks.codecs(message.codecs, "codecs")
    return ServerInfo(message.version, message.certificate_authority, codecs, message.protocol)
