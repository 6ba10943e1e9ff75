"""The access policy as an admin uses it: who may, by which rule, and what was weighed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.cli.people import Typist
from tests.servers import Team


@pytest.fixture
def admin(team: Team) -> Typist:
    return Typist(team.admin.name, team.admin.config, team.admin.home)


@pytest.fixture
def worker(member, tmp_path) -> Typist:
    user = member("contributor")
    return Typist(user.name, user.config, tmp_path)


def test_P6_the_deciding_rule_is_named(admin, worker, repository):
    granted = admin.json("policy", "grant", "maintainer", worker.name, repository)
    found = admin.json("policy", "explain", worker.name, "lock.break", f"{repository}:main")
    assert (found["user"], found["allowed"], found["rule"]) == (worker.name, True, granted["id"])
    assert [(one["id"], one["weight"]) for one in found["rules"]] == [(granted["id"], "decides")]
    both = admin.json("policy", "explain", worker.name, "write", f"{repository}:main:src/train.py")
    assert [one["weight"] for one in both["rules"]] == ["decides", "agrees"]
    assert both["rule"] == min(one["id"] for one in both["rules"])


def test_P1_no_rule_allows(admin, worker, repository):
    found = admin.json("policy", "explain", worker.name, "deploy", f"{repository}:env/prod")
    assert (found["allowed"], found["rule"], found["rules"]) == (False, None, [])
    assert "no rule allows 'deploy'" in found["reason"]
    text = admin.mlv("policy", "explain", worker.name, "deploy", f"{repository}:env/prod")
    assert text == f"{worker.name} may not 'deploy' on {repository}:env/prod: no rule allows 'deploy'\n"


def test_an_explanation_in_words(admin, worker, repository):
    text = admin.mlv("policy", "explain", worker.name, "write", repository)
    assert text.startswith(f"{worker.name} may 'write' on {repository}: rule ")
    assert text.rstrip().endswith("decides")


def test_P8_the_scope_of_the_own_token_is_told(admin, worker, repository, tmp_path, monkeypatch):
    token = worker.json("token", "create", "--scope", "read")["token"]
    own = worker.json("policy", "explain", worker.name, "write", repository)
    assert (own["allowed"], own["scope"]) == (True, [])
    monkeypatch.setenv("MLV_TOKEN", token)
    found = worker.json("policy", "explain", worker.name, "write", repository)
    assert (found["allowed"], found["rule"], found["scope"]) == (False, None, ["read"])
    assert found["reason"] == "the token's scope lacks 'write'"


def test_P4_hidden_and_absent_are_the_same_and_others_are_not_ones_business(admin, worker, member, repository):
    admin.mlv("repo", "create", f"{repository}-hidden")
    for who in (worker.name, admin.name):
        hidden = worker.json("policy", "explain", who, "read", f"{repository}-hidden", code=9)
        absent = worker.json("policy", "explain", who, "read", f"{repository}-absent", code=9)
        assert hidden["message"].replace("hidden", "absent") == absent["message"]
        assert hidden["advice"] == absent["advice"]
    assert worker.json("policy", "explain", admin.name, "read", repository, code=5)["code"] == "DENIED"
    assert worker.json("policy", "explain", "nobody", "read", repository, code=5)["code"] == "DENIED"
    admin.mlv("policy", "grant", "admin", worker.name, repository)
    assert worker.json("policy", "explain", admin.name, "read", repository)["reason"] == "server administrator"
    assert worker.json("policy", "explain", "nobody", "read", repository, code=9)["code"] == "NOT_FOUND"


def test_a_question_that_nobody_can_answer_is_refused(admin, worker, repository):
    refused = admin.json("policy", "explain", worker.name, "fly", repository, code=2)
    assert "no action 'fly'" in refused["message"]
    assert "lock.break" in refused["advice"]
    admin.json("policy", "explain", worker.name, "read", f"{repository}:main:../up", code=2)


def test_a_disabled_user_may_nothing(admin, worker, repository):
    admin.mlv("user", "disable", worker.name)
    found = admin.json("policy", "explain", worker.name, "read", repository)
    assert (found["allowed"], found["reason"]) == (False, "the user is disabled")


def test_the_page_shows_what_the_command_says(admin, tmp_path):
    page = (Path(__file__).parents[2] / "docs/policy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(console|toml)\n(.*?)```", page, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["console", "toml", "console"]
    typist = Typist(admin.name, admin.config, tmp_path)
    typist.mlv("repo", "create", "fraud/detector")
    typist.mlv("user", "add", "alice")
    for kind, text in blocks:
        if kind == "toml":
            document = typist.mlv("policy", "show", "fraud/detector", "--toml") + text
            typist.write("policy.toml", document.encode())
            continue
        said = ""
        for line in text.splitlines():
            if line.startswith("$ mlv "):
                said += f"{line}\n" + typist.mlv(*shlex.split(line.removeprefix("$ mlv ")))
        assert _without_numbers(said) == _without_numbers(text)


def _without_numbers(text: str) -> str:
    """Rules without their numbers, columns without their widths: other tests made rules too."""
    return re.sub(r" +", " ", re.sub(r"(?m)(?<=rule )\d+|(?<=version )\d+|^\d+", "N", text)).strip()
