"""How a failure leaves the server: a gRPC status with its name, and the whole error in a binary trailer."""

from __future__ import annotations

import grpc

from mlv_core.errors import InternalError, MlvError
from mlv_proto.convert.errors import error_to_detail

TRAILER = "mlv-error-bin"


def status_of(error: MlvError) -> grpc.StatusCode:
    """The gRPC status that the error class names."""
    return grpc.StatusCode[error.status]


def hidden(request_id: str) -> InternalError:
    """What a caller is told of a bug: the request id, never the exception's text."""
    return InternalError(f"The server failed in a way it did not foresee (request {request_id}).")


def trailer(error: MlvError, request_id: str) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata that carries `error`."""
    return ((TRAILER, error_to_detail(error, request_id).SerializeToString()),)
