"""Labels: made, moved and deleted under rights of their own, their history kept, their names kept for some."""

from __future__ import annotations

from typing import Any

from mlv_core.entities import Label
from mlv_core.errors import InvalidRequest, NotFound
from mlv_core.hooks import Moment
from mlv_core.ids import ChangesetNumber, RepositoryName, check_name, escape
from mlv_core.releasing import LabelAct, LabelEntry, Reservation
from mlv_server.domain import labels as rules
from mlv_server.domain.checking import Subject
from mlv_server.domain.events import EventKind, label_changed_event, label_event, reservation_event
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, approvals, consulting, freezes, history
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View


async def create(call: Call, repository: RepositoryName, name: str, at: str, message: str, dry_run: bool) -> Label:
    """Name the version at revision `at` ('': the head of main).

    Raises: InvalidName, InvalidRequest, NotFound, AlreadyExists, Denied, ApprovalNeeded, Frozen.
    """
    check_name(name, "label")
    rules.check_message(message)
    named = (await history.resolve(call, repository, at, ""))[0] if at else None

    def work(tx: Transaction) -> Label:
        row = _check(tx, call, "label.create", repository, name)
        changeset = View(tx, call, row).main().head if named is None else named
        if changeset == 0:
            raise InvalidRequest("There is no version to label yet.", advice="Commit first.")
        known = tx.labels.known_name(row.id, name) or name
        existing, past = tx.labels.find(row.id, known), tx.labels.history(row.id, known)

        wanted = Label(name, changeset, message, call.principal.user, call.now)
        label = rules.decide_create(wanted, existing, past)
        _check_approvals(tx, call, row, "label.create", label)
        _consult(tx, call, row, "label", label, message)

        tx.labels.add(row.id, label)
        tx.labels.note(row.id, _entry(label, LabelAct.CREATED, message))
        tx.audit.append(row.id, (access.audit_entry(call, "label.create", label.name, changeset=changeset),))
        tx.events.append(row.id, call.now, (label_event(label),))
        return label

    return await access.write(
        call,
        work,
        "label.create",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), name, at, message), _read),
    )


async def move(call: Call, repository: RepositoryName, name: str, at: str, reason: str, dry_run: bool) -> Label:
    """Let a label name the version at revision `at` from now on; that it named another stays in its history.

    One that was deleted comes back by it. Raises: InvalidRequest, NotFound, Denied, ApprovalNeeded, Frozen.
    """
    rules.check_reason(reason, "moved")
    to = (await history.resolve(call, repository, at, ""))[0]

    def work(tx: Transaction) -> Label:
        row = _check(tx, call, "label.move", repository, name)
        if to == 0:
            raise InvalidRequest("There is no version to label yet.", advice="Commit first.")
        known = tx.labels.known_name(row.id, name) or name
        before, past = tx.labels.find(row.id, known), tx.labels.history(row.id, known)

        label = rules.decide_move(name, to, before, past, call.principal.user, call.now)
        _check_approvals(tx, call, row, "label.move", label)
        _consult(tx, call, row, "label.move", label, reason)

        if before is None:
            tx.labels.add(row.id, label)
        else:
            tx.labels.put(row.id, label)
        _note_change(tx, call, row, label, before, EventKind.LABEL_MOVED, reason)
        return label

    return await access.write(
        call,
        work,
        "label.move",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), name, at, reason), _read),
    )


async def delete(call: Call, repository: RepositoryName, name: str, reason: str, dry_run: bool) -> Label:
    """End a label; its history stays, and its name can name another version only by a move, which shows there too.

    Raises: InvalidRequest, NotFound, Denied, Frozen.
    """
    rules.check_reason(reason, "deleted")

    def work(tx: Transaction) -> Label:
        row = _check(tx, call, "label.move", repository, name)
        label = tx.labels.find(row.id, name)
        if label is None:
            raise NotFound(f"There is no label '{escape(name)}'.", advice="'mlv labels' shows them.")

        tx.labels.remove(row.id, label.name)
        _note_change(tx, call, row, label, label, EventKind.LABEL_DELETED, reason)
        return label

    return await access.write(
        call,
        work,
        "label.move",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), "delete", name, reason), _read),
    )


async def list_all(call: Call, repository: RepositoryName) -> tuple[Label, ...]:
    """Every label of a repository, newest version first.

    Raises: NotFound.
    """
    return await call.db.read(lambda tx: View(tx, call, tx.repositories.get(repository)).labels())


