"""Change lists and snapshots: sorted rows in leaves behind an index, and the state of a version as a fold of lists.

A stored list is one blob: header, index, leaves. Its name is the hash of the canonical (uncompressed) index, which
holds the hash of every leaf's canonical bytes, so one leaf can be read and verified without the others.
"""

from mlv_core.changes.rows import Row, apply, fold, rows_of, states_of
from mlv_core.changes.stored import LEAF_ROWS, EncodedList, ListKind, ListReader, Shelf, decode, encode, encode_changes

__all__ = [
    "LEAF_ROWS",
    "EncodedList",
    "ListKind",
    "ListReader",
    "Row",
    "Shelf",
    "apply",
    "decode",
    "encode",
    "encode_changes",
    "fold",
    "rows_of",
    "states_of",
]
