"""What a commit records besides its files, from the command line, `mlv.toml` and the environment (R1, R2)."""

from __future__ import annotations

from dataclasses import dataclass

from mlv.actions import environment
from mlv.actions.context import Context
from mlv.actions.recordfiles import read_record_files
from mlv_core.entities import (
    DatasetReference,
    DatasetRole,
    Environment,
    Input,
    Metric,
    MetricKind,
    Param,
    Records,
)
from mlv_core.errors import NotFound, UsageError
from mlv_core.ids import ChangesetNumber, RepositoryName, Revision, RevisionKind, escape


@dataclass(frozen=True, slots=True)
class Given:
    """What the user gives: `K=V`, `NAME=V[@DATASET]`, `ROLE=REPO@REV:PATH`, a file, `@REV`, a run's id.

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

    Raises: UsageError, NotFound for a data set that does not exist, and those of the connection for data sets.
    """
    file_params, file_metrics = read_record_files(context.workspace.layout.root)
    params = {item.name: item for item in file_params}
    params.update({item.name: item for item in (_param(text, given.origin) for text in given.params)})
    own = [_metric(context, text, given.origin) for text in given.metrics]
    named = {metric.name for metric in own}
    metrics = [metric for metric in file_metrics if metric.name not in named] + own
    file = given.environment_file
    env: Environment = environment.read(file) if file else environment.capture()
    return Records(
        params=tuple(params[name] for name in sorted(params)),
        metrics=tuple(sorted(metrics, key=lambda metric: metric.name)),
        inputs=tuple(_input(context, text) for text in given.datasets),
        trained_from=_trained_from(context, given.trained_from),
        environment=env,
        run_id=given.run_id,
    )


def _param(text: str, origin: str) -> Param:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"'{escape(text)}' is not NAME=VALUE.", advice="--param lr=2e-5")
    return Param(name.strip(), value, origin)


def _metric(context: Context, text: str, origin: str) -> Metric:
    name, equals, rest = text.partition("=")
    value, at, dataset = rest.partition("@")
    try:
        number = float(value)
    except ValueError:
        equals = ""
        number = 0.0
    if not equals or not name.strip():
        raise UsageError(f"'{escape(text)}' is not NAME=NUMBER[@DATASET].", advice="--metric val/f1=0.871")
    reference = read_dataset(context, dataset) if at else None
    return Metric(name.strip(), number, MetricKind.TRAINING, reference, origin=origin)


def _input(context: Context, text: str) -> Input:
    role, equals, rest = text.partition("=")
    try:
        known = DatasetRole[role.upper()]
    except KeyError:
        equals = ""
        known = DatasetRole.TRAIN
    if not equals:
        raise UsageError(
            f"'{escape(text)}' is not train|eval|dev|test=REPO@REV:PATH.", advice="--dataset train=data/clicks@12:x.csv"
        )
    return Input(known, read_dataset(context, rest))


def read_dataset(context: Context, text: str) -> DatasetReference:
    """The exact version that `REPO@REV:PATH`, `@REV:PATH` or `PATH` (both of this repository) names, with its digest.

    Raises: NotFound, UsageError, and those of the connection.
    """
    workspace = context.workspace
    before, colon, path = text.partition(":")
    if not colon:
        before, path = f"@{workspace.base}", text
    name, at, revision = before.rpartition("@")
    if not at or not path:
        raise UsageError(f"'{escape(text)}' is not REPO@REV:PATH.", advice="data/clicks@12:train.parquet")
    repository = RepositoryName.parse(name or workspace.repository)
    number = ChangesetNumber(workspace.base)
    if revision != "have":
        number = context.server().resolve(repository, str(Revision.parse(revision))[1:], "")[0]
    row = next((r for r in context.server().list_files(repository, number, (path,)) if r.path == path), None)
    if row is None:
        raise NotFound(f"There is no '{escape(path)}' in {repository}@{number}.", advice="'mlv ls' lists its files.")
    return DatasetReference(str(repository), number, path, bytes(row.state.content))


def _trained_from(context: Context, text: str) -> ChangesetNumber | None:
    if not text:
        return None
    revision = Revision.parse(text)
    workspace = context.workspace
    if revision.kind is RevisionKind.HAVE:
        return ChangesetNumber(workspace.base)
    repository = RepositoryName.parse(workspace.repository)
    return context.server().resolve(repository, str(revision)[1:], workspace.branch)[0]
