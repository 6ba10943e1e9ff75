"""A client in another language's stock tools does the whole main job through the published .proto."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.site import running_site

HERE = Path(__file__).parent
PROTO = HERE.parents[1] / "proto"
MODEL = "model.safetensors"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_client_in_another_language_lists_downloads_locks_and_commits(node: str, tmp_path: Path):
    first = np.random.default_rng(1).standard_normal((1500, 700), dtype=np.float32)
    with running_site(tmp_path / "site") as site:
        repo = site.repository()
        with repo.checkout(tmp_path / "ws") as workspace:
            save_file({"weight": first}, tmp_path / "ws" / MODEL)
            (tmp_path / "ws/train.py").write_text("lr = 2e-5\n")
            workspace.add(".")
            workspace.commit("base")
            workspace.edit(MODEL)
            save_file({"weight": first + (first > 2) * np.float32(1e-3)}, tmp_path / "ws" / MODEL)
            made = workspace.commit("trained")
        site.process.stop()
        shutil.rmtree(site.process.directory / "content" / "cache")
        site.process.start()
        second = (tmp_path / "ws" / MODEL).read_bytes()
        assert made.stored_bytes < 0.2 * len(second), "the version is no delta, and this test shows nothing"
        third = second[:-1_000_000] + np.random.default_rng(2).bytes(1_000_000)
        (tmp_path / "third").write_bytes(third)
        target = site.process.url.removeprefix("mlv://")
        words = [
            PROTO,
            target,
            site.process.fingerprint,
            repo.name,
            MODEL,
            "main",
            tmp_path / "out",
            tmp_path / "third",
        ]
        done = subprocess.run(
            [node, "client.mjs", *map(str, words)],
            cwd=HERE,
            env={**os.environ, "MLV_TOKEN": site.token(("contributor", repo.name))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not done.returncode, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert (tmp_path / "out").read_bytes() == second
        assert told["user"].startswith("person")
        assert told["repositories"] == [repo.name]
        assert told["branches"] == [["main", 2]]
        assert told["changeset"] == 2
        assert told["files"] == [[MODEL, len(second)], ["train.py", 10]]
        assert told["downloaded"] == {"size": len(second), "kinds": ["RANGE_KIND_FILE"]}
        assert (told["committed"]["changeset"], told["committed"]["pack"]) == (3, True)
        assert told["committed"]["released"] == [MODEL]
        assert repo.version().read(MODEL) == third
        assert repo.version().params == {"lr": "1e-5"}
        with repo.checkout(tmp_path / "after") as workspace:
            assert (tmp_path / "after" / MODEL).read_bytes() == third
            workspace.edit(MODEL)
            with (tmp_path / "after" / MODEL).open("r+b") as stream:
                stream.seek(1_000_000)
                stream.write(b"changed")
            assert workspace.commit("goes on here").changeset == 4
        assert repo.version().read(MODEL) == third[:1_000_000] + b"changed" + third[1_000_007:]
