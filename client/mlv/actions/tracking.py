"""Record adds, deletes, moves and copies for the next commit; none of it needs the server."""

from __future__ import annotations

import os

from mlv.actions.context import Context
from mlv.actions.naming import check_named
from mlv.actions.sparse import explained, left_out, refuse_outside
from mlv.actions.status import REQUIRED
from mlv.workspace import guard, pristine
from mlv.workspace.layout import Layout, to_version_path, under
from mlv.workspace.materialize import prune_folders, set_read_only
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, hash_file, kind_of, list_files, scan, stamp_of
from mlv.workspace.state import Pending, TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import (
    AlreadyExists,
    InvalidPath,
    LocalChanges,
    MlvError,
    NotFound,
    UnsupportedFile,
    UsageError,
)
from mlv_core.ids import escape
from mlv_core.paths import check_path, check_paths, check_symlink, clash_key


@dataclass(frozen=True, slots=True)
class Recorded:
    """The paths an act was recorded for; `need_lock` are those that the commit will ask a lock for."""

    paths: tuple[str, ...]
    need_lock: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def add(context: Context, arguments: tuple[str, ...], *, dry_run: bool = False) -> Recorded:
    """Record every file under the paths that is not tracked yet; ignored ones are left out unless named themselves.

    Raises: NotFound, InvalidPath, PathClash, UnsupportedFile.
    """
    workspace, roots = context.workspace, context.paths(arguments)
    with guard.writing(workspace.layout):
        files, pending = workspace.state.files(), workspace.state.pending()
        moved_away = {act.source for act in pending.values() if act.kind == "move"}
        fresh: list[str] = []
        for path in _candidates(workspace.layout, roots):
            act = pending.get(path)
            tracked = path in files and path not in moved_away
            if not (tracked or act is not None) or (act is not None and act.kind == "delete"):
                fresh.append(path)
        chosen = _inside(context, _kept(context, fresh, roots), roots)
        _check_clashes(chosen, files, pending, moved_away)
        if not dry_run and chosen:
            back = [path for path in chosen if path in pending and path in files]
            with workspace.state.transaction():
                workspace.state.drop_pending(back)
                workspace.state.put_pending(Pending(path, "add", "") for path in chosen if path not in back)
    empty = [] if chosen else [root for root in roots if root and _is_empty(workspace.layout.absolute(root))]
    if empty:
        shown = ", ".join(f"'{escape(root)}'" for root in empty[:3])
        context.notice(f"Empty folders are not kept: {shown}{f' and {len(empty) - 3} more' if len(empty) > 3 else ''}.")  # noqa: PLR2004
    return Recorded(tuple(chosen))


def _is_empty(absolute: str) -> bool:
    """Whether this is a folder without any file in it or below."""
    return os.path.isdir(absolute) and not any(names for _, _, names in os.walk(absolute))


def _candidates(layout: Layout, roots: tuple[str, ...]) -> list[str]:
    found = set(list_files(layout, roots))
    for root in roots:
        absolute = layout.absolute(root)
        if not os.path.lexists(absolute):
            raise NotFound(f"There is no '{escape(root)}' here.", advice="Check the path.")
        if root and not (os.path.isdir(absolute) and not os.path.islink(absolute)):
            found.add(root)
    return sorted(found)


def _kept(context: Context, paths: list[str], roots: tuple[str, ...]) -> list[str]:
    """Those that mlv keeps; devices, pipes and sockets of a folder are left out and said once (F1).

    Raises: what the first refused file raises, naming all.
    """
    layout = context.workspace.layout
    kept: list[str] = []
    left_out: list[str] = []
    refused: list[MlvError] = []
    for path in paths:
        try:
            _check_file(layout, path)
        except UnsupportedFile as error:
            if path in roots or os.path.islink(layout.absolute(path)):
                refused.append(error)
            else:
                left_out.append(path)
        except InvalidPath as error:
            refused.append(error)
        else:
            kept.append(path)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise type(refused[0])(
            f"{len(refused)} files cannot be kept.", items=tuple(error.message for error in refused),
            advice="Rename them, leave them out, or name them in .mlvignore.",
        )  # fmt: skip
    if left_out:
        shown = ", ".join(f"'{escape(path)}'" for path in left_out[:3])
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""  # noqa: PLR2004
        context.notice(f"Devices, pipes and sockets are not kept: {shown}{more}.")
    return kept


def _inside(context: Context, paths: list[str], roots: tuple[str, ...]) -> list[str]:
    """Those that a sparse workspace may hold; others of a folder are left out and said once.

    Raises: UsageError for one that was named itself.
    """
    outside = set(left_out(context.workspace, paths))
    refuse_outside(context.workspace, [path for path in paths if path in roots])
    if outside:
        shown = ", ".join(f"'{escape(path)}'" for path in sorted(outside)[:3])
        more = f" and {len(outside) - 3} more" if len(outside) > 3 else ""  # noqa: PLR2004
        context.notice(f"This sparse workspace leaves out {shown}{more}.")
    return [path for path in paths if path not in outside]


