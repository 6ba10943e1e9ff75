"""What the workspace remembers of a conflict with a shelf, beside those with a version."""

from __future__ import annotations

import json

from mlv.workspace.state import State
from mlv_core.errors import Conflict
from mlv_core.ids import escape


def conflict_text(shelf_id: int, owner: str, name: str, path: str) -> str:
    """The record of a conflict: which shelf, and the path of its change."""
    return json.dumps({"shelf": str(shelf_id), "owner": owner, "name": name, "path": path})


def on_shelf(text: str) -> dict[str, str] | None:
    """The record that `conflict_text` wrote; None for a conflict with a version."""
    found = json.loads(text)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None


def refuse_waiting(state: State) -> None:
    """Refuse to bring another version while conflicts with a shelf wait: its side would be forgotten.

    Raises: Conflict.
    """
    records = {path: record for path, text in state.conflicts().items() if (record := on_shelf(text)) is not None}
    if records:
        names = sorted({f"{record['owner']}/{record['name']}" for record in records.values()})
        raise Conflict(
            f"Conflicts with the shelf {escape(', '.join(names))} wait here.",
            items=tuple(records),
            advice="'mlv resolve --accept shelf|mine PATH' decides them.",
        )
