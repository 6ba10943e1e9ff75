"""Calls about merging branches."""

from __future__ import annotations

from mlv.remote.channel import LONG_CALL_SECONDS, Channel
from mlv_core.merging import Merged, MergeRequest


class MergeCalls:
    """Merges. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def merge(self, request: MergeRequest) -> Merged:
        """Merge a branch into another; the same request id again gives the first answer (C3)."""
        from mlv_proto.convert import merges as convert
        from mlv_proto.v1 import merges_pb2 as pb

        message, parse = convert.merge_request_to_wire(request), pb.MergeResponse.FromString
        answers = self._channel.answers("MergesService/Merge", message, parse, seconds=LONG_CALL_SECONDS)
        return convert.merged_from_wire(answers)
