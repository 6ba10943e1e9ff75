"""Segments that nothing needs: found by walking from every file of history and shelves, removed if that is still so."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, LimitExceeded, MlvError, NotFound
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_core.recipes import Recipe
from mlv_server.content.blobs.local import LocalBlobs
from mlv_server.content.chains import trace
from mlv_server.content.frames import bases_from
from mlv_server.content.materialized import MaterializedFiles
from mlv_server.content.memory import PlainCache
from mlv_server.content.plain import PlainReader
from mlv_server.metadata.contents import ContentRow
from mlv_server.metadata.engine import Database
from mlv_server.metadata.lists import OWN_LEVEL
from mlv_server.metadata.packs import PackRow
from mlv_server.metadata.segments import FramePlace
from mlv_server.metadata.unit_of_work import Transaction

PAGE = 4096
_MEMORY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ground:
    """What a domain was like at one moment: `newest` the last changeset of each of its repositories, by their ids.

    `shelves` are those that keep contents in it.
    """

    packs: tuple[PackRow, ...]
    newest: dict[int, ChangesetNumber]
    shelves: frozenset[int]


@dataclass(frozen=True, slots=True)
class Marked:
    """The segments of a domain that no version and no shelf needed at one moment."""

    domain_id: int
    ground: Ground
    old: frozenset[bytes]
    """The packs in which garbage may lie."""
    names: tuple[ContentHash, ...]


class QuietReader(PlainReader):
    """Reads without noting damage in the database: for use inside of a transaction that writes."""

    def mark(self, frame: FramePlace) -> None:
        """Leave the note to whoever reads next."""


class Marker:
    """Finds garbage. All methods block."""

    def __init__(self, db: Database, blobs: LocalBlobs) -> None:
        self._db = db
        self._blobs = blobs
        # Nothing of the caches: what counts is what lies in the packs.
        nothing = MaterializedFiles(blobs.root / "cache" / "none", 0)
        self._reader = QuietReader(db, blobs, PlainCache(_MEMORY_BYTES), nothing)

    def mark(self, domain_id: int, before: int) -> Marked:
        """The segments that lie in packs written before `before` (milliseconds since 1970 UTC) and that nobody needs.

        Needed is what a file of history or of a shelf is made of, every younger segment, and every base of those.
        Raises: DamagedContent naming a file whose recipe cannot be read, so that its segments are not known.
        """
        ground = self._db.read_now(lambda tx: ground_of(tx, domain_id))
        old = frozenset(row.pack_id for row in ground.packs if self._is_old(row, before))
        garbage: set[ContentHash] = set()
        kept: set[ContentHash] = set()
        after = b""
        while rows := self._places(domain_id, after):
            for name, pack_id in rows:
                (garbage if pack_id in old else kept).add(name)
            after = rows[-1][0]
        live: set[ContentHash] = set()
        self._spare(domain_id, kept, garbage, live)
        after = b""
        while garbage and (files := self._files(domain_id, after)):
            self._spare(domain_id, self._segments_of(domain_id, files), garbage, live)
            after = files[-1].hash
        return Marked(domain_id, ground, old, tuple(sorted(garbage)))

    def still_garbage(self, tx: Transaction, marked: Marked) -> list[ContentHash]:
        """The marked segments that lie where they lay and that nobody came to need, as the transaction sees it.

        Raises: DamagedContent.
        """
        spared = self._needed_since(tx, marked)
        places = tx.segments.find(marked.domain_id, [name for name in marked.names if name not in spared])
        return [name for name, place in places.items() if place.frame.pack_id in marked.old]

    def _needed_since(self, tx: Transaction, marked: Marked) -> set[ContentHash]:
        domain_id = marked.domain_id
        read_bases = bases_from(self._blobs, domain_id)
        needed: set[ContentHash] = set()
        for row in set(tx.packs.list_all(domain_id)) - set(marked.ground.packs):
            for place in tx.packs.frames_of(row.id):
                needed.update(place.bases if place.bases is not None else read_bases(place))
        contents: set[ContentHash] = set()
        for repository in _repositories(tx, domain_id):
            newest = tx.changesets.newest(repository)
            first = marked.ground.newest.get(repository, 0) + 1
            for number in range(first, 1 if newest is None else newest.number + 1):
                contents |= _contents_of(tx, repository, ChangesetNumber(number))
        fresh = tx.shelves.ids_of_domain(domain_id) - marked.ground.shelves
        contents |= {ContentHash(name) for name in tx.shelves.hashes_of(fresh)}
        needed |= self._segments_of(domain_id, tx.contents.find(domain_id, contents).values())
        needed.update(trace(tx, domain_id, needed, read_bases).places)
        return needed

    def _segments_of(self, domain_id: int, files: Iterable[ContentRow]) -> set[ContentHash]:
        """The segments that files are made of, and their recipes. Raises: DamagedContent."""
        found: set[ContentHash] = set()
        for file in files:
            if file.recipe is None:
                found.add(file.hash)
                continue
            found.add(file.recipe)
            try:
                recipe = Recipe.decode(self._reader.read(domain_id, file.recipe))
            except (DamagedContent, LimitExceeded, NotFound) as error:
                raise DamagedContent(
                    "A recipe cannot be read, so nobody knows what its file needs: nothing is removed.",
                    items=(f"file {file.hash.hex()}", *error.items),
                ) from error
            found.update(segment.hash for segment in recipe.segments())
        return found

    def _spare(
        self, domain_id: int, names: Iterable[ContentHash], garbage: set[ContentHash], live: set[ContentHash]
    ) -> None:
        """Take `names` and everything that they stand on out of `garbage`; `live` has been dealt with."""
        waiting = [name for name in names if name not in live]
        for start in range(0, len(waiting), PAGE):
            below = self._below(domain_id, waiting[start : start + PAGE], live)
            live |= below
            garbage -= below

    def _below(self, domain_id: int, names: Collection[ContentHash], live: Collection[ContentHash]) -> set[ContentHash]:
        read_bases = bases_from(self._blobs, domain_id)
        return self._db.read_now(lambda tx: set(trace(tx, domain_id, names, read_bases, live.__contains__).places))

    def _is_old(self, row: PackRow, before: int) -> bool:
        written = self._blobs.written_at(row.domain_id, row.pack_id)
        return written is not None and written < before

    def _places(self, domain_id: int, after: bytes) -> list[tuple[ContentHash, bytes]]:
        return self._db.read_now(lambda tx: tx.segments.places_after(domain_id, after, PAGE))

    def _files(self, domain_id: int, after: bytes) -> list[ContentRow]:
        return self._db.read_now(lambda tx: tx.contents.page(domain_id, after, PAGE))


def ground_of(tx: Transaction, domain_id: int) -> Ground:
    """What the domain is like now."""
    newest = {one: row.number for one in _repositories(tx, domain_id) if (row := tx.changesets.newest(one)) is not None}
    return Ground(tuple(tx.packs.list_all(domain_id)), newest, tx.shelves.ids_of_domain(domain_id))


def dead_bytes(tx: Transaction, domain_id: int, names: Collection[ContentHash]) -> int:
    """Stored bytes of the frames whose segments are all among `names`."""
    counts: dict[int, int] = {}
    lengths: dict[int, int] = {}
    for place in tx.segments.find(domain_id, names).values():
        counts[place.frame.id] = counts.get(place.frame.id, 0) + 1
        lengths[place.frame.id] = place.frame.length
    alive = tx.packs.pointers(counts)
    return sum(lengths[frame] for frame, count in counts.items() if alive[frame] == count)


def _repositories(tx: Transaction, domain_id: int) -> list[int]:
    return [row.id for row in tx.repositories.list_all() if row.domain_id == domain_id]


def _contents_of(tx: Transaction, repository: int, number: ChangesetNumber) -> set[ContentHash]:
    lists = tx.versions.lists(repository)
    row = lists.find(number, OWN_LEVEL)
    if row is None:
        raise DamagedContent(f"The change list of @{number} is missing: nothing is removed.")
    try:
        rows = list(lists.reader(row).rows())
    except MlvError as error:
        raise DamagedContent(f"The change list of @{number} is damaged: nothing is removed.") from error
    return {state.content for one in rows if (state := one.state) is not None and state.size}
