"""mlv diff."""

from __future__ import annotations

from collections.abc import Iterable

import click

from mlv.actions import diff as actions
from mlv.actions.diff import FileDifference
from mlv.cli.output import colored, escaped, size
from mlv.cli.running import Run, verb

_COLORS = {"+": "green", "-": "red", "@": "cyan"}
_LETTERS = {"added": "A", "modified": "M", "deleted": "D", "moved": "R", "meta": "M"}


@verb()
@click.argument("arguments", nargs=-1, metavar="[@REV[:@REV]] [PATH]...")
@click.option("-r", "versions", metavar="A[:B]", help="Between versions A and B, or A and the workspace's.")
@click.option("-c", "change", metavar="N", help="What changeset N did.")
@click.option("--repo", "repository", metavar="REPO", help="Of this repository; needs no workspace.")
@click.option("--params", is_flag=True, help="Compare hyper-parameters.")
@click.option("--metrics", is_flag=True, help="Compare metrics.")
@click.option("--env", is_flag=True, help="Compare environments: packages, Python, driver, hardware.")
@click.option("--meta", is_flag=True, help="Compare properties.")
@click.option("--summary", is_flag=True, help="Only the paths and sizes.")
def diff(
    run: Run,
    arguments: tuple[str, ...],
    *,
    versions: str | None,
    change: str | None,
    repository: str | None,
    params: bool,
    metrics: bool,
    env: bool,
    meta: bool,
    summary: bool,
) -> None:
    """Show what differs: here against the version, without the server; or between two versions.

    @3 compares @3 with what the workspace has, @3:@7 two versions.
    """
    paths = tuple(item for item in arguments if not item.startswith("@"))
    revisions = [item for item in arguments if item.startswith("@")]
    span = versions or (revisions[0] if revisions else None)
    wanted = [name for name, on in (("params", params), ("metrics", metrics), ("env", env), ("meta", meta)) if on]
    if span is None and change is None and not wanted and repository is None:
        _files(run, actions.local_differences(run.context, paths), summary=summary)
        return
    from mlv.cli.commands import versiondiff

    versiondiff.compare(
        run, paths, span=span, change=change, repository=repository, wanted=wanted, tell=_files, summary=summary
    )


def _files(run: Run, differences: Iterable[FileDifference], *, summary: bool) -> None:
    if run.as_json:
        run.result([_value(item, summary=summary) for item in differences], ())
        return
    for item in differences:
        if summary:
            sizes = f"{size(item.before_size)} -> {size(item.after_size)}"
            run.result(None, [f"{_LETTERS[item.state]} {escaped(item.path)}  {sizes}"])
        else:
            run.result(None, (_shown(line) for line in actions.unified(item)))


def _shown(line: str) -> str:
    color = _COLORS.get(line[:1])
    return colored(line, color) if color else line


def _value(item: FileDifference, *, summary: bool) -> dict[str, object]:
    value: dict[str, object] = {
        "path": item.path,
        "state": item.state,
        "source": item.source or None,
        "before_bytes": item.before_size,
        "after_bytes": item.after_size,
    }
    if not summary:
        value["diff"] = "\n".join(actions.unified(item)) if item.readable else None
    return value
