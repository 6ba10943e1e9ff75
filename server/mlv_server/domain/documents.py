"""Documents with a structure: parsed so that layout, comments and the spelling of numbers survive writing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, TypeAlias, TypeGuard

import tomlkit
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scanner import RoundTripScanner
from tomlkit.exceptions import TOMLKitError

from mlv_core.deferred import dataclass

Node: TypeAlias = object
"""A mapping with text keys, a sequence, or a scalar."""


class Kind(Enum):
    """The formats."""

    JSON = "json"
    YAML = "yaml"
    TOML = "toml"
    NOTEBOOK = "ipynb"


class DocumentError(Exception):
    """Bytes are no document of the format, or two documents do not go together."""


class Number(str):
    """A JSON number as it was written: 1e-5 does not become 1e-05."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document and how to write one in its style."""

    root: Node
    write: Callable[[Node], bytes]

    def with_root(self, root: Node) -> Document:
        """Another document in the same style."""
        return replace(self, root=root)

    def encode(self) -> bytes:
        """The document's bytes, UTF-8."""
        return self.write(self.root)


_ALIASED_LIMIT = 100_000
"""Values that the aliases of a YAML document may name; every later step looks at each."""

_BRACKETS_LIMIT = 128
"""Brackets of a YAML document in each other: with each open one the scanner takes longer for every token."""

_KINDS = {".json": Kind.JSON, ".yaml": Kind.YAML, ".yml": Kind.YAML, ".toml": Kind.TOML, ".ipynb": Kind.NOTEBOOK}


def kind_of(path: str) -> Kind | None:
    """The format that a path's ending names; None for other text."""
    name = path.rpartition("/")[2].lower()
    return next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), None)


def parse(kind: Kind, data: bytes) -> Document:
    """Parse a document; an empty one of YAML or TOML is an empty mapping. Raises: DocumentError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(str(error)) from error
    readers = {Kind.JSON: _json, Kind.NOTEBOOK: _json, Kind.YAML: _yaml, Kind.TOML: _toml}
    try:
        return readers[kind](text)
    except RecursionError as error:
        raise DocumentError("nested too deeply") from error


def values_equal(first: Node, second: Node) -> bool:
    """Whether two nodes hold the same values of the same types: 1, 1.0 and true differ; keys have no order."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(values_equal(first[key], second[key]) for key in first)
    if is_list(first) and is_list(second):
        return len(first) == len(second) and all(map(values_equal, first, second))
    return _type_of(first) == _type_of(second) and first == second


def is_list(node: Node) -> TypeGuard[Sequence[Node]]:
    """Whether a node is a sequence of nodes."""
    return isinstance(node, Sequence) and not isinstance(node, str | bytes)


def _type_of(node: Node) -> str:
    for name, kind in (("number", Number), ("bool", bool), ("int", int), ("float", float), ("text", str)):
        if isinstance(node, kind):
            return name
    return type(node).__name__


def _json(text: str) -> Document:
    try:
        root = json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=_once)
    except ValueError as error:
        raise DocumentError(str(error)) from error
    indent = re.search(r"\n([ \t]+)\S", text)
    style = _JsonStyle(
        indent=indent[1] if indent else "" if "\n" in text.strip() else None,
        ascii="\\u" in text or text.isascii(),
        tight=indent is None and '":' in text and '": ' not in text,
        end=text[len(text.rstrip()) :],
    )
    return Document(root, lambda node: (style.write(node) + style.end).encode())


def _once(pairs: list[tuple[str, Node]]) -> dict[str, Node]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DocumentError("a key stands twice")
    return found


@dataclass(frozen=True, slots=True)
class _JsonStyle:
    indent: str | None
    ascii: bool
    tight: bool
    end: str

    def write(self, node: Node, depth: int = 0) -> str:
        if isinstance(node, Number):
            return str(node)
        colon = ":" if self.tight else ": "
        if isinstance(node, Mapping):
            rows = [json.dumps(key, ensure_ascii=self.ascii) + colon + self.write(node[key], depth + 1) for key in node]
            return self._wrapped("{", rows, "}", depth)
        if isinstance(node, list):
            return self._wrapped("[", [self.write(item, depth + 1) for item in node], "]", depth)
        return json.dumps(node, ensure_ascii=self.ascii)

    def _wrapped(self, first: str, rows: list[str], last: str, depth: int) -> str:
        if not rows:
            return first + last
        if self.indent is None:
            return first + ("," if self.tight else ", ").join(rows) + last
        inner, outer = "\n" + self.indent * (depth + 1), "\n" + self.indent * depth
        return first + inner + ("," + inner).join(rows) + outer + last


class _Sink:
    """What a YAML writer needs of a stream."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        """Nothing is held back."""


class _Scanner(RoundTripScanner):
    """Stops at brackets that are nested too deeply: thousands, in a few kB, took seconds."""

    def fetch_flow_collection_start(self, *token: Any, **more: Any) -> None:  # noqa: ANN401 - as the library calls it
        if self.flow_level >= _BRACKETS_LIMIT:
            raise RecursionError
        super().fetch_flow_collection_start(*token, **more)


def _yaml_tool(text: str) -> YAML:
    tool = YAML(typ="rt")
    tool.Scanner = _Scanner
    tool.preserve_quotes = True
    tool.width = 1 << 20
    listed = re.search(r"^([ ]*)[^\s#-][^\n]*:[ ]*\n([ ]*)- ", text, re.MULTILINE)
    if listed and len(listed[2]) > len(listed[1]):
        step = len(listed[2]) - len(listed[1])
        tool.indent(mapping=2, sequence=step + 2, offset=step)
    return tool


def _yaml(text: str) -> Document:
    try:
        root = _yaml_tool(text).load(text)
    except (
        YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        AssertionError,
        NotImplementedError,
    ) as error:
        # The library answers some documents, such as a list as a key, with whatever its own code stumbles over.
        raise DocumentError(str(error)) from error
    if root is not None and not isinstance(root, Mapping):
        raise DocumentError("no mapping at the top")
    _check_aliases(root, len(text) + _ALIASED_LIMIT)

    def write(node: Node) -> bytes:
        sink = _Sink()
        _yaml_tool(text).dump(node, sink)
        return bytes(sink.data)

    return Document({} if root is None else root, write)


def _check_aliases(root: Node, limit: int) -> None:
    """Refuse a document of more than `limit` nodes: each takes a character, but aliases of aliases few for many."""
    pending = [root]
    while pending:
        node = pending.pop()
        limit -= 1
        if limit < 0:
            raise DocumentError("its aliases name too many values")
        if isinstance(node, Mapping):
            pending.extend(node.values())
        elif is_list(node):
            pending.extend(node)


def _toml(text: str) -> Document:
    try:
        root = tomlkit.parse(text)
    except (TOMLKitError, ValueError) as error:
        raise DocumentError(str(error)) from error
    return Document(root, lambda node: tomlkit.dumps(node).encode())  # type: ignore[arg-type]