async def list_history(call: Call, repository: RepositoryName, name: str) -> tuple[LabelEntry, ...]:
    """All that was done to a label, deleted or not, or with '' to every one; oldest first in each label.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[LabelEntry, ...]:
        row = tx.repositories.get(repository)
        sight = View(tx, call, row).sight
        known = tx.labels.known_name(row.id, name) if name else ""
        if known is None or (known and not sight.may("list", f"label/{known}")):
            raise NotFound(f"There was never a label '{escape(name)}'.", advice="'mlv labels --history' shows all.")
        return tuple(one for one in tx.labels.history(row.id, known) if sight.may("list", f"label/{one.name}"))

    return await call.db.read(work)


async def reserve(
    call: Call, repository: RepositoryName, pattern: str, subjects: tuple[str, ...], dry_run: bool
) -> Reservation:
    """Keep labels that match `pattern` for groups and users (`group:NAME`, `user:NAME`); none: for nobody any more.

    Raises: InvalidRequest; NotFound for a pattern that is kept for nobody, a group or a user; Denied.
    """
    rules.check_reservation(pattern, subjects)

    def work(tx: Transaction) -> Reservation:
        row = tx.repositories.get(repository)
        access.check(tx, call, "admin", row)
        kept = tx.labels.reservations(row.id)
        if not subjects and pattern.casefold() not in {one.pattern.casefold() for one in kept}:
            raise NotFound(
                f"Labels '{escape(pattern)}' are kept for nobody.", advice="'mlv labels --reserved' shows what is kept."
            )
        known = tuple(dict.fromkeys(_known_subject(tx, subject) for subject in subjects))

        return put_reservation(tx, call, row, pattern, known)

    return await access.write(
        call,
        work,
        "label.reserve",
        f"{repository}:{pattern}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), pattern, subjects), _read_reservation),
    )


def put_reservation(
    tx: Transaction, call: Call, row: RepositoryRow, pattern: str, subjects: tuple[str, ...]
) -> Reservation:
    """Write a reservation, and tell of it."""
    made = tx.labels.reserve(row.id, pattern, subjects, call.principal.user, call.now)
    kept_for = " ".join(subjects)
    entry = access.audit_entry(call, EventKind.LABEL_RESERVED.value, pattern, kept_for=kept_for, version=made.version)
    tx.audit.append(row.id, (entry,))
    tx.events.append(row.id, call.now, (reservation_event(made),))
    return made


async def list_reservations(call: Call, repository: RepositoryName) -> tuple[Reservation, ...]:
    """Which patterns are kept for whom.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[Reservation, ...]:
        row = tx.repositories.get(repository)
        sight = View(tx, call, row).sight
        return tuple(one for one in tx.labels.reservations(row.id) if sight.may("list", f"label/{one.pattern}"))

    return await call.db.read(work)


def _check(tx: Transaction, call: Call, action: str, repository: RepositoryName, name: str) -> RepositoryRow:
    """The repository, in which the caller may do `action` to the label now. Raises: NotFound, Denied, Frozen."""
    row = tx.repositories.get(repository)
    access.check(tx, call, action, row, f"label/{name}")
    # Where a name may be taken that the caller may not list, nothing can be done: trying must not tell (P4).
    access.check(tx, call, "list", row, f"label/{name}")
    rules.check_reserved(name, call.principal.user, call.principal.groups, tx.labels.reservations(row.id))
    freezes.check_label(tx, call, row.id, name)
    return row


def _note_change(
    tx: Transaction, call: Call, row: RepositoryRow, label: Label, before: Label | None, kind: EventKind, reason: str
) -> None:
    """Write into history, audit and events that a label was moved or deleted."""
    act = LabelAct.MOVED if kind is EventKind.LABEL_MOVED else LabelAct.DELETED
    by = call.principal.user
    tx.labels.note(row.id, LabelEntry(label.name, act, label.changeset, by, call.now, reason))
    was = None if before is None else int(before.changeset)
    entry = access.audit_entry(
        call, kind.value, label.name, changeset=label.changeset, before="" if was is None else was, reason=reason
    )
    tx.audit.append(row.id, (entry,))
    tx.events.append(row.id, call.now, (label_changed_event(kind, label, was, by, reason),))


def _known_subject(tx: Transaction, subject: str) -> str:
    """`group:NAME` or `user:NAME` with the name as it was given at its making. Raises: NotFound."""
    kind, _, name = subject.partition(":")
    if kind == "user":
        return f"user:{tx.users.get(name)[1].name}"
    group = tx.users.known_group(name)
    if group is None:
        raise NotFound(f"There is no group '{escape(name)}'.", advice="'mlv group list' shows them.")
    return f"group:{group}"


def _entry(label: Label, act: LabelAct, why: str) -> LabelEntry:
    return LabelEntry(label.name, act, ChangesetNumber(label.changeset), label.by, label.time, why)


def _read(said: dict[str, Any]) -> Label:
    return Label(**said)


def _read_reservation(said: dict[str, Any]) -> Reservation:
    return Reservation(**{**said, "subjects": tuple(said["subjects"])})


def _check_approvals(tx: Transaction, call: Call, row: RepositoryRow, action: str, label: Label) -> None:
    """Check that the version has the approvals that the label asks for (P3). Raises: ApprovalNeeded."""
    base = tx.changesets.get(row.id, label.changeset).first_parent
    approvals.check(tx, call, row, approvals.Deed(action, f"label/{label.name}", label.changeset, base))


def _consult(tx: Transaction, call: Call, row: RepositoryRow, act: str, label: Label, message: str) -> None:
    """Go on only if the checks that concern the label allowed it. Raises: ChecksDue."""
    ref = f"label/{label.name}"
    names = (("label", label.name), ("changeset", int(label.changeset)))
    subject = Subject(Moment.LABEL, act, str(row.name), ref, call.principal.user, label.changeset, message, names=names)
    consulting.require(tx, call, row, subject)
