"""A repository as one caller may see it: branches, labels, versions and paths that are hidden are not there (P4).

Nothing is looked at path by path, and no ref is asked about, where no rule about the caller speaks of less than the
whole repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from mlv_core.entities import VERSION_PATH, Branch, Change, Changeset, Input, Label, Lock, Operation
from mlv_core.errors import Denied, InvalidName
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, RepositoryName
from mlv_core.paths import show_path
from mlv_server.domain.events import Event, EventKind, EventValue, rights_of
from mlv_server.domain.lock_queue import Request
from mlv_server.metadata.branches import MAIN, no_branch
from mlv_server.metadata.changesets import no_changeset
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Asker

SHOWN_LIMIT = 100
"""Paths that a refusal names; the number of all is said beside them."""
SEEING = ("list", "meta.read")
"""What it takes to know that a path is there."""

Shows = Callable[[str], bool]


class View:
    """What one caller may see of one repository, within one transaction."""

    def __init__(self, tx: Transaction, call: Asker, row: RepositoryRow) -> None:
        self._tx = tx
        self._call = call
        self._row = row
        self.sight = access.sight(tx, call, row.name)
        self._homes: dict[tuple[str, ChangesetNumber], str | None] = {}
        self._own: dict[ChangesetNumber, str] = {}

    @property
    def row(self) -> RepositoryRow:
        """The repository."""
        return self._row

    @property
    def tells_refs(self) -> bool:
        """Whether some branches or labels may be hidden."""
        return self.sight.tells_refs("list")

    def branch(self, name: str) -> Branch:
        """The branch of a name. Raises: NotFound, also for one that the caller may not list."""
        branch = self._tx.branches.get(self._row.id, name)
        if not self.sight.may("list", ref_of(branch.name)):
            raise no_branch(name)
        return self._shown(branch)

    def whole(self, branch: Branch) -> Branch:
        """The branch with its target, also one that is hidden: decisions go by what is, not by what shows."""
        hidden = self.tells_refs and not branch.target
        return self._tx.branches.by_id(self._row.id, branch.id) if hidden else branch

    def find_branch(self, name: str) -> Branch | None:
        """As `branch`, or None."""
        branch = self._tx.branches.find(self._row.id, name)
        return branch if branch is not None and self.sight.may("list", ref_of(branch.name)) else None

    def main(self) -> Branch:
        """The repository's first branch. Raises: NotFound."""
        branch = self._tx.branches.by_id(self._row.id, MAIN)
        return self.branch(branch.name) if self.tells_refs else branch

    def branches(self) -> tuple[Branch, ...]:
        """Every branch that may be listed, in the order of making."""
        found = self._tx.branches.list_all(self._row.id)
        if not self.tells_refs:
            return found
        return tuple(self._shown(one) for one in found if self.sight.may("list", ref_of(one.name)))

    def hidden_branches(self) -> frozenset[BranchId]:
        """The branches whose changesets are not told of."""
        if not (self.tells_refs or self.sight.tells_refs("meta.read")):
            return frozenset()
        return frozenset(one.id for one in self._tx.branches.list_all(self._row.id) if not self._told(one.name))

    def find_label(self, name: str) -> Label | None:
        """The label of a name, None also for one that the caller may not list."""
        label = self._tx.labels.find(self._row.id, name)
        return label if label is not None and self.sight.may("list", f"label/{label.name}") else None

    def labels(self) -> tuple[Label, ...]:
        """Every label that may be listed, newest version first."""
        return tuple(self.labels_among(self._tx.labels.list_all(self._row.id)))

    def labels_among(self, labels: Iterable[Label]) -> Iterator[Label]:
        """Those of `labels` that may be listed."""
        if not self.tells_refs:
            return iter(labels)
        return (label for label in labels if self.sight.may("list", f"label/{label.name}"))

    def label_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the labels' `names` that may be listed."""
        return tuple(name for name in names if not self.tells_refs or self.sight.may("list", f"label/{name}"))

    def check_changeset(self, number: ChangesetNumber) -> None:
        """Check that a changeset is there and may be told of. Raises: NotFound."""
        row = self._tx.changesets.get(self._row.id, number)
        if (self.tells_refs or self.sight.tells_refs("meta.read")) and not self._told(self._own_branch(row.number)):
            raise no_changeset(number)

    def version(self, action: str, number: ChangesetNumber) -> str:
        """The ref under which the caller may do `action` with a version's files; '' where that does not matter.

        That is the branch it was made on; where no rule says anything of that one, a label on it or another branch
        that holds it. 0 is the empty version. Raises: NotFound.
        """
        if not number:
            return ""
        self._tx.changesets.get(self._row.id, number)
        if not (self.sight.tells_refs(action) or self.tells_refs):
            return ""
        key = (action, number)
        if key not in self._homes:
            self._homes[key] = self._home(action, number)
        found = self._homes[key]
        if found is None:
            raise no_changeset(number)
        return found

    def shows(self, number: ChangesetNumber) -> Shows | None:
        """Which paths of a version are told; None: all. Raises: NotFound."""
        return self.shows_on(self.version("meta.read", number))

    def shows_on(self, ref: str) -> Shows | None:
        """Which paths are told on a ref; None: all."""
        return self.allows(SEEING, ref)

    def allows(self, actions: Iterable[str], ref: str) -> Shows | None:
        """The paths on which every one of `actions` that rules tell paths apart for is allowed; None: all.

        What is said of a version as a whole shows to whoever may see the version.
        """
        telling = [action for action in actions if self.sight.tells_paths(action)]
        if not telling:
            return None
        may = self.sight.may
        return lambda path: all(
            may(action, ref, path) for action in telling if path != VERSION_PATH or action not in SEEING
        )

    def told(self, changeset: Changeset) -> Changeset:
        """The changeset without labels that are hidden, counts of files that are, and inputs that are."""
        shows = self.shows_on(ref_of(changeset.branch))
        files = changeset.files_changed
        if shows is not None:
            files = sum(1 for one in self._tx.versions.own_changes(self._row.id, changeset.number) if shows(one.path))
        records = changeset.records
        inputs = tuple(one for one in records.inputs if self._may_know(one))
        return replace(
            changeset,
            files_changed=files,
            labels=self.label_names(changeset.labels),
            records=records if inputs == records.inputs else replace(records, inputs=inputs),
        )

    def may_hear(self, event: Event) -> bool:
        """Whether the caller, with this token, may be told of an event."""
        action, ref, path = rights_of(event)
        scope = self._call.principal.scope
        return (not scope or action in scope) and self.sight.may(action, ref, path)

    def told_event(self, event: Event) -> Mapping[str, EventValue]:
        """What an event that the caller may see says: of a commit, how many files they may see in it."""
        data = event.data
        if event.kind is not EventKind.COMMIT_PUBLISHED or not self.sight.tells_paths("list"):
            return data
        shows = self.shows_on(ref_of(str(data["branch"])))
        changes = self._tx.versions.own_changes(self._row.id, ChangesetNumber(int(data["changeset"] or 0)))
        return {**data, "files": sum(1 for one in told_changes(changes, shows))}

    def locks(self, held: Iterable[Lock]) -> tuple[Lock, ...]:
        """Those of `held` that the caller may know of: all of their own, others' on branches and paths that show."""
        if not (self.tells_refs or self.sight.tells_paths("list")):
            return tuple(held)
        own, may = self._call.principal.user, self.sight.may
        return tuple(lock for lock in held if lock.owner == own or may("list", ref_of(lock.branch), lock.path))

    def hidden_locks(self, held: Iterable[Lock]) -> frozenset[FencingToken]:
        """Those of `held` that the caller may not know of, by their tokens."""
        every = tuple(held)
        shown = self.locks(every)
        return (
            frozenset()
            if len(shown) == len(every)
            else frozenset({lock.token for lock in every} - {lock.token for lock in shown})
        )

    def hidden_requests(self, requests: Iterable[Request]) -> frozenset[int]:
        """Those of the requests for locks that the caller may not know of, by their numbers."""
        own, may = self._call.principal.user, self.sight.may
        return frozenset(
            one.number
            for one in requests
            if one.user != own and not all(may("list", ref_of(one.branch), path) for path in one.paths())
        )

    def may_break(self, held: Iterable[Lock]) -> bool:
        """Whether the caller may break every one of `held` that is another's."""
        others = [lock for lock in held if lock.owner != self._call.principal.user]
        return all(self.sight.may("lock.break", ref_of(lock.branch), lock.path) for lock in others)

    def check_paths(self, action: str, branch: Branch, paths: Iterable[str], *, named: bool = True) -> None:
        """Check that the caller may do `action` on every one of `paths`, and see it.

        Who could write where they may not look would learn by writing. A merge may also bring no change to where a
        rule forbids to write (B4). `named`: the caller named the paths, so that nothing is told by naming them.
        Raises: Denied naming what may not be touched.
        """
        ref = ref_of(branch.name)
        allowed = self.allows((action, *SEEING), ref)
        writing = action == "merge" and self.sight.tells_paths("write")
        if allowed is None and not writing:
            return
        wanted = sorted(set(paths))
        refused = set() if allowed is None else {path for path in wanted if not allowed(path)}
        if writing:
            refused.update(self.sight.forbidden("write", ref, wanted))
        shows = None if named else self.shows_on(ref)
        shown = [path for path in sorted(refused) if shows is None or shows(path)]
        refuse(action, branch.name, shown, more=len(shown) < len(refused))

    def _may_know(self, one: Input) -> bool:
        """Whether the caller may know of a data file, which may lie in another repository (R5)."""
        named, path = one.dataset.repository, one.dataset.path
        if not named or named == str(self._row.name):
            return self.sight.may("list", "", path)
        try:
            name = RepositoryName.parse(named)
        except InvalidName:
            return True
        return access.sight(self._tx, self._call, name).may("list", "", path)

    def _home(self, action: str, number: ChangesetNumber) -> str | None:
        own = ref_of(self._own_branch(number))
        if self._allowed(action, own):
            return own
        if self.sight.decision(action, own).rule is not None or self.sight.decision("list", own).rule is not None:
            return None  # forbidden by name: no other way leads there (P2)
        for name in self._tx.labels.of_changesets(self._row.id, (number,)).get(number, ()):
            if self._allowed(action, f"label/{name}"):
                return f"label/{name}"
        made_on = self._tx.changesets.get(self._row.id, number).branch_id
        for branch in self._tx.branches.list_all(self._row.id):
            if branch.head >= number and self._allowed(action, ref_of(branch.name)):
                held = self._tx.changesets.ancestors(self._row.id, branch.head)
                if held.get(made_on, 0) >= number:
                    return ref_of(branch.name)
        return None

    def _allowed(self, action: str, ref: str) -> bool:
        return self.sight.may(action, ref) and self.sight.may("list", ref)

    def _told(self, branch: str) -> bool:
        return all(self.sight.may(action, ref_of(branch)) for action in SEEING)

    def _own_branch(self, number: ChangesetNumber) -> str:
        if number not in self._own:
            made_on = self._tx.changesets.get(self._row.id, number).branch_id
            self._own[number] = self._tx.branches.by_id(self._row.id, made_on).name
        return self._own[number]

    def _shown(self, branch: Branch) -> Branch:
        """The branch without the name of a target that is hidden."""
        if self.tells_refs and branch.target and not self.sight.may("list", ref_of(branch.target)):
            return replace(branch, target="")
        return branch


def told_changes(changes: Iterable[Change], shows: Shows | None) -> Iterator[Change]:
    """Those of `changes` whose paths are shown; what moved here from where nothing is shown is new."""
    for change in changes:
        if shows is None:
            yield change
        elif shows(change.path):
            hidden = change.source and not shows(change.source)
            yield replace(change, operation=Operation.ADD, source="") if hidden else change


def ref_of(branch: str) -> str:
    """The ref of a branch as rules name it."""
    return f"branch/{branch}"


def refuse(action: str, branch: str, paths: list[str], *, more: bool = False) -> None:
    """Raises: Denied naming `paths`, which may not be touched, unless there are none; `more` are not to be named."""
    if paths or more:
        shown = tuple(show_path(path) for path in paths[:SHOWN_LIMIT])
        what = f"'{shown[0]}'" if len(paths) == 1 else f"{len(paths):,} of these files"
        if more:
            what = "all that this changes"
        raise Denied(
            f"You may not '{action}' {what} on {branch}.",
            advice=f"'mlv policy explain' says why: USER {action} REPO:{branch}:PATH.",
            items=shown,
        )
