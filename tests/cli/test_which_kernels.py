"""`mlv --version` says what is installed, and with -v what the codecs run on."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from mlv.cli.main import run
from mlv_core import kernels


@pytest.fixture
def as_before():
    """The choice that other tests run with."""
    before = kernels.running()
    yield
    kernels.choose(before)


@pytest.mark.parametrize("arguments", [("--version", "-v"), ("-v", "--version"), ("--verbose", "--version")])
def test_a_verbose_version_names_the_kernels(arguments, capsys):
    assert run(arguments) == 0
    assert capsys.readouterr().out == f"mlv {version('mlvcs')}\nkernels: {kernels.running()}\n"


def test_a_plain_version_is_one_line(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"mlv {version('mlvcs')}\n"


def test_the_environment_can_choose_numpy(monkeypatch, capsys, as_before):
    monkeypatch.setenv("MLV_KERNELS", "numpy")
    assert run(["--version", "-v"]) == 0
    assert "kernels: numpy" in capsys.readouterr().out


def test_an_unknown_choice_is_refused_by_name(monkeypatch, capsys):
    monkeypatch.setenv("MLV_KERNELS", "fortran")
    assert run(["--version"]) == 2
    assert "MLV_KERNELS is 'fortran'" in capsys.readouterr().err
