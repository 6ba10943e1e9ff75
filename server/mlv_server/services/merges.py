"""Merging branches on the server: three-way over change lists, where nothing conflicts without moving content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace

from mlv_core.changes import Row
from mlv_core.codecs import encode_group
from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileMode, FileState, Operation, Records
from mlv_core.errors import AlreadyMerged, HeadMoved, InvalidRequest
from mlv_core.failpoints import failpoint
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import ChangesetNumber, FileId
from mlv_core.merging import Merged, MergeRequest, Side
from mlv_core.packs import PackBuilder, frame_of
from mlv_core.requests import Published
from mlv_server.domain import changes as lists
from mlv_server.domain import commits as rules
from mlv_server.domain.changes import States
from mlv_server.domain.merge_bases import is_merged, merge_bases
from mlv_server.domain.merge_documents import BYTES_LIMIT, merge_document
from mlv_server.domain.merging import Merge, TextCase, merge_versions, with_text
from mlv_server.metadata.contents import ContentItem
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.versions import Difference
from mlv_server.services import access, answers, approvals, commits, freezes, freshness, landing, reading
from mlv_server.services.call import Call
from mlv_server.services.sights import View, ref_of

TEXTS_LIMIT = 1_000
"""Texts of one merge that both sides edited; more are a rewrite, which people look at on a branch of their own."""
_WINDOW = 512
_PIECE = 1 << 20


@dataclass(slots=True)
class _Draft:
    """A merge as far as change lists tell: the heads, where they began to differ, what stands in mine, what comes."""

    repository: RepositoryRow
    source: ChangesetNumber
    target: ChangesetNumber
    bases: tuple[ChangesetNumber, ...]
    mine: States
    merge: Merge
    sweeps: int


async def merge(call: Call, request: MergeRequest) -> Merged:
    """Merge a branch into another in one transaction; with conflicts nothing is written and the answer names them.

    The same request again gets the first answer (C3). Raises: NotFound, Denied, InvalidRequest, RequestReused,
    AlreadyMerged, ApprovalNeeded, HeadMoved where a head is not the one that was looked at, PathClash, LockLost,
    LockHeld; NotFound and DamagedContent for the content of a resolution.
    """
    rules.check_message(request.message)
    _check_resolutions(request)
    digest = answers.digest_of(request)
    target = f"{request.repository}:{request.branch}"

    def look(tx: Transaction) -> Published | _Draft:
        return answers.first_answer(tx, call, request, digest) or _draft(tx, call, request)

    async with access.audited(call, "merge", target, request.repository):
        draft = await call.db.read(look)
    if isinstance(draft, Published):
        return Merged(ChangesetNumber(0), draft.parent, (), (), (), draft)
    contents = await _merge_texts(call, draft)
    merged = Merged(
        source=draft.source,
        target=draft.target,
        bases=draft.bases,
        texts=tuple(sorted(case.merged.path for case in draft.merge.texts)),
        conflicts=tuple(sorted(draft.merge.conflicts, key=lambda conflict: conflict.path)),
        published=None,
    )
    if merged.conflicts:
        return replace(merged, texts=())
    async with access.audited(call, "merge", target, request.repository):
        await call.db.read(lambda tx: _check_approvals(tx, call, request, draft))
    items = _items(request, contents)
    grown = 0 if request.dry_run else await _take_content(call, draft, request, contents, items)
    failpoint("merge.proved")

    def work(tx: Transaction) -> Published:
        known = answers.first_answer(tx, call, request, digest)
        if known is not None:
            return known
        if items and not request.dry_run:
            tx.sweeps.check(draft.repository.domain_id, draft.sweeps)
            tx.contents.record(draft.repository.domain_id, items)
        uploaded = tx.uploads.take(draft.repository.id, request.upload) if request.upload else 0
        done = answers.keep(tx, call, request, digest, _land(tx, call, request, draft, grown + uploaded))
        failpoint("merge.written")
        return done

    published = await access.write(call, work, "merge", target, dry_run=request.dry_run, repository=request.repository)
    if not request.dry_run:
        commits.kick(call, draft.repository)
    return replace(merged, published=published)


def _check_resolutions(request: MergeRequest) -> None:
    """Raises: InvalidRequest, InvalidPath."""
    made = [(path, one.state) for path, one in request.resolutions if one.side is Side.CONTENT]
    rows = [Change(path, Operation.MODIFY, FileId(0), state) for path, state in made if state is not None]
    if len(rows) != len(made) or any(row.state and row.state.mode is FileMode.SYMLINK for row in rows):
        raise InvalidRequest("A conflict is resolved to a regular file, or to one of its sides.")
    lists.check_proposed(rows)


def _draft(tx: Transaction, call: Call, request: MergeRequest) -> _Draft:
    """The merge as far as change lists tell. Raises: NotFound, Denied, HeadMoved, AlreadyMerged, InvalidRequest."""
    repository = tx.repositories.get(request.repository)
    view = View(tx, call, repository)
    into = view.branch(request.branch)
    access.check(tx, call, "merge", repository, ref_of(into.name))
    freezes.check_branch(tx, call, repository.id, into)
    source = view.branch(request.source)
    access.check(tx, call, "read", repository, ref_of(source.name))
    freezes.check_open(source)
    for name, head, looked_at in (
        (source.name, source.head, request.source_head),
        (into.name, into.head, request.branch_head),
    ):
        if looked_at and head != looked_at:
            raise HeadMoved(
                f"{name} stands at @{head} by now, no longer at @{looked_at}.",
                advice="'mlv merge --abort', 'mlv update', then merge again.",
            )

    def load(high: ChangesetNumber) -> dict[ChangesetNumber, tuple[ChangesetNumber, ...]]:
        return tx.changesets.parents(repository.id, high, _WINDOW)

    bases = merge_bases(source.head, into.head, load)
    if is_merged(source.head, into.head, bases):
        raise AlreadyMerged(f"{into.name} holds all of {source.name} already.")
    before, mine, theirs = _three_states(tx, repository, bases, into.head, source.head)
    chosen = dict(request.resolutions)
    coming = [path for path in theirs if theirs[path] != mine.get(path)]
    view.check_paths("merge", into, coming, named=False)
    brought = (path for path in coming if theirs[path] is not None)
    reading.check_taken(tx, call, repository, source.head, ref_of(into.name), brought)
    apart = {one.file_id for one in freshness.diverged(tx, repository, source.head, into.head)}
    decided = merge_versions(before, mine, theirs, chosen, apart)
    unknown = sorted(chosen.keys() - decided.decided)
    if unknown:
        raise InvalidRequest(
            f"'{unknown[0]}' is no conflict of this merge.", advice="'mlv merge --abort', then merge again."
        )
    sweeps = tx.sweeps.count(repository.domain_id)
    return _Draft(repository, source.head, into.head, bases, mine, decided, sweeps)


def _three_states(
    tx: Transaction,
    repository: RepositoryRow,
    bases: Sequence[ChangesetNumber],
    mine: ChangesetNumber,
    theirs: ChangesetNumber,
) -> tuple[list[States], States, States]:
    """What stands in each base, in mine and in theirs, at every path at which a base differs from one of them.

    Differences alone tell it: where a version does not differ from a base, it is as the base.
    """
    ours = [{one.path: one for one in tx.versions.difference(repository.id, base, mine)} for base in bases]
    others = [{one.path: one for one in tx.versions.difference(repository.id, base, theirs)} for base in bases]
    paths = sorted({path for found in (*ours, *others) for path in found})

    def at_head(
        path: str, own: Sequence[Mapping[str, Difference]], rest: Sequence[Mapping[str, Difference]]
    ) -> Row | None:
        for found in own:
            if path in found:
                return found[path].after
        return next(found[path].before for found in rest if path in found)

    def at_base(path: str, number: int) -> FileState | None:
        for found in (ours[number], others[number]):
            if path in found:
                return _state(found[path].before)
        return _state(at_head(path, ours, others))

    before = [{path: at_base(path, number) for path in paths} for number in range(len(bases))]
    return (
        list[States](before),
        {path: _state(at_head(path, ours, others)) for path in paths},
        {path: _state(at_head(path, others, ours)) for path in paths},
    )


def _state(row: Row | None) -> FileState | None:
    return None if row is None else row.state


async def _merge_texts(call: Call, draft: _Draft) -> dict[ContentHash, bytes]:
    """Merge each text that both sides edited; the new contents by name."""
    found: dict[ContentHash, bytes] = {}
    texts = draft.merge.texts
    if len(texts) > TEXTS_LIMIT:
        for case in texts:
            with_text(draft.merge, case, None, 0)
        return found
    for case in texts:
        data = await _merge_text(call, draft.repository.domain_id, case)
        if data is None:
            with_text(draft.merge, case, None, 0)
            continue
        name = hash_content(data)
        with_text(draft.merge, case, name, len(data))
        found[name] = data
    return found


async def _merge_text(call: Call, domain_id: int, case: TextCase) -> bytes | None:
    """Both edits of a text in one; None where they conflict, or several bases lead to different results (B5)."""
    sides = [place.state for place in (case.conflict.mine, case.conflict.theirs) if place is not None]
    if len(sides) != 2 or any(state.size > BYTES_LIMIT for state in sides):  # noqa: PLR2004 - mine and theirs
        return None
    mine, theirs = [await _read(call, domain_id, state.content) for state in sides]
    path = case.merged.path
    results = []
    for name in case.bases:
        base = await _read(call, domain_id, name)
        results.append(await asyncio.to_thread(merge_document, path, base, mine, theirs))
    return results[0] if len(set(results)) == 1 else None


async def _read(call: Call, domain_id: int, name: ContentHash) -> bytes:
    """A text's bytes, or one byte more than a merge takes."""
    return b"".join([piece async for piece in call.store.read_range(domain_id, name, 0, BYTES_LIMIT + 1)])


