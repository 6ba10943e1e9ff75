"""Files, changes, records, changesets, branches, labels, workspaces, locks: values.proto."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mlv_core.deferred import maker
from mlv_core.entities import (
    Branch,
    BranchKind,
    Change,
    Changeset,
    DatasetReference,
    DatasetRole,
    Environment,
    FileMode,
    FileState,
    Input,
    Label,
    LockNeed,
    Metric,
    MetricKind,
    Operation,
    Param,
    Properties,
    Records,
    Workspace,
)
from mlv_core.errors import InvalidRequest
from mlv_core.hashing import HASH_LENGTH
from mlv_core.ids import BranchId, ChangesetNumber, FileId, WorkspaceId
from mlv_proto.convert import checks
from mlv_proto.v1 import values_pb2 as pb

_NO_HASH = bytes(HASH_LENGTH)
_DELETE = Operation.DELETE
_MODES = {int(mode) + 1: mode for mode in FileMode}
"""By the wire's number, which starts one higher."""


def changes_to_wire(changes: Sequence[Change]) -> pb.Changes:
    """Changes as columns; the columns of sources and properties only where a row has some."""
    states = [change.state for change in changes]
    sources = [change.source for change in changes]
    return pb.Changes(
        paths=[change.path for change in changes],
        operations=_numbers([change.operation for change in changes]),
        file_ids=[change.file_id for change in changes],
        modes=_numbers([state.mode + 1 if state else 0 for state in states]),
        texts=[state.text if state else False for state in states],
        sizes=[state.size if state else 0 for state in states],
        hashes=b"".join(state.content if state else _NO_HASH for state in states),
        sources=sources if any(sources) else [],
        properties=[
            pb.RowProperties(row=row, properties=pairs_to_wire(state.properties))
            for row, state in enumerate(states)
            if state and state.properties
        ],
    )


def changes_from_wire(message: pb.Changes, field: str = "changes", *, known: bool = True) -> tuple[Change, ...]:
    """The changes of columns; without `known` the column of hashes may be absent and counts as zeros.

    Raises: InvalidRequest.
    """
    count = len(message.paths)
    operations = checks.enum_column(Operation, message.operations, count, f"{field}.operations")
    file_ids = checks.bounded(
        checks.column_or(message.file_ids, count, f"{field}.file_ids", 0), count, f"{field}.file_ids"
    )
    modes = checks.column(message.modes, count, f"{field}.modes")
    texts = checks.column(message.texts, count, f"{field}.texts")
    sizes = checks.bounded(message.sizes, count, f"{field}.sizes")
    data = message.hashes if message.hashes or known else _NO_HASH * count
    hashes = checks.hashes(data, count, f"{field}.hashes")
    sources = checks.column_or(message.sources, count, f"{field}.sources", "")
    properties = _row_properties(message.properties, count, f"{field}.properties")
    new_change, new_state = maker(Change), maker(FileState)
    found = []
    rows = zip(message.paths, operations, file_ids, modes, texts, sizes, hashes, sources, strict=True)
    for row, (path, operation, file_id, number, text, size, content, source) in enumerate(rows):
        state = None
        if operation is not _DELETE:
            mode = _MODES.get(number)
            if mode is None:
                raise InvalidRequest(f"{field}.modes is {number} in row {row}; known values are 1, 2, 3.")
            state = new_state(FileId(file_id), mode, text, size, content, properties.get(row, ()) if properties else ())
        found.append(new_change(path, operation, FileId(file_id), state, source))
    return tuple(found)


def needs_to_wire(needs: Iterable[LockNeed]) -> list[pb.LockNeed]:
    """A column of lock needs."""
    return [checks.wire_enum(need) for need in needs]


def needs_from_wire(values: Sequence[int], count: int, field: str) -> tuple[LockNeed, ...]:
    """A column of lock needs. Raises: InvalidRequest."""
    return tuple(checks.enum_column(LockNeed, values, count, field))


def pairs_to_wire(pairs: Iterable[tuple[str, str]]) -> list[pb.Property]:
    """KEY, VALUE pairs."""
    return [pb.Property(key=key, value=value) for key, value in pairs]


def pairs_from_wire(messages: Iterable[pb.Property], field: str) -> Properties:
    """KEY, VALUE pairs, sorted; a key twice or an empty one is refused. Raises: InvalidRequest."""
    pairs = sorted((message.key, checks.text(message.value, field)) for message in messages)
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys) or "" in keys:
        raise InvalidRequest(f"{field} holds a key twice or an empty one.")
    return tuple(pairs)


