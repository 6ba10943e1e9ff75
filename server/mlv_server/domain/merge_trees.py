"""Three-way merge of parsed documents: mappings key by key, sequences by what was put in and taken out, notebooks."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Final, cast

from merge3 import Merge3

from mlv_core.merges import merge_text
from mlv_server.domain.documents import DocumentError, Node, is_list, values_equal


class _Absent:
    """What stands at a key that a mapping lacks."""


_ABSENT: Final = _Absent()
_APART = ("outputs", "execution_count", "source")
"""Of a cell: its source is merged by lines, the others are results of running it."""


def merge_trees(base: Node, mine: Node, theirs: Node) -> Node:
    """What both edits of `base` give, in the layout of mine. Raises: DocumentError where they conflict."""
    if _same(mine, theirs) or _same(base, theirs):
        return mine
    if _same(base, mine):
        return copy.deepcopy(theirs)
    if isinstance(mine, MutableMapping) and isinstance(theirs, Mapping):
        if isinstance(base, Mapping):
            return _mappings(base, mine, theirs)
        if isinstance(base, _Absent):
            return _mappings({}, mine, theirs)
    if is_list(base) and is_list(mine) and is_list(theirs):
        return _sequences(base, mine, theirs)
    raise DocumentError("both sides changed one value")


def merge_notebooks(base: Node, mine: Node, theirs: Node) -> Node:
    """As `merge_trees`, but cells of a Jupyter notebook are known by their ids, and their sources merge by lines.

    Results belong to the source that made them: they come from the side that changed the source; of a source that both
    changed they are dropped. Raises: DocumentError.
    """
    cells = [_cells(one) for one in (base, mine, theirs)]
    if any(one is None for one in cells):
        return merge_trees(base, mine, theirs)
    old, ours, others = (cast("dict[str, MutableMapping[str, Node]]", one) for one in cells)
    order = _order(list(old), list(ours), list(others))
    for key in old.keys() - set(order):
        _check_deleted(old[key], ours.get(key), others.get(key))
    rest = [
        {key: value for key, value in cast("Mapping[str, Node]", one).items() if key != "cells"}
        for one in (base, mine, theirs)
    ]
    merged = dict(cast("Mapping[str, Node]", merge_trees(*rest)))
    merged["cells"] = [_cell(old.get(key), ours.get(key), others.get(key)) for key in order]
    return {key: merged[key] for key in (*cast("Mapping[str, Node]", mine), *merged) if key in merged}


def _same(first: Node, second: Node) -> bool:
    if isinstance(first, _Absent) or isinstance(second, _Absent):
        return first is second
    return values_equal(first, second)


def _mappings(base: Mapping[str, Node], mine: MutableMapping[str, Node], theirs: Mapping[str, Node]) -> Node:
    """Merge into a copy of mine, which keeps its order and its comments; new keys of theirs come last."""
    merged = copy.deepcopy(mine)
    for key in dict.fromkeys((*mine, *theirs)):
        ours = mine.get(key, _ABSENT)
        value = merge_trees(base.get(key, _ABSENT), ours, theirs.get(key, _ABSENT))
        if isinstance(value, _Absent):
            merged.pop(key, None)
        elif value is not ours:
            merged[key] = value
    return merged


def _sequences(base: Sequence[Node], mine: Sequence[Node], theirs: Sequence[Node]) -> Node:
    """Merge as lines are merged, an element for a line."""
    names = [[_name(item) for item in one] for one in (base, mine, theirs)]
    known = {
        name: item
        for one, keys in zip((base, theirs, mine), (names[0], names[2], names[1]), strict=True)
        for name, item in zip(keys, one, strict=True)
    }
    order = _order(*names)
    merged = copy.deepcopy(mine)
    if not isinstance(merged, MutableSequence):
        raise DocumentError("a sequence that cannot be changed")
    merged[:] = [copy.deepcopy(known[name]) for name in order]
    return merged


def _order(base: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    found: list[str] = []
    for group in Merge3(base, mine, theirs).merge_groups():
        if group[0] == "conflict":
            raise DocumentError("both sides changed the same place of a sequence")
        found += group[1]
    return found


def _name(node: Node) -> str:
    """A text that is the same for nodes of the same values."""
    if isinstance(node, Mapping):
        return "{" + ",".join(f"{key!r}:{_name(node[key])}" for key in sorted(node, key=repr)) + "}"
    if is_list(node):
        return "[" + ",".join(map(_name, node)) + "]"
    kind = "text" if isinstance(node, str) and type(node).__name__ != "Number" else type(node).__name__
    return f"{kind}:{json.dumps(str(node))}"


def _cells(node: Node) -> dict[str, MutableMapping[str, Node]] | None:
    """A notebook's cells by id; None where one has no id, or shares it."""
    cells = node.get("cells") if isinstance(node, Mapping) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) and "id" in cell for cell in cells):
        return None
    found = {str(cell["id"]): cell for cell in cells}
    return found if len(found) == len(cells) else None


def _cell(base: Mapping[str, Node] | None, mine: Mapping[str, Node] | None, theirs: Mapping[str, Node] | None) -> Node:
    """One cell that is in the merged order: at least one side has it."""
    if mine is None or theirs is None:
        return mine if mine is not None else theirs
    if base is None:
        return merge_trees(_ABSENT, mine, theirs)
    source = merge_text(*(_source(cell).encode() for cell in (base, mine, theirs)))
    if source is None:
        raise DocumentError("both sides changed the same lines of a cell")
    rest = [{key: value for key, value in cell.items() if key not in _APART} for cell in (base, mine, theirs)]
    merged = dict(cast("Mapping[str, Node]", merge_trees(*rest)))
    text = source.decode()
    merged["source"] = text.splitlines(keepends=True) if is_list(mine.get("source")) else text
    if "outputs" in mine:
        merged |= _results(base, mine, theirs)
    return {key: merged[key] for key in (*mine, *merged) if key in merged}


def _check_deleted(base: Mapping[str, Node], *sides: Mapping[str, Node] | None) -> None:
    """Raises: DocumentError when a side edited the cell that the other deleted; having run it again is no edit."""
    for side in sides:
        if side is not None and not values_equal(_as_written(base), _as_written(side)):
            raise DocumentError("a cell was deleted on one side and changed on the other")


def _as_written(cell: Mapping[str, Node]) -> dict[str, Node]:
    rest = {key: value for key, value in cell.items() if key not in _APART}
    return rest | {"source": _source(cell)}


def _results(base: Mapping[str, Node], mine: Mapping[str, Node], theirs: Mapping[str, Node]) -> dict[str, Node]:
    edited = [_source(one) != _source(base) for one in (mine, theirs)]
    if all(edited) and _source(mine) != _source(theirs):
        return {"outputs": [], "execution_count": None}
    untouched = values_equal(base.get("outputs"), mine.get("outputs"))
    chosen = theirs if (edited[1] and not edited[0]) or (edited == [False, False] and untouched) else mine
    return {key: chosen[key] for key in ("outputs", "execution_count") if key in chosen}


def _source(cell: Mapping[str, Node]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
