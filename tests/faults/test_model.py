"""The model of a repository beside the real one: every answer, head, lock, file and status compared."""

from __future__ import annotations

import pytest
from tests.faults.model_values import File, Tracked, Workspace
from tests.faults.test_kills import RUN_SECONDS, driven


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS)
def test_every_command_answers_as_the_model_of_semantics_says(tmp_path):
    report = driven("machine", tmp_path, "--examples", "45", "--seed", "1")
    counts = report["counts"]
    assert counts["steps"] > 500
    assert counts["steps by a real process"] > 10
    assert counts["files read bit for bit"] > 50
    for answer in ("commit ok", "commit HEAD_MOVED", "commit LOCK_HELD", "commit LOCK_NEEDED", "edit LOCK_HELD"):
        assert counts[answer] > 0, answer


def test_C3_the_model_sees_a_lock_that_only_the_workspace_believes_in():
    # Found by a soak: the file was changed, so that neither its state nor the list of open files told of the lock.
    told = {"files": [{"path": "t9.txt", "state": "modified", "lock": "broken"}]}
    knows = Workspace("ann6", "ann", "n5", 19, {"t9.txt": Tracked(File(1, b"old"), opened=True, token=15)})
    forgot = Workspace("ann6", "ann", "n5", 19, {"t9.txt": Tracked(File(1, b"old"))})
    assert knows.misbelieves(told) == ""
    assert "t9.txt" in forgot.misbelieves(told)
    unlocked = {"files": [{"path": "t9.txt", "state": "modified", "lock": "unlocked_edit"}]}
    assert forgot.misbelieves(unlocked) == ""
    assert "t9.txt" in knows.misbelieves(unlocked)
    assert forgot.misbelieves({"files": []}) == ""
    # Where a locked file was moved away, what stands there now is another.
    assert forgot.misbelieves({"files": [{"path": "t9.txt", "state": "untracked", "lock": "mine"}]}) == ""