def dataset_to_wire(dataset: DatasetReference) -> pb.DatasetReference:
    """A data file's exact version."""
    return pb.DatasetReference(
        repository=dataset.repository, changeset=dataset.changeset, path=dataset.path, digest=dataset.digest
    )


def dataset_from_wire(message: pb.DatasetReference, field: str = "dataset") -> DatasetReference:
    """A data file's exact version. Raises: InvalidRequest."""
    if message.digest:
        checks.one_hash(message.digest, f"{field}.digest")
    return DatasetReference(
        checks.text(message.repository, f"{field}.repository"),
        checks.changeset(message.changeset, f"{field}.changeset"),
        checks.text(message.path, f"{field}.path"),
        message.digest,
    )


def metric_to_wire(metric: Metric) -> pb.Metric:
    """A measured value."""
    return pb.Metric(
        name=metric.name,
        value=metric.value,
        kind=checks.wire_enum(metric.kind),
        dataset=dataset_to_wire(metric.dataset) if metric.dataset else None,
        step=metric.step,
        time=metric.time,
        context=pairs_to_wire(metric.context),
        origin=metric.origin,
    )


def metric_from_wire(message: pb.Metric, field: str = "metrics") -> Metric:
    """A measured value; NaN and infinities are kept (R3). Raises: InvalidRequest."""
    if message.step < -1:
        raise InvalidRequest(f"{field}.step is {message.step}; it must be -1 or more.")
    return Metric(
        _record_name(message.name, f"{field}.name"),
        message.value,
        checks.enum(MetricKind, message.kind, f"{field}.kind"),
        dataset_from_wire(message.dataset, f"{field}.dataset") if message.HasField("dataset") else None,
        message.step,
        checks.number(message.time, f"{field}.time"),
        pairs_from_wire(message.context, f"{field}.context"),
        checks.text(message.origin, f"{field}.origin"),
    )


def records_to_wire(records: Records) -> pb.Records:
    """What a changeset remembers."""
    environment = records.environment
    return pb.Records(
        params=[pb.Param(name=param.name, value=param.value, origin=param.origin) for param in records.params],
        metrics=[metric_to_wire(metric) for metric in records.metrics],
        inputs=[
            pb.Input(role=checks.wire_enum(item.role), dataset=dataset_to_wire(item.dataset)) for item in records.inputs
        ],
        trained_from=records.trained_from,
        environment=pb.Environment(
            facts=pairs_to_wire(environment.facts),
            packages=pairs_to_wire(environment.packages),
            origin=environment.origin,
            digest=environment.digest,
        )
        if environment != Environment()
        else None,
        run_id=records.run_id,
    )


def records_from_wire(message: pb.Records, field: str = "records") -> Records:
    """What a changeset remembers. Raises: InvalidRequest."""
    params = tuple(
        Param(
            _record_name(param.name, f"{field}.params.name"),
            checks.text(param.value, f"{field}.params.value"),
            checks.text(param.origin, f"{field}.params.origin"),
        )
        for param in message.params
    )
    inputs = tuple(
        Input(
            checks.enum(DatasetRole, item.role, f"{field}.inputs.role"),
            dataset_from_wire(item.dataset, f"{field}.inputs.dataset"),
        )
        for item in message.inputs
    )
    environment = _environment_from_wire(message.environment, f"{field}.environment")
    trained_from = None
    if message.HasField("trained_from"):
        trained_from = checks.changeset(message.trained_from, f"{field}.trained_from")
    metrics = tuple(metric_from_wire(metric, f"{field}.metrics") for metric in message.metrics)
    return Records(params, metrics, inputs, trained_from, environment, checks.text(message.run_id, f"{field}.run_id"))


def _environment_from_wire(message: pb.Environment, field: str) -> Environment:
    if not message.digest:
        return Environment(
            pairs_from_wire(message.facts, f"{field}.facts"),
            pairs_from_wire(message.packages, f"{field}.packages"),
            checks.text(message.origin, f"{field}.origin"),
        )
    if message.facts or message.packages or message.origin:
        raise InvalidRequest(f"{field} is both stated and named by {field}.digest.")
    return Environment(digest=checks.one_hash(message.digest, f"{field}.digest"))


def changeset_to_wire(changeset: Changeset) -> pb.Changeset:
    """One immutable version."""
    return pb.Changeset(
        number=changeset.number,
        id=changeset.id,
        parents=changeset.parents,
        branch=changeset.branch,
        author=changeset.author,
        time=changeset.time,
        message=changeset.message,
        prepared_min=changeset.prepared_min,
        prepared_max=changeset.prepared_max,
        records=records_to_wire(changeset.records),
        files_changed=changeset.files_changed,
        labels=changeset.labels,
    )


