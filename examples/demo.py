"""The main job of mlv on real checkpoints, from an empty folder to an undone commit (`make demo`).

Starts a real server in a temporary folder, plays three people, prints each command as it is typed and what it answers,
and stops at the first answer that is not as it should be. Nothing outside the temporary folder is written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent
BF16 = [HERE / f"minilm-slice/finetune-bf16/step_{step}.safetensors" for step in ("0000", "0024", "0048")]
FP32 = [HERE / f"minilm-slice/finetune-fp32/step_{step}.safetensors" for step in ("0000", "0024")]
REPOSITORY = "fraud/detector"
WAIT_SECONDS = 60.0
MOST_PERCENT = 15


class WrongAnswerError(Exception):
    """A command did not answer as this demo promises."""


class Person:
    """Somebody at a terminal: own settings folder, own credentials, a directory where commands are typed."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.directory = home / name
        self.directory.mkdir()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("MLV_")}
        self.environment |= {
            "MLV_CONFIG_DIR": str(home / f"{name}-settings"),
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
        }

    def types(
        self, *words: str, exit_code: int = 0, says: tuple[str, ...] = (), secret: str = "", quiet: bool = False
    ) -> str:
        """Run a command and show it; its output.

        Raises: WrongAnswerError if the exit code differs or a text of `says` is missing.
        """
        shown = " ".join(_quoted(word) for word in words)
        print(f"\n{self.name}$ {shown.replace(secret, '<token>') if secret else shown}", flush=True)
        done = subprocess.run(
            words,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        if not quiet:
            print(done.stdout.rstrip(), flush=True)
        if done.returncode != exit_code:
            message = f"exit code {done.returncode} where {exit_code} was expected\n{done.stdout if quiet else ''}"
            raise WrongAnswerError(message)
        if exit_code:
            print(f"(exit {exit_code}, as it should)", flush=True)
        for text in says:
            if text not in done.stdout:
                message = f"the answer does not speak of {text!r}"
                raise WrongAnswerError(message)
        return done.stdout

    def copies(self, source: Path, name: str) -> None:
        """Put a checkpoint into the workspace, as a training run would write it."""
        print(f"\n{self.name}$ cp {source.relative_to(HERE.parent)} {name}", flush=True)
        (self.directory / name).write_bytes(source.read_bytes())


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word or not word else word


def must_equal(path: Path, source: Path) -> None:
    """Raises: WrongAnswerError unless both files hold the same bytes."""
    if path.read_bytes() != source.read_bytes():
        message = f"{path.name} is not {source.name}"
        raise WrongAnswerError(message)
    print(f"({path.name} is {source.parent.name}/{source.name}, bit for bit)", flush=True)


def must_be_small(answer: str) -> None:
    """Raises: WrongAnswerError if a commit of a fine-tuned version sent more than MOST_PERCENT of it."""
    found = re.search(r"sent \((\d+) %\)", answer)
    if found is None or int(found[1]) > MOST_PERCENT:
        message = f"the next version should cost at most {MOST_PERCENT} % of its size"
        raise WrongAnswerError(message)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(host: Person, folder: Path) -> Iterator[dict[str, str]]:
    """A server that runs until the block ends, and what `init` told about it."""
    made = json.loads(
        host.types("mlv-server", "init", str(folder), "--listen", f"127.0.0.1:{free_port()}", "--json", quiet=True)
    )
    print(f"url {made['url']}\nfingerprint {made['fingerprint']}\nadmin token <shown once>")
    print(f"\n{host.name}$ mlv-server start {folder} &", flush=True)
    log = folder.with_suffix(".log")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["mlv-server", "start", str(folder)],
            executable=str(PROGRAMS / "mlv-server"),
            env=host.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        listening = threading.Event()
        reader = threading.Thread(target=_follow, args=(process, sink, listening), daemon=True)
        reader.start()
        try:
            if not listening.wait(WAIT_SECONDS) or process.poll() is not None:
                message = f"the server does not listen:\n{log.read_text(errors='replace')}"
                raise WrongAnswerError(message)
            print("listening", flush=True)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            reader.join(WAIT_SECONDS)
    if code != 0:
        message = f"the server ended with exit code {code}:\n{log.read_text(errors='replace')[-2000:]}"
        raise WrongAnswerError(message)
    print("\n(the server has stopped cleanly)", flush=True)


def _follow(process: subprocess.Popen[bytes], sink: object, listening: threading.Event) -> None:
    """Write the server's log to `sink` and tell when it listens, or has ended."""
    assert process.stdout is not None
    for line in process.stdout:
        sink.write(line)  # type: ignore[attr-defined]
        sink.flush()  # type: ignore[attr-defined]
        if b"listening" in line:
            listening.set()
    listening.set()


def let_in(admin: Person, made: dict[str, str]) -> dict[str, str]:
    """The admin signs in, makes the repository and lets three people in; their tokens."""
    heading("The admin lets people in")
    login(admin, made, made["admin_token"])
    admin.types("mlv", "repo", "create", REPOSITORY, "--description", "finds fraud in messages")
    tokens = {}
    for name, role in (("ana", "contributor"), ("ben", "contributor"), ("rita", "releaser")):
        tokens[name] = json.loads(admin.types("mlv", "user", "add", name, "--json", quiet=True))["token"]
        print("token <shown once>")
        admin.types("mlv", "policy", "grant", role, name, REPOSITORY)
    return tokens


def login(person: Person, made: dict[str, str], token: str) -> None:
    """Sign in over TLS, trusting the server by its fingerprint."""
    person.types("mlv", "login", made["url"], "--token", token, "--fingerprint", made["fingerprint"], secret=token)


def check_out(person: Person) -> None:
    """Check out the head of main and go into the workspace."""
    person.types("mlv", "checkout", REPOSITORY)
    person.directory = person.directory / "detector"


def first_version(ana: Person) -> None:
    """An engineer commits a base model in two precisions."""
    heading("An engineer commits the base model")
    check_out(ana)
    ana.copies(BF16[0], "model.safetensors")
    ana.copies(FP32[0], "master.safetensors")
    ana.types("mlv", "add", ".")
    ana.types(
        "mlv",
        "commit",
        "-m",
        "base",
        "--param",
        "lr=2e-5",
        "--metric",
        "val/f1=0.871",
        says=("@1 main: 2 files", "sent"),
    )


def locks_and_deltas(ana: Person, ben: Person) -> None:
    """She trains on; a colleague is kept from editing meanwhile; the next version costs what changed."""
    heading("She locks the weights, trains, and commits what changed")
    ana.types("mlv", "edit", "model.safetensors", "master.safetensors")
    check_out(ben)
    must_equal(ben.directory / "model.safetensors", BF16[0])
    ben.types("mlv", "edit", "model.safetensors", exit_code=4, says=("ana",))
    ben.types("mlv", "locks")
    ana.copies(BF16[1], "model.safetensors")
    ana.copies(FP32[1], "master.safetensors")
    ana.types("mlv", "status")
    ana.types("mlv", "commit", "-m", "24 more steps", "--metric", "val/f1=0.883", says=("@2 main: 2 files",))
    ana.types("mlv", "edit", "model.safetensors")
    ana.copies(BF16[2], "model.safetensors")
    answer = ana.types("mlv", "commit", "-m", "48 steps", "--metric", "val/f1=0.879", says=("@3 main: 1 file",))
    must_be_small(answer)

    heading("Her colleague follows, fetching only what changed")
    ben.types("mlv", "update")
    must_equal(ben.directory / "model.safetensors", BF16[2])
    must_equal(ben.directory / "master.safetensors", FP32[1])


def release(rita: Person) -> None:
    """A release manager labels a version and can do no more than that."""
    heading("The release manager labels the better version")
    check_out(rita)
    rita.types("mlv", "label", "v1.0", "@2", "-m", "best on validation")
    rita.types("mlv", "label", "v1.0", "@1", exit_code=9)
    (rita.directory / "notes.txt").write_text("not hers to write\n")
    rita.types("mlv", "add", "notes.txt")
    rita.types("mlv", "commit", "-m", "may not", exit_code=5)


def take_back(ana: Person, ben: Person) -> None:
    """The last version was worse: it is taken back without moving its content again."""
    heading("The last version was worse: take it back")
    ana.types("mlv", "lock", "model.safetensors")
    ana.types("mlv", "undo", "@3", "-m", "worse on validation", says=("@4",))
    ben.types("mlv", "update")
    must_equal(ben.directory / "model.safetensors", BF16[1])
    ben.types("mlv", "log", "--metric", "val/f1", says=("@3", "@2", "@1", "0.883", "v1.0"))
    ben.types("mlv", "log", "-l", "1", says=("@4", "worse on validation"))
    ben.types("mlv", "repo", "show", REPOSITORY)


def heading(text: str) -> None:
    """A line between the acts."""
    print(f"\n--- {text} ---", flush=True)


def play(home: Path) -> None:
    """All acts, in order."""
    host, ana, ben, rita = (Person(name, home) for name in ("admin", "ana", "ben", "rita"))
    folder = home / "server"
    with server(host, folder) as made:
        tokens = let_in(host, made)
        for person in (ana, ben, rita):
            login(person, made, tokens[person.name])
        first_version(ana)
        locks_and_deltas(ana, ben)
        release(rita)
        take_back(ana, ben)
    heading("The host checks everything that is stored")
    host.types("mlv-server", "verify", str(folder))


def main() -> int:
    """Play, clean up, and tell by the exit code whether all was as promised."""
    home = Path(tempfile.mkdtemp(prefix="mlv-demo-"))
    try:
        play(home)
    except (WrongAnswerError, subprocess.TimeoutExpired) as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print("\ndemo: everything was as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
