"""Whatever a workspace changed comes back from a shelf as it was: bytes, modes, links, moves, deletes, properties."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

TEXTS = tuple(f"dir{n % 3}/t{n}.txt" for n in range(6))
BLOBS = tuple(f"w{n}.bin" for n in range(4))
SEEDS = range(8)


def tree(person) -> dict[str, tuple[str, bytes]]:
    """Every file with its kind and bytes."""
    found = {}
    for path in person.here.rglob("*"):
        where = str(path.relative_to(person.here))
        if where.startswith(".mlv"):
            continue
        if path.is_symlink():
            found[where] = ("link", bytes(path.readlink()))
        elif path.is_file():
            found[where] = ("executable" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
    return found


def told(person) -> list[dict[str, object]]:
    """What status says, but for locks: a shelf takes none."""
    return [{**one, "lock": None} for one in person.json("status")["files"]]


def change(person, dice: random.Random) -> None:
    """A random set of changes, each file touched by one or two of them."""
    left = [*TEXTS, *BLOBS]
    dice.shuffle(left)
    for number, chosen in enumerate(left[: dice.randint(1, len(left))]):
        path = chosen
        act = dice.choice(("edit", "mode", "move", "move and edit", "delete", "meta", "link"))
        if path in BLOBS:
            person.mlv("edit", path)
        if "move" in act:
            target = f"moved/{number}-{Path(path).name}"
            person.mlv("move", path, target)
            path = target
        if "edit" in act:
            person.write(
                path, dice.randbytes(dice.choice((0, 10, 70_000))) if path.endswith(".bin") else b"%d\n" % number
            )
        elif act == "mode":
            (person.here / path).chmod(0o755)
        elif act == "delete":
            person.mlv("delete", path)
        elif act == "meta":
            person.mlv("meta", "set", path, f"stage={number}")
        elif act == "link":
            (person.here / path).unlink()
            (person.here / path).symlink_to(f"{Path(path).name}.else")
    for number in range(dice.randint(0, 3)):
        person.write(f"new/{number}.bin", dice.randbytes(dice.choice((0, 5, 40_000))))
        person.mlv("add", f"new/{number}.bin")
    if dice.random() < 0.3:
        person.mlv("meta", "set", ".", "stage=draft")
    if dice.random() < 0.3 and (person.here / TEXTS[0]).is_file() and not (person.here / "copy.txt").exists():
        person.mlv("copy", TEXTS[0], "copy.txt")


@pytest.fixture
def person(workspace):
    made = workspace()
    for path in TEXTS:
        made.write(path, path.encode() + b"\n")
    for path in BLOBS:
        made.write(path, b"\0" + path.encode() * 9000)
    made.mlv("add", ".")
    made.mlv("commit", "-m", "base")
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_a_round_trip_over_a_shelf_changes_nothing(person, workspace, seed):
    dice = random.Random(seed)
    base = tree(person)
    change(person, dice)
    before, states = tree(person), told(person)
    done = person.json("shelve", "--revert")
    assert (tree(person), person.json("status")["files"], done["rescued"]) == (base, [], [])
    # Others' work on other files came in between.
    other = workspace()
    other.write("between.txt", b"another\n")
    other.mlv("add", "between.txt")
    other.mlv("commit", "-m", "between")
    person.mlv("update")
    found = person.json("unshelve")
    assert (found["conflicts"], found["kept"], found["rescued"]) == ([], [], [])
    assert tree(person) == {**before, "between.txt": ("file", b"another\n")}
    assert told(person) == states
    # In a fresh workspace, and again where it is already.
    assert told(other) == []
    other.mlv("unshelve")
    assert tree(other) == tree(person)
    assert told(other) == states
    again = person.json("unshelve")
    assert (again["conflicts"], again["rescued"]) == ([], [])
    assert (tree(person), told(person)) == (tree(other), states)