def changeset_from_wire(message: pb.Changeset, field: str = "changeset") -> Changeset:
    """One immutable version. Raises: InvalidRequest."""
    return Changeset(
        checks.changeset(message.number, f"{field}.number"),
        checks.one_hash(message.id, f"{field}.id"),
        tuple(ChangesetNumber(checks.number(parent, f"{field}.parents")) for parent in message.parents),
        message.branch,
        message.author,
        checks.number(message.time, f"{field}.time"),
        message.message,
        checks.changeset(message.prepared_min, f"{field}.prepared_min"),
        checks.changeset(message.prepared_max, f"{field}.prepared_max"),
        records_from_wire(message.records, f"{field}.records"),
        checks.number(message.files_changed, f"{field}.files_changed"),
        tuple(message.labels),
    )


def branch_kind_from_wire(value: int, field: str = "kind") -> BranchKind:
    """What a branch is for. Raises: InvalidRequest."""
    return checks.enum(BranchKind, value, field)


def branch_kind_to_wire(kind: BranchKind) -> pb.BranchKind:
    """What a branch is for."""
    number: pb.BranchKind = checks.wire_enum(kind)
    return number


def branch_to_wire(branch: Branch) -> pb.Branch:
    """A branch."""
    return pb.Branch(
        id=branch.id,
        name=branch.name,
        kind=branch_kind_to_wire(branch.kind),
        target=branch.target,
        head=branch.head,
        origin=branch.origin,
        created_by=branch.created_by,
        created_at=branch.created_at,
        abandoned_at=branch.abandoned_at,
        abandoned_by=branch.abandoned_by,
        abandoned_why=branch.abandoned_why,
    )


def branch_from_wire(message: pb.Branch) -> Branch:
    """A branch. Raises: InvalidRequest."""
    return Branch(
        BranchId(checks.number(message.id, "branch.id")),
        message.name,
        branch_kind_from_wire(message.kind, "branch.kind"),
        message.target,
        checks.changeset(message.head, "branch.head"),
        checks.changeset(message.origin, "branch.origin"),
        message.created_by,
        checks.number(message.created_at, "branch.created_at"),
        checks.number(message.abandoned_at, "branch.abandoned_at") if message.HasField("abandoned_at") else None,
        message.abandoned_by,
        message.abandoned_why,
    )


def label_to_wire(label: Label) -> pb.Label:
    """A label."""
    return pb.Label(
        name=label.name,
        changeset=label.changeset,
        message=label.message,
        by=label.by,
        time=label.time,
        moves=label.moves,
    )


def label_from_wire(message: pb.Label) -> Label:
    """A label. Raises: InvalidRequest."""
    number = checks.changeset(message.changeset, "label.changeset")
    time = checks.number(message.time, "label.time")
    return Label(message.name, number, message.message, message.by, time, message.moves)


def workspace_to_wire(workspace: Workspace) -> pb.Workspace:
    """A registered workspace."""
    return pb.Workspace(
        id=workspace.id,
        repository=str(workspace.repository),
        owner=workspace.owner,
        host=workspace.host,
        directory=workspace.directory,
        branch=workspace.branch,
        base=workspace.base,
        last_seen=workspace.last_seen,
    )


def workspace_from_wire(message: pb.Workspace) -> Workspace:
    """A registered workspace. Raises: InvalidRequest."""
    return Workspace(
        WorkspaceId(message.id),
        checks.repository(message.repository, "workspace.repository"),
        message.owner,
        message.host,
        message.directory,
        message.branch,
        checks.changeset(message.base, "workspace.base"),
        checks.number(message.last_seen, "workspace.last_seen"),
    )


def _numbers(values: Iterable[int]) -> list[Any]:
    """The wire's numbers of enums' members."""
    return list(map(int, values))


def _record_name(name: str, field: str) -> str:
    if not name:
        raise InvalidRequest(f"{field} is empty.")
    return checks.text(name, field)


def _row_properties(messages: Iterable[pb.RowProperties], count: int, field: str) -> dict[int, Properties]:
    found: dict[int, Properties] = {}
    for message in messages:
        if message.row >= count or message.row in found:
            raise InvalidRequest(f"{field}.row is {message.row}: there is no such row, or it stands twice.")
        found[message.row] = pairs_from_wire(message.properties, field)
    return found
