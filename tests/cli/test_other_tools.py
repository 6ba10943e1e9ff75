"""Verbs of Perforce, Subversion and git: each has an answer that can be typed."""

from __future__ import annotations

import importlib
import json

import click
import pytest

from mlv.cli import foreign
from mlv.cli.main import run

ANSWERS = [(tool, name, one) for tool, answers in foreign.TOOLS.items() for name, one in answers.items()]
GROUPS = {"mlv": "mlv.cli.main", "mlv-server": "mlv_server.cli.main"}


def group_of(program: str) -> click.Group:
    return next(one for one in vars(importlib.import_module(GROUPS[program])).values() if isinstance(one, click.Group))


@pytest.mark.parametrize(("tool", "name", "answer"), ANSWERS, ids=[f"{tool} {name}" for tool, name, _ in ANSWERS])
def test_what_is_answered_exists(tool: str, name: str, answer: foreign.Answer) -> None:
    assert tool
    assert name
    program, *words = answer.command.split()
    command: click.Command = group_of(program)
    context = click.Context(command)
    while isinstance(command, click.Group):
        command_name = words.pop(0)
        found = command.get_command(context, command_name)
        assert found is not None, command_name
        command = found
    flags = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= flags


@pytest.mark.parametrize("tool", foreign.TOOLS)
def test_short_forms_lead_to_verbs(tool: str) -> None:
    assert set(foreign.SHORT[tool].values()) <= set(foreign.TOOLS[tool])


def test_one_verb_all_verbs_and_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "--from", "svn", "ci", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verbs"] == [
        {"verb": "commit", "command": "mlv commit -m TEXT", "note": ""}
    ]
    assert run(["help", "--from", "p4"]) == 0
    assert "mlv update" in capsys.readouterr().out
    assert run(["help", "--from", "git", "rebas"]) == 9
    assert "Did you mean rebase" in capsys.readouterr().err
