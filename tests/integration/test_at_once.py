"""Two commands in one workspace at the same time: the one that waits goes on from where the other left off."""

from __future__ import annotations

import os
import time
from dataclasses import replace

START_SECONDS = 60


def test_F3_an_update_that_waited_for_a_commit_starts_from_what_the_commit_left(team, repository):
    admin = team.admin
    admin.mlv("checkout", repository, "waiting")
    here = admin.home / "waiting"
    (here / "a.txt").write_bytes(b"1\n")
    admin.mlv("add", ".", cwd=here)
    admin.mlv("commit", "-m", "one", cwd=here)
    (here / "a.txt").write_bytes(b"2\n")
    slow = replace(admin, environment={"MLV_FAILPOINTS": "commit.journal=delay"})
    commit = slow.popen("commit", "-m", "two", cwd=here)
    end = time.monotonic() + START_SECONDS
    while not (here / ".mlv" / "commit").exists() and commit.poll() is None:
        assert time.monotonic() < end
        os.sched_yield()
    updated = admin.mlv("update", "--json", cwd=here).json
    out, err = commit.communicate(timeout=START_SECONDS)
    assert commit.returncode == 0, out + err
    status = admin.mlv("status", "--json", cwd=here).json
    assert (updated["base"], status["base"], status["files"]) == (2, 2, [])
    assert admin.mlv("cat", "a.txt@have", cwd=here).out == "2\n"
