"""Values of a YAML file with their lines; apart, because only users of YAML pay for its parser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml


def yaml_leaves(text: str, depth_limit: int) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Names, text as written and line of each value. No object of any kind is made.

    Raises: ValueError for text that is no YAML; RecursionError when it is nested deeper than `depth_limit`.
    """
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is not None:
            yield from _walk(loader, root, (), depth_limit)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _walk(
    loader: yaml.SafeLoader, node: yaml.Node, names: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], str, int]]:
    if depth == 0:
        raise RecursionError
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        for key, value in node.value:
            yield from _walk(loader, value, (*names, str(key.value)), depth - 1)
    elif isinstance(node, yaml.SequenceNode) and not all(isinstance(item, yaml.ScalarNode) for item in node.value):
        for number, item in enumerate(node.value):
            yield from _walk(loader, item, (*names, str(number)), depth - 1)
    else:
        yield names or ("value",), _text(node), node.start_mark.line + 1


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(json.dumps(i.value) if i.tag.endswith(":str") else i.value for i in node.value) + "]"
    return str(node.value)
