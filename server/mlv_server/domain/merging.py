"""Three-way merge of versions by file (B1, B2, B5): what each side did to a file since the bases, and what both give.

Files are told apart by id, not by path: a file moved on one side and edited on the other is both. With several bases
(criss-cross merges) a side counts as unchanged only where it is as in all of them, so that nothing is lost silently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TypeVar

from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH, FileMode, FileState, Properties
from mlv_core.hashing import ContentHash
from mlv_core.ids import FileId
from mlv_core.merging import Conflict, ConflictKind, Place, Resolution, Side
from mlv_server.domain.changes import States, version_state

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextCase:
    """A text that both sides edited: `merged` lacks content, size and text; `bases` are the contents it came from."""

    merged: Place
    bases: tuple[ContentHash, ...]
    conflict: Conflict


@dataclass(slots=True)
class Merge:
    """What a merge comes to: `wanted` shall stand at paths of mine that change; `decided` are the resolutions used."""

    wanted: dict[str, FileState | None] = field(default_factory=dict)
    texts: list[TextCase] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)


_Placed = dict[FileId, Place]
_Outcome = tuple[Place | None, Conflict | TextCase | None]


class _Differs:
    """Both sides changed a value, and not alike."""


_DIFFERS = _Differs()


def merge_versions(
    bases: Sequence[States],
    mine: States,
    theirs: States,
    resolutions: Mapping[str, Resolution] | None = None,
    diverged: Collection[FileId] = (),
) -> Merge:
    """Merge what `theirs` did since `bases` into `mine`.

    The states are those at every path at which any base differs from mine or theirs. `resolutions` by a conflict's
    path take its place. Files of `diverged` conflict wherever the sides differ: people went apart there on purpose
    (L5). Text that both edited is given in `texts`, to be merged by who can read it: `with_text` then tells the result.
    The order of nothing matters.
    """
    found = Merge()
    chosen = resolutions or {}
    placed = [_by_id(states) for states in bases]
    ours, others = _by_id(mine), _by_id(theirs)
    ends: dict[FileId, Place | None] = {}
    for file_id in sorted({*ours, *others, *(key for one in placed for key in one)}):
        before = [one.get(file_id) for one in placed]
        outcome, open_case = _one_file(before, ours.get(file_id), others.get(file_id))
        if file_id in diverged and ours.get(file_id) != others.get(file_id):
            outcome, open_case = _apart(before, ours.get(file_id), others.get(file_id))
        if isinstance(open_case, TextCase) and open_case.conflict.path not in chosen:
            found.texts.append(open_case)
        elif open_case is not None:
            conflict = open_case.conflict if isinstance(open_case, TextCase) else open_case
            if conflict.path in chosen:
                found.decided.add(conflict.path)
                outcome = _resolved(conflict, chosen[conflict.path])
            else:
                found.conflicts.append(conflict)
        ends[file_id] = outcome
    _keep_apart(found, ends, ours, chosen)
    _settle(found, ends, ours)
    _merge_version(found, bases, mine, theirs, chosen)
    found.conflicts.sort(key=lambda conflict: conflict.path)
    return found


def with_text(merge: Merge, case: TextCase, content: ContentHash | None, size: int) -> None:
    """Say what the text of `case` came to; None where lines or values conflict."""
    if content is None:
        merge.conflicts.append(case.conflict)
        return
    merge.wanted[case.merged.path] = replace(case.merged.state, content=content, size=size, text=True)


def _by_id(states: States) -> _Placed:
    return {
        state.file_id: Place(path, state)
        for path, state in states.items()
        if state is not None and path != VERSION_PATH
    }


def _pick(bases: Iterable[T], mine: T, theirs: T) -> T | _Differs:
    """The three-way rule for one value: the side that changed it wins, equal changes are one."""
    known = list(bases)
    if mine == theirs or all(base == theirs for base in known):
        return mine
    if all(base == mine for base in known):
        return theirs
    return _DIFFERS


def _one_file(bases: Sequence[Place | None], mine: Place | None, theirs: Place | None) -> _Outcome:
    """Where a file stands after the merge, and what is open about it."""
    whole = _pick(bases, mine, theirs)
    if not isinstance(whole, _Differs):
        return whole, None
    base = next((one for one in bases if one is not None), None)
    name = next(place.path for place in (mine, theirs, base) if place is not None)

    def conflict(kind: ConflictKind) -> _Outcome:
        return mine, Conflict(name, kind, base, mine, theirs)

    if mine is None or theirs is None:
        return conflict(ConflictKind.DELETED_BY_MINE if mine is None else ConflictKind.DELETED_BY_THEIRS)
    if any(one is None for one in bases):
        return conflict(ConflictKind.CONTENT)
    known = [one for one in bases if one is not None]

    def pick(of: Callable[[Place], T]) -> T | _Differs:
        return _pick([of(one) for one in known], of(mine), of(theirs))

    path = pick(lambda place: place.path)
    if isinstance(path, _Differs):
        return conflict(ConflictKind.MOVED_APART)
    mode = pick(lambda place: place.state.mode)
    properties = _properties([one.state.properties for one in known], mine.state.properties, theirs.state.properties)
    if isinstance(mode, _Differs) or properties is None:
        return conflict(ConflictKind.ATTRIBUTES)
    content = pick(lambda place: (place.state.content, place.state.size, place.state.text))
    shell = replace(mine.state, mode=mode, properties=properties)
    if not isinstance(content, _Differs):
        shell = replace(shell, content=content[0], size=content[1], text=content[2])
        return Place(path, shell), None
    if any(not one.state.text or one.state.mode is FileMode.SYMLINK for one in (*known, mine, theirs)):
        return conflict(ConflictKind.CONTENT)
    contents = tuple(dict.fromkeys(one.state.content for one in known))
    merged = Place(path, shell)
    return merged, TextCase(merged, contents, Conflict(name, ConflictKind.CONTENT, base, mine, theirs))


def _apart(bases: Sequence[Place | None], mine: Place | None, theirs: Place | None) -> _Outcome:
    """A conflict, whichever side changed the file."""
    base = next((one for one in bases if one is not None), None)
    name = next(place.path for place in (mine, theirs, base) if place is not None)
    kind = ConflictKind.CONTENT
    if mine is None or theirs is None:
        kind = ConflictKind.DELETED_BY_MINE if mine is None else ConflictKind.DELETED_BY_THEIRS
    return mine, Conflict(name, kind, base, mine, theirs)


def _properties(bases: Sequence[Properties], mine: Properties, theirs: Properties) -> Properties | None:
    """Merge key by key; None where both sides gave one key different values."""
    known, ours, others = [dict(one) for one in bases], dict(mine), dict(theirs)
    found: list[tuple[str, str]] = []
    for key in sorted({*ours, *others}):
        value = _pick([one.get(key) for one in known], ours.get(key), others.get(key))
        if isinstance(value, _Differs):
            return None
        if value is not None:
            found.append((key, value))
    return tuple(found)


def _resolved(conflict: Conflict, resolution: Resolution) -> Place | None:
    """Where the file stands as it was decided."""
    sides = {Side.BASE: conflict.base, Side.MINE: conflict.mine, Side.THEIRS: conflict.theirs}
    if resolution.side is not Side.CONTENT or resolution.state is None:
        return sides[resolution.side]
    kept = conflict.mine or conflict.theirs or conflict.base
    if kept is None:
        return None
    made = resolution.state
    state = replace(kept.state, mode=made.mode, text=made.text, size=made.size, content=made.content)
    return Place(kept.path, state)


def _keep_apart(
    found: Merge, ends: dict[FileId, Place | None], ours: _Placed, chosen: Mapping[str, Resolution]
) -> None:
    """Two files at one path: the same bytes are one file, mine; anything else is a conflict."""
    at: dict[str, list[FileId]] = {}
    for file_id, place in ends.items():
        if place is not None:
            at.setdefault(place.path, []).append(file_id)
    for path, ids in at.items():
        if len(ids) == 1:
            continue
        own = next((file_id for file_id in ids if _stands(ours.get(file_id), path)), ids[0])
        other = next(file_id for file_id in ids if file_id != own)
        mine, theirs = ends[own], ends[other]
        if mine is None or theirs is None:
            continue
        if replace(mine.state, file_id=theirs.state.file_id) == theirs.state:
            ends[other] = None
        elif path in chosen:
            found.decided.add(path)
            conflict = Conflict(path, ConflictKind.SAME_PATH, None, mine, theirs)
            kept = _resolved(conflict, chosen[path])
            ends[own] = ends[other] = None
            if kept is not None:
                ends[kept.state.file_id] = kept
        else:
            found.conflicts.append(Conflict(path, ConflictKind.SAME_PATH, None, mine, theirs))
            ends[other] = ours.get(other)


def _stands(place: Place | None, path: str) -> bool:
    return place is not None and place.path == path


def _settle(found: Merge, ends: Mapping[FileId, Place | None], ours: _Placed) -> None:
    """From where each file stands to what changes at the paths of mine."""
    changed = {file_id for file_id, place in ends.items() if place != ours.get(file_id)}
    for file_id in changed:
        if file_id in ours:
            found.wanted[ours[file_id].path] = None
    for file_id in changed:
        place = ends[file_id]
        if place is not None:
            found.wanted[place.path] = place.state


def _merge_version(
    found: Merge, bases: Sequence[States], mine: States, theirs: States, chosen: Mapping[str, Resolution]
) -> None:
    """The properties of the version itself, key by key."""
    before, ours, others = (
        [_version(states) for states in bases],
        _version(mine),
        _version(theirs),
    )
    merged = _properties(before, ours, others)
    if merged is None:
        side = chosen[VERSION_PATH].side if VERSION_PATH in chosen else None
        if side is None or side is Side.CONTENT:
            sides = (Place(VERSION_PATH, version_state(one)) for one in (before[0], ours, others))
            found.conflicts.append(Conflict(VERSION_PATH, ConflictKind.ATTRIBUTES, *sides))
            return
        found.decided.add(VERSION_PATH)
        merged = {Side.BASE: before[0], Side.MINE: ours, Side.THEIRS: others}[side]
    if merged != ours:
        found.wanted[VERSION_PATH] = version_state(merged)


def _version(states: States) -> Properties:
    state = states.get(VERSION_PATH)
    return () if state is None else state.properties
