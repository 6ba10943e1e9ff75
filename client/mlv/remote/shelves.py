"""Calls about shelves."""

from __future__ import annotations

from collections.abc import Iterator

from mlv.remote.channel import LONG_CALL_SECONDS, STREAM_SECONDS, Channel
from mlv_core.ids import RepositoryName, RequestId
from mlv_core.requests import PlanPart
from mlv_core.shelving import PlanShelfRequest, Shelf, ShelvedChange, ShelveRequest


class ShelfCalls:
    """Shelves. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def shelve(self, request: ShelveRequest) -> Shelf:
        """Keep changes on the server; the same request id again gives the first answer (C3)."""
        from mlv_proto.convert import shelves as convert
        from mlv_proto.v1 import shelves_pb2 as pb

        answers = self._channel.exchange(
            "ShelvesService/Shelve", lambda: convert.SHELVE.cut(request), pb.ShelveResponse.FromString
        )
        return convert.shelf_from_wire(next(answers).shelf)

    def shelve_outcome(self, repository: RepositoryName, request_id: RequestId) -> Shelf | None:
        """What became of a request id; None: the server knows nothing of it, and never will."""
        from mlv_proto.convert import shelves as convert
        from mlv_proto.v1 import shelves_pb2 as pb

        request = pb.GetShelveOutcomeRequest(repository=str(repository), request_id=request_id)
        answer = self._channel.unary("ShelvesService/GetShelveOutcome", request, pb.GetShelveOutcomeResponse)
        return convert.shelf_from_wire(answer.shelf) if answer.HasField("shelf") else None

    def list_shelves(self, repository: RepositoryName, owner: str = "", branch: str = "") -> tuple[Shelf, ...]:
        """The shelves of a repository, the newest first; '' in `owner` or `branch`: of all."""
        from mlv_proto.convert import shelves as convert
        from mlv_proto.v1 import shelves_pb2 as pb

        request = pb.ListShelvesRequest(repository=str(repository), owner=owner, branch=branch)
        answer = self._channel.unary("ShelvesService/ListShelves", request, pb.ListShelvesResponse)
        return tuple(convert.shelf_from_wire(shelf) for shelf in answer.shelves)

    def get_shelf(
        self, repository: RepositoryName, owner: str = "", name: str = ""
    ) -> tuple[Shelf, tuple[ShelvedChange, ...]]:
        """A shelf and what is on it; '' in `owner`: of the caller; in `name`: the newest."""
        from mlv_proto.convert import shelves as convert
        from mlv_proto.v1 import shelves_pb2 as pb

        request = pb.GetShelfRequest(repository=str(repository), owner=owner, name=name)
        parse = pb.GetShelfResponse.FromString
        answers = self._channel.answers("ShelvesService/GetShelf", request, parse, seconds=LONG_CALL_SECONDS)
        return convert.shelf_contents_from_wire(answers)

    def plan_shelf(self, request: PlanShelfRequest) -> Iterator[PlanPart]:
        """What to fetch of a shelf, and how the files are put together."""
        from mlv_proto.convert import content, shelves
        from mlv_proto.v1 import shelves_pb2

        parse = shelves_pb2.PlanShelfResponse.FromString
        answers = self._channel.exchange(
            "ShelvesService/PlanShelf", lambda: shelves.PLAN_SHELF.cut(request), parse, seconds=STREAM_SECONDS
        )
        return (content.plan_part_from_wire(answer.part) for answer in answers)

    def delete_shelf(self, repository: RepositoryName, owner: str, name: str, *, dry_run: bool = False) -> Shelf:
        """Drop a shelf."""
        from mlv_proto.convert import shelves as convert
        from mlv_proto.v1 import shelves_pb2 as pb

        request = pb.DeleteShelfRequest(repository=str(repository), owner=owner, name=name, dry_run=dry_run)
        return convert.shelf_from_wire(
            self._channel.unary("ShelvesService/DeleteShelf", request, pb.DeleteShelfResponse).shelf
        )
