"""Moving content: packs in, ranges out, and the plan of what a workspace has to fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

from mlv_core.deferred import maker
from mlv_core.entities import VERSION_PATH, Change, FileMode, FileState, Operation
from mlv_core.errors import InvalidRequest
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, FileId, RepositoryName
from mlv_core.paths import glob_matches_any, parents
from mlv_core.requests import PlannedChange, PlanPart, PlanRequest, Range, RangeKind
from mlv_server.content.plans import PartPlanner, Wish
from mlv_server.domain.changes import told_bytes
from mlv_server.domain.lock_rules import LockRules, Needs
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.versions import Difference
from mlv_server.services import reading
from mlv_server.services.call import Call
from mlv_server.services.reading import Reader
from mlv_server.telemetry import logger

CHUNK_BYTES = 1024 * 1024
# Frames are looked up and read in groups of this size: one hop to a worker thread for many small ones.
GROUP_BYTES = 4 * 1024 * 1024
GROUP_RANGES = 256
# One call: every range takes memory in the request and a look-up.
RANGES_LIMIT = 200_000
BYTES_LIMIT = 64 * 1024**3
# A part is what a client can do at a time: large enough for parallel work, small enough for one message of 8 MiB.
PART_BYTES = 64 * 1024 * 1024
PART_FILES = 2000
PART_TOLD_BYTES = 2 * 1024 * 1024
PAGE_FILES = 2000


async def put_pack(
    call: Call, repository: RepositoryName, upload: str, chunks: AsyncIterator[bytes | memoryview]
) -> tuple[bytes, int]:
    """Keep one pack in the repository's content domain; its id and the bytes kept, 0 when nothing in it was new.

    Whoever may read only a part is told 0.

    Raises: NotFound; DamagedContent, LimitExceeded naming what is wrong: then nothing of the pack is kept; DiskFull.
    """
    row, limited = await reading.place(call, repository)
    offered = reading.offered(call, chunks) if limited else chunks
    pack_id, stored = await call.store.put_pack(row.domain_id, upload, offered)
    if stored and upload:
        await call.db.write(lambda tx: tx.uploads.grow(row.id, upload, stored, call.now))
    logger().info("pack stored", repository=str(repository), upload=upload, pack=pack_id.hex(), bytes=stored)
    # How much of it was new tells what is there, to whom that is not told (P5).
    return pack_id, 0 if limited else stored


async def get_ranges(
    call: Call, repository: RepositoryName, changeset: ChangesetNumber, ranges: Sequence[Range]
) -> AsyncIterator[memoryview]:
    """The bytes of `ranges` back to back, in pieces of up to 1 MiB, each checked before it leaves (F4).

    A pack's range covers whole frames. A file's may name any of its bytes; a segment's name stands for a file too.
    Raises: NotFound for what the repository does not hold (P4); InvalidRequest; DamagedContent.
    """
    _check_ranges(ranges)
    row = await reading.check_ranges(call, repository, changeset, ranges)
    size = 0
    try:
        async for data in _ranges(call, row, ranges):
            size += len(data)
            yield data
    finally:
        if size:
            call.memory.ledger.read(call, row.id, f"{repository}@{changeset}", size=size)


async def _ranges(call: Call, row: RepositoryRow, ranges: Sequence[Range]) -> AsyncIterator[memoryview]:
    group: list[tuple[bytes, int, int]] = []
    total = 0
    for one in ranges:
        if one.kind is RangeKind.PACK and total + one.length <= GROUP_BYTES and len(group) < GROUP_RANGES:
            group.append((one.id, one.offset, one.length))
            total += one.length
            continue
        async for data in _pack_bytes(call, row, group):
            yield data
        group, total = [], 0
        if one.kind is RangeKind.PACK:
            for part in await call.store.split_frames(row.domain_id, one.id, one.offset, one.length, GROUP_BYTES):
                async for data in _pack_bytes(call, row, [part]):
                    yield data
        else:
            async for data in _file_bytes(call, row, one):
                yield data
    async for data in _pack_bytes(call, row, group):
        yield data


async def plan_download(call: Call, repository: RepositoryName, request: PlanRequest) -> AsyncIterator[PlanPart]:
    """What to fetch to bring a workspace from what it has to the target, in parts that stand by themselves.

    At least one part comes, which names the target. Raises: NotFound, DamagedContent.
    """
    numbers = (request.base, request.target, *(number for _, number in request.others))

    def load(tx: Transaction) -> tuple[Reader, LockRules]:
        found = reading.reader(tx, call, repository, numbers)
        return found, tx.lock_rules.of(found.row.id)

    reader, rules = await call.db.read(load)
    planner = PartPlanner(call.store, reader.row.domain_id, request.target, reader.codecs(request.codecs))
    files = 0
    try:
        async for part in in_parts(planner, _wishes(call, reader, rules, request)):
            files += 0 if part.start else len({piece.change for piece in part.pieces})
            yield replace(part, withheld=reader.withheld) if reader.withheld else part
    finally:
        if files:
            call.memory.ledger.read(call, reader.row.id, f"{repository}@{request.target}", files=files)


async def in_parts(planner: PartPlanner, wanted: AsyncIterator[Wish]) -> AsyncIterator[PlanPart]:
    """The parts of a plan for all that is wanted: each what a client can do at a time; at least one."""
    wishes: list[Wish] = []
    total = told = parts = 0
    async for wish in wanted:
        change = wish.planned.change
        size = change.state.size if change.state is not None and wish.content else 0
        said = told_bytes(change.path + change.source, change.state)
        if wishes and (total + size > PART_BYTES or told + said > PART_TOLD_BYTES or len(wishes) == PART_FILES):
            async for part in planner.plan(wishes):
                yield part
            wishes, total, told, parts = [], 0, 0, parts + 1
        wishes.append(wish)
        total += size
        told += said
    if wishes or not parts:
        async for part in planner.plan(wishes):
            yield part


def _check_ranges(ranges: Sequence[Range]) -> None:
    if len(ranges) > RANGES_LIMIT:
        raise InvalidRequest(f"ranges: {len(ranges)} are asked for; at most {RANGES_LIMIT} in one call.")
    for one in ranges:
        if len(one.id) != HASH_LENGTH or one.offset < 0 or one.length < 0:
            raise InvalidRequest("ranges: an id has 32 bytes, an offset and a length are not negative.")
    if sum(one.length for one in ranges) > BYTES_LIMIT:
        raise InvalidRequest(f"ranges: at most {BYTES_LIMIT} bytes in one call.")


async def _pack_bytes(call: Call, row: RepositoryRow, group: list[tuple[bytes, int, int]]) -> AsyncIterator[memoryview]:
    for data in await call.store.read_frames(row.domain_id, group) if group else ():
        for part in _chunks(data):
            yield part


async def _file_bytes(call: Call, row: RepositoryRow, one: Range) -> AsyncIterator[memoryview]:
    name = ContentHash(one.id)
    size = (await call.store.recipe_of(row.domain_id, name)).size
    if one.offset + one.length > size:
        raise InvalidRequest(f"ranges: {one.length} bytes at {one.offset} reach over the end of {size} bytes.")
    async for data in call.store.read_range(row.domain_id, name, one.offset, one.length):
        for part in _chunks(data):
            yield part


def _chunks(data: bytes) -> Iterator[memoryview]:
    view = memoryview(data)
    for start in range(0, len(view), CHUNK_BYTES):
        yield view[start : start + CHUNK_BYTES]


async def _wishes(call: Call, reader: Reader, rules: LockRules, request: PlanRequest) -> AsyncIterator[Wish]:
    """What differs between the workspace and the target, limited to the paths asked for."""
    others = dict(request.others)
    row, base, target = reader.row, request.base, request.target
    if base:
        found = await call.db.read(
            lambda tx: list(reader.seen(tx.versions.difference(row.id, base, target, request.paths), base, target))
        )
    else:
        found = []
    found = [one for one in found if one.path not in others]
    if others:
        found.extend(await call.db.read(lambda tx: _differences_of(tx, reader, request)))
    under = frozenset(request.paths)
    found = sorted((one for one in found if _asked(request, under, one.path)), key=lambda one: one.path)
    gone = {one.before.file_id: one for one in found if one.before is not None and one.after is None}
    without_old = frozenset(request.without_old)
    needs = Needs(rules)
    for one in found:
        yield _wish(one, gone, without_old, needs, request)
    if not request.base:
        async for page in _pages(call, row, request):
            for one in reader.seen(page, base, target):
                if one.path not in others and _asked(request, under, one.path):
                    yield _wish(one, gone, without_old, needs, request)


def _differences_of(tx: Transaction, reader: Reader, request: PlanRequest) -> list[Difference]:
    """The paths that the workspace has at changesets of their own, where they differ from the target."""
    repository_id = reader.row.id
    groups: dict[ChangesetNumber, list[str]] = {}
    for path, number in request.others:
        groups.setdefault(number, []).append(path)
    after = tx.versions.rows(repository_id, request.target, [path for path, _ in request.others])
    found: list[Difference] = []
    for number, paths in groups.items():
        before = tx.versions.rows(repository_id, number, paths) if number else {}
        differing: list[Difference] = []
        for path in paths:
            was, now = before.get(path), after.get(path)
            was = was if was is not None and was.state is not None else None
            now = now if now is not None and now.state is not None else None
            if (was and was.state) != (now and now.state):
                differing.append(Difference(path, was, now))
        found.extend(reader.seen(differing, number, request.target))
    return found


async def _pages(call: Call, row: RepositoryRow, request: PlanRequest) -> AsyncIterator[list[Difference]]:
    """All files of the target, for a workspace that has nothing."""
    start = ""
    while True:

        def page(tx: Transaction, start: str = start) -> list[Difference]:
            rows = tx.versions.files(row.id, request.target, request.paths, start=start)
            return [Difference(one.path, None, one) for one, _ in zip(rows, range(PAGE_FILES), strict=False)]

        found = await call.db.read(page)
        if found:
            yield found
        if len(found) < PAGE_FILES:
            return
        start = found[-1].path + "\0"


def _asked(request: PlanRequest, under: frozenset[str], path: str) -> bool:
    """Whether a path is wanted; `under` are the request's paths, of which there may be as many as files."""
    if path == VERSION_PATH or (under and path not in under and under.isdisjoint(("", ".", *parents(path)))):
        return False
    if request.only and not glob_matches_any(request.only, path):
        return False
    return not (request.exclude and glob_matches_any(request.exclude, path))


