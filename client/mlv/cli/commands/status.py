"""mlv status."""

from __future__ import annotations

import click

from mlv.actions import status as actions
from mlv.actions.status import FileStatus, Status
from mlv.cli.freezing import freeze_line, freeze_value
from mlv.cli.output import colored, count, escaped
from mlv.cli.running import Run, verb

_LOCK_LETTERS = {"mine": "K", "other": "O", "unlocked_edit": "E", "expired": "X", "broken": "B"}
_SHOWN = 5
_COLORS = {"A": "green", "M": "cyan", "D": "red", "R": "cyan", "C": "red", "!": "red"}


@verb()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-u", "--ask-server", is_flag=True, help="Ask the server for others' locks and the branch's head.")
def status(run: Run, paths: tuple[str, ...], *, ask_server: bool) -> None:
    """Show what differs here from the version; works without the server.

    First column: A added, M modified, D deleted, R moved, C conflict, ? untracked, ! missing. Second column: K you
    hold the lock, O another does, E edited without its lock, X the lock expired, B it was broken.
    """
    found = actions.status(run.context, paths, ask_server=ask_server)
    run.result(_value(found), _lines(found, quiet=run.quiet))


def _value(found: Status) -> dict[str, object]:
    value: dict[str, object] = {
        "workspace": found.workspace,
        "repository": found.repository,
        "branch": found.branch,
        "base": found.base,
        "server": found.server,
        "files": [_file_value(file) for file in found.files],
    }
    if found.opened:
        value["opened"] = list(found.opened)
    if found.broken:
        value["broken"] = list(found.broken)
    if found.mixed:
        value["mixed"] = [{"path": path, "changeset": at} for path, at in found.mixed]
    if found.merge is not None:
        value["merge"] = {
            "source": found.merge.source,
            "source_changeset": found.merge.source_head,
            "conflicts": [
                {"path": one.path, "kind": one.kind, "decided": one.decided} for one in found.merge.conflicts
            ],
        }
    if found.head is not None:
        value["head"] = found.head
    if found.requests:
        value["requests"] = [
            {"path": one.path, "user": one.user, "host": one.host, "reason": one.reason, "waits": one.waits}
            for one in found.requests
        ]
    if found.freezes:
        value["freezes"] = [freeze_value(one) for one in found.freezes]
    return value


def _file_value(file: FileStatus) -> dict[str, object]:
    value: dict[str, object] = {"path": file.path, "state": file.state, "lock": file.lock}
    if file.source:
        value["source"] = file.source
    if file.holder:
        value["holder"] = file.holder
    return value


def _lines(found: Status, *, quiet: bool) -> list[str]:
    lines = []
    if not quiet:
        behind = f", head @{found.head}" if found.head is not None and found.head != found.base else ""
        lines.append(f"{escaped(found.repository)} {escaped(found.branch)} @{found.base}{behind}")
    if found.merge is not None and not quiet:
        waiting = count(len(found.merge.waiting), "conflict")
        after = "'mlv resolve' decides" if found.merge.waiting else "'mlv merge --continue' finishes"
        lines.append(f"Merging {escaped(found.merge.source)} @{found.merge.source_head}, {waiting} to decide: {after}.")
    for file in found.files:
        letter = colored(file.letter, _COLORS.get(file.letter, "yellow"))
        lock = _LOCK_LETTERS.get(file.lock or "", " ")
        origin = f"  (from {escaped(file.source)})" if file.source else ""
        only_meta = "  (properties)" if file.state == "meta" else ""
        holder = f"  (locked by {escaped(file.holder)})" if file.holder else ""
        lines.append(f"{letter} {lock} {escaped(file.path)}{origin}{only_meta}{holder}")
    if quiet:
        return lines
    if not found.files:
        lines.append("Nothing differs.")
    told = {path for file in found.files for path in (file.path, file.source)}
    opened = [path for path in found.opened if path not in told]
    lines += _some("Open for edit, unchanged", [escaped(path) for path in opened if path not in found.broken])
    lines += _some("Unchanged, lock broken", [escaped(path) for path in opened if path in found.broken])
    for one in found.requests[:_SHOWN]:
        why = f": {escaped(one.reason)}" if one.reason else ""
        act = "waits" if one.waits else "asks"
        lines.append(f"{escaped(one.user)} {act} for {escaped(one.path)}{why}")
    lines += map(freeze_line, found.freezes)
    lines += _some("At another version", [f"{escaped(path)} @{at}" for path, at in found.mixed])
    return lines


def _some(what: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return [f"{what}: {', '.join(items[:_SHOWN])}{more}"]
