"""Three-way merge of texts: by lines, and JSON, YAML, TOML and notebooks also by their structure (B2).

Where a format is known, lines alone are not trusted: lines that merge cleanly must give a document with the very values
that the structures give. Where lines conflict but values do not, the document is written anew in the style of mine.
"""

from __future__ import annotations

from mlv_core.merges import merge_text
from mlv_server.domain.documents import Document, DocumentError, Kind, kind_of, parse, values_equal
from mlv_server.domain.merge_trees import merge_notebooks, merge_trees

BYTES_LIMIT = 4 << 20
"""Larger texts are data, not something that people merge."""


def merge_document(path: str, base: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """Merge two edits of a text; None where they conflict.

    Comments and layout of YAML and TOML are kept from mine; comments that only theirs has may be missing where lines
    conflict. A document that cannot be parsed is merged as plain lines.
    """
    if max(len(base), len(mine), len(theirs)) > BYTES_LIMIT:
        return None
    by_lines = merge_text(base, mine, theirs)
    kind = kind_of(path)
    if kind is None:
        return by_lines
    try:
        sides = [parse(kind, data) for data in (base, mine, theirs)]
    except DocumentError:
        return by_lines
    try:
        merged = _by_structure(kind, *sides)
        if merged is None:
            return None
        if by_lines is not None and _says(kind, by_lines, merged):
            return by_lines
        return merged.encode()
    except RecursionError:  # nested less deeply than it can be parsed, but more than it can be walked
        return by_lines


def _by_structure(kind: Kind, base: Document, mine: Document, theirs: Document) -> Document | None:
    merge = merge_notebooks if kind is Kind.NOTEBOOK else merge_trees
    try:
        return mine.with_root(merge(base.root, mine.root, theirs.root))
    except DocumentError:
        return None


def _says(kind: Kind, data: bytes, document: Document) -> bool:
    try:
        return values_equal(parse(kind, data).root, document.root)
    except DocumentError:
        return False
