"""Take back local changes; bytes that go are kept in the rescue folder, locks are given back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field

from mlv.actions import trades
from mlv.actions.context import Context
from mlv.actions.naming import check_named
from mlv.actions.restoring import stage_bases
from mlv.actions.status import REQUIRED
from mlv.workspace import guard, materialize, pristine
from mlv.workspace.journal import Stamp, Step, UpdateJournal
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, Found, scan
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import Conflict, MlvError, NotFound, NotSignedIn, Unreachable, UsageError

VERSION = "."
"""mlv_core's VERSION_PATH, whose module costs start-up time."""
_AWAY_SECONDS = 2.0
"""Reverting needs no server: one that is away should not keep the user waiting."""
_NAMED = 20
_INTENDED = 2
"""As in mlv.actions.opening, whose imports cost start-up time."""


@dataclass(frozen=True, slots=True)
class Reverted:
    """Paths that were taken back, those whose local bytes were kept in `.mlv/rescue/`, and locks given back."""

    paths: tuple[str, ...]
    rescued: tuple[str, ...] = ()
    released: tuple[str, ...] = ()


@dataclass(slots=True)
class _Plan:
    restored: list[tuple[TrackedFile, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    rows: list[TrackedFile] = field(default_factory=list)
    trusted: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def revert(
    context: Context,
    arguments: tuple[str, ...],
    *,
    only_unchanged: bool = False,
    keep_local: bool = False,
    dry_run: bool = False,
) -> Reverted:
    """Bring the paths back to what the version has, close them and give their locks back (L11).

    `only_unchanged` closes only files without a change. `keep_local` leaves the files as they are and gives up their
    locks. Works without the server for opened files and small text. Raises: NotFound, Conflict, UsageError.
    """
    if not arguments and not only_unchanged:
        raise UsageError("No path was named.", advice="Name files or folders; '.' is everything here.")
    roots = context.paths(arguments)
    check_named(context.workspace, roots)
    return _revert(context, roots, {}, only_unchanged=only_unchanged, keep_local=keep_local, dry_run=dry_run)


def revert_shelved(context: Context, paths: tuple[str, ...], shelved: Mapping[str, Stamp]) -> Reverted:
    """As `revert` of the version's `paths`, whose bytes are on a shelf as long as they have the stamps in `shelved`.

    Those leave the disk, files that were new with them; bytes that changed since are kept in the rescue folder.
    Raises: Conflict, and as `revert`.
    """
    return _revert(context, paths, shelved, only_unchanged=False, keep_local=False, dry_run=False)


def _revert(
    context: Context,
    roots: tuple[str, ...],
    shelved: Mapping[str, Stamp],
    *,
    only_unchanged: bool,
    keep_local: bool,
    dry_run: bool,
) -> Reverted:
    workspace = context.workspace
    if os.path.exists(workspace.layout.commit_journal):
        _ask_first(context)
    with guard.long_step(workspace.layout), guard.writing(workspace.layout):
        workspace.reload()
        found = scan(workspace.layout, workspace.state, roots, untracked=False).found
        waiting = tuple(item.path for item in found if item.state == "C")
        if waiting and not keep_local and not only_unchanged:
            raise Conflict("Files in conflict are decided, not reverted.", items=waiting)
        changed = {item.base.path for item in found if item.base is not None}
        # A file that was moved is meant by its new path too.
        places = {act.source: act.path for act in workspace.state.pending().values() if act.kind == "move"}
        opened = [
            file
            for file in workspace.state.files().values()
            if (under(file.path, roots) or under(places.get(file.path, file.path), roots))
            and (file.opened or file.token)
        ]
        plan = _Plan()
        if not only_unchanged and not keep_local:
            traded = trades.in_each_others_way(found, places)
            trading = {item.path for item in traded}
            for item in found:
                _take_back(workspace, plan, item, shelved, traded=item.path in trading)
            if traded and not dry_run:
                way = trades.way_home(workspace, traded, shelved)
                plan.steps.extend(way.steps)
                plan.restored.extend(way.restored)
                plan.rows.extend(way.rows)
                plan.trusted.extend(row.path for row in way.rows)
                shelved = {**shelved, **way.leaving}
            if VERSION in roots and VERSION in workspace.state.property_edits():
                plan.edits.append(VERSION)
                plan.paths.append(VERSION)
        closing = [file for file in opened if not only_unchanged or file.path not in changed]
        # With -k a changed file stays open, so that its base stays at hand.
        _close(plan, closing, still_open=changed if keep_local else set(), leave_writable=keep_local)
        if not plan.paths:
            if found or opened or only_unchanged or any(under(p, roots) for p in workspace.state.files()):
                return Reverted(())
            raise NotFound("No tracked file at the named paths.", advice="'mlv status' shows what differs.")
        tokens = tuple(file.path for file in closing if file.token)
        if dry_run:
            return Reverted(tuple(sorted(plan.paths)), (), tokens)
        rescued = _apply(context, plan, closing, shelved, keep_local=keep_local)
    intents = tuple(file.path for file in closing if file.opened == _INTENDED and not file.token)
    released = _release(context, tokens) if tokens else ()
    if intents:
        _end_intents(context, intents)
    return Reverted(tuple(sorted(set(plan.paths))), rescued, released)


def _ask_first(context: Context) -> None:
    """A commit whose outcome is not known may have moved the base; without the server the known base counts."""
    from mlv.actions.recovering import recover

    brief = _brief(context)
    try:
        recover(brief)
    except (Unreachable, NotSignedIn) as error:
        context.notice(f"Whether an interrupted commit reached the server is not known yet: {error.message}")
    finally:
        brief.hang_up()


def _brief(context: Context) -> Context:
    """The same surroundings, for a server that may be away."""
    brief = Context(
        context.directory, context.timeout_seconds or _AWAY_SECONDS, context.notice, credentials=context.credentials
    )
    brief.use(context.workspace)
    return brief


def _take_back(workspace: Workspace, plan: _Plan, item: Found, shelved: Mapping[str, Stamp], *, traded: bool) -> None:
    base = item.base
    plan.paths.append(item.path)
    if item.state == "P" or item.path in workspace.state.property_edits():
        plan.edits.append(item.path)
    if base is None:
        if item.state != "P":
            plan.pending.append(item.path)
        if item.state == "A" and item.path in shelved:
            plan.steps.append(Step(item.path, "", shelved[item.path]))
        return
    place = item.path
    plan.pending.extend((base.path, item.path))
    if traded:
        return
    if place != base.path and item.state in {"R", "M"}:
        # The bytes go home; what was changed in them is restored from the base.
        clean = _is_clean(workspace, base, place)
        away = Step(place, "", shelved[place]) if place in shelved and not clean else Step(base.path, source=place)
        plan.steps.append(away)
        if not clean:
            plan.restored.append((base, base.path))
        else:
            plan.rows.append(base._replace(doubtful=1))
            plan.trusted.append(base.path)
    elif item.state in {"M", "D", "!", "A"}:
        plan.restored.append((base, base.path))


def _is_clean(workspace: Workspace, base: TrackedFile, place: str) -> bool:
    from mlv.workspace.scan import hash_file

    try:
        return hash_file(workspace.layout.absolute(place), base.mode) == base.content
    except OSError:
        return False


def _close(plan: _Plan, closing: list[TrackedFile], *, still_open: set[str], leave_writable: bool) -> None:
    rows = {row.path: row for row in plan.rows}
    for file in closing:
        row = rows.get(file.path, file)
        rows[file.path] = row._replace(opened=int(file.path in still_open))
        if file.path not in plan.paths:
            plan.paths.append(file.path)
    for base, _place in plan.restored:
        rows[base.path] = rows.get(base.path, base)._replace(opened=0, doubtful=1)
        plan.trusted.append(base.path)
    plan.rows = list(rows.values())
    if leave_writable:
        plan.trusted.clear()


def _apply(
    context: Context,
    plan: _Plan,
    closing: list[TrackedFile],
    shelved: Mapping[str, Stamp],
    *,
    keep_local: bool,
) -> tuple[str, ...]:
    workspace = context.workspace
    staged = [Step(step.path, step.file, shelved.get(step.path)) for step in stage_bases(context, plan.restored)]
    journal = UpdateJournal(
        label=f"a revert of {len(plan.paths)} files",
        steps=(*plan.steps, *staged),
        rows=tuple(plan.rows),
        trusted=tuple(dict.fromkeys(plan.trusted)),
        pending_dropped=tuple(dict.fromkeys(plan.pending)),
        edits_dropped=tuple(plan.edits),
    )
    materialize.begin(workspace.layout, journal)
    rescued = materialize.finish(workspace.layout, workspace.state, journal)
    if not keep_local:
        restored = {base.path for base, _ in plan.restored}
        for file in closing:
            if file.path not in restored:
                _lock_down(workspace, file)
    pristine.drop_unused(workspace.layout, workspace.state)
    return rescued


def _lock_down(workspace: Workspace, file: TrackedFile) -> None:
    """Read-only again, with a fresh stamp (changing the bits changes ctime)."""
    absolute = workspace.layout.absolute(file.path)
    if file.need != REQUIRED or file.mode == SYMLINK:
        return
    try:
        materialize.set_read_only(absolute, file.mode, read_only=True)
    except FileNotFoundError:
        return
    with workspace.state.transaction():
        row = workspace.state.file(file.path)
        if row is not None:
            workspace.state.put_files([row._replace(doubtful=1)])


def _end_intents(context: Context, paths: tuple[str, ...]) -> None:
    """Tell the others that these files are not being changed; without a server they see it when the intents expire."""
    from mlv.actions import locks

    brief = _brief(context)
    try:
        locks.give_back(brief, paths)
    except MlvError:
        return
    finally:
        brief.hang_up()


def _release(context: Context, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Give the locks back; without a server they stay, and the user is told."""
    from mlv.actions import locks
    from mlv.actions.recovering import recover

    brief = _brief(context)
    try:
        recover(brief)
        released = tuple(lock.path for lock in locks.give_back(brief, paths))
        if ended := [path for path in paths if path not in released]:
            context.notice(f"No lock to give back, it had ended before: {', '.join(ended[:_NAMED])}")
        return released
    except (Unreachable, NotSignedIn) as error:
        context.notice(f"The locks stay until 'mlv unlock' reaches the server: {error.message}")
        return ()
    except MlvError as error:
        context.notice(f"The locks could not be given back: {error.message}")
        return ()
    finally:
        brief.hang_up()
