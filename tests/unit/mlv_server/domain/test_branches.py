"""Branches that are abandoned and opened again."""

from __future__ import annotations

import pytest

from mlv_core.entities import Branch, BranchKind
from mlv_core.errors import InvalidRequest
from mlv_core.ids import BranchId, ChangesetNumber
from mlv_server.domain import branches

DEV = Branch(BranchId(2), "dev", BranchKind.EXPERIMENT, "main", ChangesetNumber(3), ChangesetNumber(1), "ann", 1)


def test_a_branch_is_closed_with_a_reason_and_opened_again_as_it_was():
    closed = branches.decide_abandon(DEV, "it led nowhere", "rex", 9)
    assert (closed.abandoned_at, closed.abandoned_by, closed.abandoned_why) == (9, "rex", "it led nowhere")
    assert branches.decide_reopen(closed, "") == DEV


def test_main_no_reason_and_an_open_branch_are_refused():
    main = Branch(BranchId(1), "main", BranchKind.MAIN, "", ChangesetNumber(3), ChangesetNumber(0), "ann", 1)
    for branch, reason in ((main, "x"), (DEV, " "), (DEV, "x" * 1001)):
        with pytest.raises(InvalidRequest):
            branches.decide_abandon(branch, reason, "rex", 9)
    with pytest.raises(InvalidRequest):
        branches.decide_reopen(DEV, "")
