"""What a commit records besides its files, from the command line, `mlv.toml` and the environment (R1, R2)."""

from __future__ import annotations

from collections import Counter

from mlv.actions import environment
from mlv.actions.context import Context
from mlv.actions.recordfiles import read_record_files
from mlv_core.deferred import dataclass
from mlv_core.entities import (
    DatasetReference,
    DatasetRole,
    Environment,
    Input,
    Metric,
    MetricKind,
    Records,
)
from mlv_core.errors import NotFound, UsageError
from mlv_core.ids import ChangesetNumber, RepositoryName, Revision, RevisionKind, escape
from mlv_core.records import DatasetSpec, parse_input, parse_metric, parse_param


@dataclass(frozen=True, slots=True)
class Given:
    """What the user gives: `K=V`, `NAME=V[@DATASET]`, `ROLE=DATASET`, a file, `@REV`, a run's id.

    DATASET is `REPO@REV:PATH`, `@REV:PATH` or `PATH` (as the workspace has it) of this repository; that of a metric may
    also be the role of one of `datasets`.

    `origin` says who gave it: 'command line' or 'sdk'.
    """

    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    environment_file: str = ""
    trained_from: str = ""
    run_id: str = ""
    origin: str = "command line"

    @property
    def empty(self) -> bool:
        """Whether the user recorded nothing by this commit (C5)."""
        return not (self.params or self.metrics or self.datasets or self.trained_from or self.run_id)


def collect(context: Context, given: Given) -> Records:
    """All records of a commit; the command line wins over files.

    Raises: UsageError, also for a value given twice; NotFound for a data set that does not exist, and those of the
    connection for data sets.
    """
    file_params, file_metrics = read_record_files(context.workspace.layout.root)
    params = {item.name: item for item in file_params}
    own_params = [parse_param(text, given.origin) for text in given.params]
    _check_once("param", [(item.name, None) for item in own_params])
    params.update({item.name: item for item in own_params})
    inputs = tuple(_input(context, text) for text in given.datasets)
    own = [_metric(context, text, given.origin, inputs) for text in given.metrics]
    _check_once("metric", [(metric.name, metric.dataset) for metric in own])
    named = {metric.name for metric in own}
    metrics = [metric for metric in file_metrics if metric.name not in named] + own
    file = given.environment_file
    env: Environment = environment.read(file) if file else environment.capture()
    return Records(
        params=tuple(params[name] for name in sorted(params)),
        metrics=tuple(sorted(metrics, key=lambda metric: metric.name)),
        inputs=inputs,
        trained_from=_trained_from(context, given.trained_from),
        environment=env,
        run_id=given.run_id,
    )


def _check_once(noun: str, named: list[tuple[str, DatasetReference | None]]) -> None:
    """Check that no value would be lost behind another of its name. Raises: UsageError."""
    for (name, _), times in Counter(named).items():
        if times > 1:
            raise UsageError(
                f"The {noun} '{escape(name)}' is given more than once.",
                advice="Give one value; only one would be kept.",
            )


def _metric(context: Context, text: str, origin: str, inputs: tuple[Input, ...]) -> Metric:
    parsed = parse_metric(text)
    dataset = parsed.dataset
    if isinstance(dataset, DatasetRole):
        reference: DatasetReference | None = _input_of(dataset, inputs)
    else:
        reference = None if dataset is None else _resolved(context, dataset)
    return Metric(parsed.name, parsed.value, MetricKind.TRAINING, reference, origin=origin)


def _input_of(role: DatasetRole, inputs: tuple[Input, ...]) -> DatasetReference:
    found = [given.dataset for given in inputs if given.role is role]
    name = role.name.lower()
    if len(found) != 1:
        raise UsageError(
            f"'{name}' names {'no' if not found else 'more than one'} data set of this commit.",
            advice=f"Give one with --dataset {name}=REPO@REV:PATH, or name the data set itself.",
        )
    return found[0]


def _input(context: Context, text: str) -> Input:
    role, dataset = parse_input(text)
    return Input(role, _resolved(context, dataset))


def _resolved(context: Context, given: DatasetSpec) -> DatasetReference:
    """The exact version that the user names, with the digest of its bytes.

    Raises: NotFound, UsageError, and those of the connection.
    """
    workspace = context.workspace
    own = RepositoryName.parse(workspace.repository)
    repository = given.repository or own
    revision = given.revision
    if revision is None or revision.kind is RevisionKind.HAVE:
        if repository != own:
            raise UsageError(f"@have is no version of {repository}.", advice="Write REPOSITORY@REVISION:PATH.")
        number = ChangesetNumber(workspace.base)
    else:
        branch = workspace.branch if repository == own else ""
        number = context.server().resolve(repository, str(revision)[1:], branch)[0]
    rows = context.server().list_files(repository, number, (given.path,))
    row = next((row for row in rows if row.path == given.path), None)
    if row is None:
        raise NotFound(f"There is no '{escape(given.path)}' in {repository}@{number}.", advice="'mlv ls' lists them.")
    return DatasetReference(str(repository), number, given.path, bytes(row.state.content))


def _trained_from(context: Context, text: str) -> ChangesetNumber | None:
    if not text:
        return None
    revision = Revision.parse(text)
    workspace = context.workspace
    if revision.kind is RevisionKind.HAVE:
        return ChangesetNumber(workspace.base)
    repository = RepositoryName.parse(workspace.repository)
    return context.server().resolve(repository, str(revision)[1:], workspace.branch)[0]