def _items(request: MergeRequest, contents: Mapping[ContentHash, bytes]) -> tuple[ContentItem, ...]:
    """The contents that the merge brings: those that it made, and those of resolutions."""
    recipes = dict(request.recipes)
    found: dict[ContentHash, ContentItem] = {name: (name, len(data), None) for name, data in contents.items()}
    for _, resolution in request.resolutions:
        state = resolution.state
        if state is not None and resolution.side is Side.CONTENT:
            found[state.content] = (state.content, state.size, recipes.get(state.content))
    return tuple(found.values())


async def _take_content(
    call: Call,
    draft: _Draft,
    request: MergeRequest,
    contents: Mapping[ContentHash, bytes],
    items: Sequence[ContentItem],
) -> int:
    """Keep what the merge made and what came along, and prove it; the bytes by which packs grew."""
    domain_id = draft.repository.domain_id
    grown = 0
    for pack in (_pack(contents), request.inline_pack):
        if pack:
            _, kept = await call.store.put_pack(domain_id, request.upload, _pieces(pack))
            grown += kept
    await call.store.prove(domain_id, items)
    brought = [item[0] for item in items if item[0] not in contents]
    await reading.check_brought(call, request.repository, draft.target, brought, request.inline_pack)
    return grown


def _pack(contents: Mapping[ContentHash, bytes]) -> bytes:
    """One pack with a frame for each content."""
    if not contents:
        return b""
    builder = PackBuilder()
    parts = [builder.start()]
    parts += [
        builder.add(frame_of(encode_group(data), (), ((name, len(data)),)))
        for name, data in sorted(contents.items())
        if data
    ]
    return b"".join((*parts, builder.finish()))


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


