"""C3: whatever speaks to the server next asks what became of a commit that was interrupted."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from mlv_core.failpoints import EXIT_CODE, VARIABLE

START_SECONDS = 60
TOLD = "An interrupted commit had reached the server: it is @2."


@pytest.fixture
def here(workspace):
    """A workspace of the admin at @1."""
    made = workspace()
    made.write("a.txt", b"1\n")
    made.mlv("add", ".")
    made.mlv("commit", "-m", "one")
    return made


def dying(team, point):
    return replace(team.admin, environment={VARIABLE: point})


@pytest.mark.parametrize(
    "verb",
    [
        ("log",),
        ("show",),
        ("cat", "a.txt"),
        ("ls",),
        ("diff", "@1:@head"),
        ("branches",),
        ("labels",),
        ("repo", "show"),
    ],
)
def test_C3_a_verb_that_reads_from_the_server_finishes_an_interrupted_commit(team, here, verb):
    here.write("a.txt", b"2\n")
    dying(team, "commit.published=exit").mlv("commit", "-m", "two", cwd=here.here, code=EXIT_CODE)
    assert here.states() == {"a.txt": "modified"}
    told = team.admin.mlv(*verb, cwd=here.here)
    assert told.err.count(TOLD) == 1
    found = here.json("status")
    assert (found["base"], found["files"]) == (2, [])
    assert TOLD not in team.admin.mlv(*verb, cwd=here.here).err


def test_C3_a_reading_verb_of_another_repository_leaves_it(team, here, repository):
    here.write("a.txt", b"2\n")
    dying(team, "commit.published=exit").mlv("commit", "-m", "two", cwd=here.here, code=EXIT_CODE)
    here.mlv("log", "--repo", repository)
    assert here.states() == {"a.txt": "modified"}


def test_C3_a_commit_that_waited_for_one_that_died_asks_for_its_outcome_first(team, here):
    here.write("a.txt", b"2\n")
    here.write("b.txt", b"b\n")
    here.mlv("add", "b.txt")
    doomed = dying(team, "commit.journal=delay,commit.published=exit")
    first = doomed.popen("commit", "a.txt", "-m", "two", cwd=here.here)
    end = time.monotonic() + START_SECONDS
    while not (here.here / ".mlv" / "commit").exists() and first.poll() is None:
        assert time.monotonic() < end
        os.sched_yield()
    assert "a.txt" in team.admin.mlv("ls", cwd=here.here).out  # one that is at work is left alone
    second = team.admin.mlv("commit", "-m", "three", cwd=here.here)
    first.communicate(timeout=START_SECONDS)
    assert first.returncode == EXIT_CODE
    assert TOLD in second.err
    assert here.json("show", "@3")["parents"] == [2]
    assert here.json("status")["files"] == []
