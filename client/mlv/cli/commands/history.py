"""mlv log, show, cat, ls."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from mlv.actions import history as actions
from mlv.actions.counting import counted
from mlv.actions.history import Place
from mlv.cli.output import colored, count, escaped, local_moment, size, table
from mlv.cli.revisions import span
from mlv.cli.running import Run, verb
from mlv.cli.values import change_value, changeset_value, prepared_on, records_value, state_of
from mlv_core.entities import Change, Changeset, DatasetReference
from mlv_core.errors import NotFound, UsageError
from mlv_core.requests import HistoryFilter

if TYPE_CHECKING:
    from mlv_core.records import MetricExpression

_LOWER_IS_BETTER = re.compile(r"loss|error|perplexity|\b(?:ppl|rmse|mse|mae|wer|cer|fid|nll|latency)\b", re.IGNORECASE)
_LINE = 200
"""Characters of a message's line that a log shows; 'mlv show' has all."""
_LETTERS = {"added": "A", "modified": "M", "deleted": "D", "moved": "R", "meta": "P"}


@verb()
@click.argument("path", required=False, metavar="[PATH][@REV]")
@click.option("-l", "limit", type=click.IntRange(1), metavar="N", help="At most N.")
@click.option("-r", "versions", metavar="A:B", help="From version A to B.")
@click.option("--author", default="", metavar="USER", help="Only of this user.")
@click.option("--branch", default=None, metavar="B", help="Of this branch; else of the workspace's.")
@click.option("--all-branches", is_flag=True, help="Of every branch.")
@click.option("--metric", metavar="EXPR", help="Only with this metric: NAME, or NAME>0.9; it is shown.")
@click.option("--records", is_flag=True, help="Only each new best of --metric.")
@click.option("--label", "labelled", is_flag=True, help="Only labelled ones.")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def log(
    run: Run,
    path: str | None,
    *,
    limit: int | None,
    versions: str | None,
    author: str,
    branch: str | None,
    all_branches: bool,
    metric: str | None,
    records: bool,
    labelled: bool,
    repository: str | None,
) -> None:
    """Show versions, newest first; of PATH only those that changed it, over renames; with @REV only up to it."""
    place = actions.place_of(run.context, path or "", repository)
    low = high = 0
    if place.revision is not None and versions:
        raise UsageError("Name the versions once: -r A:B, or @REV for all up to it.")
    if place.revision is not None:
        high = int(actions.number_of(run.context, place, place.revision))
    if versions:
        ends = [0 if r is None else int(actions.number_of(run.context, place, r)) for r in span(versions)]
        low, high = sorted(ends) if all(ends) else ends
    if records and not metric:
        raise UsageError("--records needs a metric.", advice="mlv log --metric val/f1 --records")
    wanted = HistoryFilter(
        branch="" if all_branches else branch or place.branch, author=author, first=low, last=high, labelled=labelled
    )
    expression = None
    if metric:
        from mlv_core.records import parse_metric_expression

        expression = parse_metric_expression(metric)
    name = expression.name if expression else ""
    found: Iterable[Changeset] = actions.log(run.context, place, wanted, 0 if expression else limit or 0)
    if expression:
        found = _with_metric(found, expression)
        found = _bests(list(found), name) if records else found
        found = list(found)[:limit] if limit else found
    if run.as_json:
        run.result([changeset_value(item) for item in found], ())
        return
    shown = False
    for item in found:
        run.result(None, _summary(item, name))
        shown = True
    if not shown:
        run.result(None, ["No versions."])


def _with_metric(found: Iterable[Changeset], wanted: MetricExpression) -> Iterator[Changeset]:
    for item in found:
        if any(metric.name == wanted.name and wanted.matches(metric.value) for metric in item.records.metrics):
            yield item


def _bests(found: list[Changeset], name: str) -> list[Changeset]:
    """Each new best, newest first; whether less is better is told by the metric's name."""
    turn = -1.0 if _LOWER_IS_BETTER.search(name) else 1.0
    best: float | None = None
    kept: list[Changeset] = []
    for item in reversed(found):
        value = max(turn * metric.value for metric in item.records.metrics if metric.name == name)
        if value == value and (best is None or value > best):  # noqa: PLR0124 - NaN is no record
            best = value
            kept.append(item)
    return kept[::-1]


def _summary(item: Changeset, metric: str) -> list[str]:
    labels = f"  [{', '.join(map(escaped, item.labels))}]" if item.labels else ""
    head = colored(f"@{item.number}", "yellow")
    lines = [f"{head} {escaped(item.branch)}  {escaped(item.author)}  {local_moment(item.time)}{labels}"]
    lines.extend(f"    {escaped(line[:_LINE])}" for line in item.message.splitlines()[:3])
    found = [m for m in item.records.metrics if not metric or m.name == metric]
    if found:
        mark = f"  (measured on {_prepared(item)}, landed on {_parent(item)})" if item.measured_elsewhere else ""
        lines.append("    " + "  ".join(f"{escaped(m.name)}={m.value:g}" for m in found[:8]) + mark)
    elif item.measured_elsewhere:
        lines.append(f"    (prepared on {_prepared(item)}, landed on {_parent(item)})")
    return lines


