"""Params and metrics files that `mlv.toml` names: found and read at commit, each value with file and line (R2)."""

from __future__ import annotations

import glob
import os

from mlv_core.entities import Metric, Param
from mlv_core.errors import LimitExceeded, UsageError
from mlv_core.ids import escape
from mlv_core.records import PROJECT_FILE, read_metrics, read_params, read_project

VALUES_LIMIT = 10_000
"""Values of one commit's files: more is a series, not a setting."""
SIZE_LIMIT_BYTES = 16 << 20
"""Of one file: a log of metrics may be long, a data set that was named by mistake is told."""


def read_record_files(root: str) -> tuple[tuple[Param, ...], tuple[Metric, ...]]:
    """The params and metrics of the files that `mlv.toml` in `root` names as `params = [...]`, `metrics = [...]`.

    Globs are allowed; `**` stands for any folders. Raises: InvalidSettings, UsageError, LimitExceeded, each naming the
    file.
    """
    if not os.path.exists(os.path.join(root, PROJECT_FILE)):
        return (), ()
    project = read_project(_text(root, PROJECT_FILE))
    params = [param for name in _named(root, project.params) for param in read_params(name, _text(root, name))]
    metrics = [metric for name in _named(root, project.metrics) for metric in read_metrics(name, _text(root, name))]
    if len(params) + len(metrics) > VALUES_LIMIT:
        raise LimitExceeded(f"The files in {PROJECT_FILE} hold more than {VALUES_LIMIT} values.", advice="Name fewer.")
    return tuple(params), tuple(metrics)


def _named(root: str, patterns: tuple[str, ...]) -> list[str]:
    """Each file once, in the order of the patterns."""
    found: list[str] = []
    for pattern in patterns:
        if os.path.isabs(pattern) or ".." in pattern.split("/"):
            raise UsageError(
                f"'{escape(pattern)}' in {PROJECT_FILE} leaves the workspace.", advice="Name files inside it."
            )
        names = sorted(glob.glob(pattern, root_dir=root, recursive=True))
        if not names and not glob.has_magic(pattern):
            raise UsageError(
                f"{PROJECT_FILE} names '{escape(pattern)}', which is not there.", advice=f"Mend {PROJECT_FILE}."
            )
        found += [name for name in names if not (glob.has_magic(pattern) and os.path.isdir(os.path.join(root, name)))]
    return list(dict.fromkeys(found))


def _text(root: str, name: str) -> str:
    file = os.path.join(root, name)
    try:
        if os.path.getsize(file) > SIZE_LIMIT_BYTES:
            raise LimitExceeded(
                f"'{escape(name)}' is too large for a file of values.", advice=f"Take it out of {PROJECT_FILE}."
            )
        with open(file, encoding="utf-8", newline="") as stream:
            return stream.read()
    except OSError as error:
        raise UsageError(f"'{escape(name)}' cannot be read: {error.strerror}.", advice="Check it.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"'{escape(name)}' is no UTF-8 text.", advice=f"Take it out of {PROJECT_FILE}.") from error
