"""Freezes, the history of labels, names kept for some, where branches stand, templates."""

from __future__ import annotations

from collections.abc import Iterable

from mlv_core.ids import ChangesetNumber
from mlv_core.releasing import (
    BranchStanding,
    CreatedRepository,
    Freeze,
    LabelAct,
    LabelEntry,
    Reservation,
    SetUp,
    Template,
)
from mlv_proto.convert import checks
from mlv_proto.convert.repositories import repository_from_wire, repository_to_wire
from mlv_proto.convert.values import branch_from_wire, branch_to_wire
from mlv_proto.v1 import freezes_pb2, repositories_pb2

SUBJECTS_LIMIT = 1_000
"""Groups and users in one message."""


def freeze_to_wire(freeze: Freeze) -> freezes_pb2.Freeze:
    """A freeze."""
    return freezes_pb2.Freeze(
        id=freeze.id,
        branch=freeze.branch,
        label=freeze.label,
        path=freeze.path,
        by=freeze.by,
        at=freeze.at,
        until=freeze.until,
        reason=freeze.reason,
        lifted_at=freeze.lifted_at,
        lifted_by=freeze.lifted_by,
        lifted_why=freeze.lifted_why,
    )


def freeze_from_wire(message: freezes_pb2.Freeze) -> Freeze:
    """A freeze. Raises: InvalidRequest."""
    return Freeze(
        checks.number(message.id, "freeze.id"),
        message.branch,
        message.label,
        message.path,
        message.by,
        checks.number(message.at, "freeze.at"),
        checks.moment(message.until, "freeze.until") if message.HasField("until") else None,
        message.reason,
        checks.number(message.lifted_at, "freeze.lifted_at") if message.HasField("lifted_at") else None,
        message.lifted_by,
        message.lifted_why,
    )


def wanted_freeze_from_wire(message: freezes_pb2.SetFreezeRequest) -> Freeze:
    """What is asked to be frozen; by whom and when is not the caller's to say. Raises: InvalidRequest."""
    until = checks.moment(message.until, "until") if message.HasField("until") else None
    return _place(message, until)


def lifted_freeze_from_wire(message: freezes_pb2.LiftFreezeRequest) -> Freeze:
    """What is asked to be lifted. Raises: InvalidRequest."""
    return _place(message, None)


def _place(message: freezes_pb2.SetFreezeRequest | freezes_pb2.LiftFreezeRequest, until: int | None) -> Freeze:
    return Freeze(
        0,
        checks.text(message.branch, "branch"),
        checks.text(message.label, "label"),
        checks.text(message.path, "path"),
        "",
        0,
        until,
        checks.text(message.reason, "reason"),
    )


def label_entry_to_wire(entry: LabelEntry) -> repositories_pb2.LabelEntry:
    """One line of a label's history."""
    return repositories_pb2.LabelEntry(
        name=entry.name,
        act=checks.wire_enum(entry.act),
        changeset=entry.changeset,
        by=entry.by,
        time=entry.time,
        why=entry.why,
    )


def label_entry_from_wire(message: repositories_pb2.LabelEntry) -> LabelEntry:
    """One line of a label's history. Raises: InvalidRequest."""
    return LabelEntry(
        message.name,
        checks.enum(LabelAct, message.act, "entry.act"),
        ChangesetNumber(checks.number(message.changeset, "entry.changeset")),
        message.by,
        checks.number(message.time, "entry.time"),
        message.why,
    )


def reservation_to_wire(reservation: Reservation) -> repositories_pb2.Reservation:
    """Names of labels that are kept for some."""
    return repositories_pb2.Reservation(
        pattern=reservation.pattern,
        subjects=reservation.subjects,
        by=reservation.by,
        time=reservation.time,
        version=reservation.version,
    )


def reservation_from_wire(message: repositories_pb2.Reservation) -> Reservation:
    """Names of labels that are kept for some. Raises: InvalidRequest."""
    return Reservation(
        message.pattern,
        subjects_from_wire(message.subjects),
        message.by,
        checks.number(message.time, "reservation.time"),
        checks.number(message.version, "reservation.version"),
    )


def subjects_from_wire(subjects: Iterable[str]) -> tuple[str, ...]:
    """Groups and users. Raises: InvalidRequest."""
    found = checks.texts(subjects, "subjects")
    checks.bounded([len(found)], 1, "the number of subjects", SUBJECTS_LIMIT)
    return found


def standing_to_wire(standing: BranchStanding) -> repositories_pb2.BranchStanding:
    """A branch at a glance."""
    return repositories_pb2.BranchStanding(
        branch=branch_to_wire(standing.branch),
        ahead=standing.ahead,
        behind=standing.behind,
        author=standing.author,
        time=standing.time,
        message=standing.message,
        freezes=map(freeze_to_wire, standing.freezes),
    )


def standing_from_wire(message: repositories_pb2.BranchStanding) -> BranchStanding:
    """A branch at a glance. Raises: InvalidRequest."""
    return BranchStanding(
        branch_from_wire(message.branch),
        checks.number(message.ahead, "standing.ahead"),
        checks.number(message.behind, "standing.behind"),
        message.author,
        checks.number(message.time, "standing.time"),
        message.message,
        tuple(map(freeze_from_wire, message.freezes)),
    )


def template_to_wire(template: Template) -> repositories_pb2.Template:
    """What a new repository may be set up with."""
    return repositories_pb2.Template(name=template.name, summary=template.summary)


def template_from_wire(message: repositories_pb2.Template) -> Template:
    """What a new repository may be set up with."""
    return Template(message.name, message.summary)


def created_to_wire(created: CreatedRepository) -> repositories_pb2.CreateRepositoryResponse:
    """A new repository and what was set up in it."""
    return repositories_pb2.CreateRepositoryResponse(
        repository=repository_to_wire(created.repository),
        set_up=[repositories_pb2.SetUp(kind=one.kind, name=one.name, what=one.what) for one in created.set_up],
    )


def created_from_wire(message: repositories_pb2.CreateRepositoryResponse) -> CreatedRepository:
    """A new repository and what was set up in it. Raises: InvalidRequest."""
    set_up = tuple(SetUp(one.kind, one.name, one.what) for one in message.set_up)
    return CreatedRepository(repository_from_wire(message.repository), set_up)
