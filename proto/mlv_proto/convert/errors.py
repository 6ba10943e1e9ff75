"""Failures as they cross the wire: the binary trailer of a call."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from mlv_core.error_codes import error_from_code
from mlv_core.errors import MlvError
from mlv_proto.v1 import values_pb2 as pb

ITEMS_LIMIT = 100
"""Items that are listed; the headers of a call have room for about 8 KiB."""
DETAIL_LIMIT = 6 * 1024
"""Bytes of all items together, for the same reason."""
_MESSAGE_LIMIT = 1024


def error_to_detail(error: MlvError, request_id: str = "") -> pb.ErrorDetail:
    """The failure as a message; more items than fit are counted in the last one."""
    items: list[str] = []
    room = DETAIL_LIMIT
    for item in error.items[:ITEMS_LIMIT]:
        room -= len(item.encode("utf-8", "replace")) + 4
        if room < 0:
            break
        items.append(_plain(item))
    if len(items) < len(error.items):
        items.append(f"... and {len(error.items) - len(items)} more")
    return pb.ErrorDetail(
        code=error.code,
        message=_plain(error.message[:_MESSAGE_LIMIT]),
        advice=_plain(error.advice[:_MESSAGE_LIMIT]),
        items=items,
        request_id=request_id,
    )


def detail_to_error(detail: pb.ErrorDetail | bytes) -> MlvError:
    """The failure as it was raised on the other side; InternalError where it cannot be read."""
    if isinstance(detail, bytes):
        try:
            detail = pb.ErrorDetail.FromString(detail)
        except DecodeError:
            detail = pb.ErrorDetail(message="The server sent an error that cannot be read.")
    return error_from_code(detail.code, detail.message, advice=detail.advice, items=tuple(detail.items))


def _plain(text: str) -> str:
    """Text that protobuf takes: no lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
