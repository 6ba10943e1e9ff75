"""Turn the decisions of an update into a journal: staged bytes, renames, and the state afterwards."""

from __future__ import annotations

import os
from dataclasses import field

from mlv.actions.merging import compare
from mlv.actions.status import REQUIRED
from mlv.actions.updating import Act, Decision
from mlv.workspace import journal, materialize, pristine
from mlv.workspace.journal import Stamp, Step
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import LocalChanges


@dataclass(slots=True)
class Work:
    """The journal in the making."""

    steps: list[Step] = field(default_factory=list)
    rows: list[TrackedFile] = field(default_factory=list)
    trusted: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    added_pending: list[tuple[str, str, str]] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    """Paths whose property edits end with their files: they must not be there when a file of that path comes back."""
    told: dict[str, list[str]] = field(default_factory=dict)

    def tell(self, kind: str, path: str) -> None:
        """Note what happened to a path."""
        self.told.setdefault(kind, []).append(path)


def compose(
    workspace: Workspace, decisions: list[Decision], files: dict[str, str], *, target: int, strict: bool
) -> Work:
    """Stage all bytes beside the old ones and say what is to be renamed; `files` are the fetched ones by path.

    Raises: LocalChanges when something conflicts and `strict` forbids it; UnsupportedFile for a link that leaves.
    """
    work = Work()
    uses: dict[str, int] = {}
    for file in files.values():
        uses[file] = uses.get(file, 0) + 1
    mask = materialize.umask()
    for number, decision in enumerate(decisions):
        if decision.act is Act.PLACE:
            file = _own_copy(workspace, files, decision.path, uses, number)
            _place(workspace, work, decision, file, mask, number)
        elif decision.act is Act.RETAG:
            _retag(workspace, work, decision)
        elif decision.act is Act.REMOVE:
            _remove(work, decision)
        elif decision.act is Act.FORGET:
            _forget(work, decision)
        elif decision.act is Act.REBASE:
            _rebase(work, decision)
        elif decision.act is Act.COMPARE:
            _compare(workspace, work, decision, files[decision.path], f"merged-{number}", target)
        else:
            _conflict(work, decision, target)
    if strict and work.conflicts:
        raise LocalChanges("Local changes touch files that differ there.", items=tuple(p for p, _ in work.conflicts))
    return work


def _own_copy(workspace: Workspace, files: dict[str, str], path: str, uses: dict[str, int], number: int) -> str:
    """A fetched file that only this path uses."""
    file = files[path]
    uses[file] -= 1
    if not uses[file]:
        return file
    own = os.path.join(workspace.layout.incoming, f"copy-{number}")
    pristine.clone(file, own, durable=False)
    return own


def _place(workspace: Workspace, work: Work, decision: Decision, file: str, mask: int, number: int) -> None:
    row, base = decision.row, decision.base
    assert row is not None  # noqa: S101 - PLACE has one
    if decision.place != row.path:
        _keep_text(workspace, row, file)
    # What was fetched keeps its name; a link is made beside the file that holds its target.
    name = os.path.basename(file) if row.mode != SYMLINK else f"place-{number}"
    read_only = row.need == REQUIRED and not row.opened and not row.token
    materialize.stage(workspace.layout, file, name, decision.place, row.mode, read_only=read_only, mask=mask)
    work.steps.append(Step(decision.place, name, _stamp(decision.replaces)))
    if base is not None and base.path != row.path:
        work.dropped.append(base.path)
        if decision.place == row.path:
            work.steps.append(Step(base.path, "", _stamp(base) if decision.fresh else None))
    if not decision.fresh:
        work.pending.extend({row.path, decision.place, base.path if base is not None else row.path})
    if decision.drop_pending:
        work.pending.append(row.path)
    if decision.place != row.path:
        work.added_pending.append((decision.place, "move", row.path))
    work.rows.append(row)
    if decision.place == row.path:
        work.trusted.append(row.path)
    work.settled.append(row.path)
    work.tell("modified" if base is not None else "added", row.path)


