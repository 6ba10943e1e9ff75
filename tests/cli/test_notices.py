"""One line in the next command of whom it concerns: once each, over restarts, and without a call for anybody else."""

from __future__ import annotations

import json
import re

import pytest
from tests.cli.people import Typist


def said(person: Typist, *arguments: str, code: int = 0) -> str:
    """What a command says besides its result."""
    return person.noticed(*arguments, code=code)


def calls(person: Typist, *arguments: str) -> int:
    return int(re.search(r"(\d+) calls?,", said(person, "-v", *arguments))[1])  # type: ignore[index]


@pytest.fixture
def met(pair):
    """Two workspaces that have spoken to the server, so that what comes from now on is news to them."""
    first, second = pair
    for person in pair:
        person.mlv("locks")
    return first, second


def test_L9_who_loses_a_lock_is_told_once_by_whom_and_why(met):
    first, second = met
    second.mlv("edit", "w.safetensors")
    assert said(second, "locks") == ""
    first.mlv("unlock", "--force", "-m", "I need it", "w.safetensors")
    told = said(second, "locks")
    assert f"{first.name} broke your lock on w.safetensors: I need it. 'mlv shelve' keeps your work." in told
    assert said(second, "locks") == ""
    # It concerns nobody else, and whoever did it knows.
    assert said(first, "locks") == ""


@pytest.mark.parametrize(
    "typed", [("lock", "--steal", "-m", "over here", "w.safetensors"), ("unlock", "w.safetensors")], ids=lambda a: a[0]
)
def test_L9_who_takes_or_drops_a_lock_elsewhere_is_told_where_it_was_held(met, workspace, typed):
    first, second = met
    elsewhere: Typist = workspace()
    elsewhere.mlv("locks")
    first.mlv("edit", "w.safetensors")
    elsewhere.mlv(*typed)
    assert said(elsewhere, "locks") == said(second, "locks") == ""
    told = said(first, "locks")
    assert "You ended this workspace's lock on w.safetensors in another one" in told
    assert ("over here" in told) == (typed[0] == "lock")
    assert said(first, "locks") == ""
    # The next look, which asks no server, knows it too.
    assert "Unchanged, lock broken: w.safetensors" in first.mlv("status")


def test_an_abandoned_branch_takes_its_locks_without_a_word_of_another_workspace(met):
    first, _ = met
    first.mlv("branch", "side")
    first.mlv("switch", "side")
    first.mlv("edit", "w.safetensors")
    assert "another one" not in said(first, "branch", "side", "--abandon", "-m", "over")
    assert "another one" not in said(first, "locks")


def test_a_refused_command_tells_too(met):
    first, second = met
    second.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0mine")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    assert "broke your lock on w.safetensors" in said(second, "commit", "-m", "x", code=4)


def test_L10_who_holds_is_told_of_who_asks_and_who_asked_of_the_answer(met):
    first, second = met
    second.mlv("edit", "w.safetensors")
    first.mlv("lock", "--request", "-m", "fine-tune", "w.safetensors")
    told = said(second, "locks")
    assert f"{first.name} asks for your lock on w.safetensors: fine-tune." in told
    assert f"mlv unlock --give {first.name} w.safetensors" in told
    second.mlv("lock", "--deny", first.name, "-m", "tomorrow", "w.safetensors")
    assert f"{second.name} keeps the lock on w.safetensors that you asked for: tomorrow." in said(first, "locks")
    first.mlv("lock", "--request", "-m", "again", "w.safetensors")
    said(second, "locks")
    second.mlv("unlock", "--give", first.name, "w.safetensors")
    assert f"The lock on w.safetensors that you asked for is yours, from {second.name}." in said(first, "locks")
    assert said(second, "locks") == ""


def test_L10_who_asks_and_then_waits_is_told_of_once_and_stands_in_the_list_once(met):
    first, second = met
    second.mlv("edit", "w.safetensors", "train.py")
    second.mlv("lock", "train.py")
    first.mlv("lock", "--request", "-m", "please", "w.safetensors")
    first.mlv("lock", "--wait=1s", "w.safetensors", code=4)
    told = said(second, "locks")
    assert told.count("asks for your lock") == 1
    assert "please" in told
    # What was not asked for before is told, and another reason too.
    first.mlv("lock", "--request", "-m", "please", "w.safetensors")
    said(second, "locks")
    first.mlv("lock", "--wait=1s", "w.safetensors", "train.py", code=4)
    (told,) = [line for line in said(second, "locks").splitlines() if "asks for" in line]
    assert "train.py" in told
    first.mlv("lock", "--request", "-m", "please", "w.safetensors")
    said(second, "locks")
    first.mlv("lock", "--wait=1s", "-m", "the demo is today", "w.safetensors", code=4)
    assert "the demo is today" in said(second, "locks")


