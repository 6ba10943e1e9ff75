"""Files that were moved to where other moved files come from (two that changed places, a row of them), taken home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field

from mlv.actions.status import REQUIRED
from mlv.workspace import materialize, pristine
from mlv.workspace.journal import Stamp, Step
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, Found, hash_file
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import LocalChanges
from mlv_core.ids import escape


@dataclass(slots=True)
class Homeward:
    """What brings them home: `rows` as they will be, `restored` those whose bases are to be brought back instead.

    `leaving` has the stamps under which bytes are kept elsewhere, by where they lie: there they may be replaced.
    """

    steps: list[Step] = field(default_factory=list)
    rows: list[TrackedFile] = field(default_factory=list)
    restored: list[tuple[TrackedFile, str]] = field(default_factory=list)
    leaving: dict[str, Stamp] = field(default_factory=dict)


def in_each_others_way(found: tuple[Found, ...], places: Mapping[str, str]) -> tuple[Found, ...]:
    """Those of `found` that one rename each would not bring home; `places` are all moved files by their homes.

    Raises: LocalChanges where the home of one is taken by a file that is not among them.
    """
    moved = {item.path: item for item in found if item.state == "R" and item.base is not None}
    homes = {item.base.path for item in moved.values() if item.base is not None}
    strangers = {place: home for home, place in places.items() if place in homes and place not in moved}
    if strangers:
        place, home = min(strangers.items())
        raise LocalChanges(
            f"'{escape(place)}' is taken by what was moved there from '{escape(home)}'.",
            items=(place,),
            advice="Revert both in one command.",
        )
    return tuple(item for path, item in moved.items() if path in homes or (item.base and item.base.path in moved))


def way_home(workspace: Workspace, items: tuple[Found, ...], shelved: Mapping[str, Stamp]) -> Homeward:
    """The way home of all `items`, so that it does not matter who goes first or where a crash interrupts it.

    Unchanged bytes are copied beside before anything moves; changed ones go to the rescue folder, unless a shelf has
    them under the stamps in `shelved`.
    """
    way = Homeward()
    homes = {item.base.path for item in items if item.base is not None}
    clean = {item.path: _unchanged(workspace, item) for item in items}
    stamps = {path: stamp or shelved.get(path) for path, stamp in clean.items()}
    way.leaving.update((path, stamp) for path, stamp in stamps.items() if stamp is not None)
    for number, item in enumerate(items):
        base = item.base
        if base is None:
            continue
        if clean[item.path] is None:
            way.restored.append((base, base.path))
        else:
            name = _stage(workspace, item.path, base, number)
            way.steps.append(Step(base.path, name, stamps.get(base.path)))
            way.rows.append(base._replace(doubtful=1))
        if item.path not in homes:
            way.steps.append(Step(item.path, "", stamps[item.path]))
    return way


def _unchanged(workspace: Workspace, item: Found) -> Stamp | None:
    """The stamp under which a file holds the bytes of its base; None where it holds others."""
    absolute = workspace.layout.absolute(item.path)
    try:
        status = os.lstat(absolute)  # before it is read: what changes from now on has another
        if item.base is None or hash_file(absolute, item.base.mode) != item.base.content:
            return None
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _stage(workspace: Workspace, place: str, base: TrackedFile, number: int) -> str:
    """A copy of the file at `place` in the incoming folder, with the permissions of `base`; its name there."""
    layout, name = workspace.layout, f"home-{number}"
    beside = os.path.join(layout.incoming, f"{name}.bytes")
    if base.mode == SYMLINK:
        with open(beside, "wb") as stream:
            stream.write(os.fsencode(os.readlink(layout.absolute(place))))
    else:
        pristine.clone(layout.absolute(place), beside)
    read_only = base.need == REQUIRED and base.mode != SYMLINK
    materialize.stage(layout, beside, name, base.path, base.mode, read_only=read_only, mask=materialize.umask())
    return name
