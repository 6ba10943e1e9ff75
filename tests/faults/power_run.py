"""The run whose power cuts are replayed: a server, two people, a backup and a collection, every call recorded.

Started as a process of its own with the recorder preloaded; all that it does below its folder is recorded.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3
from tests.faults import zygote
from tests.faults.power_disk import acknowledge
from tests.ports import free_port

EXACT = ("users", "groups", "group_members", "rules", "policy_versions", "repositories", "names", "branches", "labels",
         "changesets", "environments")  # fmt: skip
"""Tables that hold just what was acknowledged, or all of what came next."""
LOCKS = "SELECT repository_id, token, path, mode, owner_id, workspace FROM locks"
TOKENS = "SELECT id, user_id, secret_hash, scope, revoked_at FROM tokens"
REPOSITORY = "team/models"
COLLECT_NOW = {"MLV_STORAGE_COLLECT_AFTER": "0", "MLV_STORAGE_UNLINK_AFTER": "0"}


def state(folder: Path) -> dict[str, Any]:
    """What a server keeps of what it told its users: a hash of each table's rows, and the ends of the audit chains."""
    database = sqlite3.connect(f"file:{folder}/mlv.db?mode=ro", uri=True)
    try:
        queries = {name: f'SELECT * FROM "{name}"' for name in EXACT} | {"locks": LOCKS, "tokens": TOKENS}
        rows = {name: sorted(map(repr, database.execute(query))) for name, query in queries.items()}
        # Batches of reads are written when their time comes, and acknowledged to nobody.
        acknowledged = "WHERE action NOT IN ('read', 'sign-in')"
        chains = f"SELECT chain, max(sequence), hash FROM audit {acknowledged} GROUP BY chain"
        audit = {str(chain): [last, found.hex()] for chain, last, found in database.execute(chains)}
    finally:
        database.close()
    return {"rows": {name: blake3("\n".join(all_).encode()).hexdigest() for name, all_ in rows.items()}, "audit": audit}


def files_of(workspace: Path) -> dict[str, bytes]:
    """The user's files."""
    found = {path.relative_to(workspace).as_posix(): path for path in workspace.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".mlv/")}


