"""Transcripts in docs: console blocks of several people, played on a real server and compared with what is written.

    python -m tests.cli.transcript docs/a-day-of-a-team.md     # play it and write what was answered into the page

A block of the language `console` holds lines as `anna:detector$ mlv status`: who types, in which folder of theirs, and
what; what was printed follows, and `[exit 4]` where the command did not end well. A comment, `later: 13 hours`, moves
the server's clock. The shell is a real one; `mlv` and `mlv-server` are those of this environment.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Team, running_team

PEOPLE = ("anna", "ben", "carl", "rosa", "eve")
"""Who is signed in when a transcript begins, beside the server's admin."""
ADMIN = "admin"
COMMAND_SECONDS = 120
_PROMPT = re.compile(r"^(?P<who>[a-z]+)(?::(?P<folder>[^$\s]+))?\$ (?P<command>.*)$")
_BLOCK = re.compile(
    r"(?P<open>```console\n)(?P<body>.*?)(?P<close>```)|<!-- later: (?P<hours>\d+) hours? -->", re.DOTALL
)
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?(?: UTC|Z)?"), "DATE"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:s|ms)\b"), "TIME"),
    (re.compile(r"\b[\d,]+(?:\.\d+)? (?:B|kB|KB|MB|GB|KiB|MiB|GiB|bytes)\b"), "SIZE"),
    (re.compile(r"\(\d+ %\)"), "(SHARE)"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "HEX"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"^ ?\d+ (?=DATE |entries, sound$)|(?<=^end )\d+(?=:)", re.MULTILINE), "N "),
)
"""What differs from one play to the next: times, sizes that depend on how something is encoded, hashes, widths, and the
numbers of the audit trail, which counts reads in as many entries as they took times of three seconds.
"""


@dataclass(frozen=True)
class Turn:
    """One command as typed, and what came of it."""

    who: str
    folder: str
    command: str
    printed: str

    def __str__(self) -> str:
        """As it stands in a block."""
        place = f":{self.folder}" if self.folder else ""
        return f"{self.who}{place}$ {self.command}\n{self.printed}"


class Stage:
    """The people of a transcript, each with a home, on one server whose clock can be moved."""

    def __init__(self, team: Team, folder: Path) -> None:
        """All are signed in."""
        self._team, self._folder = team, folder
        self._users = {ADMIN: team.admin, **{name: team.member(name) for name in PEOPLE}}
        self._programs = sysconfig.get_path("scripts")

    def later(self, hours: int) -> None:
        """Let time pass for the server."""
        self._team.server.later(hours)

    def play(self, turn: Turn) -> Turn:
        """Type the command and keep what is printed, without what belongs to this machine."""
        user = self._users[turn.who]
        done = subprocess.run(
            ["bash", "-c", turn.command],
            cwd=user.home / turn.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            env={
                **os.environ,
                "MLV_CONFIG_DIR": str(user.config),
                "HOME": str(user.home),
                "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
                "NO_COLOR": "1",
            },
            check=False,
        )
        printed = done.stdout if not done.stdout or done.stdout.endswith("\n") else done.stdout + "\n"
        if done.returncode:
            printed += f"[exit {done.returncode}]\n"
        return Turn(turn.who, turn.folder, turn.command, self._neutral(printed))

    def _neutral(self, text: str) -> str:
        text = text.replace(str(self._folder / "people") + "/", "~").replace(socket.gethostname(), "desk")
        return re.sub(r"127\.0\.0\.1:\d+", "mlv.example:7420", text)


def turns_of(block: str) -> list[Turn]:
    """What is typed and printed in a block."""
    found: list[Turn] = []
    for line in block.splitlines(keepends=True):
        prompt = _PROMPT.match(line.rstrip("\n"))
        if prompt is not None:
            found.append(Turn(prompt["who"], prompt["folder"] or "", prompt["command"], ""))
        elif found:
            last = found.pop()
            found.append(Turn(last.who, last.folder, last.command, last.printed + line))
    return found


def alike(text: str) -> str:
    """`text` without what differs from one play to the next."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def play(page: str, stage: Stage) -> tuple[str, list[tuple[Turn, Turn]]]:
    """The page with what was answered now, and each turn as written and as played."""
    pairs: list[tuple[Turn, Turn]] = []

    def act(found: re.Match[str]) -> str:
        if found["hours"]:
            stage.later(int(found["hours"]))
            return found[0]
        played = []
        for turn in turns_of(found["body"]):
            answer = stage.play(turn)
            pairs.append((turn, answer))
            played.append(answer)
        return found["open"] + "".join(map(str, played)) + found["close"]

    return _BLOCK.sub(act, page), pairs


def main() -> int:
    """Play a page and write it anew."""
    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, running_team(Path(folder), clock=True) as team:
        page, pairs = play(path.read_text(encoding="utf-8"), Stage(team, Path(folder)))
    path.write_text(page, encoding="utf-8")
    changed = [answer for turn, answer in pairs if alike(str(turn)) != alike(str(answer))]
    sys.stdout.write("".join(map(str, changed)) or "nothing changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
