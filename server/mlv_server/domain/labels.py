"""What may be done to a label: made once, moved and deleted with a reason, kept for some; nothing is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from mlv_core.entities import Label
from mlv_core.errors import AlreadyExists, Denied, InvalidRequest, NotFound
from mlv_core.ids import ChangesetNumber, escape, fold
from mlv_core.releasing import LabelAct, LabelEntry, Reservation
from mlv_server.domain.globs import matches_name

MESSAGE_LIMIT = 64 * 1024
"""Characters: room for release notes."""
REASON_LIMIT = 1_000
"""Characters of a reason: a sentence or two."""
PATTERN_LIMIT = 255
"""Characters of a pattern, as of a name."""
SUBJECTS_LIMIT = 100
"""Groups and users that one pattern is kept for: more are a group."""
KINDS = ("group:", "user:")


def check_message(message: str) -> None:
    """Raises: InvalidRequest for a message that is too long."""
    if len(message) > MESSAGE_LIMIT:
        raise InvalidRequest(f"message has more than {MESSAGE_LIMIT:,} characters.")


def check_reason(reason: str, act: str) -> None:
    """Raises: InvalidRequest for no reason, or one that is too long."""
    if not reason.strip():
        raise InvalidRequest(f"Whoever relies on a label must be able to read why it was {act}.", advice="Say -m WHY.")
    if len(reason) > REASON_LIMIT:
        raise InvalidRequest(f"The reason has more than {REASON_LIMIT:,} characters.")


def check_reserved(name: str, user: str, groups: Collection[str], reservations: Iterable[Reservation]) -> None:
    """Check that `user` may make, move or delete a label `name`: every pattern that matches must be kept for them.

    It holds for admins too: who may change the reservation does so where everybody sees it. Raises: Denied.
    """
    subjects = {fold(f"user:{user}"), *(fold(f"group:{group}") for group in groups)}
    for one in reservations:
        if matches_name(one.pattern, name) and not any(fold(subject) in subjects for subject in one.subjects):
            raise Denied(
                f"Labels '{escape(one.pattern)}' are kept for {escape(', '.join(one.subjects))} (by {escape(one.by)}).",
                advice="Ask one of them; 'mlv labels --reserved' shows what is kept for whom.",
            )


def check_reservation(pattern: str, subjects: Sequence[str]) -> None:
    """Raises: InvalidRequest for a pattern that matches nothing, or a subject that is neither group nor user."""
    if not pattern or len(pattern) > PATTERN_LIMIT or not pattern.isprintable():
        raise InvalidRequest(f"A pattern of labels has 1 to {PATTERN_LIMIT} printable characters.")
    if len(subjects) > SUBJECTS_LIMIT:
        raise InvalidRequest(f"{len(subjects)} groups and users are named; {SUBJECTS_LIMIT} are allowed.")
    wrong = next((one for one in subjects if not one.startswith(KINDS) or not one.partition(":")[2]), None)
    if wrong is not None:
        raise InvalidRequest(f"'{escape(wrong)}' is neither group:NAME nor user:NAME.")


def decide_create(label: Label, existing: Label | None, history: Sequence[LabelEntry]) -> Label:
    """The label to be made; a deleted one comes back only where it was, else it would name another version unseen.

    `history` is that of the name, oldest first; the answer has the name as it was first given. Raises: AlreadyExists.
    """
    if existing is not None:
        raise AlreadyExists(
            f"The label '{existing.name}' names @{existing.changeset} already.",
            advice=f"Choose another name; with the right 'label.move': 'mlv label {existing.name} @REV --move -m WHY'.",
        )
    if not history:
        return label
    last = history[-1]
    if last.changeset != label.changeset:
        raise AlreadyExists(
            f"The label '{last.name}' named @{last.changeset} until {last.by} deleted it: {escape(last.why)}",
            advice=f"Choose another name; with the right 'label.move': 'mlv label {last.name} @REV --move -m WHY'.",
        )
    return replace(label, name=last.name, moves=moves_in(history))


def decide_move(
    name: str, to: ChangesetNumber, existing: Label | None, history: Sequence[LabelEntry], by: str, now: int
) -> Label:
    """The label as it stands after the move; a deleted one comes back by it. Raises: NotFound, InvalidRequest."""
    if existing is not None:
        if existing.changeset == to:
            raise InvalidRequest(f"The label '{existing.name}' names @{to} already.")
        return replace(existing, changeset=to, by=by, time=now, moves=existing.moves + 1)
    if not history:
        raise NotFound(f"There is no label '{escape(name)}' to move.", advice="'mlv labels' shows them.")
    message = next((entry.why for entry in reversed(history) if entry.act is LabelAct.CREATED), "")
    return Label(history[-1].name, to, message, by, now, moves_in(history) + 1)


def moves_in(history: Iterable[LabelEntry]) -> int:
    """How often a label was moved."""
    return sum(entry.act is LabelAct.MOVED for entry in history)
