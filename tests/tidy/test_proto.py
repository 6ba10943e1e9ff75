"""The committed Python of the wire is what the .proto files give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_generated_code_is_current(root: Path, tmp_path: Path):
    protos = sorted(str(p.relative_to(root / "proto")) for p in (root / "proto/mlv_proto/v1").glob("*.proto"))
    assert protos
    out = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", *out, *protos], cwd=root / "proto", check=True, timeout=60
    )
    made = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*_pb2*.py*")}
    committed = {
        str(p.relative_to(root / "proto")): p.read_bytes()
        for p in (root / "proto/mlv_proto/v1").iterdir()
        if "_pb2" in p.name and p.suffix in {".py", ".pyi"}
    }
    assert made.keys() == committed.keys(), "run: make proto"
    assert [name for name in made if made[name] != committed[name]] == [], "run: make proto"
