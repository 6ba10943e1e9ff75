"""Pulls the plug: commits a file of 3 GB, kills client and server in the middle, and writes down what a user sees next.

    python -m benchmarks.plug [--size 3000000000] [--at 10 50 99]

Each time a new server, an upload of noise, and SIGKILL to both sides when so many percent have passed the wire. Then
what the next commands say, word by word, how many bytes the same commit sends again, and whether all of it is whole.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.harness import PROGRAMS, Person, Server
from benchmarks.large_files import write_opaque
from benchmarks.proxy import Wire, counted
from mlv_core.packs import PACK_TARGET

RESULTS = Path(__file__).parent / "results"
SIZE_BYTES = 3_000_000_000
PERCENTS = (10, 50, 99)
LOOK_SECONDS = 0.002
COMMAND_SECONDS = 1800
FILE = "model.dat"


@dataclass
class Said:
    """A command as typed, its exit code, what it printed, and how long it took."""

    command: str
    code: int
    text: str
    seconds: float


@dataclass
class Pulled:
    """One pull of the plug: sizes in bytes of what had been sent by then, and was sent again by the same commit."""

    percent: int
    sent_bytes: int
    sent_again_bytes: int = 0
    restart_seconds: float = 0.0
    said: list[Said] = field(default_factory=list)
    whole: bool = False

    @property
    def kept_bytes(self) -> int:
        """What had been sent and was not sent again."""
        return self.sent_bytes + self.sent_again_bytes


class Scene:
    """A server, a user and a workspace with one large file that is added and not committed."""

    def __init__(self, folder: Path, file: Path, wire: Wire, server: Server) -> None:
        self.server, self.wire = server, wire
        self.person = Person("ann", folder / "people", f"mlv://127.0.0.1:{wire.port}")
        self.person.login(server.admin_token, server.fingerprint)
        self.person.run("repo", "create", "test/plug")
        self.place = self.person.home / "w"
        self.person.run("checkout", "test/plug", str(self.place))
        (self.place / FILE).hardlink_to(file)
        self.person.run("add", FILE, at=self.place)

    def say(self, *words: str) -> Said:
        """What a user reads who types `mlv WORDS`."""
        began = time.monotonic()
        done = subprocess.run(
            [PROGRAMS / "mlv", *words],
            cwd=self.place,
            env=self.person.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        text = done.stdout + done.stderr
        return Said(f"mlv {' '.join(words)}", done.returncode, text.strip(), round(time.monotonic() - began, 2))

    def commit_and_kill(self, at_bytes: int) -> int:
        """Commit, and kill both sides once `at_bytes` have gone out; how many had."""
        assert self.server.process is not None
        self.wire.reset()
        client = subprocess.Popen(
            [PROGRAMS / "mlv", "commit", "-m", "a big one", "-q"], cwd=self.place, env=self.person.environment
        )
        while self.wire.sent < at_bytes:
            if client.poll() is not None:
                raise SystemExit(f"the commit ended ({client.returncode}) before {at_bytes} bytes were sent")
            time.sleep(LOOK_SECONDS)
        self.server.process.kill()
        client.kill()
        client.wait()
        self.server.process.wait()
        self.server.process = None
        return self.wire.sent


def pull(folder: Path, file: Path, percent: int) -> Pulled:
    """Pull the plug once, at so many percent of the file's size."""
    server = Server(folder / "server")
    server.start()
    with counted(server.port) as wire:
        scene = Scene(folder, file, wire, server)
        pulled = Pulled(percent, scene.commit_and_kill(file.stat().st_size * percent // 100))
        pulled.said.append(scene.say("status"))
        pulled.said.append(scene.say("commit", "-m", "a big one", "--timeout", "2"))
        began = time.monotonic()
        server.start()
        pulled.restart_seconds = round(time.monotonic() - began, 2)
        pulled.said += [scene.say("status"), scene.say("log")]
        wire.reset()
        pulled.said.append(scene.say("commit", "-m", "a big one"))
        pulled.sent_again_bytes = wire.sent
        pulled.said += [scene.say("log"), scene.say("status")]
        other = scene.person.home / "other"
        scene.person.run("checkout", "test/plug", str(other))
        same = subprocess.run(["cmp", file, other / FILE], check=False).returncode == 0
        server.stop()
        report = server.verify()
        pulled.whole = same and not report["damaged"] and not report["foreign"]
    return pulled


def rendered(size: int, pulls: list[Pulled]) -> str:
    """The results page."""
    lines = [
        "# The plug, pulled",
        "",
        f"`python -m benchmarks.plug --size {size}`: a commit of {size:,} bytes of noise, over TLS on loopback.",
        "SIGKILL to client and server at the same moment; then the commands below, as a user would type them. What",
        f"was sent twice is the packs under way: together at most {PACK_TARGET >> 20} MiB.",
        "",
        "| pulled at | sent by then | sent by the same commit again | twice | server back in | in the end |",
        "|---:|---:|---:|---:|---:|---|",
    ]
    for one in pulls:
        twice = max(0, one.kept_bytes - size)
        lines.append(
            f"| {one.percent} % | {one.sent_bytes:,} | {one.sent_again_bytes:,} | {twice:,} | {one.restart_seconds} s "
            f"| {'whole, bit for bit' if one.whole else 'DAMAGED'} |"
        )
    for one in pulls:
        lines += ["", f"## At {one.percent} %", "", "```text"]
        for said in one.said:
            lines += [
                f"$ {said.command}",
                *(said.text.splitlines() or ["(nothing)"]),
                f"[exit {said.code}, {said.seconds} s]",
                "",
            ]
        lines[-1] = "```"
    return "\n".join([*lines, ""])


def main() -> int:
    """Pull it at every percentage; 1 when anything was not whole."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", type=int, default=SIZE_BYTES)
    options.add_argument("--at", type=int, nargs="+", default=list(PERCENTS), metavar="PERCENT")
    options.add_argument("--results", type=Path, default=RESULTS)
    given = options.parse_args()
    pulls = []
    work = Path(__file__).parent / ".work"
    work.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="plug-", dir=work) as made:
        folder = Path(made)
        file = folder / FILE
        write_opaque(file, given.size, version=0)
        for percent in given.at:
            (folder / str(percent)).mkdir()
            pulls.append(pull(folder / str(percent), file, percent))
            shutil.rmtree(folder / str(percent))
            print(f"{percent} %: {pulls[-1].sent_again_bytes:,} bytes sent again, whole: {pulls[-1].whole}", flush=True)
    given.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"size": given.size, "pulls": [asdict(one) for one in pulls]}, indent=1)
    (given.results / "plug.json").write_text(text + "\n", encoding="utf-8")
    (given.results / "plug.md").write_text(rendered(given.size, pulls), encoding="utf-8")
    return int(not all(one.whole for one in pulls))


if __name__ == "__main__":
    sys.exit(main())
