"""The part of mlv diff that compares two versions, or the workspace with one, through the server."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from mlv.actions import diff as differences
from mlv.actions import history
from mlv.actions.history import Place
from mlv.cli.output import escaped
from mlv.cli.revisions import span as read_span
from mlv.cli.running import Run
from mlv.cli.values import dataset_value, number
from mlv_core.diffs import (
    EnvironmentDifference,
    MetricChange,
    ValueChange,
    diff_environments,
    diff_metrics,
    diff_params,
    diff_properties,
)
from mlv_core.entities import MetricKind
from mlv_core.errors import UsageError
from mlv_core.ids import ChangesetNumber, Revision


class Row(NamedTuple):
    """One value that differs, for a program and for a reader."""

    value: dict[str, object]
    line: str


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
    old = server.get_changeset(place.repository, ChangesetNumber(first))[0].records
    new = server.get_changeset(place.repository, ChangesetNumber(second))[0].records
    readers: dict[str, Callable[[], Iterable[Row]]] = {
        "params": lambda: map(_of_value, diff_params(old.params, new.params)),
        "metrics": lambda: map(_of_metric, diff_metrics(old.metrics, new.metrics)),
        "env": lambda: _of_environment(diff_environments(old.environment, new.environment)),
        "meta": lambda: _of_properties(run, place, first, second),
    }
    value: dict[str, object] = {"from": first, "to": second}
    lines: list[str] = []
    for name in wanted:
        rows = list(readers[name]())
        value[name] = [row.value for row in rows]
        lines.append(f"{name}: @{first} -> @{second}{'' if rows else ': nothing differs'}")
        lines.extend(row.line for row in rows)
    run.result(value, lines)


def _row(name: str, before: object, after: object, note: str = "", **more: object) -> Row:
    shown = escaped(f"{name} = {before if after is None else after}")
    if before is None:
        line = f"+ {shown}"
    elif after is None:
        line = f"- {shown}"
    else:
        line = f"  {escaped(f'{name}: {before} -> {after}')}"
    value = {"name": name, "before": before, "after": after, **more}
    return Row(value, f"{line}  ({escaped(note)})" if note else line)


def _of_value(change: ValueChange) -> Row:
    """A param; what is said of its origin is that of the newer value."""
    note = change.before_origin if change.after is None else change.after_origin
    origins = {"before_origin": change.before_origin or None, "after_origin": change.after_origin or None}
    return _row(change.name, change.before, change.after, note, **origins)


def _of_metric(change: MetricChange) -> Row:
    data = change.dataset
    before, after = (None if side is None else number(side) for side in (change.before, change.after))
    grown = change.difference
    notes = [
        f"{grown:+.4g}" if grown is not None and math.isfinite(grown) else "",
        f"on {data.repository}@{data.changeset}:{data.path}" if data is not None else "",
        change.kind.name.lower() if change.kind is not MetricKind.TRAINING else "",
    ]
    more = {"kind": change.kind.name.lower(), "dataset": None if data is None else dataset_value(data)}
    return _row(change.name, before, after, ", ".join(filter(None, notes)), **more)


def _of_environment(found: EnvironmentDifference) -> Iterator[Row]:
    """Facts in brackets, then packages."""
    for fact in found.facts:
        yield _row(f"({fact.name})", fact.before, fact.after)
    for package in found.packages:
        yield _row(package.name, package.before, package.after)


def _of_properties(run: Run, place: Place, first: int, second: int) -> Iterator[Row]:
    server = run.context.server(place.server)
    paths = (place.path,) if place.path else ()
    for item in server.diff_versions(place.repository, ChangesetNumber(first), ChangesetNumber(second), paths):
        before, after = (side.properties if side is not None else () for side in (item.before, item.after))
        for change in diff_properties(before, after):
            yield _row(f"{item.path}: {change.name}", change.before, change.after)
