"""What is typed wrongly: options that contradict each other are refused, and what is advised can be typed."""

from __future__ import annotations

import pytest
from tests.cli.people import Typist

from mlv.actions import waiting
from mlv.cli.main import run


@pytest.fixture
def one(workspace):
    """A workspace with one locked file."""
    made: Typist = workspace()
    made.write("w.safetensors", b"weights")
    made.mlv("add", ".")
    made.mlv("commit", "-m", "first")
    made.mlv("edit", "w.safetensors")
    return made


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("unlock", "--all", "w.safetensors"), "--all is every lock of this workspace"),
        (("unlock", "--all", "--force", "-m", "why"), "--all is every lock of this workspace"),
        (("unlock", "--all", "w.safetensors", "nope"), "--all is every lock of this workspace"),
        (("lock", "--ttl", "0.0001", "w.safetensors"), "'0.0001' is less than a millisecond"),
        (("edit", "--wait=0.0004s", "w.safetensors"), "'0.0004s' is less than a millisecond"),
        (("commit", "-m", "x", "--param", "a=1", "--param", "a=2"), "The param 'a' is given more than once."),
        (("commit", "-n", "--param", "a=1", "--param", "a=1"), "The param 'a' is given more than once."),
        (("commit", "-m", "x", "--metric", "f=1", "--metric", "f=2"), "The metric 'f' is given more than once."),
        (("unlock", "w.safetensors", "-m", "why"), "'mlv unlock --force -m WHY PATH'"),
        (("lock", "--renew", "--ttl", "3h"), "'mlv lock --ttl DUR PATH'"),
        (("lock", "--renew", "--steal"), "--renew stands alone"),
        (("lock", "--request", "--steal", "w.safetensors"), "--request and --deny stand alone"),
        (("edit", "--offline", "--wait", "w.safetensors"), "--offline stands alone"),
        (("label", "--move", "--reserve", "x*", "--for", "group:g"), "are about one label"),
        (("labels", "--history", "--reserved"), "Give one of them"),
        (("labels", "v1"), "mlv labels --history NAME"),
        (("unfreeze",), "'mlv freezes' shows what is frozen"),
        (("policy", "set", "a/b"), "No document was named"),
        (("policy", "set"), "No repository was named"),
        (("policy", "history", "a/b", "c"), "'c' is one name too many"),
        (("shelve", "--name", "x", "data"), "Change a file, or 'mlv add' a new one"),
        (("branch", "main", "--reopen"), "'mlv branches --all'"),
        (("undo", "@1", "--to", "@1"), "--to names the version already; '@1' is another."),
        (("undo", "w.bin@1"), "Nothing is to be taken back at 'w.bin'"),
        (("undo", "--to", "@1", "w.safetensors"), "Nothing is to be taken back at 'w.safetensors'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_contradicts_itself_is_refused_with_the_way_to_say_it(one, typed, said):
    (one.here / "data").mkdir()
    assert said in one.mlv(*typed, code=2)
    assert [item["path"] for item in one.json("locks")] == ["w.safetensors"]


def test_a_path_among_right_ones_that_names_no_lock_is_refused_and_nothing_is_given_back(one):
    """It gave the others back and said nothing of the slip."""
    told = one.mlv("unlock", "w.safetensors", "nope", code=9)
    assert "'nope'" in told
    assert "'nope'" in one.mlv("unlock", "--force", "-m", "why", "w.safetensors", "nope", code=9)
    assert [item["path"] for item in one.json("locks")] == ["w.safetensors"]
    one.mlv("unlock", "w.safetensors", ".")
    assert one.json("locks") == []


def test_L9_another_lock_is_broken_where_this_workspace_has_no_file(one, member, workspace):
    other: Typist = workspace(member())
    other.write("new.safetensors", b"new")
    other.mlv("add", ".")
    other.mlv("commit", "-m", "new")
    other.mlv("edit", "new.safetensors")
    one.mlv("unlock", "--force", "-m", "why", "new.safetensors")
    assert [item["path"] for item in one.json("locks")] == ["w.safetensors"]


def test_L2_a_file_with_a_lock_and_an_intent_is_released_in_one_line(one):
    one.write("run.sh", b"ls\n")
    one.mlv("add", "run.sh")
    one.mlv("commit", "run.sh", "-m", "script")
    one.mlv("edit", "run.sh")
    one.mlv("lock", "run.sh")
    assert one.mlv("unlock", "run.sh").splitlines() == ["released run.sh"]
    # Both ended, and the trail says so of each (L17).
    ended = [line for line in one.mlv("watch", "--after", "0", "--once").splitlines() if "lock.released" in line]
    assert len(ended) == 2


def test_P4_a_branch_that_is_not_there_is_not_watched_in_silence(one, member, team, repository):
    assert "'nope'" in one.mlv("watch", "--branch", "nope", "--once", code=9)
    assert "branch.created" not in one.mlv("watch", "--after", "0", "--branch", "MAIN", "--once")
    assert "commit.published" in one.mlv("watch", "--after", "0", "--branch", "MAIN", "--once")


def test_a_branch_merges_into_the_one_it_was_made_from(one):
    """On another branch, one made at a version of main was to merge into that branch."""
    one.mlv("branch", "exp")
    one.mlv("switch", "exp")
    made = {}
    for name, revision in (("s1", "@1"), ("s2", "@main"), ("s3", "@exp"), ("s4", "@head"), ("s5", None)):
        made[name] = one.json("branch", name, *([revision] if revision else []))["target"]
    assert made == {"s1": "main", "s2": "main", "s3": "exp", "s4": "exp", "s5": "exp"}
    assert one.json("branch", "s6", "@1", "--into", "exp")["target"] == "exp"


def test_F1_an_empty_folder_that_is_added_is_said_not_to_be_kept(one):
    (one.here / "empty/below").mkdir(parents=True)
    out, err = one.said("add", "empty")
    assert "Empty folders are not kept: 'empty'." in out + err
    one.write("empty/below/a.txt", b"a\n")
    assert "not kept" not in "".join(one.said("add", "empty"))


def test_the_value_of_an_option_that_is_missing_names_the_help_of_its_command(capsys):
    assert run(["login", "--token"]) == 2
    assert "'mlv login --help' shows how it is used." in capsys.readouterr().err


def test_a_timeout_has_an_end(capsys):
    """A very long one was a bug's report: gRPC counts in smaller numbers."""
    assert run(["--timeout", "1e9", "log"]) == 2
    assert "'1e9' is longer than 1d." in capsys.readouterr().err


def test_outside_of_a_workspace_a_repository_can_be_named_where_that_is_possible(one, tmp_path, capsys):
    away = Typist(one.name, one.config, tmp_path)
    assert "or name a repository with --repo." in away.mlv("locks", code=2)
    assert "--repo" not in away.mlv("unlock", "--all", code=2)


def test_L6_a_refusal_says_how_to_wait_and_how_to_ask(one, member, workspace):
    other: Typist = workspace(member())
    told = other.mlv("edit", "w.safetensors", code=4)
    assert "'mlv edit --wait PATH'" in told
    assert "'mlv lock --request PATH'" in told


def test_L10_who_asks_twice_is_told_of_once(one, member, workspace):
    second: Typist = workspace(member())
    one.mlv("locks")
    for _ in range(3):
        second.mlv("lock", "w.safetensors", "--request", "-m", "please")
    assert one.noticed("locks").count("asks for your lock") == 1
    assert one.noticed("locks") == ""


def test_L9_the_end_of_a_lock_is_no_failure_of_a_revert(one, workspace):
    other: Typist = workspace()
    one.write("w.safetensors", b"mine")
    other.mlv("unlock", "--force", "-m", "needed", "w.safetensors")
    told = one.noticed("revert", "w.safetensors")
    assert "No lock to give back, it had ended before: w.safetensors" in told


def test_L10_a_wait_in_vain_says_how_long_and_a_name_is_taken_in_any_case(one, member, workspace):
    second: Typist = workspace(member())
    told = second.mlv("lock", "w.safetensors", "--wait=1s", code=4)
    assert "Waited 1 s in vain." in told
    second.mlv("lock", "w.safetensors", "--request")
    one.mlv("unlock", "--give", second.name.upper(), "w.safetensors")
    assert [item["owner"] for item in one.json("locks")] == [second.name]


@pytest.mark.parametrize(("seconds", "text"), [(2.0, "2 s"), (90.0, "1.5 min"), (43_200.0, "12 h"), (604_800.0, "7 d")])
def test_a_span_is_told_as_one_would_type_it(seconds, text):
    assert waiting._span(seconds) == text
