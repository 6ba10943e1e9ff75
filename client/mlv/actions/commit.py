"""Make a new version: look, refuse early, send what the server lacks, publish once, bring the state along."""

from __future__ import annotations

import time
import uuid

from mlv.actions.context import Context
from mlv.actions.counting import counted
from mlv.actions.held import noting_lost_locks
from mlv.actions.journalling import journalled
from mlv.actions.landing import land
from mlv.actions.naming import check_named
from mlv.actions.proposing import Proposal, propose, with_contents
from mlv.actions.publishing import publish
from mlv.actions.recording import Given, collect
from mlv.actions.recovering import recover_held
from mlv.actions.status import status
from mlv.transfer.ahead import Ahead, reading_ahead
from mlv.transfer.types import INLINE_LIMIT_BYTES, Stamp, UploadResult
from mlv.transfer.upload import upload_changes
from mlv.workspace import guard, merging
from mlv.workspace.journal import CommitJournal, CommittedFile
from mlv.workspace.state import TrackedFile
from mlv_core.codecs import ALL_CODECS
from mlv_core.deferred import dataclass
from mlv_core.entities import LockNeed, Records
from mlv_core.errors import Conflict, LockNeeded, NothingToCommit, NotSignedIn, Unreachable, UsageError
from mlv_core.failpoints import failpoint
from mlv_core.ids import ChangesetNumber, RepositoryName, RequestId, WorkspaceId, escape, typed
from mlv_core.requests import BeginOutcome, BeginRequest, ProposedChange, Published, PublishRequest

MESSAGE_LIMIT_BYTES = 64 * 1024
"""A message is a text for people."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that was made; sizes in bytes: plain files changed, messages sent, growth of the server's store.

    `changeset` 0: a dry run, which would have been allowed.
    """

    changeset: int
    parent: int
    branch: str
    paths: tuple[str, ...]
    released: tuple[str, ...]
    raw_bytes: int
    sent_bytes: int
    stored_bytes: int
    seconds: float
    prepared_min: int
    prepared_max: int


def commit(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    message: str,
    given: Given | None = None,
    keep_locks: bool = False,
    dry_run: bool = False,
) -> Committed:
    """Commit everything that differs under the paths (C8), or records alone (C5).

    Raises: NothingToCommit, MissingFile, Conflict, LockNeeded, LockHeld, LockLost, HeadMoved, FileChanging, Denied,
    LimitExceeded, Unreachable. Nothing local is lost by any of them.
    """
    if len(message.encode("utf-8", "surrogatepass")) > MESSAGE_LIMIT_BYTES:
        raise UsageError(
            f"The message is longer than {MESSAGE_LIMIT_BYTES} bytes.", advice="Put long texts into a file."
        )
    started, given = time.monotonic(), given or Given()
    workspace = context.workspace
    with guard.long_step(workspace.layout), noting_lost_locks(context, dry_run=dry_run):
        # Whoever held it until now may have moved it, or died with a commit whose outcome is not known.
        recover_held(context)
        workspace.reload()
        _check_no_merge(context)
        roots = context.paths(arguments)
        check_named(workspace, roots, advice="Check the path. A message of several words stands in quotes.")
        proposal = propose(context, roots)
        if not proposal.changes and given.empty:
            raise _nothing(context, arguments, given)
        with reading_ahead(() if dry_run else proposal.inputs) as ahead:
            begun = _ask_unlocked(context, proposal) if proposal.unlocked else None
            sent = context.server().counters.sent_bytes
            records = collect(context, given)
            if begun is None and (dry_run or proposal.size >= INLINE_LIMIT_BYTES):
                begun = context.server().begin(_begin_request(context, proposal))
            if dry_run:
                return _foretold(context, proposal, started)
            uploaded = _upload(context, proposal, begun, ahead)
        failpoint("commit.sent")
        request, plan = _publish_request(context, proposal, uploaded, begun, records, message, keep_locks=keep_locks)
        published = _publish(context, request, plan)
        failpoint("commit.published")
        land(context, plan, published)
        sent = context.server().counters.sent_bytes - sent
    return Committed(
        int(published.changeset),
        int(published.parent),
        published.branch,
        _paths(request.changes),
        published.released,
        uploaded.raw_bytes,
        sent,
        published.stored_bytes,
        time.monotonic() - started,
        proposal.oldest,
        proposal.newest,
    )


def _check_no_merge(context: Context) -> None:
    """Refuse a commit of files that show the conflicts of a merge. Raises: Conflict."""
    merge = merging.read(context.workspace.state)
    if merge is not None:
        raise Conflict(
            f"A merge of {escape(merge.source)} waits here.",
            items=merge.waiting,
            advice="'mlv merge --continue' commits it once its conflicts are decided; 'mlv merge --abort' drops it.",
        )


def _paths(changes: tuple[ProposedChange, ...]) -> tuple[str, ...]:
    """The paths of a commit as the user counts them: a moved file is one."""
    return tuple(change.path for change in counted(item.change for item in changes))


