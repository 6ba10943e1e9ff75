"""The start-up budget: what is asked for most often imports nothing that is slow to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *("grpc", "numpy", "sqlalchemy", "zstandard", "backports.zstd", "pathspec", "tqdm", "cryptography"),
    *("google.protobuf", "mlv_proto", "mlv.remote", "mlv.transfer"),
}
PROBE = """
import json, sys
sys.argv = ["mlv", *json.loads(sys.argv[1])]
from mlv.cli.main import main
try:
    main()
except SystemExit:
    pass
print("\\n" + json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("words", [["--help"], ["status"], ["help"]], ids=" ".join)
def test_local_verbs_import_nothing_heavy(words: list[str], tmp_path: Path):
    command = [sys.executable, "-c", PROBE, json.dumps(words)]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert HEAVY & loaded == set()
