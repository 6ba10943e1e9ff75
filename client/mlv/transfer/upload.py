"""Sends the new content of a commit: what the server lacks, coded against the old files, in packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlv.transfer.ahead import Ahead, open_input, size_of
from mlv.transfer.coding import Item, Job, coded, jobs_for
from mlv.transfer.reading import FileSource
from mlv.transfer.sending import Message, Sending, send_frames
from mlv.transfer.streaming import STREAMED_BYTES, FileStream, is_streamed
from mlv.transfer.types import Progress, Silent, UploadedContent, UploadInput, UploadResult
from mlv_core.codecs import Codec
from mlv_core.errors import DamagedContent, FileChanging, Unreachable
from mlv_core.hashing import ContentHash
from mlv_core.recipes import Recipe, needs_recipe

if TYPE_CHECKING:
    from mlv.remote.service import Server
    from mlv_core.ids import RepositoryName

UNASKED_BYTES = 32 << 20
"""Plain bytes of new chunks beside a base that are sent unasked: less than a pack, so that resuming stays cheap."""
ASK_BYTES = 1 << 20
"""Below this many new plain bytes, and without a base, it costs less to send them than to ask what the server has."""
ATTEMPTS = 3
"""Readings of a file that changes meanwhile, before the commit is refused."""
BATCH_FILES = 1000
BATCH_BYTES = 1 << 30
"""Files are cut, asked for and coded this many at a time: the recipes of more would not fit a transfer's memory."""


def upload_changes(
    server: Server,
    repository: RepositoryName,
    inputs: Sequence[UploadInput],
    *,
    upload: str,
    codecs: frozenset[int],
    progress: Progress | None = None,
    ahead: Ahead | None = None,
) -> UploadResult:
    """Bring to the server what it lacks of `inputs`; what Publish must say of them.

    `upload` and `codecs` are what Begin answered; `ahead` has read some of `inputs` already. A pack under 256 KiB comes
    back in `inline_pack` instead of being sent; so does everything with `upload` ''. What the server keeps of an
    earlier, interrupted upload is not sent again; a connection that breaks is taken up once more.
    Raises: FileChanging after three readings, MissingFile, LimitExceeded, and whatever the server refuses with.
    """
    broken = False
    changed = 0
    while True:
        attempt = _Upload(server, repository, upload, codecs, progress or Silent(), ahead)
        ahead = None
        try:
            return attempt.run(inputs)
        except FileChanging:
            changed += 1
            if attempt.refused or changed == ATTEMPTS:
                raise
        except (Unreachable, DamagedContent):
            # Frames that do not decode on the server: an old content changed after it was looked at.
            if broken or not attempt.sending:
                raise
            broken = True