def _prepared(item: Changeset) -> str:
    at = prepared_on(item)
    return f"@{at}" if isinstance(at, int) else at


def _parent(item: Changeset) -> str:
    return f"@{item.parents[0]}" if item.parents else "nothing"


@verb()
@click.argument("revision", required=False, metavar="[@REV]")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def show(run: Run, revision: str | None, *, repository: str | None) -> None:
    """Show one version: message, records with their origins, and what it changed."""
    text = revision or ""
    if text and "@" not in text and "://" not in text:
        text = f"@{text}"
    place = actions.place_of(run.context, text, repository)
    changeset, changes = actions.show(run.context, place)
    value = {
        **changeset_value(changeset),
        "records": records_value(changeset.records),
        "changes": [change_value(change) for change in changes],
    }
    run.result(value, _whole(changeset, changes))


def _whole(item: Changeset, changes: tuple[Change, ...]) -> list[str]:
    records = item.records
    parents = ", ".join(f"@{parent}" for parent in item.parents) or "none"
    lines = [
        f"{colored(f'@{item.number}', 'yellow')} {escaped(item.branch)}  id {item.id.hex()[:16]}",
        f"author  {escaped(item.author)}  {local_moment(item.time)}",
        f"parent  {parents}   prepared on {_prepared(item)}",
    ]
    if item.labels:
        lines.append(f"labels  {', '.join(map(escaped, item.labels))}")
    lines += ["", *(f"    {escaped(line)}" for line in item.message.splitlines()), ""]
    if records.params:
        lines += ["params", *(f"  {line}" for line in table([(p.name, p.value, p.origin) for p in records.params]))]
    if records.metrics:
        mark = "  (measured on another tree than the one that landed)" if item.measured_elsewhere else ""
        rows = [(m.name, f"{m.value:g}", _dataset(m.dataset), m.origin) for m in records.metrics]
        lines += [f"metrics{mark}", *(f"  {line}" for line in table(rows))]
    if records.inputs:
        rows_in = [(i.role.name.lower(), _dataset(i.dataset)) for i in records.inputs]
        lines += ["inputs", *(f"  {line}" for line in table(rows_in))]
    if records.trained_from is not None:
        lines.append(f"trained from  @{records.trained_from}")
    if records.run_id:
        lines.append(f"run  {escaped(records.run_id)}")
    env = records.environment
    if env.facts or env.packages:
        facts = ", ".join(f"{escaped(key)} {escaped(value)}" for key, value in env.facts)
        lines.append(f"environment  {facts}; {count(len(env.packages), 'package')} ({escaped(env.origin)})")
    lines.append("changes" if changes else "changes  none")
    for change in counted(changes):
        origin = f"  (from {escaped(change.source)})" if change.source else ""
        length = f"  {size(change.state.size)}" if change.state is not None and change.path != "." else ""
        lines.append(f"  {_LETTERS[state_of(change)]} {escaped(change.path)}{length}{origin}")
    return lines


def _dataset(dataset: DatasetReference | None) -> str:
    return "" if dataset is None else f"{dataset.repository}@{dataset.changeset}:{dataset.path}"


@verb()
@click.argument("path", metavar="PATH[@REV]")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
def cat(run: Run, path: str, *, repository: str | None) -> None:
    """Print a file of any version as it is; PATH may be an address mlv://HOST/ns/name/path@rev."""
    place = actions.place_of(run.context, path, repository)
    if run.as_json:
        data = b"".join(actions.read_file(run.context, place))
        run.result(_content_value(place, data), ())
        return
    for block in actions.read_file(run.context, place):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def _content_value(place: Place, data: bytes) -> dict[str, object]:
    import base64

    try:
        return {"path": place.path, "size": len(data), "text": data.decode()}
    except UnicodeDecodeError:
        return {"path": place.path, "size": len(data), "base64": base64.b64encode(data).decode()}


@verb()
@click.argument("path", required=False, metavar="[PATH][@REV]")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
@click.option("-l", "long", is_flag=True, help="Also size, last change and what policy asks for.")
def ls(run: Run, path: str | None, *, repository: str | None, long: bool) -> None:
    """List the files of a version, below PATH."""
    place = actions.place_of(run.context, path or "", repository)
    at, rows = actions.list_files(run.context, place)
    files = [row for row in rows if row.path != "."]
    if place.path and not files:
        raise NotFound(f"@{at} has no file or folder '{escaped(place.path)}'.", advice="'mlv ls @REV' lists its files.")
    if run.as_json:
        value = [
            {
                "path": row.path,
                "size": row.state.size,
                "content": bytes(row.state.content).hex(),
                "mode": row.state.mode.name.lower(),
                "changeset": int(row.changed_in),
                "lock": row.need.name.lower(),
                "properties": dict(row.state.properties),
                "file_id": int(row.state.file_id),
            }
            for row in files
        ]
        run.result(value, ())
        return
    if long:
        cells = [(f"@{r.changed_in}", size(r.state.size), r.need.name.lower(), r.path) for r in files]
        run.result(None, table(cells, ("changed", "size", "lock", "path")))
    else:
        run.result(None, (escaped(row.path) for row in files))
    if not files and not run.quiet:
        run.note(f"@{at} has no files here.")
