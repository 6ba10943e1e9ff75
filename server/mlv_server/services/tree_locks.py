"""What a lock on a folder meets: locks on folders, and on files that lie below it on a branch (L1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from mlv_core.entities import Branch, Lock
from mlv_core.ids import ChangesetNumber
from mlv_core.paths import is_below, parents
from mlv_core.requests import AcquireRequest
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.sights import View, ref_of


def held_around(tx: Transaction, repository_id: int, branch: Branch, folders: Collection[str]) -> tuple[Lock, ...]:
    """Every lock on a folder, and those on files which lie below `folders` on the branch, under their path there.

    A lock shows under the path that its file has on the lock's own branch; elsewhere the file may lie elsewhere.
    """
    wanted = frozenset(folders)
    found: list[Lock] = []
    elsewhere: list[Lock] = []
    for lock in tx.locks.list_all(repository_id):
        if lock.tree or not wanted.isdisjoint((lock.path, *parents(lock.path))):
            found.append(lock)
        elif lock.branch != branch.name:
            elsewhere.append(lock)
    places = tx.versions.paths_of_each(repository_id, {lock.file_id for lock in elsewhere})
    paths = {path for path in places if not wanted.isdisjoint((path, *parents(path)))}
    states = tx.versions.lookup(repository_id, branch.head, paths) if paths and branch.head else {}
    here = {state.file_id: path for path, state in states.items()}
    found += [replace(lock, path=here[lock.file_id]) for lock in elsewhere if lock.file_id in here]
    return tuple(found)


def by_folder(
    tx: Transaction, repository_id: int, branch: Branch, folders: Collection[str]
) -> dict[str, tuple[Lock, ...]]:
    """Every lock that could meet one on each of `folders` of the branch: on it, below it, or on a folder above."""
    found: dict[str, list[Lock]] = {folder: [] for folder in folders}
    trees: dict[str, list[Lock]] = {}
    for lock in held_around(tx, repository_id, branch, folders):
        if lock.tree:
            trees.setdefault(lock.path, []).append(lock)
        for folder in (lock.path, *parents(lock.path)):
            if folder in found:
                found[folder].append(lock)
    for folder, locks in found.items():
        for above in parents(folder):
            locks.extend(trees.get(above, ()))
    return {folder: tuple(locks) for folder, locks in found.items()}


def check_below(tx: Transaction, view: View, branch: Branch, folders: Collection[str], held: Iterable[Lock]) -> None:
    """Check that the caller may open all that lies below `folders`, and see it: who locks them holds it all.

    Else a refusal would tell of what is hidden there (P4). Raises: Denied naming what shows.
    """

    def below() -> Iterator[str]:
        yield from (lock.path for lock in held if any(is_below(lock.path, folder) for folder in folders))
        for one in tx.versions.difference(view.row.id, ChangesetNumber(0), branch.head, folders):
            yield one.path

    view.check_paths("open", branch, below(), named=False)


def changed_below(tx: Transaction, view: View, branch: Branch, request: AcquireRequest) -> dict[str, tuple[str, ...]]:
    """What differs below each folder between the version that the workspace has and the head of the branch (L5)."""
    repository_id = view.row.id
    known = tx.changesets.find(repository_id, request.bases)
    shows = view.shows_on(ref_of(branch.name))
    found: dict[str, tuple[str, ...]] = {}
    for folder, base in zip(request.paths, request.bases, strict=False):
        if base == branch.head:
            continue
        had = base if base in known else ChangesetNumber(0)
        changed = tx.versions.difference(repository_id, had, branch.head, (folder,))
        found[folder] = tuple(one.path for one in changed if shows is None or shows(one.path))
    return found