class _Upload:
    """One attempt. `sending`: packs were on their way when it failed; `refused`: a file changed at each reading."""

    def __init__(
        self,
        server: Server,
        repository: RepositoryName,
        upload: str,
        codecs: frozenset[int],
        progress: Progress,
        ahead: Ahead | None,
    ) -> None:
        self.sending = False
        self.refused = False
        self._server = server
        self._repository = repository
        self._upload = upload
        self._allowed = frozenset(Codec(number) for number in codecs if number in set(Codec))
        self._progress = progress
        self._ahead = ahead
        self._contents: dict[int, UploadedContent] = {}
        self._recipes: dict[ContentHash, ContentHash] = {}
        self._done: set[ContentHash] = set()

    def run(self, inputs: Sequence[UploadInput]) -> UploadResult:
        """Read, ask, code and send everything."""
        sizes = [size_of(given.source) for given in inputs]
        self._progress.start(sum(sizes), "sending")
        frames = coded(self._jobs(inputs, sizes), self._progress)
        inline = send_frames(frames, self._put_pack if self._upload else None)
        self._progress.finish()
        contents = tuple(self._contents[number] for number in range(len(inputs)))
        raw = sum(content.size for content in contents)
        return UploadResult(contents, tuple(self._recipes.items()), inline, raw)

    def _put_pack(self, messages: Iterator[Message]) -> Sending:
        self.sending = True
        return self._server.put_pack(self._repository, self._upload, messages)

    def _jobs(self, inputs: Sequence[UploadInput], sizes: Sequence[int]) -> Iterator[Job]:
        """Large new files go first, each sent while it is read (docs/decisions/0040)."""
        for number, given in enumerate(inputs):
            if sizes[number] >= STREAMED_BYTES:
                yield from self._stream(number, given)
        left = [number for number in range(len(inputs)) if number not in self._contents]
        for numbers in _batches(left, sizes):
            items = [self._open(inputs[number]) for number in numbers]
            missing, items = self._missing(items)
            recipes: dict[ContentHash, Item] = {}
            for item in items:
                if needs_recipe(item.cut.recipe) and item.cut.content not in self._recipes:
                    name = item.cut.recipe.recipe_id()
                    self._recipes[item.cut.content] = name
                    recipes[name] = item
            self._progress.advance(_unsent(items, missing))
            self._done |= missing
            yield from jobs_for(items, recipes, missing, self._allowed)
            for number, item in zip(numbers, items, strict=True):
                self._contents[number] = _uploaded(item)

    def _stream(self, number: int, given: UploadInput) -> Iterator[Job]:
        """Send a file while it is read, if it is one of those that can be."""
        if given.base is not None or isinstance(given.source, bytes):
            return
        source = FileSource(given.source, given.path)
        try:
            if not is_streamed(given, source):
                return
            stream = FileStream(given, source, self._ask, self._done)
            yield from stream.jobs(self._allowed, self._progress)
            if stream.item is not None:
                self._recipes[stream.item.cut.content] = stream.item.cut.recipe.recipe_id()
                self._contents[number] = _uploaded(stream.item)
        finally:
            source.close()

    def _open(self, given: UploadInput) -> Item:
        """Read and cut one content and its base; one that changes meanwhile is read again, three times in all."""
        for left in reversed(range(ATTEMPTS)):
            try:
                return (self._ahead.take(given) if self._ahead is not None else None) or open_input(given)
            except FileChanging:
                self.refused = not left
                if self.refused:
                    raise
        raise AssertionError

    def _missing(self, items: Sequence[Item]) -> tuple[set[ContentHash], list[Item]]:
        """The names of segments and recipes to send; and the items, without the bases that cannot be used.

        A base counts when the server has the very recipe that was made of it here: then it has every segment. New
        chunks next to a base are patched to a fraction, so that few of them cost less to send than to ask for.
        """
        fresh: dict[ContentHash, int] = {}
        recipes: dict[ContentHash, Item] = {}
        bases: dict[int, ContentHash] = {}
        beside: dict[ContentHash, int] = {}
        for number, item in enumerate(items):
            old: set[ContentHash] = set()
            if item.base_cut is not None:
                bases[number] = item.base_cut.content
                old = {segment.hash for segment in item.base_cut.recipe.segments()}
            lengths = _lengths(item.cut.recipe, old)
            fresh.update(lengths)
            if needs_recipe(item.cut.recipe):
                recipes[item.cut.recipe.recipe_id()] = item
                if item.base_cut is not None:
                    chunks = (segment.hash for segment in item.cut.recipe.segments() if not segment.key)
                    beside.update({name: lengths[name] for name in chunks if name in lengths})
        if sum(fresh.values()) < ASK_BYTES and not bases:
            return (recipes.keys() | fresh.keys()) - self._done, list(items)
        unasked = beside.keys() if sum(beside.values()) <= UNASKED_BYTES else set()
        asked = self._ask([*recipes, *(name for name in fresh if name not in unasked), *bases.values()])
        known = {s.hash for name, item in recipes.items() if name not in asked for s in item.cut.recipe.segments()}
        missing = (asked & (recipes.keys() | fresh.keys())) | (unasked - known)
        usable = [
            replace(item, base=None, base_cut=None) if bases.get(number) in asked else item
            for number, item in enumerate(items)
        ]
        alone = [item for number, item in enumerate(items) if bases.get(number) in asked]
        if alone:
            whole = dict.fromkeys(name for item in alone for name in _lengths(item.cut.recipe, set()))
            missing = (missing - whole.keys()) | self._ask(list(whole))
        return missing - self._done, usable

    def _ask(self, names: list[ContentHash]) -> set[ContentHash]:
        answers = self._server.find_missing(self._repository, names)
        return {name for name, missing in zip(names, answers, strict=True) if missing}


def _batches(numbers: Sequence[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of inputs in as many batches as their number and size ask for."""
    batch: list[int] = []
    total = 0
    for number in numbers:
        if batch and (len(batch) == BATCH_FILES or total + sizes[number] > BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(number)
        total += sizes[number]
    if batch:
        yield batch


def _lengths(recipe: Recipe, without: set[ContentHash]) -> dict[ContentHash, int]:
    """The segments of a recipe that hold anything, save those named."""
    return {s.hash: s.length for s in recipe.segments() if s.length and s.hash not in without}


def _unsent(items: Sequence[Item], missing: set[ContentHash]) -> int:
    total = sum(item.cut.recipe.size for item in items)
    sent = {s.hash: s.length for item in items for s in item.cut.recipe.segments() if s.hash in missing}
    return total - sum(sent.values())


def _uploaded(item: Item) -> UploadedContent:
    """What Publish says of an item, once all its frames are made. Raises: FileChanging."""
    stamp = None
    if isinstance(item.source, FileSource):
        item.source.check_unchanged()
        stamp = item.source.stamp
    return UploadedContent(item.given.path, item.cut.content, item.cut.recipe.size, item.cut.text, stamp)
