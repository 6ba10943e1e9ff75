"""Making changesets: may it be committed, is content missing, publish, undo, and what became of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from mlv_core.codecs import ALL_CODECS
from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileState, LockNeed, Operation, Records
from mlv_core.errors import InvalidRequest
from mlv_core.failpoints import failpoint
from mlv_core.hashing import ContentHash
from mlv_core.hooks import Moment
from mlv_core.ids import ChangesetNumber, FileId, RepositoryName, RequestId
from mlv_core.paths import is_below
from mlv_core.requests import BeginOutcome, BeginRequest, ProposedChange, Published, PublishRequest, UndoRequest
from mlv_server.domain import changes as lists
from mlv_server.domain import commits as rules
from mlv_server.domain.lock_rules import Needs
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, answers, arriving, consulting, landing, reading
from mlv_server.services.call import Call
from mlv_server.services.sights import View

HASHES_LIMIT = 200_000
"""Hashes in one FindMissing: 6.4 MB, what one message holds."""
VERSIONS_LAG = 6
"""Versions that may wait to be re-based: with the 9 of the rule, no chain is longer than 16."""
MANY_CHANGES = 200
"""From so many on a commit keeps the database's writer for longer than others should wait for it."""
CONTENTS_LAG = 10_000
"""Contents looked at to see how many versions wait."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a commit comes to on one head: `changes` as they would land."""

    ground: landing.Ground
    changes: tuple[Change, ...]
    last_file_id: FileId
    sweeps: int


async def begin(call: Call, request: BeginRequest) -> BeginOutcome:
    """Decide all that can be decided before content is sent (C1, C7); nothing is stored.

    Raises: NotFound, Denied, InvalidRequest, InvalidPath, PathClash, HeadMoved, LockLost, LockHeld, LockNeeded,
    CheckRefused, CheckUnanswered.
    """
    await asyncio.to_thread(arriving.check_shape, call, request.changes)

    def work(tx: Transaction) -> tuple[ChangesetNumber, tuple[LockNeed, ...]]:
        ground = _load(tx, call, request)

        changes = _decide(tx, ground, request.changes, None)
        if tx.checks.list_all(ground.repository.id):
            changes, _ = lists.numbered(changes, ground.last_file_id)
            subject = landing.subject_of(call, ground, Moment.BEGIN, "commit", "", changes)
            consulting.require(tx, call, ground.repository, subject)
        return ground.branch.head, _needs(request.changes, ground)

    async with access.audited(call, "commit", f"{request.repository}:{request.branch}", request.repository):
        head, needs = await consulting.consulted(call, lambda: call.db.read(work), dry_run=False)
    codecs = frozenset(int(codec) for codec in ALL_CODECS) & request.codecs
    return BeginOutcome(call.fresh[:16].hex(), codecs, head, needs)


async def find_missing(call: Call, repository: RepositoryName, hashes: Sequence[ContentHash]) -> list[bool]:
    """For each segment, whether the repository's content domain lacks it.

    Raises: NotFound, InvalidRequest.
    """
    if len(hashes) > HASHES_LIMIT:
        raise InvalidRequest(f"hashes: {len(hashes):,} are asked for; at most {HASHES_LIMIT:,} in one call.")
    row, limited = await reading.place(call, repository)
    # Whoever may read only a part uploads all: what they are told to skip would tell what is there (P5).
    return [True] * len(hashes) if limited else await call.store.find_missing(row.domain_id, hashes)


