"""The part of mlv diff that compares two versions, or the workspace with one, through the server."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from mlv.actions import diff as differences
from mlv.actions import history
from mlv.actions.history import Place
from mlv.cli.output import escaped
from mlv.cli.revisions import span as read_span
from mlv.cli.running import Run
from mlv_core.entities import Changeset, FileState, Metric
from mlv_core.errors import UsageError
from mlv_core.ids import ChangesetNumber, Revision

Rows = dict[str, tuple[str | None, str | None]]


def compare(
    run: Run,
    paths: tuple[str, ...],
    *,
    span: str | None,
    change: str | None,
    repository: str | None,
    wanted: list[str],
    tell: Callable[..., None],
    summary: bool,
) -> None:
    """Compare files, or the records that `wanted` names.

    Raises: NotFound, UsageError, and those of the connection.
    """
    places = [history.place_of(run.context, path, repository) for path in paths or ("",)]
    first, second = _ends(run, places[0], span, change)
    if wanted:
        _records(run, places[0], first, second, wanted)
        return
    found = (
        item
        for place in places
        for item in differences.version_differences(run.context, place, first, second, with_content=not summary)
    )
    tell(run, found, summary=summary)


def _ends(run: Run, place: Place, span: str | None, change: str | None) -> tuple[int, int]:
    if change is not None:
        number = history.number_of(run.context, place, Revision.parse(change))
        found, _ = run.context.server(place.server).get_changeset(place.repository, number)
        return int(found.parents[0]) if found.parents else 0, int(number)
    if span is None:
        number = history.number_of(run.context, place, None)
        found, _ = run.context.server(place.server).get_changeset(place.repository, number)
        return int(found.parents[0]) if found.parents else 0, int(number)
    low, high = read_span(span)
    first = history.number_of(run.context, place, low) if low is not None else 0
    second = history.number_of(run.context, place, high if ":" in span else None)
    return int(first), int(second)


def _records(run: Run, place: Place, first: int, second: int, wanted: list[str]) -> None:
    if not first or not second:
        raise UsageError("There is nothing before the first version.", advice="mlv diff @1:@2 --params")
    server = run.context.server(place.server)
    old, _ = server.get_changeset(place.repository, ChangesetNumber(first))
    new, _ = server.get_changeset(place.repository, ChangesetNumber(second))
    value: dict[str, object] = {"from": first, "to": second}
    lines: list[str] = []
    for name in wanted:
        rows = _meta(run, place, first, second) if name == "meta" else _compared(_of(name, old), _of(name, new))
        value[name] = [{"name": key, "before": a, "after": b} for key, (a, b) in sorted(rows.items())]
        lines.append(f"{name}: @{first} -> @{second}{'' if rows else ': nothing differs'}")
        lines.extend(_line(key, before, after) for key, (before, after) in sorted(rows.items()))
    run.result(value, lines)


def _line(key: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"+ {escaped(key)} = {escaped(after or '')}"
    if after is None:
        return f"- {escaped(key)} = {escaped(before)}"
    return f"  {escaped(key)}: {escaped(before)} -> {escaped(after)}{_change(before, after)}"


def _change(before: str, after: str) -> str:
    """How much a number changed."""
    try:
        difference = float(after) - float(before)
    except ValueError:
        return ""
    return f"  ({difference:+.4g})" if math.isfinite(difference) else ""


def _of(name: str, changeset: Changeset) -> dict[str, str]:
    records = changeset.records
    if name == "params":
        return {param.name: param.value for param in records.params}
    if name == "metrics":
        return {_metric_name(metric): repr(metric.value) for metric in records.metrics}
    env = records.environment
    return {**{f"({key})": value for key, value in env.facts}, **dict(env.packages)}


def _metric_name(metric: Metric) -> str:
    if metric.dataset is None:
        return metric.name
    return f"{metric.name} on {metric.dataset.repository}@{metric.dataset.changeset}:{metric.dataset.path}"


def _compared(before: Mapping[str, str], after: Mapping[str, str]) -> Rows:
    keys = [*before, *(key for key in after if key not in before)]
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _meta(run: Run, place: Place, first: int, second: int) -> Rows:
    server = run.context.server(place.server)
    paths = (place.path,) if place.path else ()
    rows: Rows = {}
    numbers = ChangesetNumber(first), ChangesetNumber(second)
    for item in server.diff_versions(place.repository, *numbers, paths):
        for key, pair in _compared(dict(_pairs(item.before)), dict(_pairs(item.after))).items():
            rows[f"{item.path}: {key}"] = pair
    return rows


def _pairs(state: FileState | None) -> Iterator[tuple[str, str]]:
    yield from state.properties if state is not None else ()
