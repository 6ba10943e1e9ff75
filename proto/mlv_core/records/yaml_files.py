"""Values of a YAML file with their lines; apart, because only users of YAML pay for its parser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

_MERGE = "tag:yaml.org,2002:merge"
# A few hundred bytes of aliases of aliases can name more values than any machine holds, none of which is a leaf.
_NODES_LIMIT = 100_000

Pairs = list[tuple[str, yaml.Node]]


def yaml_leaves(text: str, depth_limit: int) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Names, text as written and line of each value. No object of any kind is made.

    Raises: ValueError for text that is no YAML, or whose aliases name too many values; RecursionError when it is
    nested deeper than `depth_limit`.
    """
    try:
        loader = _Loader(text)
        loader.depth_limit = depth_limit
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    if root is not None:
        yield from _Walk().leaves(root, (), depth_limit)


class _Loader(yaml.SafeLoader):
    """Stops at brackets that are nested too deeply: with each open one the scanner takes longer for every token."""

    depth_limit = 0

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        if self.flow_level >= self.depth_limit:
            raise RecursionError
        super().fetch_flow_collection_start(token)


class _Walk:
    """One pass over the nodes of a file, each of which may be met many times."""

    def __init__(self) -> None:
        self._left = _NODES_LIMIT
        self._merged: dict[int, Pairs | None] = {}

    def leaves(self, node: yaml.Node, names: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str, int]]:
        self._left -= 1
        if depth == 0:
            raise RecursionError
        if self._left < 0:
            raise ValueError(f"its aliases name more than {_NODES_LIMIT} values")
        if isinstance(node, yaml.MappingNode):
            for key, value in self._pairs(node):
                yield from self.leaves(value, (*names, key), depth - 1)
        elif isinstance(node, yaml.SequenceNode) and not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            for number, item in enumerate(node.value):
                yield from self.leaves(item, (*names, str(number)), depth - 1)
        else:
            yield names or ("value",), _text(node), node.start_mark.line + 1

    def _pairs(self, node: yaml.MappingNode) -> Pairs:
        """The names and values of a mapping: what it merges first, each name once, its own before all others."""
        if id(node) in self._merged:
            known = self._merged[id(node)]
            if known is None:
                raise ValueError("a mapping merges itself")
            return known
        self._merged[id(node)] = None
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for other in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
                    if not isinstance(other, yaml.MappingNode):
                        raise ValueError(f"line {key.start_mark.line + 1} merges no mapping")  # noqa: TRY004 - a wrong text
                    found.update(self._pairs(other))
        for key, value in node.value:
            plain = isinstance(key, yaml.ScalarNode)
            if not plain:
                raise ValueError(f"line {key.start_mark.line + 1} has a key that is no text")
            if key.tag != _MERGE:
                found[key.value] = value
        pairs = list(found.items())
        self._merged[id(node)] = pairs
        return pairs


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(json.dumps(i.value) if i.tag.endswith(":str") else i.value for i in node.value) + "]"
    return str(node.value)
