"""Calls that few commands ask for are found on a server, each in the part that has it, and loaded with it alone."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from mlv.remote import Server
from mlv.remote.service import SeldomCalls

EVERY = sorted(
    (module, part, name)
    for module, part in SeldomCalls.PARTS.items()
    for name in vars(getattr(import_module(f"mlv.remote.{module}"), part))
    if not name.startswith("_")
)


@pytest.mark.parametrize(("module", "part", "name"), EVERY)
def test_each_call_is_that_of_its_part(module, part, name):
    server = Server.__new__(Server)
    assert getattr(server, name).__func__ is vars(getattr(import_module(f"mlv.remote.{module}"), part))[name]


def test_no_two_parts_have_a_call_of_the_same_name():
    names = [name for _, _, name in EVERY]
    assert len(names) == len(set(names)) > 40
    assert not [name for base in Server.__mro__ if base is not SeldomCalls for name in vars(base) if name in names]


def test_what_no_part_has_is_no_call():
    with pytest.raises(AttributeError, match="frobnicate"):
        Server.__new__(Server).frobnicate  # noqa: B018 - it is asked for


def test_a_server_loads_no_part_before_a_call_of_it():
    script = (
        "import sys, mlv.remote\n"
        "parts = {name for name in sys.modules if name.startswith('mlv.remote.')}\n"
        "assert not parts & {'mlv.remote.people', 'mlv.remote.policies', 'mlv.remote.hooks'}, parts\n"
        "mlv.remote.Server.__new__(mlv.remote.Server).whoami\n"
        "assert 'mlv.remote.people' in sys.modules and 'mlv.remote.policies' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