def _nothing(context: Context, arguments: tuple[str, ...], given: Given) -> NothingToCommit:
    """The refusal of a commit without a change, which tells what may have been meant."""
    if any(item.state == "untracked" for item in status(context, arguments).files):
        return NothingToCommit(
            "Nothing differs from the version; there are files that mlv was not told of.",
            advice="'mlv add PATH' takes them in; 'mlv status' lists them.",
        )
    if given.environment_file:
        return NothingToCommit(
            "Nothing differs from the version, and an environment alone is no record.",
            advice="Give --env with a change, or with a --param, --metric, --dataset, --trained-from or --run.",
        )
    return NothingToCommit("Nothing differs from the version.")


def _ask_unlocked(context: Context, proposal: Proposal) -> BeginOutcome:
    """Begin, although locks seem to lack: the server knows the policy of now and who holds them (C7, L3).

    Raises: as `begin`; LockNeeded where the server cannot be asked.
    """
    missing = LockNeeded(
        "Changed files must be locked before they are committed.",
        items=proposal.unlocked,
        advice=f"'mlv lock {typed(proposal.unlocked[0])}' takes the lock, 'mlv reconcile --lock' all that lack; "
        "your changes stay.",
    )
    try:
        return context.server().begin(_begin_request(context, proposal))
    except (LockNeeded, NotSignedIn, Unreachable) as error:
        raise missing from error


def _upload(context: Context, proposal: Proposal, begun: BeginOutcome | None, ahead: Ahead) -> UploadResult:
    return upload_changes(
        context.server(),
        RepositoryName.parse(context.workspace.repository),
        proposal.inputs,
        upload=begun.upload if begun is not None else "",
        codecs=begun.codecs if begun is not None else ALL_CODECS,
        progress=context.progress,
        ahead=ahead,
    )


def _begin_request(context: Context, proposal: Proposal) -> BeginRequest:
    workspace = context.workspace
    repository = RepositoryName.parse(workspace.repository)
    return BeginRequest(repository, workspace.branch, WorkspaceId(workspace.id), proposal.changes, ALL_CODECS)


def _publish_request(
    context: Context,
    proposal: Proposal,
    uploaded: UploadResult,
    begun: BeginOutcome | None,
    records: Records,
    message: str,
    *,
    keep_locks: bool,
) -> tuple[PublishRequest, CommitJournal]:
    """What is sent, and the journal that ends it after a crash."""
    workspace = context.workspace
    changes = with_contents(proposal, uploaded.contents)
    needs = _needs(proposal, changes, begun)
    request = PublishRequest(
        repository=RepositoryName.parse(workspace.repository),
        request_id=RequestId(str(uuid.uuid4())),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        message=message,
        changes=changes,
        prepared_min=ChangesetNumber(proposal.oldest),
        prepared_max=ChangesetNumber(proposal.newest),
        records=records,
        recipes=uploaded.recipes,
        inline_pack=uploaded.inline_pack,
        upload=begun.upload if begun is not None else "",
        keep_locks=keep_locks,
    )
    stamps = {item.path: item.stamp for item in uploaded.contents if item.stamp is not None}
    tracked = workspace.state.files()
    files = tuple(_committed(tracked, proposed, stamps, needs) for proposed in changes)
    return request, CommitJournal(str(request.request_id), workspace.branch, keep_locks, files)


def _needs(proposal: Proposal, changes: tuple[ProposedChange, ...], begun: BeginOutcome | None) -> dict[str, LockNeed]:
    """What policy asks for of each path; not of one that turned out not to be text, or to be, after Begin."""
    if begun is None:
        return {}
    needs = {}
    for guessed, known, need in zip(proposal.changes, changes, begun.needs, strict=True):
        old, new = guessed.change.state, known.change.state
        if old is None or new is None or old.text == new.text:
            needs[guessed.change.path] = need
    return needs


def _committed(
    tracked: dict[str, TrackedFile], proposed: ProposedChange, stamps: dict[str, Stamp], needs: dict[str, LockNeed]
) -> CommittedFile:
    path = proposed.change.path
    stamp = stamps.get(path)
    known = (stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode) if stamp is not None else None
    old = tracked.get(proposed.change.source or path)
    return CommittedFile(path, known, int(needs.get(path, 0)) or (old.need if old is not None else 0))


def _publish(context: Context, request: PublishRequest, plan: CommitJournal) -> Published:
    """Publish once: the journal knows the request before the server does (C3)."""
    with journalled(context.workspace.layout, plan):
        failpoint("commit.journal")
        return publish(context, request)


def _foretold(context: Context, proposal: Proposal, started: float) -> Committed:
    return Committed(
        0,
        context.workspace.base,
        context.workspace.branch,
        _paths(proposal.changes),
        (),
        proposal.size,
        0,
        0,
        time.monotonic() - started,
        proposal.oldest,
        proposal.newest,
    )
