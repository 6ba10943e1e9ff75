"""Keep the workspace's changes on the server without a commit: shelve, list, show and drop shelves."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import suppress
from dataclasses import replace

from mlv.actions.context import Context
from mlv.actions.counting import counted
from mlv.actions.journalling import journalled
from mlv.actions.naming import check_named
from mlv.actions.proposing import Proposal, propose, with_contents
from mlv.actions.recovering import recover, recover_held
from mlv.actions.revert import Reverted, revert_shelved
from mlv.transfer.types import INLINE_LIMIT_BYTES, UploadResult
from mlv.transfer.upload import upload_changes
from mlv.workspace import guard, journal, merging
from mlv.workspace.journal import ShelveJournal, Stamp
from mlv.workspace.layout import Layout
from mlv_core.codecs import ALL_CODECS
from mlv_core.deferred import dataclass
from mlv_core.errors import Conflict, NothingToCommit
from mlv_core.failpoints import failpoint
from mlv_core.hashing import hash_content
from mlv_core.ids import RepositoryName, RequestId, WorkspaceId, escape
from mlv_core.shelving import Shelf, ShelvedChange, ShelveRequest

_ADVICE = "Change a file, or 'mlv add' a new one; 'mlv status' shows what differs."


@dataclass(frozen=True, slots=True)
class Shelved:
    """A shelf that was made; sizes in bytes: messages sent. `reverted`: the paths that went back to the version.

    A dry run has the name that the shelf would get.
    """

    shelf: Shelf
    paths: tuple[str, ...]
    sent_bytes: int
    seconds: float
    reverted: tuple[str, ...] = ()
    rescued: tuple[str, ...] = ()
    released: tuple[str, ...] = ()


def shelve(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    name: str = "",
    message: str = "",
    private: bool = False,
    exchange: bool = False,
    revert: bool = False,
    dry_run: bool = False,
) -> Shelved:
    """Keep on the server all that differs under the paths: what a commit of them would take (C8). No lock is needed.

    `exchange` replaces your shelf of that name. With `revert` the files go back to the version and their locks are
    given back, once the server has acknowledged the shelf. Raises: NothingToCommit, MissingFile, Conflict,
    AlreadyExists, InvalidName, FileChanging, Denied, LimitExceeded, Unreachable. Nothing local is lost by any of them.
    """
    started = time.monotonic()
    workspace = context.workspace
    with guard.long_step(workspace.layout):
        recover_held(context)
        workspace.reload()
        _check_no_merge(context)
        roots = context.paths(arguments)
        check_named(workspace, roots)
        proposal = propose(context, roots)
        if not proposal.changes:
            raise NothingToCommit("Nothing differs from the version, so there is nothing to shelve.", advice=_ADVICE)
        server = context.server()
        sent = server.counters.sent_bytes
        upload = uuid.uuid4().hex if proposal.size >= INLINE_LIMIT_BYTES and not dry_run else ""
        uploaded = _upload(context, proposal, upload, dry_run=dry_run)
        failpoint("shelve.sent")
        request = _request(context, proposal, uploaded, upload)
        request = _named(request, name, message, private=private, exchange=exchange, dry_run=dry_run)
        shelf = server.shelve(request) if dry_run else _send(context, request)
        sent = server.counters.sent_bytes - sent
    paths = _paths(proposal)
    done = Reverted(())
    if revert and not dry_run:
        failpoint("shelve.acknowledged")
        paths_of = tuple(one.change.path for one in proposal.changes)
        done = revert_shelved(context, paths_of, _stamps(workspace.layout, uploaded))
    seconds = time.monotonic() - started
    return Shelved(shelf, paths, sent, seconds, done.paths, done.rescued, done.released)


def list_shelves(
    context: Context, repository: str | None = None, *, mine: bool = False, user: str = "", branch: str = ""
) -> tuple[Shelf, ...]:
    """The shelves of a repository (None: the workspace's), the newest first; '' in `user` or `branch`: of all.

    Raises: those of the connection.
    """
    if repository is None:
        recover(context)
    server = context.server()
    name = RepositoryName.parse(repository or context.workspace.repository)
    owner = server.whoami()[0].user if mine else user
    return server.list_shelves(name, owner, branch)


def show(context: Context, address: str, repository: str | None = None) -> tuple[Shelf, tuple[ShelvedChange, ...]]:
    """The shelf `NAME` or `USER/NAME` and what is on it. Raises: NotFound, and those of the connection."""
    owner, name = split_address(address)
    where = RepositoryName.parse(repository or context.workspace.repository)
    return context.server().get_shelf(where, owner, name)


def delete(context: Context, address: str, repository: str | None = None, *, dry_run: bool = False) -> Shelf:
    """Drop the shelf `NAME` or `USER/NAME`. Raises: NotFound, Denied, and those of the connection."""
    owner, name = split_address(address)
    where = RepositoryName.parse(repository or context.workspace.repository)
    return context.server().delete_shelf(where, owner, name, dry_run=dry_run)


def split_address(address: str) -> tuple[str, str]:
    """Owner ('': the caller) and name of `NAME` or `USER/NAME`."""
    owner, _, name = address.rpartition("/")
    return owner, name


def address_of(shelf: Shelf) -> str:
    """How the shelf is named to everybody."""
    return f"{shelf.owner}/{shelf.name}"


def _check_no_merge(context: Context) -> None:
    """Files that show the conflicts of a merge are no work to keep. Raises: Conflict."""
    merge = merging.read(context.workspace.state)
    if merge is not None:
        raise Conflict(
            f"A merge of {escape(merge.source)} waits here.",
            items=merge.waiting,
            advice="Finish it with 'mlv merge --continue', or drop it with 'mlv merge --abort'.",
        )


def _upload(context: Context, proposal: Proposal, upload: str, *, dry_run: bool) -> UploadResult:
    if dry_run:
        return UploadResult((), (), b"", 0)
    return upload_changes(
        context.server(),
        RepositoryName.parse(context.workspace.repository),
        proposal.inputs,
        upload=upload,
        codecs=ALL_CODECS,
        progress=context.progress,
    )


def _request(context: Context, proposal: Proposal, uploaded: UploadResult, upload: str) -> ShelveRequest:
    workspace = context.workspace
    return ShelveRequest(
        repository=RepositoryName.parse(workspace.repository),
        request_id=RequestId(str(uuid.uuid4())),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        name="",
        message="",
        changes=with_contents(proposal, uploaded.contents),
        recipes=uploaded.recipes,
        inline_pack=uploaded.inline_pack,
        upload=upload,
    )


def _named(
    request: ShelveRequest, name: str, message: str, *, private: bool, exchange: bool, dry_run: bool
) -> ShelveRequest:
    return replace(request, name=name, message=message, private=private, replace=exchange, dry_run=dry_run)


def _send(context: Context, request: ShelveRequest) -> Shelf:
    """Shelve once: the journal knows the request before the server does (C3)."""
    layout, plan = context.workspace.layout, ShelveJournal(str(request.request_id), request.name)
    with journalled(layout, plan):
        failpoint("shelve.journal")
        shelf = context.server().shelve(request)
    failpoint("shelve.answered")
    journal.drop(layout, plan)
    return shelf


def _paths(proposal: Proposal) -> tuple[str, ...]:
    """The paths as the user counts them: a moved file is one."""
    return tuple(change.path for change in counted(item.change for item in proposal.changes))


def _stamps(layout: Layout, uploaded: UploadResult) -> dict[str, Stamp]:
    """Of each file and link that was read, the stat under which it holds what was."""
    found = {}
    for content in uploaded.contents:
        stamp = content.stamp
        if stamp is not None:
            found[content.path] = (stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode)
            continue
        place = layout.absolute(content.path)
        with suppress(OSError):  # no link any more: its step finds what is there
            status = os.lstat(place)
            if hash_content(os.fsencode(os.readlink(place))) == content.content:
                found[content.path] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return found
