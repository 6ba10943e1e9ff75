"""`mlv.toml` of a version: which of its files hold params and metrics (R2)."""

from __future__ import annotations

import tomllib

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidSettings
from mlv_core.ids import escape

PROJECT_FILE = "mlv.toml"


@dataclass(frozen=True, slots=True)
class Project:
    """Paths and globs of the files that are read at commit, relative to the workspace."""

    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def read_project(text: str) -> Project:
    """Read the lists `params` and `metrics`; unknown keys are errors.

    Raises: InvalidSettings.
    """
    advice = "It may hold 'params' and 'metrics', each a list of paths or globs."
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the library also raises plain ValueErrors: numbers without end
        raise InvalidSettings(f"{PROJECT_FILE}: {escape(str(error))}.", advice=advice) from error
    unknown = [name for name in table if name not in {"params", "metrics"}]
    if unknown:
        raise InvalidSettings(f"{PROJECT_FILE}: unknown key '{escape(unknown[0])}'.", advice=advice)
    for name, given in table.items():
        if not isinstance(given, list) or not all(isinstance(item, str) and item for item in given):
            raise InvalidSettings(f"{PROJECT_FILE}: '{name}' is no list of paths.", advice=advice)
    return Project(tuple(table.get("params", ())), tuple(table.get("metrics", ())))
