"""What users do in tests of bad input: check out, commit, read what is shown."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.servers import User

_numbers = itertools.count(1)


def checkout(user: User, target: str, *more: str) -> Path:
    folder = f"bad{next(_numbers)}"
    user.mlv("checkout", target, folder, *more)
    return user.home / folder


def commit(user: User, workspace: Path, message: str = "new") -> int:
    user.mlv("add", ".", cwd=workspace)
    return user.mlv("commit", "-m", message, "--json", cwd=workspace).json["changeset"]


def printable(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)