def _retag(workspace: Workspace, work: Work, decision: Decision) -> None:
    """The right bytes are here: only what is known of them changes, and maybe their path."""
    row, base = decision.row, decision.base
    assert row is not None  # noqa: S101
    assert base is not None  # noqa: S101
    here = base.path
    if base.path != row.path:
        work.steps.append(Step(row.path, source=base.path))
        work.dropped.append(base.path)
    if (row.mode, row.need) != (base.mode, base.need) and os.path.exists(workspace.layout.absolute(here)):
        read_only = row.need == REQUIRED and not row.opened and not row.token
        materialize.set_read_only(workspace.layout.absolute(here), row.mode, read_only=read_only)
    work.rows.append(row._replace(mtime_ns=base.mtime_ns, ctime_ns=base.ctime_ns, inode=base.inode, doubtful=1))
    work.tell("modified", row.path)


def _remove(work: Work, decision: Decision) -> None:
    work.steps.append(Step(decision.place, "", _stamp(decision.replaces)))
    _forget(work, decision)


def _forget(work: Work, decision: Decision) -> None:
    """The file is tracked no longer; whatever lies there is not its bytes."""
    work.dropped.append(decision.path)
    work.pending.extend({decision.path, decision.place})
    work.edits.extend({decision.path, decision.place})
    work.settled.append(decision.path)
    work.tell("deleted", decision.path)


def _stamp(file: TrackedFile | None) -> Stamp | None:
    """The stamp under which a scan found the file's own bytes; what has another one by now is the user's."""
    return None if file is None else (file.size, file.mtime_ns, file.ctime_ns, file.inode)


def _rebase(work: Work, decision: Decision) -> None:
    """The local bytes stay, over the version's new state of the file."""
    row, base = decision.row, decision.base
    assert row is not None  # noqa: S101
    if base is not None and base.path != row.path:
        work.dropped.append(base.path)
        work.pending.append(decision.place)
        if decision.place in {base.path, row.path}:
            work.steps.append(Step(row.path, source=base.path))
        else:
            work.added_pending.append((decision.place, "move", row.path))
    elif base is None:
        work.pending.append(decision.place)
    work.rows.append(row._replace(doubtful=1))
    work.settled.append(row.path)
    work.tell("merged", row.path)


def _compare(workspace: Workspace, work: Work, decision: Decision, theirs: str, name: str, target: int) -> None:
    row = decision.row
    assert row is not None  # noqa: S101
    compared = compare(workspace, decision.place, decision.base, row, theirs)
    if compared.equal or compared.merged is not None:
        _keep_text(workspace, row, theirs)
    if compared.equal:
        _rebase(work, decision)
        read_only = row.need == REQUIRED and not row.opened and not row.token
        materialize.set_read_only(workspace.layout.absolute(decision.place), row.mode, read_only=read_only)
    elif compared.merged is not None:
        staged = os.path.join(workspace.layout.incoming, name)
        with open(staged, "wb") as stream:
            stream.write(compared.merged)
        os.chmod(staged, materialize.permissions(row.mode, read_only=False, mask=materialize.umask()))
        # The local bytes are all in the merged ones, but the user never saw those: keep them aside.
        base = decision.base
        place = decision.path if base is not None and decision.place == base.path else decision.place
        work.steps.append(Step(place, name, None))
        _rebase(work, decision)
    else:
        _conflict(work, decision, target)


def _keep_text(workspace: Workspace, row: TrackedFile, theirs: str) -> None:
    """The text of a new base whose bytes will not lie in the workspace themselves: diff, revert and merges need it."""
    if row.text and row.mode != SYMLINK and row.size <= pristine.TEXT_LIMIT_BYTES:
        with open(theirs, "rb") as stream, workspace.state.transaction():
            workspace.state.put_texts([(row.content, stream.read())])


def _conflict(work: Work, decision: Decision, target: int) -> None:
    """The local file and its base stay; what the version has is remembered for `resolve`."""
    work.conflicts.append(
        (decision.place, journal.encode_row(decision.row._replace(changeset=target) if decision.row else None))
    )
    if decision.base is not None:
        work.rows.append(decision.base)
    work.tell("conflicts", decision.place)