async def publish(call: Call, request: PublishRequest) -> Published:
    """Make a changeset: take a pack that came along, prove all content, then decide and write in one transaction.

    The same request again gets the first answer (C3). Raises: what `begin` raises; RequestReused, NothingToCommit,
    LimitExceeded, UnsupportedFile, NotFound and DamagedContent for content that is not there or not what it says.
    """
    rules.check_message(request.message)
    await asyncio.to_thread(arriving.check_shape, call, request.changes)
    digest = await asyncio.to_thread(answers.digest_of, request)

    def decide(tx: Transaction) -> Published | _Plan:
        known = answers.first_answer(tx, call, request, digest)
        return known or _plan(tx, _load(tx, call, request), request)

    target = f"{request.repository}:{request.branch}"
    async with access.audited(call, "commit", target, request.repository):
        plan = await call.db.read(decide)
    if isinstance(plan, Published):
        return plan
    items = () if request.dry_run else await asyncio.to_thread(arriving.contents_of, plan.changes, request.recipes)
    pack_bytes = 0 if request.dry_run else await _take(call, request, plan, items)

    if items:
        await _keep_up(call, plan.ground.repository)
    failpoint("publish.proved")

    def work(tx: Transaction) -> Published:
        known = answers.first_answer(tx, call, request, digest)
        if known is not None:
            return known
        ground = _load(tx, call, request, plan.ground)
        if items:
            tx.sweeps.check(ground.repository.domain_id, plan.sweeps)

        decided = _again(tx, ground, request, plan)
        own = rules.decide_locks(request.changes, ground.current, ground.locks, None)
        released = rules.released_by(own, decided.changes, keep_locks=request.keep_locks)

        uploaded = tx.uploads.take(ground.repository.id, request.upload) if request.upload else 0
        tx.contents.record(ground.repository.domain_id, items)
        commit = landing.Landing(
            act="commit",
            changes=decided.changes,
            last_file_id=decided.last_file_id,
            message=request.message,
            prepared=(request.prepared_min, request.prepared_max),
            records=request.records,
            released=released,
            workspace=request.workspace,
            pack_bytes=pack_bytes + uploaded,
        )
        done = answers.keep(tx, call, request, digest, landing.land(tx, call, ground, commit))
        failpoint("publish.written")
        return done

    done = await _write(call, work, request)
    failpoint("publish.committed")
    if not request.dry_run:
        kick(call, plan.ground.repository)
    return done


async def _take(call: Call, request: PublishRequest, plan: _Plan, items: Sequence[arriving.Item]) -> int:
    """Keep the pack that came along and prove all content, which the caller may bring; the bytes packs grew by."""
    ground = plan.ground
    domain_id, pack = ground.repository.domain_id, request.inline_pack
    grown = await arriving.take(call, domain_id, request.upload, pack, items, plan.changes)
    await reading.check_brought(call, request.repository, ground.branch.head, [item[0] for item in items], pack)
    return grown


async def _write(call: Call, work: Callable[[Transaction], Published], request: PublishRequest) -> Published:
    """The outcome of a Publish in a transaction of its own."""
    target, many = f"{request.repository}:{request.branch}", len(request.changes) >= MANY_CHANGES
    return await access.write(
        call, work, "commit", target, dry_run=request.dry_run, repository=request.repository, long=many
    )


async def undo(call: Call, request: UndoRequest) -> Published:
    """Make a changeset that takes back committed ones, from change lists alone (C9): no content moves.

    Raises: NotFound, Denied, InvalidRequest, RequestReused, NothingToCommit, PathClash, LockLost, LockHeld; HeadMoved
    naming each path that changed since.
    """
    rules.check_message(request.message)
    digest = answers.digest_of(request)

    def work(tx: Transaction) -> tuple[Published, RepositoryRow]:
        repository = tx.repositories.get(request.repository)
        known = answers.first_answer(tx, call, request, digest)
        if known is not None:
            return known, repository
        goal, upto = _span(tx, call, repository, request)
        after, wanted = _states(tx, repository, upto, goal, request.paths)
        paths = frozenset({*after, *wanted})
        ground = landing.load(
            tx, call, request.repository, request.branch, request.workspace, paths, asked=landing.UNDO
        )
        ground = landing.with_lost(tx, ground, (token for _, token in request.tokens))

        stale = rules.changed_since({*after, *wanted}, after, ground.current)
        if stale:
            raise rules.refuse_stale(stale, landing.culprits(tx, ground, stale), ground.branch.name)
        changes = lists.changes_between(ground.current, wanted)
        rules.check_something(changes, has_records=False)
        arriving.check_count(call, len(changes), "Undo")
        rules.check_revived(changes, _living(tx, ground, changes))
        landing.check_clashes(tx, ground, changes)
        own = rules.decide_undo_locks(changes, ground.current, dict(request.tokens), ground.locks)

        reversal = landing.Landing(
            act="undo",
            changes=changes,
            last_file_id=ground.last_file_id,
            message=request.message or rules.undo_message(request.first, request.last, request.to),
            prepared=(ground.branch.head, ground.branch.head),
            records=Records(),
            released=own,
            workspace=request.workspace,
        )
        return answers.keep(tx, call, request, digest, landing.land(tx, call, ground, reversal)), repository

    target = f"{request.repository}:{request.branch}"
    done, repository = await access.write(
        call, work, "undo", target, dry_run=request.dry_run, repository=request.repository
    )
    if not request.dry_run:
        kick(call, repository)
    return done


