"""Shelves: keep a workspace's changes on the server, list and show them, drop them; none of it is history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict, replace

from mlv_core.changes import EncodedList, encode
from mlv_core.deferred import dataclass
from mlv_core.entities import FileState
from mlv_core.errors import Denied, NotFound, NothingToCommit
from mlv_core.failpoints import failpoint
from mlv_core.hashing import ContentHasher
from mlv_core.ids import ChangesetNumber, RepositoryName, RequestId, escape
from mlv_core.requests import ProposedChange
from mlv_core.shelving import Shelf, ShelvedChange, ShelveRequest, origin_of
from mlv_server.domain import commits as rules
from mlv_server.domain import shelving
from mlv_server.domain.events import EventKind, shelf_event
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.shelves import ShelfRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, answers, arriving, reading
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import SEEING, View, ref_of

SHELVE = "shelve"
_ROW_BYTES = 300
"""What a shelf takes besides its message and list: its row, the index beside it, audit and event."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a shelf comes to: where it is kept, what it takes the place of, how often garbage was removed so far."""

    repository: RepositoryRow
    branch_id: int
    branch: str
    host: str
    name: str
    replaced: Shelf | None
    bases: shelving.Bases
    sweeps: int


async def shelve(call: Call, request: ShelveRequest) -> Shelf:
    """Keep changes under a name, whole or not at all: content is proved as a commit's, one transaction does the rest.

    No lock is needed and none is touched. The same request again gets the first answer (C3). Raises: NotFound, Denied,
    InvalidRequest, InvalidName, InvalidPath, PathClash, AlreadyExists, LimitExceeded, NothingToCommit, RequestReused,
    UnsupportedFile, DamagedContent.
    """
    rules.check_message(request.message)
    await asyncio.to_thread(arriving.check_shape, call, request.changes, "Shelve")
    if not request.changes:
        raise NothingToCommit(
            "Nothing has changed, so there is nothing to shelve.", advice="'mlv status' shows what differs."
        )
    digest = await asyncio.to_thread(_digest_of, request)
    target = f"{request.repository}:{request.branch}"

    def decide(tx: Transaction) -> Shelf | _Plan:
        return _first_answer(tx, call, request.request_id, digest) or _plan(tx, call, request)

    async with access.audited(call, "shelve", target, request.repository):
        plan = await call.db.read(decide)
    if isinstance(plan, Shelf):
        return plan
    encoded = await asyncio.to_thread(lambda: encode(shelving.rows_of(request.changes, plan.bases)))
    changes = [proposed.change for proposed in request.changes]
    items = () if request.dry_run else await asyncio.to_thread(arriving.contents_of, changes, request.recipes)
    domain_id, grown = plan.repository.domain_id, 0
    if not request.dry_run:
        grown = await arriving.take(call, domain_id, request.upload, request.inline_pack, items, changes)
        base, brought = max(one.base for one in request.changes), [item[0] for item in items]
        await reading.check_brought(call, request.repository, base, brought, request.inline_pack)
    failpoint("shelve.proved")

    def work(tx: Transaction) -> Shelf:
        known = _first_answer(tx, call, request.request_id, digest)
        if known is not None:
            return known
        again = _plan(tx, call, request)
        tx.sweeps.check(domain_id, plan.sweeps)
        uploaded = tx.uploads.take(again.repository.id, request.upload) if request.upload else 0
        # How much of it was new tells what is there, to whom that is not told (P5).
        limited = reading.is_limited(View(tx, call, again.repository))
        shelf = _shelf(call, request, again, encoded, 0 if limited else grown + uploaded)
        if again.replaced is not None:
            _drop(tx, again.repository, again.replaced)
        tx.shelves.add(again.repository.id, call.principal.user_id, again.branch_id, shelf, encoded)
        tx.contents.record_shelved(domain_id, shelf.id, items)
        _tell(tx, call, again.repository, EventKind.SHELF_CREATED, shelf)
        kept = json.dumps({"repository": again.repository.id, "shelf": asdict(shelf)}).encode()
        tx.requests.keep(call.principal.user_id, request.request_id, SHELVE, digest, kept, call.now)
        failpoint("shelve.written")
        return shelf

    done = await access.write(call, work, "shelve", target, dry_run=request.dry_run, repository=request.repository)
    failpoint("shelve.committed")
    return done


async def outcome(call: Call, repository: RepositoryName, request_id: RequestId) -> Shelf | None:
    """What the caller's Shelve of this id came to; None if nothing, and then it never will (C3).

    Raises: NotFound when the repository does not exist.
    """

    def work(tx: Transaction) -> Shelf | None:
        kept = tx.requests.find(call.principal.user_id, request_id, SHELVE)
        if kept is not None and json.loads(kept)["repository"] == tx.repositories.get(repository).id:
            return Shelf(**json.loads(kept)["shelf"])
        answers.forbid(tx, call, request_id)
        return None

    return await call.db.write(work)


