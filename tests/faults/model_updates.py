"""What an update brings to each path, by the model: place, keep, merge, or leave in conflict (F5)."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.model_values import OK, File, Tracked, Workspace, merge


def bring_to(ws: Workspace, head: dict[str, File], target: int) -> str:
    """Bring everything to the version `head`, which is @`target` (F5); no move or conflict may wait."""
    places = {file.id: path for path, file in head.items()}
    if any(_in_the_way(ws, path) for path in head):
        return "LOCAL_CHANGES"
    old = dict(ws.tracked)
    arriving: dict[str, Tracked] = {}
    for path, base in old.items():
        new = places.get(base.file.id)
        if path in head and head[path].id != base.file.id:
            new = new or path
        _bring(ws, path, base, new, head.get(new or ""), target, arriving)
    known = {one.file.id for one in arriving.values()} | {one.file.id for one in old.values()}
    for path, file in head.items():
        if file.id not in known and path not in arriving:
            _place_new(ws, path, file, target, arriving)
    ws.tracked = arriving
    for path, (file, _) in list(ws.conflicts.items()):
        if path not in ws.tracked and path not in ws.pending and file is not None:
            ws.conflicts.pop(path)
    ws.base = target
    return OK


def _in_the_way(ws: Workspace, path: str) -> bool:
    """A file of the user's own lies where the version has one that the workspace does not have."""
    return path in ws.disk and path not in ws.tracked and path not in ws.pending


def _place_new(ws: Workspace, path: str, file: File, target: int, arriving: dict[str, Tracked]) -> None:
    if path not in ws.disk:
        ws.pending.pop(path, None)
        ws.disk[path] = (file.data, file.executable)
        arriving[path] = Tracked(file)
    elif ws.disk[path] == (file.data, file.executable):
        ws.pending.pop(path, None)
        arriving[path] = Tracked(file)
    else:
        ws.conflicts[path] = (file, target)


def _bring(
    ws: Workspace,
    path: str,
    base: Tracked,
    new: str | None,
    file: File | None,
    target: int,
    arriving: dict[str, Tracked],
) -> None:
    """One tracked file, which the version has at `new` as `file`, or no longer."""
    state = ws.state(path)
    stays = replace(base, at=base.at or ws.base)
    if file is not None and (new, replace(base.file, id=file.id)) == (path, file):
        arriving[path] = replace(base, file=file, at=0)
        return
    if file is None or new is None:
        if state in {"", "meta"}:
            ws.disk.pop(path)
        elif state == "modified":
            ws.conflicts[path] = (None, target)
            arriving[path] = stays
            return
        ws.pending.pop(path, None)
        ws.edits.pop(path, None)
        return
    brought = Tracked(file, 0, base.opened, base.token)
    bytes_of = (file.data, file.executable)
    if state in {"", "meta", "missing"}:
        ws.disk.pop(path, None)
        ws.disk[new] = bytes_of
        arriving[new] = brought
    elif state == "deleted" and (new, bytes_of) == (path, (base.file.data, base.file.executable)):
        arriving[new] = brought  # properties alone are no reason to ask whether the file is still to go
    elif state == "deleted":
        ws.conflicts[path] = (file, target)
        arriving[path] = stays
    elif bytes_of == (base.file.data, base.file.executable) or ws.disk[path] == bytes_of:
        ws.disk[new] = ws.disk.pop(path)
        arriving[new] = brought
    else:
        merged = None
        if not path.endswith(".bin"):
            merged = merge(base.file.data, ws.disk[path][0], file.data)
        if merged is None:
            ws.conflicts[path] = (file, target)
            arriving[path] = stays
        else:
            ws.rescued.add(ws.disk.pop(path)[0])
            ws.disk[new] = (merged, file.executable)
            arriving[new] = brought
