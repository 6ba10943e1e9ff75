"""Asking the holder of a lock for it, and answering who asks (L10)."""

from __future__ import annotations

from mlv.actions import locks
from mlv.actions.context import Context
from mlv.actions.folders import bases_of
from mlv.actions.losses import forget_folders
from mlv.actions.opening import chosen
from mlv.actions.recovering import recover
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv_core.asking import Answer, AnswerRequest, AskRequest, LockRequest, WithdrawRequest
from mlv_core.deferred import dataclass
from mlv_core.entities import Lock
from mlv_core.errors import NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId, fold
from mlv_core.paths import is_below


@dataclass(frozen=True, slots=True)
class Requested:
    """The paths that were asked for, and the users who hold their locks."""

    paths: tuple[str, ...]
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The paths that were given or denied, and the locks that changed hands."""

    paths: tuple[str, ...]
    given: tuple[Lock, ...]


def ask(
    context: Context, arguments: tuple[str, ...], *, reason: str = "", tree: bool = False, dry_run: bool = False
) -> Requested:
    """Tell the holders of locks on files under the paths that this workspace would like to have them.

    With `tree` the paths are folders, which this workspace would like to have whole.
    Raises: NotFound when nobody else holds one, LimitExceeded, Denied, and those of the connection.
    """
    recover(context)
    workspace = context.workspace
    roots = context.paths(arguments)
    if tree:
        paths, bases = roots, bases_of(workspace, roots)
    else:
        files = chosen(workspace, roots)
        paths = tuple(file.path for file in files)
        bases = tuple(ChangesetNumber(workspace.changeset_of(file)) for file in files)
    asked = context.server().ask_for_locks(
        AskRequest(
            repository=RepositoryName.parse(workspace.repository),
            branch=workspace.branch,
            workspace=WorkspaceId(workspace.id),
            paths=paths,
            bases=bases,
            reason=reason,
            dry_run=dry_run,
            tree=tree,
        )
    )
    return Requested(paths, asked.holders)


def withdraw(context: Context, arguments: tuple[str, ...] = (), *, dry_run: bool = False) -> int:
    """Take back what this workspace asked for under the paths, all if there are none; how many requests that were.

    Raises: NotFound when there is none.
    """
    recover(context)
    workspace, server = context.workspace, context.server()
    name = RepositoryName.parse(workspace.repository)
    roots = context.paths(arguments)
    groups: dict[int, list[LockRequest]] = {}
    for one in server.list_lock_requests(name, workspace.branch):
        if one.workspace == workspace.id:
            groups.setdefault(one.number, []).append(one)
    chosen = [rows for rows in groups.values() if any(under(row.path, roots) for row in rows)]
    if not chosen:
        raise NotFound("This workspace has asked for no lock there.", advice="'mlv locks' shows who asks for what.")
    place = (name, workspace.branch, WorkspaceId(workspace.id))
    requests = [WithdrawRequest(*place, tuple(row.path for row in rows), dry_run, tree=rows[0].tree) for rows in chosen]
    return sum(map(server.withdraw_lock_request, requests))


def give(context: Context, arguments: tuple[str, ...], user: str, *, dry_run: bool = False) -> Answered:
    """Hand the locks that `user` asked for, on files and folders under the paths, over to them; local changes stay.

    Raises: NotFound when they did not ask, LockHeld for a lock of somebody else.
    """
    return _answer(context, arguments, user, Answer.GIVE, "", dry_run=dry_run)


def deny(context: Context, arguments: tuple[str, ...], user: str, reason: str, *, dry_run: bool = False) -> Answered:
    """Tell `user`, who asked for locks under the paths, that they do not get them, and why.

    Raises: NotFound when they did not ask, InvalidRequest without a reason, Denied.
    """
    return _answer(context, arguments, user, Answer.DENY, reason, dry_run=dry_run)


def list_requests(
    context: Context,
    repository: str | None = None,
    *,
    paths: tuple[str, ...] = (),
    mine: bool = False,
    all_branches: bool = False,
    branch: str = "",
) -> tuple[LockRequest, ...]:
    """Who asks for locks of a repository (None: the workspace's) and who waits, on its branch unless `all_branches`."""
    server = context.server()
    name = RepositoryName.parse(repository or context.workspace.repository)
    where = "" if all_branches else branch or (context.workspace.branch if repository is None else "")
    found = server.list_lock_requests(name, where, paths)
    user = server.whoami()[0].user if mine else ""
    return tuple(one for one in found if not mine or one.user == user)


def of_own_locks(workspace: Workspace, requests: tuple[LockRequest, ...]) -> tuple[LockRequest, ...]:
    """Those of `requests` that ask for locks which this workspace holds, and that were not denied."""
    files = {file.file_id: file.path for file in workspace.state.files().values() if file.token}
    trees = tuple(workspace.trees)

    def mine(one: LockRequest) -> bool:
        if any(is_below(one.path, folder) for folder in trees):
            return True
        if one.tree:
            return any(is_below(path, one.path) for path in (*files.values(), *trees))
        return one.file_id in files

    return tuple(one for one in requests if one.denied_at is None and one.workspace != workspace.id and mine(one))


def _answer(
    context: Context, arguments: tuple[str, ...], user: str, answer: Answer, reason: str, *, dry_run: bool
) -> Answered:
    recover(context)
    workspace, server = context.workspace, context.server()
    name, roots = RepositoryName.parse(workspace.repository), context.paths(arguments)
    named = fold(user)
    asked = [one for one in server.list_lock_requests(name) if fold(one.user) == named and one.denied_at is None]
    meant = [one for one in asked if under(one.path, roots)]
    if not meant:
        raise NotFound(
            f"{user} has asked for no lock there.",
            advice="'mlv locks' shows who asks; they ask with 'mlv lock PATH --request' or '--wait'.",
        )
    if answer is Answer.GIVE:
        meant = _widest(meant)
    answered: list[str] = []
    given: list[Lock] = []
    for tree in (True, False):
        paths = tuple(dict.fromkeys(one.path for one in meant if one.tree is tree))
        if paths:
            request = AnswerRequest(name, workspace.branch, paths, meant[0].user, answer, reason, dry_run, tree)
            new = server.answer_lock_request(request)
            if answer is Answer.GIVE and not dry_run:
                _forget_given(workspace, paths, new)
            given += new
            answered += paths
    return Answered(tuple(answered), tuple(given))


def _widest(asked: list[LockRequest]) -> list[LockRequest]:
    """Without what lies in a folder that is asked for too: that folder is given with all below."""
    folders = {one.path for one in asked if one.tree}
    return [
        one
        for one in asked
        if not any(is_below(one.path, folder) for folder in folders if not one.tree or one.path != folder)
    ]


def _forget_given(workspace: Workspace, paths: tuple[str, ...], given: tuple[Lock, ...]) -> None:
    """Forget the locks that went to another: of a folder also those on files in it."""
    folders = tuple(lock.path for lock in given if lock.tree)
    below = (file.path for file in workspace.state.files().values() if file.token and under(file.path, folders))
    locks.forget_released(workspace, (*paths, *(below if folders else ())))
    forget_folders(workspace, {token for path, token in workspace.trees.items() if path not in folders})
