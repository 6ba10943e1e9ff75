"""Asking the holder of a lock for it, and answering who asks (L10)."""

from __future__ import annotations

from mlv.actions import locks
from mlv.actions.context import Context
from mlv.actions.opening import chosen
from mlv.actions.recovering import recover
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv_core.asking import Answer, AnswerRequest, AskRequest, LockRequest, WithdrawRequest
from mlv_core.deferred import dataclass
from mlv_core.entities import Lock
from mlv_core.errors import NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId, fold


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


def ask(context: Context, arguments: tuple[str, ...], *, reason: str = "", dry_run: bool = False) -> Requested:
    """Tell the holders of locks on files under the paths that this workspace would like to have them.

    Raises: NotFound when nobody else holds one, LimitExceeded, Denied, and those of the connection.
    """
    recover(context)
    workspace = context.workspace
    files = chosen(workspace, context.paths(arguments))
    paths = tuple(file.path for file in files)
    asked = context.server().ask_for_locks(
        AskRequest(
            repository=RepositoryName.parse(workspace.repository),
            branch=workspace.branch,
            workspace=WorkspaceId(workspace.id),
            paths=paths,
            bases=tuple(ChangesetNumber(workspace.changeset_of(file)) for file in files),
            reason=reason,
            dry_run=dry_run,
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
    groups: dict[int, list[str]] = {}
    for one in server.list_lock_requests(name, workspace.branch):
        if one.workspace == workspace.id:
            groups.setdefault(one.number, []).append(one.path)
    chosen = [paths for paths in groups.values() if any(under(path, roots) for path in paths)]
    if not chosen:
        raise NotFound("This workspace has asked for no lock there.", advice="'mlv locks' shows who asks for what.")
    requests = [
        WithdrawRequest(name, workspace.branch, WorkspaceId(workspace.id), tuple(paths), dry_run) for paths in chosen
    ]
    return sum(map(server.withdraw_lock_request, requests))


def give(context: Context, arguments: tuple[str, ...], user: str, *, dry_run: bool = False) -> Answered:
    """Hand the locks that `user` asked for, on files under the paths, over to them; local changes stay here.

    Raises: NotFound when they did not ask, LockHeld for a lock of somebody else.
    """
    found = _answer(context, arguments, user, Answer.GIVE, "", dry_run=dry_run)
    if not dry_run:
        locks.forget_released(context.workspace, found.paths)
    return found


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
    mine = {file.file_id for file in workspace.state.files().values() if file.token}
    return tuple(one for one in requests if one.file_id in mine and one.denied_at is None)


def _answer(
    context: Context, arguments: tuple[str, ...], user: str, answer: Answer, reason: str, *, dry_run: bool
) -> Answered:
    recover(context)
    workspace, server = context.workspace, context.server()
    name, roots = RepositoryName.parse(workspace.repository), context.paths(arguments)
    named = fold(user)
    asked = [one for one in server.list_lock_requests(name) if fold(one.user) == named and one.denied_at is None]
    paths = tuple(dict.fromkeys(one.path for one in asked if under(one.path, roots)))
    if not paths:
        raise NotFound(
            f"{user} has asked for no lock there.",
            advice="'mlv locks' shows who asks; they ask with 'mlv lock PATH --request' or '--wait'.",
        )
    request = AnswerRequest(name, workspace.branch, paths, asked[0].user, answer, reason, dry_run)
    return Answered(paths, server.answer_lock_request(request))
