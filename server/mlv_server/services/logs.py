"""The log: which changesets a filter means, and what of them the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlv_core.entities import Changeset, Environment
from mlv_core.errors import InvalidRequest, NotFound
from mlv_core.ids import BranchId, ChangesetNumber, FileId, RepositoryName
from mlv_core.paths import show_path
from mlv_core.requests import HistoryFilter
from mlv_server.metadata.changesets import Selection
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.versions import ROWS_LIMIT
from mlv_server.services.call import Call
from mlv_server.services.history import batches, entities
from mlv_server.services.sights import View, ref_of

PAGE_LIMIT = 1000
"""Changesets in one page: their records may be long."""


async def list_changesets(
    call: Call, repository: RepositoryName, wanted: HistoryFilter
) -> tuple[tuple[Changeset, ...], int]:
    """A page of changesets, newest first, and where the next page begins (0: there is none).

    It has fewer than `page_size` where their records would not fit into a message.

    Raises: NotFound for the branch or path, InvalidRequest.
    """
    if not 0 < wanted.page_size <= PAGE_LIMIT:
        raise InvalidRequest(f"page_size is {wanted.page_size}; it may be 1 to {PAGE_LIMIT}.")

    def work(tx: Transaction) -> tuple[tuple[Changeset, ...], int]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        selection = replace(_selection(tx, row, view, wanted), hidden=view.hidden_branches())
        found = tx.changesets.select(row.id, selection, limit=wanted.page_size + 1)
        page = next(batches(entities(tx, row, found[: wanted.page_size]), _Weights().of), ())
        following = page[-1].number if len(found) > len(page) else 0
        return tuple(view.told(one) for one in page if _is_told(tx, row, view, one, wanted.path)), following

    return await call.db.read(work)


class _Weights:
    """About how many bytes changesets take in a message; many of them share an environment."""

    def __init__(self) -> None:
        self._environments: dict[bytes, int] = {}

    def of(self, changeset: Changeset) -> int:
        """The bytes of one, with its environment."""
        environment = changeset.records.environment
        if environment.digest not in self._environments:
            self._environments[environment.digest] = len(repr(environment))
        rest = replace(changeset.records, environment=Environment())
        return len(changeset.message) + len(repr(rest)) + self._environments[environment.digest]


def _selection(tx: Transaction, repository: RepositoryRow, view: View, wanted: HistoryFilter) -> Selection:
    """The filter as changesets know it. Raises: NotFound."""
    heads = [branch.head for branch in view.branches()]
    within: dict[BranchId, ChangesetNumber] | None = None
    if wanted.branch:
        heads = [view.branch(wanted.branch).head]
        within = tx.changesets.ancestors(repository.id, heads[0])
    last = min((bound for bound in (wanted.last, wanted.before - 1) if bound > 0), default=0)
    if wanted.before == 1:
        return Selection(only=())
    only = tuple(label.changeset for label in view.labels()) if wanted.labelled else None
    if not wanted.path:
        return Selection(within, wanted.author, wanted.first, last, only=only)
    files = _files_at(tx, repository, heads, wanted.path)
    if not _may_name(tx, repository, view, wanted, files) or (
        not files and not _is_folder(tx, repository, heads, wanted.path)
    ):
        raise NotFound(f"No version has a file or folder '{show_path(wanted.path)}'.")
    large = tx.changesets.larger_than(repository.id, Selection(within), ROWS_LIMIT)
    also = tuple(number for number in large if _touches(tx, repository, number, files, wanted.path))
    below = "" if files else wanted.path
    return Selection(within, wanted.author, wanted.first, last, files or None, below, also, only)


def _files_at(
    tx: Transaction, repository: RepositoryRow, heads: Sequence[ChangesetNumber], path: str
) -> frozenset[FileId]:
    """The files that stand at `path` in one of the heads, else those that ever stood there."""
    standing = (tx.versions.lookup(repository.id, head, (path,)).get(path) for head in sorted(set(heads)))
    found = frozenset(state.file_id for state in standing if state is not None)
    return found or frozenset(tx.versions.ids_at(repository.id, path))


def _is_folder(tx: Transaction, repository: RepositoryRow, heads: Sequence[ChangesetNumber], path: str) -> bool:
    if tx.versions.had_below(repository.id, path):
        return True
    return any(next(tx.versions.files(repository.id, head, (path,)), None) is not None for head in set(heads))


def _touches(
    tx: Transaction, repository: RepositoryRow, number: ChangesetNumber, files: frozenset[FileId], path: str
) -> bool:
    """Whether a changeset too large for rows changed one of `files`, or without them anything below `path`."""
    if not files:
        return any(True for _ in tx.versions.own_changes(repository.id, number, below=path))
    paths = {path}.union(*(tx.versions.paths_of(repository.id, one) for one in files))
    return any(
        change.file_id in files for one in paths for change in tx.versions.own_changes(repository.id, number, below=one)
    )


def _may_name(
    tx: Transaction, repository: RepositoryRow, view: View, wanted: HistoryFilter, files: frozenset[FileId]
) -> bool:
    """Whether the path of a filter may be told of: a file itself, of a folder something in there."""
    shows = view.shows_on(ref_of(view.branch(wanted.branch).name if wanted.branch else view.main().name))
    if shows is None or shows(wanted.path):
        return True
    if files:
        return False
    heads = [branch.head for branch in view.branches()]
    return any(shows(row.path) for head in heads for row in tx.versions.files(repository.id, head, (wanted.path,)))


def _is_told(tx: Transaction, repository: RepositoryRow, view: View, changeset: Changeset, path: str) -> bool:
    """Whether a changeset found by a path has a change at or below it that the caller may see."""
    shows = view.shows_on(ref_of(changeset.branch)) if path else None
    if shows is None:
        return True
    found = [shows(change.path) for change in tx.versions.own_changes(repository.id, changeset.number, below=path)]
    return not found or any(found)
