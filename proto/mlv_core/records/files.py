"""Params and metrics from the files that users already write (R2): JSON, JSON lines, TOML, YAML, CSV, key=value.

Nested names are joined with '.' for params and '/' for metrics. Each value keeps `file:line` as its origin.
"""

from __future__ import annotations

import csv
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mlv_core.entities import Metric, Param
from mlv_core.errors import LimitExceeded, UsageError
from mlv_core.ids import escape

VALUES_LIMIT = 10_000
"""Values of one file: above any set of hyper-parameters; a data file named by mistake is told early."""
DEPTH_LIMIT = 64

_SPACE = re.compile(r"[ \t\r\n]*")
# Possessive throughout: any text may be asked for its keys, and one that tries again takes for ever on some.
_TABLE = re.compile(r"\s*+\[\[?(?P<name>[^\[\]]++)\]\]?\s*+(?:#.*)?")
_KEY = re.compile(r"""\s*+(?P<name>(?:[\w.\- ]++|"[^"]*+"|'[^']*+')++)=""")
_NAME = re.compile(r"""("[^"]*"|'[^']*'|[^.\s"']+)""")
_LINE = re.compile(r"\s*+(?:export\s++)?(?P<name>[^=:#;\s][^=:]*+)[=:](?P<value>.*+)")
_STEP_NAMES = ("step", "global_step", "epoch", "iteration")


class _Written(str):
    """A number as it stands in the file: 2e-5 stays 2e-5."""

    __slots__ = ()


class Leaf(NamedTuple):
    """A single value: the names that lead to it, its text as written, and its line, 0 where that is unknown."""

    names: tuple[str, ...]
    text: str
    line: int


def read_params(file: str, text: str) -> tuple[Param, ...]:
    """The params in the `text` of a file; `file` is its path, whose ending says the format.

    Raises: UsageError naming file and line; LimitExceeded.
    """
    found: dict[str, Param] = {}
    for leaf in _leaves(file, text):
        name = ".".join(leaf.names)
        found[name] = Param(name, leaf.text, _origin(file, leaf.line))
    return tuple(found.values())


def read_metrics(file: str, text: str) -> tuple[Metric, ...]:
    """The metrics in the `text` of a file; values that are no numbers are left out. Of a table, its last row.

    Raises: UsageError naming file and line; LimitExceeded.
    """
    leaves = list(_leaves(file, text))
    step = -1
    if _suffix(file) in {"csv", "tsv", "jsonl"}:
        steps = (_number(leaf.text) for leaf in leaves if leaf.names[-1] in _STEP_NAMES)
        step = next((int(value) for value in steps if value is not None and math.isfinite(value)), -1)
    found: dict[str, Metric] = {}
    for leaf in leaves:
        value = _number(leaf.text)
        if value is not None:
            name = "/".join(leaf.names)
            found[name] = Metric(name, value, step=step, origin=_origin(file, leaf.line))
    return tuple(found.values())


def _leaves(file: str, text: str) -> Iterator[Leaf]:
    readers: dict[str, Callable[[str], Iterator[Leaf]]] = {
        "json": _json_leaves,
        "jsonl": _last_json_line,
        "ndjson": _last_json_line,
        "toml": _toml_leaves,
        "yaml": _yaml_leaves,
        "yml": _yaml_leaves,
        "csv": lambda text: _table_leaves(text, ","),
        "tsv": lambda text: _table_leaves(text, "\t"),
    }
    reader = readers.get(_suffix(file), _line_leaves)
    count = 0
    try:
        for leaf in reader(text.removeprefix("\ufeff")):
            count += 1
            if count > VALUES_LIMIT:
                raise LimitExceeded(f"'{escape(file)}' holds more than {VALUES_LIMIT} values.")
            yield Leaf(tuple(map(_mended, leaf.names)), _mended(leaf.text), leaf.line)
    except (ValueError, csv.Error) as error:
        raise UsageError(f"'{escape(file)}' cannot be read: {escape(str(error))}") from error
    except RecursionError as error:
        raise UsageError(f"'{escape(file)}' is nested too deeply.") from error


