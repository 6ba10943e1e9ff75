"""Params and metrics files that `mlv.toml` names: read at commit, each value with file and line (R2)."""

from __future__ import annotations

import glob
import json
import os
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from mlv_core.entities import Metric, Param
from mlv_core.errors import UsageError
from mlv_core.ids import escape

SETTINGS = "mlv.toml"
VALUES_LIMIT = 10_000
"""Values of one commit's files: more is a series, not a setting."""
SIZE_LIMIT_BYTES = 16 << 20

Value = tuple[str, Any, int]
"""Dotted name, plain value, line (from 1; 0 when it is not known)."""


def read_record_files(root: str) -> tuple[tuple[Param, ...], tuple[Metric, ...]]:
    """The params and metrics of the files that `mlv.toml` in `root` names as `params = [...]`, `metrics = [...]`.

    Files are JSON, TOML or YAML (where PyYAML is installed); globs are allowed. Raises: UsageError naming the file.
    """
    file = os.path.join(root, SETTINGS)
    if not os.path.exists(file):
        return (), ()
    settings = _parsed(file, SETTINGS)
    params, metrics = [], []
    for name in _named(root, settings, "params"):
        for key, value, line in _values(os.path.join(root, name), name):
            params.append(Param(key, _text(value), _origin(name, line)))
    for name in _named(root, settings, "metrics"):
        for key, value, line in _values(os.path.join(root, name), name):
            if isinstance(value, int | float) and not isinstance(value, bool):
                metrics.append(Metric(key, float(value), origin=_origin(name, line)))
    if len(params) + len(metrics) > VALUES_LIMIT:
        raise UsageError(f"The files in {SETTINGS} hold more than {VALUES_LIMIT} values.", advice="Name fewer files.")
    return tuple(params), tuple(metrics)


def _named(root: str, settings: Any, kind: str) -> list[str]:  # noqa: ANN401 - what TOML holds
    patterns = settings.get(kind, [])
    if not isinstance(patterns, list) or not all(isinstance(item, str) for item in patterns):
        raise UsageError(f"'{kind}' in {SETTINGS} is no list of file names.", advice=f'{kind} = ["{kind}.json"]')
    found: list[str] = []
    for pattern in patterns:
        if os.path.isabs(pattern) or ".." in pattern.split("/"):
            raise UsageError(f"'{escape(pattern)}' in {SETTINGS} leaves the workspace.", advice="Name files inside it.")
        names = sorted(glob.glob(pattern, root_dir=root, recursive=True))
        if not names and not glob.has_magic(pattern):
            raise UsageError(f"{SETTINGS} names '{escape(pattern)}', which is not there.", advice=f"Mend {SETTINGS}.")
        found.extend(names)
    return list(dict.fromkeys(found))


def _parsed(file: str, name: str) -> Any:  # noqa: ANN401
    try:
        if os.path.getsize(file) > SIZE_LIMIT_BYTES:
            raise UsageError(
                f"'{escape(name)}' is too large for a file of values.", advice=f"Take it out of {SETTINGS}."
            )
        with open(file, "rb") as stream:
            data = stream.read()
        if name.endswith(".json"):
            return json.loads(data)
        if name.endswith(".toml"):
            return tomllib.loads(data.decode())
    except OSError as error:
        raise UsageError(f"'{escape(name)}' cannot be read: {error.strerror}.", advice="Check it.") from error
    except ValueError as error:
        raise UsageError(f"'{escape(name)}' cannot be read: {error}.", advice="Mend the file.") from error
    raise UsageError(f"'{escape(name)}' is neither JSON, TOML nor YAML.", advice=f"Take it out of {SETTINGS}.")


def _values(file: str, name: str) -> list[Value]:
    if name.endswith((".yaml", ".yml")):
        return list(_yaml_values(file, name))
    parsed = _parsed(file, name)
    with open(file, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().splitlines()
    pattern = r'"{}"\s*:' if name.endswith(".json") else r'(?:^|[{{,.\s\[])"?{}"?\s*(?:=|\]|\.)'
    return list(_flat(parsed, "", _Lines(lines, pattern)))


class _Lines:
    """Finds the line of each key, in the order of the document."""

    def __init__(self, lines: list[str], pattern: str) -> None:
        self._lines, self._pattern = lines, pattern
        self._line, self._column = 0, 0

    def find(self, key: str) -> int:
        """The line of the next place where `key` is set; 0 when there is none."""
        wanted = re.compile(self._pattern.format(re.escape(key)))
        for number in range(self._line, len(self._lines)):
            match = wanted.search(self._lines[number], self._column if number == self._line else 0)
            if match:
                self._line, self._column = number, match.end() - 1
                return number + 1
        return 0


def _flat(value: Any, prefix: str, lines: _Lines, line: int = 0) -> Iterator[Value]:  # noqa: ANN401
    if isinstance(value, dict):
        for key, inner in value.items():
            at = lines.find(str(key))
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key), lines, at)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}.{number}", lines, line)
    else:
        yield prefix, value, line


def _yaml_values(file: str, name: str) -> Iterator[Value]:
    try:
        import yaml
    except ImportError as error:
        raise UsageError(f"'{escape(name)}' needs PyYAML to be read.", advice="pip install pyyaml") from error
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                yield from _yaml_node(loader, node, "", yaml)
        finally:
            loader.dispose()
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"'{escape(name)}' cannot be read: {error}.", advice="Mend the file.") from error


def _yaml_node(loader: Any, node: Any, prefix: str, yaml: Any) -> Iterator[Value]:  # noqa: ANN401
    if isinstance(node, yaml.MappingNode):
        for key, inner in node.value:
            yield from _yaml_node(loader, inner, f"{prefix}.{key.value}" if prefix else str(key.value), yaml)
    elif isinstance(node, yaml.SequenceNode) and any(not isinstance(n, yaml.ScalarNode) for n in node.value):
        for number, inner in enumerate(node.value):
            yield from _yaml_node(loader, inner, f"{prefix}.{number}", yaml)
    else:
        yield prefix, loader.construct_object(node, deep=True), node.start_mark.line + 1


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bool) or value is None or isinstance(value, list):
        return json.dumps(value, default=str)
    return str(value)


def _origin(name: str, line: int) -> str:
    return f"{name}:{line}" if line else name