async def list_all(call: Call, repository: RepositoryName, owner: str = "", branch: str = "") -> tuple[Shelf, ...]:
    """The shelves that the caller may know of (P4), the newest first: of a user, of a branch, or all.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[Shelf, ...]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        of_branch = view.branch(branch).name if branch else ""
        found = [one.shelf for one in tx.shelves.list_all(row.id, owner)]
        sight = _sight(view, call, found)
        return tuple(one for one in found if sight.lists(one) and of_branch in {"", one.branch})

    return await call.db.read(work)


async def get(call: Call, repository: RepositoryName, owner: str, name: str) -> tuple[Shelf, tuple[ShelvedChange, ...]]:
    """A shelf and what is on it; `owner` '' is the caller, `name` '' the newest of theirs. Raises: NotFound."""

    def work(tx: Transaction) -> tuple[Shelf, tuple[ShelvedChange, ...]]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        found = _find(tx, call, view, row, owner, name)
        return found.shelf, changes_on(tx, view, row, found)

    return await call.db.read(work)


async def remove(call: Call, repository: RepositoryName, owner: str, name: str, *, dry_run: bool = False) -> Shelf:
    """Drop a shelf: what only it needs becomes garbage. That of another needs the right `lock.break`, or `admin`.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> Shelf:
        row = tx.repositories.get(repository)
        found = _find(tx, call, View(tx, call, row), row, owner, name, listed=True).shelf

        own = found.owner == call.principal.user
        if not own and not any(
            access.may(tx, call, right, row.name, ref_of(found.branch)) for right in ("lock.break", "admin")
        ):
            raise Denied("This shelf is another user's.", advice="Its owner or a maintainer may delete it.")

        _drop(tx, row, found)
        _tell(tx, call, row, EventKind.SHELF_DELETED, found)
        return found

    once = Once((str(repository), owner, name), lambda said: Shelf(**said))
    target = f"{owner or call.principal.user}/{name}"
    return await access.write(call, work, "shelf.delete", target, dry_run=dry_run, repository=repository, once=once)


def taken(tx: Transaction, call: Call, repository: RepositoryRow, shelf_id: int) -> tuple[ShelvedChange, ...]:
    """What is on the shelf of an id, for whoever may take it. Raises: NotFound, DamagedContent."""
    view = View(tx, call, repository)
    found = tx.shelves.by_id(repository.id, shelf_id)
    if found is None or not _sight(view, call, [found.shelf]).reads(found.shelf):
        raise NotFound("This shelf is there no more.", advice="'mlv shelves' lists them.")
    return changes_on(tx, view, repository, found)


def changes_on(tx: Transaction, view: View, repository: RepositoryRow, row: ShelfRow) -> tuple[ShelvedChange, ...]:
    """What the caller may see of a shelf, with what stood at each path before, as far as they may see that.

    Raises: DamagedContent.
    """
    shows = view.allows(("read", *SEEING), ref_of(row.shelf.branch))
    rows = [one for one in tx.shelves.rows(row) if shows is None or shows(one.path)]
    seen = {number for number in {ChangesetNumber(one.changed_in) for one in rows} if _sees(view, number)}
    wanted = ((ChangesetNumber(one.changed_in), origin_of(one.change)) for one in rows)
    bases = _at_bases(tx, repository, ((number, path) for number, path in wanted if number in seen))
    return shelving.changes_of(rows, bases)


def _plan(tx: Transaction, call: Call, request: ShelveRequest) -> _Plan:
    """Decide all but the content. Raises: as `shelve`."""
    repository = tx.repositories.get(request.repository)
    view = View(tx, call, repository)
    branch = view.branch(request.branch)
    access.check(tx, call, "open", repository, ref_of(branch.name))
    view.check_paths("open", branch, rules.touched_paths(proposed.change for proposed in request.changes))
    newest = tx.changesets.newest(repository.id)
    last = ChangesetNumber(0) if newest is None else newest.number
    nothing = ChangesetNumber(0)
    rules.check_numbers((proposed.base for proposed in request.changes), (nothing, nothing), last)
    for base in {proposed.base for proposed in request.changes}:
        view.version("meta.read", base)
    own = [one.shelf for one in tx.shelves.list_all(repository.id, call.principal.user)]
    registered = tx.workspaces.find(repository.id, request.workspace) if request.workspace else None

    name = shelving.name_for(request.name, own)
    replaced = shelving.decide_place(name, own, call.settings.shelves, replace=request.replace)
    bases = _at_bases(tx, repository, ((one.base, origin_of(one.change)) for one in request.changes))
    shelving.check_changes(request.changes, bases)
    return _Plan(
        repository=repository,
        branch_id=branch.id,
        branch=branch.name,
        host=registered.workspace.host if registered is not None else "",
        name=name,
        replaced=replaced,
        bases=bases,
        sweeps=tx.sweeps.count(repository.domain_id),
    )


