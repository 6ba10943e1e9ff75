"""Take, give back and list locks; open files for edit."""

from __future__ import annotations

from collections.abc import Callable

from mlv.actions.context import Context
from mlv.actions.losses import dead_files, forget_folders
from mlv.actions.naming import check_named
from mlv.actions.opening import chosen, forget_tokens, open_files, places_of
from mlv.actions.recovering import recover
from mlv.actions.status import REQUIRED
from mlv.workspace import guard
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv.workspace.state import TrackedFile
from mlv_core.asking import AskRequest
from mlv_core.deferred import dataclass
from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.errors import LocalChanges, LockHeld, NotFound, UsageError
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireOutcome, AcquireRequest, ReleaseRequest

FILES_LIMIT = 1000
"""L15: more in one request must be meant."""


_NO_LOCK_ADVICE = "'mlv locks' lists them; an intent ends with 'mlv revert -k PATH'."
_Taken = tuple[list[TrackedFile], AcquireOutcome]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of lock is wanted; None and 0: as policy says.

    `scope`: how far it reaches (L4). `ttl_ms`: how long its lease is (L8). `steal`: also where others hold it (L9).
    `diverge`: also where another branch in reach has a newer version (L5). Both need a reason and a right.
    """

    scope: LockScope | None = None
    ttl_ms: int = 0
    steal: bool = False
    diverge: bool = False


_AS_POLICY_SAYS = Wanted()


@dataclass(frozen=True, slots=True)
class Opened:
    """The paths that are open for edit now, and the locks that were taken or renewed."""

    paths: tuple[str, ...]
    locks: tuple[Lock, ...]


def edit(
    context: Context,
    arguments: tuple[str, ...],
    *,
    reason: str = "",
    wanted: Wanted = _AS_POLICY_SAYS,
    update_first: bool = False,
    wait_seconds: float | None = None,
    many: bool = False,
    dry_run: bool = False,
) -> Opened:
    """Take the locks that policy asks for, all or none, keep the bases, and make the files writable.

    With `wait_seconds` stand in the queue for locks that others hold; a version that came meanwhile is brought first.
    Raises: NotFound, LockHeld, LockDenied, StaleBase, Denied, and those of the connection; nothing is changed then.
    """
    recover(context)
    workspace, roots = context.workspace, context.paths(arguments)
    if update_first:
        from mlv.actions.update import update

        updated = update(context, arguments, dry_run=dry_run)
        if updated.conflicts:
            raise LocalChanges("The newest version conflicts with local changes.", items=updated.conflicts)

    def take() -> _Taken:
        files = chosen(workspace, roots)
        return files, _acquire(
            context, files, reason=reason, only_required=True, wanted=wanted, many=many, dry_run=dry_run
        )

    files, outcome = _taking(context, take, arguments, reason, None if dry_run else wait_seconds)
    places = places_of(workspace)
    if not dry_run:
        with guard.writing(workspace.layout):
            open_files(workspace, files, outcome, places)
    return Opened(tuple(places.get(file.path, file.path) for file in files), outcome.locks)


def lock(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    paths: tuple[str, ...] = (),
    reason: str = "",
    wanted: Wanted = _AS_POLICY_SAYS,
    wait_seconds: float | None = None,
    many: bool = False,
    dry_run: bool = False,
) -> Opened:
    """Take the locks of all tracked files under the paths, or none (L6); the files are opened too.

    `paths` are version's paths, used instead of `arguments`. `wait_seconds` and what it raises: as `edit`.
    """
    recover(context)
    workspace = context.workspace
    roots = paths or context.paths(arguments)

    def take() -> _Taken:
        files = chosen(workspace, roots)
        return files, _acquire(
            context, files, reason=reason, only_required=False, wanted=wanted, many=many, dry_run=dry_run
        )

    files, outcome = _taking(context, take, arguments, reason, None if dry_run else wait_seconds)
    if not dry_run:
        with guard.writing(workspace.layout):
            open_files(workspace, files, outcome, places_of(workspace))
    return Opened(tuple(file.path for file in files), outcome.locks)


def unlock(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    paths: tuple[str, ...] = (),
    everything: bool = False,
    force: bool = False,
    reason: str = "",
    dry_run: bool = False,
) -> tuple[Lock, ...]:
    """Give locks back; with `force` and a reason break those of others (L9). No content moves.

    What this workspace believes to hold is given back by its tokens: a lock that was lost is forgotten, and what is at
    its path since stays. Raises: UsageError, NotFound also where a lock was lost or a path names nothing, Denied,
    LockHeld.
    """
    if force and not reason:
        raise UsageError("Breaking a lock needs a reason.", advice="mlv unlock --force -m WHY PATH")
    if not (arguments or paths or everything):
        raise UsageError("No path was named.", advice="Name paths, or --all for every lock of this workspace.")
    recover(context)
    workspace = context.workspace
    roots = () if everything else paths or context.paths(arguments)
    believed = {} if force or everything else _believed(workspace, roots)
    chosen = tuple(believed) or (() if everything else _held_paths(context, roots, force=force))
    if arguments:
        # What others hold may stand at a path that this workspace does not have.
        check_named(workspace, tuple(root for root in roots if not any(under(path, (root,)) for path in chosen)))
    if force:
        _refuse_intended(context, chosen, dry_run=dry_run)
    request = ReleaseRequest(
        RepositoryName.parse(workspace.repository),
        WorkspaceId(workspace.id),
        workspace.branch,
        paths=chosen,
        all_of_workspace=everything,
        force=force,
        reason=reason,
        dry_run=dry_run,
        tokens=tuple(map(FencingToken, believed.values())),
    )
    try:
        released = context.server().release_locks(request)
    except (LockHeld, NotFound):
        if not dry_run:
            _forget_dead(context, chosen)
        raise
    ended = {int(item.token) for item in released}
    lost = tuple(path for path, token in believed.items() if token not in ended)
    if not dry_run:
        forget_tokens(workspace, released, tuple(path for path in chosen if path not in lost))
        forget_folders(workspace, {token for token in workspace.trees.values() if token not in ended})
    if lost:
        if not dry_run:
            _forget_dead(context, lost)
        raise _lost(lost, len(believed) - len(lost), dry_run=dry_run)
    return released


def _lost(paths: tuple[str, ...], given_back: int, *, dry_run: bool) -> NotFound:
    message = "The locks of this workspace are gone."
    if given_back and not dry_run:
        others = "1 other is" if given_back == 1 else f"{given_back:,} others are"
        message = f"Some locks of this workspace were gone before; {others} given back."
    return NotFound(message, advice=_NO_LOCK_ADVICE, items=paths)


def give_back(context: Context, paths: tuple[str, ...]) -> tuple[Lock, ...]:
    """End what this workspace holds by its tokens or intends at `paths`; what ended.

    No lock ends that the user holds elsewhere, or that is newer than what the workspace knows. Raises: those of the
    connection.
    """
    workspace = context.workspace
    request = ReleaseRequest(
        RepositoryName.parse(workspace.repository),
        WorkspaceId(workspace.id),
        workspace.branch,
        paths=paths,
        all_of_workspace=True,
        tokens=tuple(map(FencingToken, _believed(workspace, paths).values())),
    )
    released = context.server().release_locks(request)
    forget_tokens(workspace, released, paths)
    return released


def renew(context: Context) -> tuple[Lock, ...]:
    """Renew the leases of all locks of this workspace (L8); all that it has, also those of intent.

    Raises: NotFound, and those of the connection.
    """
    workspace = context.workspace
    return context.server().renew_locks(RepositoryName.parse(workspace.repository), WorkspaceId(workspace.id))


def list_locks(
    context: Context,
    repository: str | None = None,
    *,
    paths: tuple[str, ...] = (),
    mine: bool = False,
    all_branches: bool = False,
    branch: str = "",
) -> tuple[Lock, ...]:
    """The locks of a repository (None: the workspace's), of its branch unless `all_branches`.

    Raises: those of the connection.
    """
    if repository is None:
        recover(context)
    server = context.server()
    name = RepositoryName.parse(repository or context.workspace.repository)
    where = "" if all_branches else branch or (context.workspace.branch if repository is None else "")
    owner = server.whoami()[0].user if mine else ""
    return server.list_locks(name, where, paths, owner)


def _taking(
    context: Context,
    take: Callable[[], _Taken],
    arguments: tuple[str, ...],
    reason: str,
    wait_seconds: float | None,
) -> _Taken:
    """What `take` gives, at once or after waiting for others."""
    if wait_seconds is None:
        return take()
    from mlv.actions import waiting

    workspace = context.workspace
    files = chosen(workspace, context.paths(arguments))

    def refresh() -> None:
        from mlv.actions.update import update

        updated = update(context, arguments)
        if updated.conflicts:
            raise LocalChanges("The newest version conflicts with local changes.", items=updated.conflicts)

    request = AskRequest(
        repository=RepositoryName.parse(workspace.repository),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        paths=tuple(file.path for file in files),
        bases=tuple(ChangesetNumber(workspace.changeset_of(file)) for file in files),
        reason=reason,
        waits=True,
    )
    return waiting.until_taken(context, take, request, wait_seconds, refresh)


def _acquire(
    context: Context,
    files: list[TrackedFile],
    *,
    reason: str,
    only_required: bool,
    wanted: Wanted,
    many: bool,
    dry_run: bool,
) -> AcquireOutcome:
    workspace = context.workspace
    request = AcquireRequest(
        repository=RepositoryName.parse(workspace.repository),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        paths=tuple(file.path for file in files),
        have=tuple(ContentHash(file.content) for file in files),
        bases=tuple(ChangesetNumber(workspace.changeset_of(file)) for file in files),
        scope=wanted.scope,
        ttl=wanted.ttl_ms,
        steal=wanted.steal,
        diverge=wanted.diverge,
        reason=reason,
        only_required=only_required,
        many=many,
        dry_run=dry_run,
    )
    return context.server().acquire_locks(request)


def _believed(workspace: Workspace, roots: tuple[str, ...]) -> dict[str, int]:
    """The tokens of the locks that the workspace believes to hold under `roots`, by path of a file or folder."""
    files = {f.path: f.token for f in workspace.state.files().values() if f.token and under(f.path, roots)}
    return files | {path: token for path, token in workspace.trees.items() if under(path, roots)}


def _held_paths(context: Context, roots: tuple[str, ...], *, force: bool) -> tuple[str, ...]:
    """Where others, or other workspaces of the user, hold locks under `roots`. Raises: NotFound."""
    workspace = context.workspace
    held = context.server().list_locks(RepositoryName.parse(workspace.repository), "" if force else workspace.branch)
    ends = (item for item in held if item.mode is LockMode.EXCLUSIVE)
    # What only this workspace believes to be locked is asked for too: it is forgotten when the server says no.
    believed = tuple(_believed(workspace, roots))
    found = tuple(dict.fromkeys(item.path for item in ends if under(item.path, roots))) or believed
    if not found:
        raise NotFound("No lock at the named paths.", advice=_NO_LOCK_ADVICE)
    return found


def _refuse_intended(context: Context, paths: tuple[str, ...], *, dry_run: bool) -> None:
    """Forget the locks at `paths` that are gone and refuse to end what this workspace intends there since (L2).

    Only on files that need no lock there is an intent, which a release of the path would end instead. Raises: NotFound.
    """
    workspace, asked = context.workspace, frozenset(paths)
    files = workspace.state.files().values()
    if not any(file.token and file.need != REQUIRED and file.path in asked for file in files):
        return
    held = context.server().list_locks(RepositoryName.parse(workspace.repository))
    here = (item for item in held if item.scope is not LockScope.BRANCH or item.branch == workspace.branch)
    locked = {item.file_id for item in here if item.mode is LockMode.EXCLUSIVE}
    dead = dead_files(workspace, held)
    gone = tuple(file.path for file in dead if file.path in asked and file.file_id not in locked)
    if gone:
        if not dry_run:
            forget_tokens(workspace, (), gone)
        raise NotFound("The locks of this workspace are gone.", advice=_NO_LOCK_ADVICE, items=gone)


def _forget_dead(context: Context, paths: tuple[str, ...]) -> None:
    """Drop the tokens of locks at `paths` that were broken or taken by others: they never open anything again (L9)."""
    workspace = context.workspace
    held = context.server().list_locks(RepositoryName.parse(workspace.repository))
    forget_tokens(workspace, (), tuple(file.path for file in dead_files(workspace, held) if file.path in paths))


def forget_released(workspace: Workspace, paths: tuple[str, ...]) -> None:
    """The server released these locks by itself."""
    forget_tokens(workspace, (), paths)