def _mended(text: str) -> str:
    """Text without lone surrogates, which the escapes of JSON and YAML can write and no message can carry."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _suffix(file: str) -> str:
    return file.rpartition("/")[2].rpartition(".")[2].lower()


def _origin(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _json_leaves(text: str, first_line: int = 1) -> Iterator[Leaf]:
    json.loads(text)  # what follows may rely on well-formed text
    yield from _walk_json(text, _skip(text, 0), (), [first_line, 0])


def _walk_json(text: str, at: int, names: tuple[str, ...], counted: list[int]) -> Iterator[Leaf]:
    """Leaves of the value at `at`; `counted` holds the line number and the place up to which lines were counted."""
    pending = [(at, names)]
    decoder = json.JSONDecoder()
    while pending:
        at, names = pending.pop()
        if len(names) > DEPTH_LIMIT:
            raise RecursionError
        children: list[tuple[int, tuple[str, ...]]] = []
        if text[at] == "{":
            at = _skip(text, at + 1)
            while text[at] != "}":
                name, at = decoder.raw_decode(text, at)
                at = _skip(text, _skip(text, at) + 1)
                children.append((at, (*names, name)))
                at = _skip(text, decoder.raw_decode(text, at)[1])
                at = _skip(text, at + 1) if text[at] == "," else at
            pending += reversed(children)
        elif text[at] == "[" and _holds_objects(decoder.raw_decode(text, at)[0]):
            at = _skip(text, at + 1)
            while text[at] != "]":
                children.append((at, (*names, str(len(children)))))
                at = _skip(text, decoder.raw_decode(text, at)[1])
                at = _skip(text, at + 1) if text[at] == "," else at
            pending += reversed(children)
        else:
            value, end = decoder.raw_decode(text, at)
            counted[0] += text.count("\n", counted[1], at)
            counted[1] = at
            yield Leaf(names or ("value",), _json_text(value, text[at:end]), counted[0])


def _holds_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _json_text(value: object, source: str) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, list) else source


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _last_json_line(text: str) -> Iterator[Leaf]:
    lines = text.splitlines()
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if filled:
        yield from _json_leaves(lines[filled[-1]], filled[-1] + 1)


def _toml_leaves(text: str) -> Iterator[Leaf]:
    lines = _toml_lines(text)
    yield from _walk(tomllib.loads(text, parse_float=_Written), (), lines)


def _walk(value: object, names: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, (*names, name), lines)
    elif _holds_objects(value) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, (*names, str(number)), lines)
    else:
        plain = tuple(name for name in names if not name.isdigit())
        yield Leaf(names, value if isinstance(value, str) else _toml_text(value), lines.get(plain, 0))


def _toml_text(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml_text(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) and not isinstance(value, _Written) else str(value)


def _toml_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of each key, by the way most files are written; a key that is not found has no line."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _TABLE.fullmatch(line)
        key = _KEY.match(line)
        if header:
            table = _dotted(header["name"])
        elif key:
            found.setdefault(table + _dotted(key["name"]), number)
    return found


def _dotted(name: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _NAME.findall(name))


def _yaml_leaves(text: str) -> Iterator[Leaf]:
    from mlv_core.records.yaml_files import yaml_leaves  # noqa: PLC0415 - only users of YAML pay for its parser

    for names, value, line in yaml_leaves(text, DEPTH_LIMIT):
        yield Leaf(names, value, line)


def _table_leaves(text: str, delimiter: str) -> Iterator[Leaf]:
    reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    header: list[str] = next(reader, [])
    last: list[str] = []
    line = 0
    for row in reader:
        if any(cell.strip() for cell in row):
            last, line = row, reader.line_num
    for name, cell in zip(header, last, strict=False):
        if name.strip() and cell.strip():
            yield Leaf((name.strip(),), cell.strip(), line)


def _line_leaves(text: str) -> Iterator[Leaf]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip()[0] in "#;[":
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is not NAME=VALUE")
        yield Leaf((match["name"].rstrip(),), match["value"].strip().strip("\"'"), number)