def _land(tx: Transaction, call: Call, request: MergeRequest, draft: _Draft, grown: int) -> Published:
    """Decide the locks and write the changeset, on the heads that were merged. Raises: HeadMoved, LockHeld, ..."""
    source = tx.branches.get(draft.repository.id, request.source)
    changes = lists.changes_between(_at(draft.mine, draft.merge.wanted), draft.merge.wanted)
    paths = frozenset({*draft.merge.wanted, *rules.touched_paths(changes)})
    ground = landing.load(tx, call, request.repository, request.branch, request.workspace, paths, asked=landing.MERGE)
    ground = landing.with_lost(tx, ground, (token for _, token in request.tokens))
    if (source.head, ground.branch.head) != (draft.source, draft.target):
        raise HeadMoved("A branch moved while it was merged.", advice="Type the same command again.")
    _check_approvals(tx, call, request, draft)
    landing.check_clashes(tx, ground, changes)
    own = rules.decide_undo_locks(changes, ground.current, dict(request.tokens), ground.locks)
    merging = landing.Landing(
        act="merge",
        changes=changes,
        last_file_id=ground.last_file_id,
        message=request.message or f"Merge {source.name} into {ground.branch.name}",
        prepared=(ground.branch.head, ground.branch.head),
        records=Records(),
        released=own,
        workspace=request.workspace,
        pack_bytes=grown,
        merged=draft.source,
    )
    settled = freshness.diverged(tx, draft.repository, draft.source, draft.target)
    tx.rivals.settled(draft.repository.id, settled)
    return landing.land(tx, call, ground, merging)


def _check_approvals(tx: Transaction, call: Call, request: MergeRequest, draft: _Draft) -> None:
    """Check that the source's head has the approvals that the target asks for (P3). Raises: ApprovalNeeded."""
    into = tx.branches.get(draft.repository.id, request.branch)
    paths = {path for path, state in draft.merge.wanted.items() if draft.mine.get(path) != state}
    deed = approvals.Deed("merge", f"branch/{into.name}", draft.source, draft.target, paths)
    approvals.check(tx, call, draft.repository, deed)


def _at(states: States, paths: Iterable[str]) -> dict[str, FileState | None]:
    return {path: states.get(path) for path in paths}
