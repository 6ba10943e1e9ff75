"""How a failure arrives: the error that the server raised, or what a broken connection means."""

from __future__ import annotations

from typing import cast

import grpc
from google.protobuf.message import DecodeError

from mlv_core.errors import (
    InternalError,
    Interrupted,
    LimitExceeded,
    MlvError,
    NotSignedIn,
    Unreachable,
    UntrustedServer,
    VersionSkew,
)
from mlv_core.ids import ServerAddress
from mlv_proto.convert.errors import detail_to_error
from mlv_proto.v1.values_pb2 import ErrorDetail

TRAILER = "mlv-error-bin"
_CERTIFICATE_WORDS = ("certificate", "hostname verification")
"""What gRPC's TLS says when it refuses a certificate: unknown issuer, bad signature, expired, other host."""
_NO_VERDICT = "invalid certificate verification context"
"""What it says of every handshake that broke off before a certificate was judged."""
_PLAINTEXT_WORD = "wrong_version_number"


def named(error: grpc.RpcError, address: ServerAddress) -> MlvError:
    """The failure that `error` stands for."""
    detail = _detail(error)
    if detail is not None:
        return detail_to_error(detail)
    code, text = code_of(error), details_of(error)
    if code is grpc.StatusCode.UNAVAILABLE:
        said = text.lower().replace(_NO_VERDICT, "")
        if any(word in said for word in _CERTIFICATE_WORDS):
            return UntrustedServer(f"The certificate of {address} is not the one that was confirmed at login.")
        if _PLAINTEXT_WORD in said:
            return Unreachable(
                f"{address} does not speak TLS.", advice="A plaintext server is named mlv+plain://127.0.0.1:PORT."
            )
        return Unreachable(f"{address} does not answer.")
    simple: dict[grpc.StatusCode, MlvError] = {
        grpc.StatusCode.DEADLINE_EXCEEDED: Unreachable(f"{address} did not answer in time."),
        grpc.StatusCode.UNIMPLEMENTED: VersionSkew(f"{address} does not know this call."),
        grpc.StatusCode.RESOURCE_EXHAUSTED: LimitExceeded(f"{address} is at a limit: {text}"),
        grpc.StatusCode.UNAUTHENTICATED: NotSignedIn(f"{address} does not know who you are."),
        grpc.StatusCode.CANCELLED: Interrupted("The call was stopped."),
    }
    return simple.get(code) or InternalError(f"{address} answered {code.name}: {text}")


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """The status of a failed call; the errors that gRPC raises are calls too, which its types do not say."""
    return cast("grpc.Call", error).code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN


def details_of(error: grpc.RpcError) -> str:
    """What the transport or the server wrote beside the status."""
    return str(cast("grpc.Call", error).details() if hasattr(error, "details") else error)


def _detail(error: grpc.RpcError) -> ErrorDetail | None:
    if not hasattr(error, "trailing_metadata"):
        return None
    for key, value in cast("grpc.Call", error).trailing_metadata() or ():
        if key == TRAILER and isinstance(value, bytes):
            try:
                return ErrorDetail.FromString(value)
            except DecodeError:
                return None
    return None