def _check_file(layout: Layout, path: str) -> None:
    check_path(path)
    absolute = layout.absolute(path)
    kind = kind_of(os.lstat(absolute))
    if kind is None:
        raise UnsupportedFile(f"'{escape(path)}' is a device, pipe or socket.")
    if kind == SYMLINK:
        check_symlink(path, os.readlink(absolute))


def _check_clashes(
    chosen: list[str], files: dict[str, TrackedFile], pending: dict[str, Pending], moved_away: set[str]
) -> None:
    """F2, among the chosen and against what is there."""
    if not chosen:
        return
    gone = moved_away | {path for path, act in pending.items() if act.kind == "delete"}
    check_paths([*(path for path in files if path not in gone), *(p for p in pending if p not in gone), *chosen])


def delete(
    context: Context, arguments: tuple[str, ...], *, keep_local: bool = False, dry_run: bool = False
) -> Recorded:
    """Record that the tracked files under the paths go, and delete them here unless `keep_local`.

    Files that differ from their base are refused unless they are kept. Raises: NotFound, LocalChanges.
    """
    workspace, roots = context.workspace, _named(context, arguments)
    check_named(workspace, roots)
    with guard.writing(workspace.layout):
        state, layout = workspace.state, workspace.layout
        found = {item.path: item for item in scan(layout, state, roots, untracked=False).found}
        pending = state.pending()
        origins = {act.path: act.source for act in pending.values() if act.kind == "move"}
        new = [act.path for act in pending.values() if act.kind in {"add", "copy"} and under(act.path, roots)]
        moved = {origins[path]: path for path in origins if under(path, roots)}
        gone = {act.path for act in pending.values() if act.kind == "delete"} | set(origins.values())
        going = [file for file in state.files().values() if under(file.path, roots) and file.path not in gone]
        going.extend(file for origin in moved if (file := state.file(origin)) is not None)
        if not going and not new:
            error = NotFound(f"No tracked file at {_shown(roots)}.", advice="'mlv status' shows what differs here.")
            raise explained(workspace, roots, error)
        places = [moved.get(file.path, file.path) for file in going]
        changed = [path for path in places if path in found and found[path].state in {"M", "C"}]
        changed += [path for path in moved.values() if found[path].base and _differs(layout, found[path].base, path)]
        if changed and not keep_local:
            raise LocalChanges(
                "Files with local changes are not deleted.", items=tuple(changed),
                advice="Revert them first, or keep them on the disk with -k.",
            )  # fmt: skip
        if not dry_run:
            with state.transaction():
                state.drop_pending([*new, *moved.values()])
                state.put_pending(Pending(file.path, "delete", "") for file in going)
                # Before the record counts: who is killed in between types the same again and is done.
                for path in () if keep_local else places:
                    _unlink(layout, path)
    need = tuple(file.path for file in going if file.need == REQUIRED and not file.token)
    return Recorded(tuple(sorted([*places, *new])), need)


def _differs(layout: Layout, file: TrackedFile | None, path: str) -> bool:
    absolute = layout.absolute(path)
    if file is None or not os.path.lexists(absolute):
        return False
    mode = kind_of(os.lstat(absolute))
    return mode is None or hash_file(absolute, mode) != file.content


def move(
    context: Context, arguments: tuple[str, ...], target: str, *, keep_local: bool = False, dry_run: bool = False
) -> Recorded:
    """Move tracked files or folders to `target` here and in the next commit; file ids and locks go with them.

    `keep_local`: the files were moved already. Raises: NotFound, AlreadyExists.
    """
    workspace = context.workspace
    pairs = _pairs(context, arguments, target)
    with guard.writing(workspace.layout):
        state, layout = workspace.state, workspace.layout
        files, pending = state.files(), state.pending()
        acts, dropped, stamps, need = [], [], [], []
        moving = _expand(workspace, pairs, files, pending)
        refuse_outside(workspace, [new for _, new in moving])
        leaving = {old for old, _ in moving}
        for old, new in moving:
            _check_target(layout, new, files, pending, there=keep_local, leaving=leaving)
            act = pending.get(old)
            origin = act.source if act is not None and act.kind == "move" else old
            if act is not None:
                dropped.append(old)
            if act is not None and act.kind in {"add", "copy"}:
                acts.append(Pending(new, act.kind, act.source))
            elif origin != new:
                acts.append(Pending(new, "move", origin))
            file = files.get(origin)
            if file is not None and file.need == REQUIRED and not file.token:
                need.append(new)
            if not dry_run:
                stamps.extend(_rename(layout, old, new, file, keep_local=keep_local))
        if not dry_run:
            with state.transaction():
                state.drop_pending(dropped)
                state.put_pending(acts)
                state.set_stamps(stamps)
    return Recorded(tuple(new for _, new in moving), tuple(need), tuple(old for old, _ in moving))


