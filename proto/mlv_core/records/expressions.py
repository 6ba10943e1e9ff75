"""How users write records: K=V, NAME=V[@DATASET], ROLE=DATASET, and conditions on metrics."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from mlv_core.deferred import dataclass
from mlv_core.entities import DatasetRole, Param
from mlv_core.errors import UsageError
from mlv_core.ids import RepositoryName, Revision, escape
from mlv_core.paths import check_path

COMMAND_LINE = "command line"
NAME_LIMIT = 256
"""Characters of a param's or metric's name: one line of a table."""

_CONDITION = re.compile(r"(?P<name>[^<>=!]++)(?:(?P<operator>>=|<=|==|!=|=|>|<)(?P<value>.++))?", re.DOTALL)
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A data file as the user names it, before it is resolved.

    `repository` None: the workspace's own; `revision` None: the version that the workspace has.
    """

    path: str
    repository: RepositoryName | None = None
    revision: Revision | None = None


@dataclass(frozen=True, slots=True)
class ParsedMetric:
    """A metric as the user wrote it; `dataset` may be a role that another option of the command fills."""

    name: str
    value: float
    dataset: DatasetSpec | DatasetRole | None = None


@dataclass(frozen=True, slots=True)
class MetricExpression:
    """`NAME`, or `NAME OPERATOR NUMBER`; `operator` is '' for a name alone."""

    name: str
    operator: str = ""
    threshold: float = 0.0

    def matches(self, value: float) -> bool:
        """Whether a value fulfils the condition; a name alone is fulfilled by every value, NaN fulfils only '!='."""
        return not self.operator or _OPERATORS[self.operator](value, self.threshold)


def parse_param(text: str, origin: str = COMMAND_LINE) -> Param:
    """Read `K=V`. Raises: UsageError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"'{escape(text)}' is not a parameter.", advice="Write NAME=VALUE.")
    return Param(_name(name, "parameter"), _text(value), origin)


def parse_metric(text: str) -> ParsedMetric:
    """Read `NAME=V[@DATASET]`; DATASET is as in `parse_dataset`, or a role: train, eval, dev, test.

    Raises: UsageError.
    """
    name, equals, rest = text.partition("=")
    value, at, dataset = rest.partition("@")
    if not equals:
        raise UsageError(f"'{escape(text)}' is not a metric.", advice="Write NAME=NUMBER or NAME=NUMBER@DATASET.")
    spec: DatasetSpec | DatasetRole | None = None
    if at:
        spec = _role(dataset) or parse_dataset(dataset)
    return ParsedMetric(_name(name, "metric"), _number(value, name), spec)


def parse_dataset(text: str) -> DatasetSpec:
    """Read `NS/NAME@REV:PATH`, `@REV:PATH` of the same repository, or `PATH` of the version that the workspace has.

    Raises: UsageError.
    """
    before, colon, path = text.partition(":")
    if not colon:
        return DatasetSpec(check_path(text))
    repository, at, revision = before.partition("@")
    if not at:
        raise UsageError(
            f"'{escape(text)}' does not name a data file of a version.", advice="Write REPOSITORY@REVISION:PATH."
        )
    name = RepositoryName.parse(repository) if repository else None
    return DatasetSpec(check_path(path), name, Revision.parse(revision))


def parse_input(text: str) -> tuple[DatasetRole, DatasetSpec]:
    """Read `ROLE=DATASET`, ROLE one of train, eval, dev, test. Raises: UsageError."""
    name, equals, dataset = text.partition("=")
    role = _role(name)
    if not equals or role is None:
        raise UsageError(
            f"'{escape(text)}' is not an input.", advice="Write train|eval|dev|test=REPOSITORY@REVISION:PATH."
        )
    return role, parse_dataset(dataset)


def parse_metric_expression(text: str) -> MetricExpression:
    """Read `val/f1` or `val/f1>=0.9`; operators are >= <= > < = !=. Raises: UsageError."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(f"'{escape(text)}' is not a condition on a metric.", advice="Write NAME or NAME>=NUMBER.")
    name = _name(match["name"], "metric")
    if match["operator"] is None:
        return MetricExpression(name)
    return MetricExpression(name, match["operator"], _number(match["value"], name))


def _role(text: str) -> DatasetRole | None:
    return DatasetRole.__members__.get(text.upper()) if text.islower() else None


def _name(name: str, what: str) -> str:
    stripped = _text(name.strip())
    if not stripped or len(stripped) > NAME_LIMIT:
        raise UsageError(f"A {what}'s name has 1 to {NAME_LIMIT} characters; '{escape(name[:NAME_LIMIT])}' has not.")
    return stripped


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"'{escape(text[:NAME_LIMIT])}' is no number for '{escape(name[:NAME_LIMIT])}'.") from None


def _text(value: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(f"'{escape(value[:NAME_LIMIT])}' is no Unicode text.")
    return value
