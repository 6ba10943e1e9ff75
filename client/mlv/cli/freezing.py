"""How freezes look, in the commands that show them beside other things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlv.cli.output import escaped, local_moment, moment

if TYPE_CHECKING:
    from mlv_core.releasing import Freeze


def freeze_value(item: Freeze) -> dict[str, object]:
    """A freeze as scripts read it."""
    return {
        "freeze": item.id,
        "branch": item.branch or None,
        "label": item.label or None,
        "path": item.path or None,
        "by": item.by,
        "time": moment(item.at),
        "until": moment(item.until),
        "reason": item.reason,
        "lifted_at": moment(item.lifted_at),
        "lifted_by": item.lifted_by or None,
        "lifted_why": item.lifted_why or None,
    }


def freeze_line(item: Freeze) -> str:
    """A freeze as people read it: what, by whom, until when, why."""
    where = item.branch or "every branch"
    what = f"label {item.label}" if item.label else f"{item.path} on {where}" if item.path else where
    end = "until it is lifted" if item.until is None else f"until {local_moment(item.until)}"
    return f"{escaped(what)} is frozen by {escaped(item.by)}, {end}: {escaped(item.reason)}"
