"""Whose content a caller may be sent, and whose they may skip to upload, where rules tell paths or refs apart (P5).

Packs hold the content of many files side by side. Whoever may read only some is sent plain bytes of whole files, each
looked up in the version that it is asked of; for everybody else nothing of this is done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import field, replace

from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH
from mlv_core.errors import Denied, NotFound
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.packs import PackParser
from mlv_core.requests import Range, RangeKind
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.versions import Difference
from mlv_server.services.call import Call
from mlv_server.services.memory import READABLE_MILLISECONDS
from mlv_server.services.sights import SEEING, Shows, View, refuse

READING = (*SEEING, "read")
NO_CODECS: frozenset[int] = frozenset()
"""What is said for whoever is sent plain bytes only."""


@dataclass(slots=True)
class Reader:
    """What a caller may read of some versions of a repository.

    `withheld` counts files of the target that may be listed but not read, as differences pass by.
    """

    row: RepositoryRow
    is_limited: bool
    _shows: dict[ChangesetNumber, Shows | None] = field(default_factory=dict)
    _reads: dict[ChangesetNumber, Shows | None] = field(default_factory=dict)
    withheld: int = 0

    def codecs(self, known: frozenset[int]) -> frozenset[int]:
        """The codecs in which content may come."""
        return NO_CODECS if self.is_limited else known

    def seen(
        self, found: Iterable[Difference], first: ChangesetNumber, second: ChangesetNumber
    ) -> Iterator[Difference]:
        """`found` as far as the caller may read both versions.

        A file that they may see but not read any more goes; one that they may not see is not spoken of.
        """
        shown = self._shows.get(first), self._shows.get(second)
        read = self._reads.get(first), self._reads.get(second)
        if not any((*shown, *read)):
            yield from found
            return
        for one in found:
            path = one.path
            rows = (one.before, one.after)
            told = [rows[side] is not None and ((sees := shown[side]) is None or sees(path)) for side in (0, 1)]
            may = [told[side] and ((reads := read[side]) is None or reads(path)) for side in (0, 1)]
            before, after = one.before if may[0] else None, one.after if may[1] else None
            if told[1] and not may[1] and path != VERSION_PATH:
                self.withheld += 1
            if before is None and after is None and told[0] and (told[1] or one.after is None):
                before = one.before
            if (before and before.state) != (after and after.state):
                yield Difference(path, before, after)


def reader(tx: Transaction, call: Call, name: RepositoryName, numbers: Collection[ChangesetNumber]) -> Reader:
    """What the caller may read of `numbers`, which all exist; 0 is the empty version. Raises: NotFound."""
    row = tx.repositories.get(name)
    view = View(tx, call, row)
    found = Reader(row, is_limited(view))
    for number in set(numbers):
        ref = view.version("read", number)
        if found.is_limited:
            found._shows[number] = view.allows(SEEING, ref)  # noqa: SLF001 - of this module
            found._reads[number] = view.allows(("read",), ref)  # noqa: SLF001 - as above
    return found


async def check_ranges(
    call: Call, name: RepositoryName, number: ChangesetNumber, ranges: Sequence[Range]
) -> RepositoryRow:
    """Check that the caller may be sent `ranges` of a version's content; gives the repository. Raises: NotFound."""
    found = await call.db.read(lambda tx: reader(tx, call, name, (number,)))
    if not found.is_limited:
        return found.row
    wanted = {ContentHash(one.id) for one in ranges if one.kind is RangeKind.FILE}
    if any(one.kind is not RangeKind.FILE for one in ranges):
        raise _absent(ranges[0].id)
    readable = await _contents(call, found, number)
    own = call.memory.offered
    if unknown := {one for one in wanted - readable if not own.holds(call.principal.user_id, one)}:
        # A segment that lies in several pieces of a file is asked for by its own name.
        unknown -= await _segments(call, found.row, readable)
    if unknown:
        raise _absent(min(unknown))
    return found.row


async def planned(
    call: Call, row: RepositoryRow, contents: Collection[ContentHash], codecs: frozenset[int]
) -> frozenset[int]:
    """The codecs for a plan of `contents`, which the caller may be sent though no version holds them: a shelf's."""
    if not await call.db.read(lambda tx: is_limited(View(tx, call, row))):
        return codecs
    call.memory.offered.note(call.principal.user_id, (*contents, *await _segments(call, row, contents)))
    return NO_CODECS


async def place(call: Call, name: RepositoryName) -> tuple[RepositoryRow, bool]:
    """The repository, and whether the caller may read only a part of it. Raises: NotFound."""

    def work(tx: Transaction) -> tuple[RepositoryRow, bool]:
        row = tx.repositories.get(name)
        return row, is_limited(View(tx, call, row))

    return await call.db.read(work)


