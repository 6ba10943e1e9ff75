"""What each verb loads, on its whole way to the server and back: nothing that it does not use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mlv_core import kernels

ALWAYS = {"asyncio.events", "grpc.aio._channel", "importlib.metadata", "cryptography", "sqlalchemy", "tqdm", "yaml"}
CONTENT = {"zstandard", "pyfastcdc", "mlv.transfer.download", "mlv.transfer.upload"}


def loaded(typist, *words: str) -> set[str]:
    """The modules that a process of `mlv WORDS` has loaded when it ends."""
    command = [sys.executable, "-X", "importtime", "-m", "mlv.cli.entry", *words]
    environment = os.environ | {"MLV_CONFIG_DIR": str(typist.config)}
    done = subprocess.run(command, cwd=typist.here, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.fixture
def writer(workspace):
    """Somebody whose workspace has one committed text and one committed binary file."""
    typist = workspace()
    typist.write("a.txt", b"a\n")
    typist.write("b.bin", bytes(range(256)) * 400)
    typist.mlv("add", ".")
    typist.mlv("commit", "-m", "one")
    return typist


@pytest.mark.parametrize("words", ["locks", "lock a.txt", "edit b.bin", "log", "show", "ls", "whoami", "branches"])
def test_verbs_that_move_no_content_load_nothing_for_it(writer, words):
    found = loaded(writer, *words.split())
    assert "grpc" in found
    assert found & (ALWAYS | CONTENT | {"numpy"}) == set()


@pytest.mark.skipif(kernels.library() is None, reason="no compiler was there at installation")
@pytest.mark.parametrize("words", ["commit -m two", "update", "cat a.txt", "diff @1", "checkout REPOSITORY other"])
def test_verbs_that_move_content_run_on_the_kernels_without_numpy(writer, repository, words):
    writer.mlv("edit", "b.bin")
    writer.write("b.bin", bytes(reversed(range(256))) * 400)
    found = loaded(writer, *words.replace("REPOSITORY", repository).split())
    assert found & (ALWAYS | {"numpy"}) == set()
