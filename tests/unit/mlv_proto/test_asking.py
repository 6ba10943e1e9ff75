"""Asking for locks goes over the wire and comes back as it was (L10)."""

from __future__ import annotations

import pytest

from mlv_core.asking import Answer, AnswerRequest, Asked, AskRequest, LockRequest, WithdrawRequest
from mlv_core.errors import InvalidRequest
from mlv_core.ids import ChangesetNumber, FileId, RepositoryName, WorkspaceId
from mlv_proto.convert import asking as convert
from mlv_proto.v1 import lock_requests_pb2 as pb

NAME = RepositoryName("fraud", "detector")
HERE = WorkspaceId("w1")


@pytest.mark.parametrize("bases", [(3, 3), (3, 4)])
def test_a_question_comes_back_as_it_was(bases: tuple[int, int]) -> None:
    asked = AskRequest(
        NAME, "main", HERE, ("a.pt", "b.pt"), tuple(map(ChangesetNumber, bases)), "why", waits=True, wait_ms=5,
        again=True, dry_run=True,
    )  # fmt: skip
    assert convert.ask_request_from_wire(convert.ask_request_to_wire(asked)) == asked
    told = Asked(turn=True, ahead=2, contact_ms=20_000, holders=("alice",))
    assert convert.asked_from_wire(convert.asked_to_wire(told)) == told


def test_withdrawals_answers_and_lists_come_back_as_they_were() -> None:
    withdrawn = WithdrawRequest(NAME, "main", HERE, ("a.pt",), dry_run=True)
    assert convert.withdraw_request_from_wire(convert.withdraw_request_to_wire(withdrawn)) == withdrawn
    answered = AnswerRequest(NAME, "main", ("a.pt",), "bob", Answer.DENY, "no", dry_run=True)
    assert convert.answer_request_from_wire(convert.answer_request_to_wire(answered)) == answered
    for denied in (None, 5):
        listed = LockRequest(
            1, FileId(2), "a.pt", "bob", HERE, "host", "main", "why", True, 3, False, 10, 20, "alice", "no", denied
        )  # fmt: skip
        assert convert.lock_request_from_wire(convert.lock_request_to_wire(listed)) == listed


def test_what_is_no_answer_is_refused_by_name() -> None:
    message = pb.AnswerLockRequestRequest(repository=str(NAME), branch="main", paths=["a.pt"], user="bob")
    with pytest.raises(InvalidRequest, match="answer is 0"):
        convert.answer_request_from_wire(message)
    with pytest.raises(InvalidRequest, match="bases"):
        convert.ask_request_from_wire(pb.AskForLocksRequest(repository=str(NAME), paths=["a", "b", "c"], bases=[1, 2]))