async def outcome(call: Call, repository: RepositoryName, request_id: RequestId) -> Published | None:
    """What the caller's Publish, Undo or Merge of this id came to; None if nothing, and then it never will (C3).

    A request of this id that is still under way, as its client died, is refused: who was told that nothing landed
    types the same command again. Raises: NotFound when the repository does not exist.
    """

    def work(tx: Transaction) -> Published | None:
        found = answers.find(tx, call, repository, request_id)
        if found is None:
            answers.forbid(tx, call, request_id)
        return found

    return await call.db.write(work)


async def _keep_up(call: Call, repository: RepositoryRow) -> None:
    """Wait for the re-basing where it lags so far that chains of deltas would become too long."""

    def lag(tx: Transaction) -> int:
        looked_at = tx.contents.rebased_until(repository.id)
        waiting = tx.versions.contents.brought_after(repository.id, looked_at, CONTENTS_LAG)
        return len({content.changeset for content in waiting})

    if await call.db.read(lag) > VERSIONS_LAG:
        await call.background.done("rebase", repository.id)


def kick(call: Call, repository: RepositoryRow) -> None:
    """Wake the background work that a new changeset may ask for."""
    call.background.kick("fold", repository.id)
    call.background.kick("rebase", repository.id)


def _load(
    tx: Transaction, call: Call, request: BeginRequest | PublishRequest, known: landing.Ground | None = None
) -> landing.Ground:
    paths = rules.touched_paths(proposed.change for proposed in request.changes)
    ground = landing.load(tx, call, request.repository, request.branch, request.workspace, paths, known)
    return landing.with_lost(tx, ground, (proposed.token for proposed in request.changes))


def _plan(tx: Transaction, ground: landing.Ground, request: PublishRequest) -> _Plan:
    """Decide everything of a Publish on this ground."""
    prepared = (request.prepared_min, request.prepared_max)
    if request.records.trained_from is not None:
        rules.check_numbers((request.records.trained_from,), prepared, ground.newest)
    landed = _decide(tx, ground, request.changes, prepared)
    rules.check_something(landed, has_records=not request.records.empty)
    changes, last_file_id = lists.numbered(landed, ground.last_file_id)
    return _Plan(ground, changes, last_file_id, tx.sweeps.count(ground.repository.domain_id))


def _again(tx: Transaction, ground: landing.Ground, request: PublishRequest, plan: _Plan) -> _Plan:
    """The decision once more, from the earlier one where no changeset came between: versions never change."""
    same = (ground.branch.head, ground.newest) == (plan.ground.branch.head, plan.ground.newest)
    return plan if same else _plan(tx, ground, request)


