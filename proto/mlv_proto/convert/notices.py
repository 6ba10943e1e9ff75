"""What concerns a workspace: notices.proto."""

from __future__ import annotations

from mlv_core.noticing import Notice, NoticeKind, Notices
from mlv_proto.convert import checks
from mlv_proto.v1 import notices_pb2 as pb


def notices_to_wire(notices: Notices) -> pb.ListNoticesResponse:
    """What is new."""
    return pb.ListNoticesResponse(
        notices=[
            pb.Notice(
                kind=one.kind.value,
                sequence=one.sequence,
                time=one.time,
                path=one.path,
                branch=one.branch,
                by=one.by,
                reason=one.reason,
                until=one.until,
                folder=one.folder,
            )
            for one in notices.notices
        ],
        sequence=notices.sequence,
        more=notices.more,
    )


def notices_from_wire(message: pb.ListNoticesResponse) -> Notices:
    """What is new; kinds that only a newer server knows count as left out. Raises: InvalidRequest."""
    kinds = {kind.value: kind for kind in NoticeKind}
    known = tuple(
        Notice(
            kinds[one.kind],
            checks.number(one.sequence, "sequence"),
            checks.number(one.time, "time"),
            one.path,
            one.branch,
            one.by,
            one.reason,
            checks.moment(one.until, "until"),
            one.folder,
        )
        for one in message.notices
        if one.kind in kinds
    )
    unknown = len(message.notices) - len(known)
    return Notices(known, checks.number(message.sequence, "sequence"), checks.number(message.more, "more") + unknown)