def _shelf(call: Call, request: ShelveRequest, plan: _Plan, encoded: EncodedList, grown: int) -> Shelf:
    return Shelf(
        id=int.from_bytes(call.fresh[:8]) >> 1,
        owner=call.principal.user,
        name=plan.name,
        branch=plan.branch,
        message=request.message,
        workspace=request.workspace,
        host=plan.host,
        created_at=call.now,
        files=encoded.count,
        raw_bytes=shelving.raw_bytes_of(request.changes, plan.bases),
        stored_bytes=grown + len(encoded.blob) + len(request.message.encode()) + _ROW_BYTES,
        private=request.private,
    )


def _drop(tx: Transaction, repository: RepositoryRow, shelf: Shelf) -> None:
    """Forget a shelf; whoever found its content known a moment ago looks again."""
    tx.shelves.remove(shelf.id)
    tx.sweeps.note(repository.domain_id)


def _tell(tx: Transaction, call: Call, repository: RepositoryRow, kind: EventKind, shelf: Shelf) -> None:
    """Write the audit entry, and the event of a shelf that others may know of."""
    name = f"{shelf.owner}/{shelf.name}"
    entry = access.audit_entry(call, kind.value, name, branch=shelf.branch, files=shelf.files, private=shelf.private)
    tx.audit.append(repository.id, (entry,))
    if not shelf.private:
        tx.events.append(repository.id, call.now, (shelf_event(kind, shelf, call.principal.user),))


def _find(
    tx: Transaction, call: Call, view: View, repository: RepositoryRow, owner: str, name: str, *, listed: bool = False
) -> ShelfRow:
    """The shelf that is meant, for whoever may read it, or with `listed` know of it. Raises: NotFound (P4)."""
    user = owner or call.principal.user
    if name:
        found = tx.shelves.find(repository.id, user, name)
    else:
        found = next(iter(tx.shelves.list_all(repository.id, user)), None)
    sight = _sight(view, call, () if found is None else (found.shelf,))
    if found is None or not (sight.lists(found.shelf) if listed else sight.reads(found.shelf)):
        what = f"shelf '{escape(name)}'" if name else "shelf"
        whose = f"{escape(owner)} has" if owner else "You have"
        raise NotFound(f"{whose} no {what} here.", advice="'mlv shelves' lists those of all, as USER/NAME.")
    return found


def _sight(view: View, call: Call, shelves: Iterable[Shelf]) -> shelving.Sight:
    """What the caller may see of these shelves."""
    may = view.sight.may
    names = {shelf.branch for shelf in shelves}
    readable = frozenset(name for name in names if may("list", ref_of(name)) and may("read", ref_of(name)))
    return shelving.Sight(call.principal.user, readable, may("admin"))


def _sees(view: View, number: ChangesetNumber) -> bool:
    try:
        view.version("read", number)
    except NotFound:
        return False
    return True


def _at_bases(
    tx: Transaction, repository: RepositoryRow, wanted: Iterable[tuple[ChangesetNumber, str]]
) -> dict[tuple[ChangesetNumber, str], FileState]:
    groups: dict[ChangesetNumber, set[str]] = {}
    for number, path in wanted:
        groups.setdefault(number, set()).add(path)
    return {
        (number, path): state
        for number, paths in groups.items()
        for path, state in tx.versions.lookup(repository.id, number, paths).items()
    }


def _first_answer(tx: Transaction, call: Call, request_id: RequestId, digest: bytes) -> Shelf | None:
    kept = tx.requests.answer(call.principal.user_id, request_id, SHELVE, digest)
    return None if kept is None else Shelf(**json.loads(kept)["shelf"])


def _digest_of(request: ShelveRequest) -> bytes:
    """The digest of what is asked for: how content travels is no part of it."""
    hasher = ContentHasher()
    plain = replace(request, changes=(), recipes=(), inline_pack=b"", upload="")
    hasher.update(repr(plain).encode("utf-8", "surrogatepass"))
    for proposed in request.changes:
        hasher.update(repr(_asked(proposed)).encode("utf-8", "surrogatepass"))
    return bytes(hasher.digest())


def _asked(proposed: ProposedChange) -> tuple[object, ...]:
    return (proposed.change, proposed.base)