async def offered(call: Call, chunks: AsyncIterator[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    """`chunks` of a pack; what they hold is noted, so that whoever may read only a part may commit what they sent."""
    parser = PackParser()
    async for chunk in chunks:
        names = [member for placed in parser.feed(chunk) for member, _ in placed.frame.members]
        call.memory.offered.note(call.principal.user_id, names)
        yield chunk


async def check_brought(
    call: Call, name: RepositoryName, branch_head: ChangesetNumber, names: Collection[ContentHash], pack: bytes
) -> None:
    """Check that the contents `names` may be committed by whoever may read only a part of the repository (P5).

    They must be new, or readable for the caller in the branch's head, or sent by the caller: also in `pack`, which came
    along. Raises: NotFound, as for content that is not there.
    """
    if not names:
        return

    def load(tx: Transaction) -> tuple[Reader, set[ContentHash]]:
        row = tx.repositories.get(name)
        if not is_limited(View(tx, call, row)):
            return Reader(row, is_limited=False), set()
        return reader(tx, call, name, (branch_head,)), set(tx.contents.find(row.domain_id, names))

    found, known = await call.db.read(load)
    if not known:
        return
    if pack:
        members = [member for placed in PackParser().feed(pack) for member, _ in placed.frame.members]
        call.memory.offered.note(call.principal.user_id, members)
    foreign = known - (await _contents(call, found, branch_head) if branch_head else frozenset())
    for content in sorted(foreign):
        recipe = await call.store.recipe_of(found.row.domain_id, content)
        own = [segment.hash for segment in recipe.segments()]
        for segment in (content, *own) if len(own) == 1 else own:
            if not call.memory.offered.holds(call.principal.user_id, segment):
                raise NotFound("A file's content was not sent.", items=(f"segment {segment.hex()}",))


def check_taken(
    tx: Transaction,
    call: Call,
    row: RepositoryRow,
    number: ChangesetNumber,
    ref: str,
    paths: Iterable[str] | None = None,
) -> None:
    """Check that nothing of a version (of its `paths`; None: of all) gets readable by being on `ref` too (P2).

    A rule about one branch would mean nothing if whom it binds could take what is there to another. What a token is
    limited to does not count: another one would read it then. Raises: Denied.
    """
    view = View(tx, replace(call, principal=replace(call.principal, scope=frozenset())), row)
    if not number or not is_limited(view) or not view.sight.may("read", ref):
        return
    try:
        home = view.version("read", number)
    except NotFound:
        raise Denied(f"You may not 'read' @{number}, and so not take it to {ref}.") from None
    there, here = view.allows(("read",), home), view.allows(("read",), ref)
    if there is None:
        return
    wanted = (one.path for one in tx.versions.files(row.id, number)) if paths is None else paths
    refused = sorted(path for path in wanted if not there(path) and (here is None or here(path)))
    shows = view.shows_on(home)
    shown = [path for path in refused if shows is None or shows(path)]
    refuse("read", f"@{number}", shown, more=len(shown) < len(refused))


def is_limited(view: View) -> bool:
    """Whether the caller may read only a part of the repository, or none of it."""
    return any(view.sight.tells_paths(action) or view.sight.tells_refs(action) for action in READING)


def _absent(name: bytes) -> NotFound:
    return NotFound("There is no such content.", items=(f"file {name.hex()}",))


async def _contents(call: Call, found: Reader, number: ChangesetNumber) -> frozenset[ContentHash]:
    """The contents of a version that the caller may read; remembered for a moment, as a download asks often."""
    who = call.principal
    key = (who.user_id, who.token_id, who.address, found.row.id, number, call.now // READABLE_MILLISECONDS)

    def work(tx: Transaction) -> tuple[int, frozenset[ContentHash]]:
        version = tx.rules.version()
        known = call.memory.readable.get((*key, version))
        if known is not None:
            return version, known
        files = (Difference(row.path, None, row) for row in tx.versions.files(found.row.id, number)) if number else ()
        seen = found.seen(files, ChangesetNumber(0), number)
        return version, frozenset(ContentHash(one.after.content) for one in seen if one.after is not None)

    version, contents = await call.db.read(work)
    call.memory.readable.put((*key, version), contents)
    return contents


async def _segments(call: Call, row: RepositoryRow, contents: Collection[ContentHash]) -> set[ContentHash]:
    """The segments that files are made of."""
    recipes = await call.store.recipes_of(row.domain_id, contents)
    return {segment.hash for recipe in recipes.values() for segment in recipe.segments()}
