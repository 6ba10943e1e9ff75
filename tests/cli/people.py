"""Users who type commands, run inside the test's own process: fifty times quicker than a process each."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlv.cli.main import run

LINES = b"".join(b"line %d\n" % number for number in range(40))
"""A text of forty lines, of which tests change some."""


def changed(number: int, text: bytes) -> bytes:
    """LINES with one line replaced."""
    return LINES.replace(b"line %d\n" % number, text + b"\n")


@dataclass
class Typist:
    """A signed-in user and the directory they are in."""

    name: str
    config: Path
    here: Path

    def mlv(self, *arguments: str, code: int = 0) -> str:
        out, err = self.said(*arguments, code=code)
        return out if code == 0 else out + err

    def noticed(self, *arguments: str, code: int = 0) -> str:
        """What a command says besides its result."""
        return self.said(*arguments, code=code)[1]

    def said(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What a command prints as its result, and what besides."""
        out, err = io.StringIO(), io.StringIO()
        before, setting = Path.cwd(), os.environ.get("MLV_CONFIG_DIR")
        os.chdir(self.here)
        os.environ["MLV_CONFIG_DIR"] = str(self.config)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                found = run(arguments)
        finally:
            os.chdir(before)
            if setting is None:
                del os.environ["MLV_CONFIG_DIR"]
            else:
                os.environ["MLV_CONFIG_DIR"] = setting
        assert found == code, f"mlv {' '.join(arguments)} -> {found}\n{out.getvalue()}\n{err.getvalue()}"
        return out.getvalue(), err.getvalue()

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.said(*arguments, "--json", code=code)[0])

    def write(self, path: str, data: bytes) -> None:
        target = self.here / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.chmod(0o644)
        target.write_bytes(data)

    def read(self, path: str) -> bytes:
        return (self.here / path).read_bytes()

    def states(self) -> dict[str, str]:
        return {file["path"]: file["state"] for file in self.json("status")["files"]}

    def files(self) -> dict[str, bytes]:
        """Everything outside of `.mlv`."""
        return {
            str(p.relative_to(self.here)): p.read_bytes()
            for p in self.here.rglob("*")
            if p.is_file() and ".mlv" not in p.parts
        }

    def rescued(self) -> list[bytes]:
        return [p.read_bytes() for p in (self.here / ".mlv" / "rescue").rglob("*") if p.is_file()]