def safetensors(data: bytes) -> bytes:
    """A file of one bfloat16 tensor."""
    header = json.dumps({"w": {"dtype": "BF16", "shape": [len(data) // 2], "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def names(contents: dict[str, bytes]) -> dict[str, str]:
    """The names of contents."""
    return {path: blake3(data).hexdigest() for path, data in contents.items()}


@dataclass
class Run:
    """The folder, and what was acknowledged so far."""

    world: Path
    log: Path
    rng: random.Random
    server: zygote.Server = field(init=False)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    mine: dict[str, dict[str, str]] = field(default_factory=dict)
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)
    workspaces: list[str] = field(default_factory=list)
    trap: zygote.Trap = field(default_factory=zygote.Trap)

    def told(self, what: str) -> None:
        """The user knows now."""
        acknowledge(
            self.log,
            {
                "what": what,
                "state": state(self.world / "server"),
                "versions": self.versions,
                "mine": self.mine,
                "snapshots": self.snapshots,
                "workspaces": self.workspaces,
            },
        )

    def host(self, *arguments: str, **environment: str) -> str:
        """A command of the host."""
        done = subprocess.run(
            [sys.executable, "-m", "mlv_server.cli.main", *arguments, "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mlv(self, user: str, *arguments: str, directory: str = "", code: int = 0) -> zygote.Ended:
        """A command of a user, acknowledged when it succeeds."""
        place = self.world / (directory or ".")
        ended = zygote.command(self.world / f"{user}-config", place, arguments, self.trap).finish()
        assert ended.code == code, f"mlv {' '.join(arguments)} -> {ended.code}\n{ended.out}\n{ended.err}"
        if arguments[0] == "checkout":
            self.workspaces.append(arguments[2])
        self.told(" ".join(arguments))
        return ended

    def save(self, workspace: str, files: dict[str, bytes]) -> None:
        """What an editor does that saves files so that a power cut does not take them."""
        for name, data in files.items():
            path = self.world / workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(path.name + "~")
            with beside.open("wb", buffering=0) as stream:
                stream.write(data)
                os.fsync(stream.fileno())
            beside.rename(path)
            for folder in (path.parent, path.parent.parent):
                handle = os.open(folder, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
        self.mine.setdefault(workspace, {}).update(names(files))
        self.told("saved")

    def commit(self, user: str, workspace: str, message: str) -> None:
        """Commit everything; the version is what lies in the workspace."""
        number = str(len(self.versions) + 1)
        kept = self.mine.pop(workspace, {})
        self.versions[number] = names(files_of(self.world / workspace))
        try:
            self.mlv(user, "commit", "-m", message, directory=workspace)
        except BaseException:
            self.mine[workspace] = kept
            raise


def play(run: Run, *, stops: bool = False) -> None:
    """All of it; at the end the server stops, or is killed."""
    world, rng = run.world, run.rng
    made = json_of(run.host("init", str(world / "server"), "--listen", f"127.0.0.1:{free_port()}"))
    zygote.warm()
    run.server = zygote.Server(world / "server", run.trap)
    run.server.start()
    run.told("init")
    login = ("login", made["url"], "--fingerprint", made["fingerprint"], "--token")
    run.mlv("admin", *login, made["admin_token"])
    token = json_of(run.mlv("admin", "user", "add", "ann", "--json").out)["token"]
    run.mlv("ann", *login, token)
    run.mlv("admin", "repo", "create", REPOSITORY)
    run.mlv("admin", "policy", "grant", "contributor", "ann", REPOSITORY)
    run.mlv("admin", "checkout", REPOSITORY, "w1")
    model = bytearray(rng.randbytes(40_000))
    run.save("w1", {"model.safetensors": safetensors(model), "notes.txt": b"one\ntwo\nthree\n",
                    **{f"data/{n}.bin": rng.randbytes(500) for n in range(6)}})  # fmt: skip
    run.mlv("admin", "add", ".", directory="w1")
    run.commit("admin", "w1", "first")
    run.mlv("ann", "checkout", REPOSITORY, "w2")
    run.mlv("admin", "label", "v1", "@1", directory="w1")
    backed_up(run)
    for step in range(6):
        trained(run, "admin", "w1", model, step)
    big(run)
    both(run)
    backed_up(run)
    abandoned(run)
    run.host("gc", str(world / "server"), **COLLECT_NOW)
    run.told("gc")
    run.mlv("admin", "lock", "data/0.bin", "data/1.bin", directory="w1")
    run.mlv("admin", "delete", "data/0.bin", directory="w1")
    run.mlv("admin", "move", "data/1.bin", "moved/1.bin", directory="w1")
    run.commit("admin", "w1", "moved")
    backed_up(run)
    run.server.stop()
    run.told("stopped")
    run.server.start()
    trained(run, "admin", "w1", model, 99)
    if stops:
        run.server.stop()
    else:
        run.server.kill()


def trained(run: Run, user: str, workspace: str, model: bytearray, step: int) -> None:
    """One more step of training, under a lock."""
    run.mlv(user, "edit", "model.safetensors", directory=workspace)
    for _ in range(200):
        model[run.rng.randrange(len(model))] ^= 1 << run.rng.randrange(8)
    run.save(workspace, {"model.safetensors": safetensors(model), f"log/{step}.txt": b"step %d\n" % step})
    run.mlv(user, "add", f"log/{step}.txt", directory=workspace)
    run.commit(user, workspace, f"step {step}")


def big(run: Run) -> None:
    """A commit whose content travels before it."""
    run.save("w1", {"big.bin": run.rng.randbytes(300_000)})
    run.mlv("admin", "add", "big.bin", directory="w1")
    run.commit("admin", "w1", "big")


def both(run: Run) -> None:
    """Ann works meanwhile: an update with local edits, one of which meets another's."""
    run.save("w2", {"notes.txt": b"ONE\ntwo\nthree\n", "own.txt": run.rng.randbytes(300)})
    run.save("w1", {"notes.txt": b"one\ntwo\nTHREE\n"})
    run.mlv("admin", "edit", "notes.txt", directory="w1")
    run.commit("admin", "w1", "third line")
    run.mine["w2"].pop("notes.txt")
    run.told("that the edit is to be merged with what comes")
    run.mlv("ann", "update", directory="w2")
    run.mlv("ann", "lock", "notes.txt", directory="w2")
    run.mlv("ann", "unlock", "notes.txt", directory="w2")
    run.mlv("ann", "edit", "notes.txt", directory="w2")
    run.mlv("ann", "add", "own.txt", directory="w2")
    run.commit("ann", "w2", "first line")
    run.mlv("admin", "update", directory="w1")
    run.mlv("admin", "label", "v2", f"@{len(run.versions)}", directory="w1")


def abandoned(run: Run) -> None:
    """An upload that nobody publishes: the client dies before it does."""
    run.save("w2", {"lost.bin": run.rng.randbytes(350_000)})
    run.mlv("ann", "add", "lost.bin", directory="w2")
    run.trap.set("commit.sent")
    fork = zygote.command(run.world / "ann-config", run.world / "w2", ("commit", "-m", "never"), run.trap)
    assert fork.finish().code < 0
    run.trap.set()
    run.mlv("ann", "status", directory="w2")


def backed_up(run: Run) -> None:
    """A backup beside the running server."""
    said = json_of(run.host("backup", str(run.world / "server"), str(run.world / "backup")))
    run.snapshots[said["snapshot"]] = state(run.world / "server")
    run.told("backup")


def main() -> None:
    """`python -m tests.faults.power_run WORLD LOG SEED`."""
    world, log, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    play(Run(world, log, random.Random(seed)))


def json_of(text: str) -> Any:
    """What a command said."""
    return json.loads(text)


if __name__ == "__main__":
    main()