def _wish(
    one: Difference,
    gone: dict[FileId, Difference],
    without_old: frozenset[str],
    needs: Needs,
    request: PlanRequest,
) -> Wish:
    """The change that leads from what the workspace has at a path to what the target has."""
    before = one.before.state if one.before is not None else None
    planned = maker(PlannedChange)
    if one.after is None:
        file_id = before.file_id if before is not None else FileId(0)
        change = Change(one.path, Operation.DELETE, file_id, None)
        return Wish(planned(change, needs.of(one.path, None), request.target), None, content=False)
    after = one.after.state
    source = ""
    operation = Operation.ADD
    origin = gone.get(one.after.file_id) if before is None else None
    if origin is not None and origin.before is not None:
        operation, source, before = Operation.MOVE, origin.path, origin.before.state
    elif before is not None and after is not None:
        operation = Operation.META if before.content == after.content else Operation.MODIFY
    change = maker(Change)(one.path, operation, one.after.file_id, after, source)
    told = planned(change, needs.of(one.path, after), one.after.changed_in)
    old = _old_content(before, source or one.path, without_old)
    same_place = not source and old is not None and after is not None and old == after.content
    return maker(Wish)(told, old, content=not (same_place or request.without_content))


def _old_content(before: FileState | None, path: str, without_old: frozenset[str]) -> ContentHash | None:
    """The content whose bytes lie in the workspace as a plain file."""
    if before is None or before.mode is FileMode.SYMLINK or path in without_old:
        return None
    return before.content