def _rename(
    layout: Layout, old: str, new: str, file: TrackedFile | None, *, keep_local: bool
) -> list[tuple[int, int, int, int, str]]:
    """Rename on the disk; the fresh stamp when the bytes were known to be those of the base."""
    if keep_local:
        return []
    before = os.lstat(layout.absolute(old))
    os.makedirs(os.path.dirname(layout.absolute(new)), exist_ok=True)
    os.rename(layout.absolute(old), layout.absolute(new))
    prune_folders(layout, os.path.dirname(old))
    known = file is not None and (before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino, 0) == (
        file.size, file.mtime_ns, file.ctime_ns, file.inode, file.doubtful,
    )  # fmt: skip
    if not known or file is None:
        return []
    clock_ns = layout.clock_ns()
    return [(*stamp_of(os.lstat(layout.absolute(new)), clock_ns), file.path)]


def copy(context: Context, arguments: tuple[str, ...], target: str, *, dry_run: bool = False) -> Recorded:
    """Copy tracked files or folders to `target`; the copies are new files that remember where they came from.

    Raises: NotFound, AlreadyExists.
    """
    workspace = context.workspace
    pairs = _pairs(context, arguments, target)
    with guard.writing(workspace.layout):
        state, layout = workspace.state, workspace.layout
        files, pending = state.files(), state.pending()
        chosen = _expand(workspace, pairs, files, pending)
        refuse_outside(workspace, [new for _, new in chosen])
        for old, new in chosen:
            _check_target(layout, new, files, pending, there=False, leaving=set())
            if not dry_run:
                _copy_file(layout, old, new)
        if not dry_run:
            origins = {old: pending[old].source if old in pending else old for old, _ in chosen}
            with state.transaction():
                state.put_pending(Pending(new, "copy" if origins[old] else "add", origins[old]) for old, new in chosen)
    return Recorded(tuple(new for _, new in chosen), (), tuple(old for old, _ in chosen))


def _copy_file(layout: Layout, old: str, new: str) -> None:
    source, copied = layout.absolute(old), layout.absolute(new)
    os.makedirs(os.path.dirname(copied), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), copied)
        return
    pristine.clone(source, copied)
    set_read_only(copied, kind_of(os.lstat(source)) or 0, read_only=False)


def _pairs(context: Context, arguments: tuple[str, ...], target: str) -> list[tuple[str, str]]:
    layout = context.workspace.layout
    new = to_version_path(layout, context.directory, target)
    into = os.path.isdir(layout.absolute(new)) and not os.path.islink(layout.absolute(new))
    olds = context.paths(arguments)
    if target.endswith("/") and not os.path.lexists(layout.absolute(new)):
        into = True
    if len(olds) > 1 and not into:
        raise UsageError(f"'{escape(target)}' is no folder.", advice="Several paths can only go into a folder.")
    if "" in olds:
        raise UsageError("The whole workspace cannot be moved or copied.", advice="Name files or folders in it.")
    return [(old, os.path.join(new, os.path.basename(old)) if into else new) for old in olds]


def _expand(
    workspace: Workspace, pairs: list[tuple[str, str]], files: dict[str, TrackedFile], pending: dict[str, Pending]
) -> list[tuple[str, str]]:
    """Folders as their tracked files."""
    gone = {act.source for act in pending.values() if act.kind == "move"}
    gone.update(act.path for act in pending.values() if act.kind == "delete")
    here = [path for path in files if path not in gone]
    here.extend(act.path for act in pending.values() if act.kind != "delete")
    result: list[tuple[str, str]] = []
    for old, new in pairs:
        inside = sorted(path for path in here if under(path, (old,)))
        if not inside:
            error = NotFound(f"No tracked file at '{escape(old)}'.", advice="'mlv add' it first.")
            raise explained(workspace, (old,), error)
        result.extend((path, new + path[len(old) :]) for path in inside)
    return result


def _check_target(
    layout: Layout,
    new: str,
    files: dict[str, TrackedFile],
    pending: dict[str, Pending],
    *,
    there: bool,
    leaving: set[str],
) -> None:
    """`leaving` are the paths that are moved away by the same act."""
    check_path(new)
    if new in pending and pending[new].kind == "delete":
        raise AlreadyExists(f"'{escape(new)}' is still recorded as deleted.", advice="Commit the deletion first.")
    moved_away = any(act.kind == "move" and act.source == new for act in pending.values())
    taken = new in pending or (new in files and not moved_away)
    if taken or (os.path.lexists(layout.absolute(new)) and not there):
        raise AlreadyExists(f"'{escape(new)}' exists already.", advice="Choose another path, or delete that one first.")
    gone = leaving | {act.source for act in pending.values() if act.kind == "move"}
    gone.update(act.path for act in pending.values() if act.kind == "delete")
    key = clash_key(new)
    for path in files:
        if path not in gone and path != new and clash_key(path) == key:
            check_paths([path, new])


def _unlink(layout: Layout, path: str) -> None:
    try:
        os.unlink(layout.absolute(path))
    except FileNotFoundError:
        return
    prune_folders(layout, os.path.dirname(path))


def _named(context: Context, arguments: tuple[str, ...]) -> tuple[str, ...]:
    if not arguments:
        raise UsageError("No path was named.", advice="Name files or folders; '.' is everything here.")
    return context.paths(arguments)


def _shown(roots: tuple[str, ...]) -> str:
    return ", ".join(f"'{escape(root or '.')}'" for root in roots)