def _decide(
    tx: Transaction,
    ground: landing.Ground,
    proposed: Sequence[ProposedChange],
    prepared: tuple[ChangesetNumber, ChangesetNumber] | None,
) -> tuple[Change, ...]:
    """Numbers, locks, fresh bases, what lands, clashes: in the order in which a user has to mend them.

    What lands has no ids of new files yet.
    """
    bases = {one.base for one in proposed}
    rules.check_numbers(bases, prepared or (ChangesetNumber(0), ChangesetNumber(0)), ground.newest)
    # What the workspace has at the branch's head is fresh.
    older = [] if bases <= {ground.branch.head} else [one for one in proposed if one.base != ground.branch.head]
    stale = rules.changed_since((one.change.path for one in older), _at_bases(tx, ground, older), ground.current)
    refusal = rules.refuse_stale(stale, landing.culprits(tx, ground, stale), ground.branch.name) if stale else None
    rules.decide_locks(proposed, ground.current, ground.locks, refusal)
    changes = lists.land([one.change for one in proposed], ground.current)
    landing.check_clashes(tx, ground, changes)
    return changes


def _at_bases(tx: Transaction, ground: landing.Ground, proposed: Sequence[ProposedChange]) -> dict[str, FileState]:
    """What stands at each proposed path in the version that the workspace has of it, none of which is the head."""
    groups: dict[ChangesetNumber, list[str]] = {}
    for one in proposed:
        groups.setdefault(one.base, []).append(one.change.path)
    found: dict[str, FileState] = {}
    for number, paths in groups.items():
        found.update(tx.versions.lookup(ground.repository.id, number, paths))
    return found


def _needs(proposed: Iterable[ProposedChange], ground: landing.Ground) -> tuple[LockNeed, ...]:
    """What policy asks for per change."""
    need_of = Needs(ground.locks.rules).of
    return tuple([need_of(one.change.path, one.change.state or _before(one.change, ground)) for one in proposed])


def _before(change: Change, ground: landing.Ground) -> FileState | None:
    return ground.current.get(change.source if change.operation is Operation.MOVE else change.path)


def _span(
    tx: Transaction, call: Call, repository: RepositoryRow, request: UndoRequest
) -> tuple[ChangesetNumber, ChangesetNumber]:
    """The version whose states are wanted again, and the last one that is taken back.

    Raises: NotFound, InvalidRequest.
    """
    view = View(tx, call, repository)
    branch = view.branch(request.branch)
    given = (request.first, request.last) if request.to is None else (request.to, branch.head)
    for number in given:
        view.version("meta.read", number)
        if not tx.versions.is_ancestor(repository.id, number, branch.head):
            raise InvalidRequest(f"@{number} is no version of the branch {branch.name}.")
    if request.to is not None:
        return request.to, branch.head
    first, last = given
    if not 0 < first <= last:
        raise InvalidRequest(f"@{first}:@{last} is no span of changesets to undo.")
    return tx.changesets.get(repository.id, first).first_parent, last


def _states(
    tx: Transaction, repository: RepositoryRow, upto: ChangesetNumber, goal: ChangesetNumber, under: Sequence[str]
) -> tuple[dict[str, FileState | None], dict[str, FileState | None]]:
    """What stands in two versions at each path, among those at or below `under`, at which they differ."""
    found = list(tx.versions.difference(repository.id, upto, goal))
    after = {one.path: one.before.state if one.before is not None else None for one in found}
    wanted = {one.path: one.after.state if one.after is not None else None for one in found}
    if not under:
        return after, wanted
    named = [path for path in after if any(is_below(path, folder) for folder in under)]
    chosen = rules.with_moved_parts(named, after, wanted)
    return {path: after[path] for path in chosen}, {path: wanted[path] for path in chosen}


def _living(tx: Transaction, ground: landing.Ground, changes: Sequence[Change]) -> dict[FileId, str]:
    """Where files that an undo would bring back live in the head, under paths that it does not touch."""
    found: dict[FileId, str] = {}
    for change in changes:
        if change.operation is Operation.ADD:
            paths = tx.versions.paths_of(ground.repository.id, change.file_id) - {one.path for one in changes}
            standing = tx.versions.lookup(ground.repository.id, ground.branch.head, paths)
            found.update((change.file_id, path) for path, one in standing.items() if one.file_id == change.file_id)
    return found
