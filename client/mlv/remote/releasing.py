"""Calls of release managers: labels moved, deleted, kept for some; freezes; branches at a glance, closed and opened."""

from __future__ import annotations

from mlv.remote.channel import CALL_SECONDS, Channel
from mlv_core.entities import Branch, Label
from mlv_core.ids import RepositoryName
from mlv_core.releasing import BranchStanding, CreatedRepository, Freeze, LabelEntry, Reservation, Template
from mlv_proto.convert.releasing import (
    created_from_wire,
    freeze_from_wire,
    label_entry_from_wire,
    reservation_from_wire,
    standing_from_wire,
    template_from_wire,
)
from mlv_proto.convert.values import branch_from_wire, label_from_wire
from mlv_proto.v1 import freezes_pb2
from mlv_proto.v1 import repositories_pb2 as pb


class ReleaseCalls:
    """What changes and shows refs. Every method raises what the server refuses with, and Unreachable."""

    _channel: Channel

    def create_repository_from(
        self, name: RepositoryName, description: str = "", template: str = "", *, dry_run: bool = False
    ) -> CreatedRepository:
        """A new repository, set up as a template says ('': none)."""
        request = pb.CreateRepositoryRequest(
            repository=str(name), description=description, template=template, dry_run=dry_run
        )
        answer = self._channel.unary("RepositoriesService/CreateRepository", request, pb.CreateRepositoryResponse)
        return created_from_wire(answer)

    def list_templates(self) -> tuple[Template, ...]:
        """What a new repository may be set up with."""
        answer = self._channel.unary(
            "RepositoriesService/ListTemplates", pb.ListTemplatesRequest(), pb.ListTemplatesResponse
        )
        return tuple(map(template_from_wire, answer.templates))

    def survey_branches(self, repository: RepositoryName, *, abandoned: bool = False) -> tuple[BranchStanding, ...]:
        """The branches with where they stand, with `abandoned` the closed ones too."""
        request = pb.SurveyBranchesRequest(repository=str(repository), abandoned=abandoned)
        parse = pb.SurveyBranchesResponse.FromString
        answers = self._channel.answers("BranchesService/SurveyBranches", request, parse, seconds=CALL_SECONDS)
        return tuple(standing_from_wire(one) for answer in answers for one in answer.standings)

    def abandon_branch(
        self, repository: RepositoryName, name: str, reason: str, *, dry_run: bool = False
    ) -> tuple[Branch, int]:
        """Close a branch; the branch, and how many locks that released."""
        request = pb.AbandonBranchRequest(repository=str(repository), name=name, reason=reason, dry_run=dry_run)
        answer = self._channel.unary("BranchesService/AbandonBranch", request, pb.AbandonBranchResponse)
        return branch_from_wire(answer.branch), answer.locks_released

    def reopen_branch(
        self, repository: RepositoryName, name: str, reason: str = "", *, dry_run: bool = False
    ) -> Branch:
        """Open a branch again."""
        request = pb.ReopenBranchRequest(repository=str(repository), name=name, reason=reason, dry_run=dry_run)
        answer = self._channel.unary("BranchesService/ReopenBranch", request, pb.ReopenBranchResponse)
        return branch_from_wire(answer.branch)

    def move_label(
        self, repository: RepositoryName, name: str, at: str, reason: str, *, dry_run: bool = False
    ) -> Label:
        """Let a label name revision `at` from now on."""
        request = pb.MoveLabelRequest(repository=str(repository), name=name, at=at, reason=reason, dry_run=dry_run)
        answer = self._channel.unary("LabelsService/MoveLabel", request, pb.MoveLabelResponse)
        return label_from_wire(answer.label)

    def delete_label(self, repository: RepositoryName, name: str, reason: str, *, dry_run: bool = False) -> Label:
        """End a label; it as it stood."""
        request = pb.DeleteLabelRequest(repository=str(repository), name=name, reason=reason, dry_run=dry_run)
        answer = self._channel.unary("LabelsService/DeleteLabel", request, pb.DeleteLabelResponse)
        return label_from_wire(answer.label)

    def label_history(self, repository: RepositoryName, name: str = "") -> tuple[LabelEntry, ...]:
        """All that was done to a label, '': to every one."""
        request = pb.ListLabelHistoryRequest(repository=str(repository), name=name)
        parse = pb.ListLabelHistoryResponse.FromString
        answers = self._channel.answers("LabelsService/ListLabelHistory", request, parse, seconds=CALL_SECONDS)
        return tuple(label_entry_from_wire(entry) for answer in answers for entry in answer.entries)

    def reserve_labels(
        self, repository: RepositoryName, pattern: str, subjects: tuple[str, ...], *, dry_run: bool = False
    ) -> Reservation:
        """Keep labels that match a pattern for groups and users; none: for nobody any more."""
        request = pb.ReserveLabelsRequest(
            repository=str(repository), pattern=pattern, subjects=subjects, dry_run=dry_run
        )
        answer = self._channel.unary("LabelsService/ReserveLabels", request, pb.ReserveLabelsResponse)
        return reservation_from_wire(answer.reservation)

    def list_reservations(self, repository: RepositoryName) -> tuple[Reservation, ...]:
        """Which patterns of labels are kept for whom."""
        request = pb.ListReservationsRequest(repository=str(repository))
        answer = self._channel.unary("LabelsService/ListReservations", request, pb.ListReservationsResponse)
        return tuple(map(reservation_from_wire, answer.reservations))

    def set_freeze(self, repository: RepositoryName, wanted: Freeze, *, dry_run: bool = False) -> Freeze:
        """Freeze what `wanted` names, until its end, for its reason."""
        request = freezes_pb2.SetFreezeRequest(
            repository=str(repository),
            branch=wanted.branch,
            label=wanted.label,
            path=wanted.path,
            until=wanted.until,
            reason=wanted.reason,
            dry_run=dry_run,
        )
        answer = self._channel.unary("FreezesService/SetFreeze", request, freezes_pb2.SetFreezeResponse)
        return freeze_from_wire(answer.freeze)

    def lift_freeze(self, repository: RepositoryName, place: Freeze, *, dry_run: bool = False) -> Freeze:
        """Lift the freeze of the very place that `place` names, for its reason."""
        request = freezes_pb2.LiftFreezeRequest(
            repository=str(repository),
            branch=place.branch,
            label=place.label,
            path=place.path,
            reason=place.reason,
            dry_run=dry_run,
        )
        answer = self._channel.unary("FreezesService/LiftFreeze", request, freezes_pb2.LiftFreezeResponse)
        return freeze_from_wire(answer.freeze)

    def list_freezes(self, repository: RepositoryName, *, ended: bool = False) -> tuple[Freeze, ...]:
        """The freezes that hold, with `ended` the others too."""
        request = freezes_pb2.ListFreezesRequest(repository=str(repository), ended=ended)
        parse = freezes_pb2.ListFreezesResponse.FromString
        answers = self._channel.answers("FreezesService/ListFreezes", request, parse, seconds=CALL_SECONDS)
        return tuple(freeze_from_wire(freeze) for answer in answers for freeze in answer.freezes)
