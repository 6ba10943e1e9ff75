"""The model of a repository beside the real one: every answer, head, lock, file and status compared."""

from __future__ import annotations

import pytest
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
