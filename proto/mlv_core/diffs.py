"""Differences of two versions' params, metrics, environments and properties, and of two texts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from mlv_core.deferred import dataclass
from mlv_core.entities import DatasetReference, Environment, Metric, MetricKind, Param, Properties
from mlv_core.ids import escape

TEXT_DIFF_LIMIT = 4 * 1024 * 1024
"""Bytes of one side; comparing longer texts line by line costs minutes."""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A named value that differs; None where it is absent. The origins say where each side's value came from."""

    name: str
    before: str | None
    after: str | None
    before_origin: str = ""
    after_origin: str = ""


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric that differs, measured on the same data in the same way; None where it is absent."""

    name: str
    kind: MetricKind
    dataset: DatasetReference | None
    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        """How much it grew; None where one side is absent."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class EnvironmentDifference:
    """What differs between two environments; a package that is new or gone has None on one side."""

    facts: tuple[ValueChange, ...]
    packages: tuple[ValueChange, ...]


def diff_params(before: Iterable[Param], after: Iterable[Param]) -> tuple[ValueChange, ...]:
    """Params that differ in value, by name; of a name given twice the last counts."""
    old = {param.name: param for param in before}
    new = {param.name: param for param in after}
    found: list[ValueChange] = []
    for name in sorted({*old, *new}):
        one, other = old.get(name), new.get(name)
        if one is None or other is None or one.value != other.value:
            found.append(
                ValueChange(
                    name,
                    one.value if one else None,
                    other.value if other else None,
                    one.origin if one else "",
                    other.origin if other else "",
                )
            )
    return tuple(found)


def diff_metrics(before: Iterable[Metric], after: Iterable[Metric]) -> tuple[MetricChange, ...]:
    """Metrics that differ; only values of the same kind, data set and context are compared, the latest of each.

    Two NaN are equal.
    """
    old, new = _latest(before), _latest(after)
    found: list[MetricChange] = []
    for key in sorted({*old, *new}, key=repr):
        one, other = old.get(key), new.get(key)
        some = other or one
        first, second = (one.value if one else None), (other.value if other else None)
        if some is not None and not _same_number(first, second):
            found.append(MetricChange(some.name, some.kind, some.dataset, first, second))
    return tuple(sorted(found, key=lambda change: change.name))


def diff_environments(before: Environment, after: Environment) -> EnvironmentDifference:
    """Facts and packages that differ."""
    return EnvironmentDifference(
        diff_properties(before.facts, after.facts), diff_properties(before.packages, after.packages)
    )


def diff_properties(before: Properties, after: Properties) -> tuple[ValueChange, ...]:
    """KEY, VALUE pairs that differ, by key."""
    old, new = dict(before), dict(after)
    return tuple(
        ValueChange(key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    )


def unified_diff(
    before: bytes | None, after: bytes | None, before_name: str, after_name: str, context: int = 3
) -> Iterator[str]:
    """The lines, without line ends, of a unified diff; None for a side that has no such file. Nothing if equal.

    Control characters and bytes that are no text are shown escaped, so that a diff cannot drive a terminal.
    """
    if before == after:
        return
    old, new = _lines(before), _lines(after)
    yield f"--- {escape(before_name) if before is not None else '/dev/null'}"
    yield f"+++ {escape(after_name) if after is not None else '/dev/null'}"
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > 20_000)  # noqa: PLR2004 - minutes
    for group in matcher.get_grouped_opcodes(context):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from _marked(" ", old[old_from:old_to])
            else:
                yield from _marked("-", old[old_from:old_to])
                yield from _marked("+", new[new_from:new_to])


def _shown(line: str) -> str:
    """A line of a file as it may be shown: tabs stay, other control characters are escaped."""
    return "\t".join(escape(part) for part in line.split("\t"))


def _latest(metrics: Iterable[Metric]) -> dict[tuple[object, ...], Metric]:
    latest: dict[tuple[object, ...], Metric] = {}
    for metric in metrics:
        key = (metric.name, metric.kind, _measured_on(metric.dataset), tuple(sorted(metric.context)))
        known = latest.get(key)
        if known is None or (metric.step, metric.time) >= (known.step, known.time):
            latest[key] = metric
    return latest


def _measured_on(dataset: DatasetReference | None) -> object:
    """The same for the same bytes, in whichever version they were named."""
    return None if dataset is None else (dataset.repository, dataset.path, dataset.digest or dataset.changeset)


def _same_number(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (one != one and other != other)  # noqa: PLR0124 - only NaN differs from itself


def _lines(data: bytes | None) -> list[str]:
    """Lines with their line feed; no other character ends a line."""
    text = (data or b"").decode("utf-8", "surrogateescape")
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _marked(mark: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield mark + _shown(line.removesuffix("\n"))
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
