"""A merge that waits for decisions, as the workspace remembers it; read without the server."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from mlv.workspace.state import State
from mlv_core.deferred import dataclass
from mlv_core.errors import Conflict, DamagedContent
from mlv_core.ids import escape

SETTING = "merge"
SIDES = ("mine", "theirs", "base", "edited")


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """A conflict of an open merge: its kind in words, the path here ('' where it is deleted), whether it is text.

    `marked`: the file here shows both edits with conflict markers. `decided` is one of SIDES, '' as long as it waits.
    """

    path: str
    kind: str
    here: str
    text: bool
    marked: bool = False
    decided: str = ""


@dataclass(frozen=True, slots=True)
class OpenMerge:
    """A merge of `source` at changeset `source_head` into `branch` at `branch_head`; `request_id` makes it once."""

    source: str
    source_head: int
    branch: str
    branch_head: int
    base: int
    message: str
    request_id: str
    conflicts: tuple[OpenConflict, ...]

    @property
    def waiting(self) -> tuple[str, ...]:
        """The paths that are not decided."""
        return tuple(conflict.path for conflict in self.conflicts if not conflict.decided)

    def deciding(self, paths: frozenset[str], side: str) -> OpenMerge:
        """The same merge, with these paths decided."""
        conflicts = (replace(one, decided=side) if one.path in paths else one for one in self.conflicts)
        return replace(self, conflicts=tuple(conflicts))


def read(state: State) -> OpenMerge | None:
    """The open merge, if there is one. Raises: DamagedContent."""
    text = state.settings().get(SETTING, "")
    if not text:
        return None
    try:
        value = json.loads(text)
        conflicts = tuple(OpenConflict(**one) for one in value.pop("conflicts"))
        return OpenMerge(conflicts=conflicts, **value)
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedContent(
            f"What the workspace knows of the open merge cannot be read: {error}.",
            advice="'mlv merge --abort' drops it.",
        ) from error


def refuse_waiting(state: State) -> None:
    """Refuse to bring another version or branch while a merge waits: its conflicts are those of this one.

    Raises: Conflict, DamagedContent.
    """
    merge = read(state)
    if merge is not None:
        raise Conflict(
            f"A merge of {escape(merge.source)} waits here.",
            items=merge.waiting,
            advice="'mlv merge --continue' finishes it once its conflicts are decided; 'mlv merge --abort' drops it.",
        )


def write(state: State, merge: OpenMerge | None) -> None:
    """Remember a merge; None: there is none any more."""
    with state.transaction():
        state.set_settings({SETTING: "" if merge is None else json.dumps(asdict(merge))})