def test_L1_L10_who_holds_a_folder_is_told_what_works_when_a_part_of_it_is_asked_for(met):
    first, second = met
    second.mlv("lock", "--tree", "data")
    first.mlv("lock", "--request", "-m", "one row", "data/a.txt")
    (told,) = [json.loads(line) for line in said(second, "--json", "locks").splitlines()]
    assert (told["kind"], told["path"], told["folder"]) == ("lock.requested", "data/a.txt", "data")
    people = said(second, "locks")
    assert told["message"] in people
    assert "--give" not in people
    # What it would have advised is refused; what it advises is not.
    refused = second.json("unlock", "--give", first.name, "data/a.txt", code=2)
    assert "mlv unlock data" in refused["advice"]
    denied = ("lock", "--deny", first.name, "-m", "tomorrow", "data/a.txt")
    assert f"'mlv lock --deny {first.name} -m WHY data/a.txt'" in people
    second.mlv(*denied)
    assert "tomorrow" in said(first, "locks")
    assert "'mlv unlock data'" in people
    second.mlv("unlock", "data")
    first.mlv("lock", "data/a.txt")


def test_a_freeze_of_the_branch_is_told_to_who_works_on_it(met):
    first, second = met
    first.mlv("branch", "dev")
    first.mlv("freeze", "dev", "-m", "not here")
    assert said(second, "locks") == ""
    first.mlv("freeze", "main", "-m", "release week")
    assert f"{first.name} froze the branch main: release week." in said(second, "locks")
    assert said(second, "locks") == ""


def test_q_leaves_it_for_the_next_command(met):
    first, second = met
    second.mlv("edit", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    assert said(second, "-q", "locks") == ""
    assert said(second, "-q", "--json", "locks") == ""
    assert "broke your lock on w.safetensors: why" in said(second, "locks")


def test_L9_L10_a_script_is_told_by_json_lines_once_and_people_all_the_same(met):
    first, second = met
    second.mlv("edit", "w.safetensors")
    first.mlv("lock", "--request", "-m", "fine-tune", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    first.mlv("freeze", "main", "-m", "release week")
    told = [json.loads(line) for line in said(second, "--json", "locks").splitlines()]
    assert [one["kind"] for one in told] == ["lock.broken", "branch.frozen"]
    lost, frozen = told
    assert {name: lost[name] for name in ("path", "branch", "by", "reason", "until")} == {
        "path": "w.safetensors", "branch": "main", "by": first.name, "reason": "why", "until": None,
    }  # fmt: skip
    assert lost["message"] == f"{first.name} broke your lock on w.safetensors: why. 'mlv shelve' keeps your work."
    assert (frozen["path"], frozen["branch"], frozen["event"] > lost["event"]) == (None, "main", True)
    assert said(second, "--json", "locks") == ""
    people = said(second, "locks")
    assert lost["message"] in people
    assert frozen["message"] in people
    assert (said(second, "locks"), said(second, "--json", "locks")) == ("", "")
    first.mlv("unfreeze", "main")
    first.mlv("freeze", "main", "-m", "again")
    # People who were told first take nothing from a script that reads here already.
    assert "again" in said(second, "locks")
    (again,) = [json.loads(line) for line in said(second, "--json", "locks").splitlines()]
    assert (again["kind"], again["reason"]) == ("branch.frozen", "again")


def test_a_refused_command_tells_a_script_too_and_its_error_stays_one_value(met):
    first, second = met
    second.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0mine")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    out, err = second.said("commit", "-m", "x", "--json", code=4)
    assert json.loads(out)["code"] == "LOCK_LOST"
    assert [json.loads(line)["kind"] for line in err.splitlines()] == ["lock.broken"]


def test_what_else_is_said_beside_a_result_is_json_for_a_script(met):
    _, second = met
    (traffic,) = [json.loads(line) for line in said(second, "--json", "-v", "locks").splitlines()]
    assert traffic["kind"] == "note"
    assert "calls, " in traffic["message"]


def test_what_is_old_when_a_workspace_begins_is_not_told(pair, workspace):
    first, _ = pair
    first.mlv("freeze", "main", "-m", "over soon")
    first.mlv("unfreeze", "main", "-m", "over")
    third = workspace()
    assert said(third, "locks") == ""
    assert said(third, "locks") == ""


def test_nothing_new_costs_no_call(met):
    first, second = met
    alone = calls(second, "locks")
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0more")
    first.mlv("commit", "-m", "work")
    assert calls(second, "locks") == alone
    second.mlv("update")
    second.mlv("edit", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    said(second, "locks")
    assert calls(second, "locks") == alone


def test_notices_survive_a_restart_of_the_server(team, pair):
    first, second = pair
    second.mlv("locks")
    second.mlv("edit", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    team.server.stop()
    team.server.start()
    assert "broke your lock on w.safetensors: why" in said(second, "locks")
    assert said(second, "locks") == ""


def test_a_freeze_that_is_over_is_told_to_nobody(met):
    first, second = met
    first.mlv("freeze", "main", "-m", "an hour of quiet")
    first.mlv("unfreeze", "main")
    assert said(second, "locks") == ""
    first.mlv("freeze", "main", "-m", "for good")
    told = said(second, "locks")
    assert "for good" in told
    assert "an hour of quiet" not in told
