"""Targets: change lists, snapshots, leaves, records, environments and changesets in their stored forms."""

from __future__ import annotations

import random
import struct

import zstandard
from tests.fuzz.content import DAMAGE
from tests.fuzz.target import FRAME_ANSWER, Target, promise

from mlv_core.changes import ListKind, ListReader, Row, decode, encode
from mlv_core.changes.leaves import decode_leaf, encode_leaf
from mlv_core.changesets import canonical_changeset
from mlv_core.entities import (
    Changeset,
    DatasetReference,
    DatasetRole,
    Environment,
    Input,
    Metric,
    MetricKind,
    Param,
    Records,
)
from mlv_core.hashing import hash_structured
from mlv_core.ids import ChangesetNumber
from mlv_core.records import canonical_records, load_environment, load_records, store_environment, store_records

ROWS = [
    Row(".", 5, 0, 0, False, 0, bytes(32), (("licence", "CC-BY-4.0"),), "", 3),
    Row("data/train.csv", 2, 1, 0, True, 383_000_000, bytes(range(32)), (("rows", "12"), ("split", "train")), "", 3),
    Row("model.safetensors", 4, 2, 0, False, 45_400_000, b"\xff" * 32, (), "old/model.safetensors", 2),
    Row("old/model.safetensors", 3, 2, 0, False, 0, b"", (), "", 2),
    Row("run.sh", 1, 3, 1, True, 12, b"\x01" * 32, (), "", 1),
    Row("\u00e9/link", 1, 4, 2, False, 7, b"\x02" * 32, (), "", 1),
]
DATASET = DatasetReference("fraud/data", ChangesetNumber(3), "train.csv", bytes(range(32)))
RECORDS = Records(
    (Param("lr", "2e-5", "params.yaml:3"),),
    (Metric("loss", float("nan")), Metric("val/f1", 0.871, MetricKind.VALIDATION, DATASET, 24, 1_700_000_000_000)),
    (Input(DatasetRole.TRAIN, DATASET),),
    ChangesetNumber(0),
    Environment((("python", "3.11.7"),), (("numpy", "2.4.0"),), "active environment"),
    "run-\u00e9",
)
_LEAF = struct.Struct("<HHI")
_LIST_HEADER = struct.Struct("<4sBBxxII")


def _many(count: int) -> list[Row]:
    return [Row(f"d/{n:05}", 1, n, 0, False, n, bytes(32), (), "", 1) for n in range(count)]


def _list_seeds() -> list[bytes]:
    return [
        encode(rows, kind).blob
        for rows, kind in ((ROWS, ListKind.CHANGES), (_many(1100), ListKind.SNAPSHOT), ([], ListKind.CHANGES))
    ]


def _run_list(data: bytes) -> None:
    rows = decode(data)
    reader = ListReader.of(data)
    promise(reader.count == len(rows), "a list counts other rows than it holds")
    again = encode(rows, reader.kind)
    promise(decode(again.blob) == rows, "decode(encode(x)) is not x")
    for path in ("model.safetensors", "d/00500", "", "\uffff"):
        promise(reader.lookup(path) == next((row for row in rows if row.path == path), None), "a row is not found")
    list(reader.below("d"))


def _repair_list(data: bytes, pick: random.Random) -> bytes:
    """An input is taken as the plain index: it is packed again, with the lengths of its header."""
    try:
        _, _, kind, packed, plain = _LIST_HEADER.unpack_from(data)
        end = _LIST_HEADER.size + packed
        index = zstandard.ZstdDecompressor().decompress(
            data[_LIST_HEADER.size : end], max_output_size=min(plain, 1 << 20)
        )
    except (struct.error, zstandard.ZstdError, MemoryError):
        return data
    made = bytearray(index)
    for _ in range(pick.choice((1, 1, 2, 4))):
        at = pick.randrange(len(made) + 1)
        made[at : at + pick.choice((0, 1, 4))] = pick.choice(
            (b"\0", b"\xff\xff\xff\xff", pick.randbytes(2), b"\x01\0\0\0")
        )
    again = zstandard.ZstdCompressor().compress(bytes(made))
    return _LIST_HEADER.pack(b"MLVC", 1, kind, len(again), len(made)) + again + data[end:]


def _leaf_input(rows: list[Row]) -> bytes:
    columns, hashes = encode_leaf(tuple(zip(*rows, strict=True)))
    return _LEAF.pack(len(rows), len(hashes) // 32, len(columns)) + columns + hashes


def _run_leaf(data: bytes) -> None:
    """A leaf alone: no hash stands before its columns."""
    count, hashes, length = _LEAF.unpack_from(data.ljust(_LEAF.size, b"\0"))
    body = data[_LEAF.size :]
    columns = body[:length]
    names = body[length : length + hashes * 32]
    rows = decode_leaf(columns, names, count % 1025)
    if rows:
        promise(
            decode_leaf(*encode_leaf(tuple(zip(*rows, strict=True))), len(rows)) == rows, "decode(encode(x)) is not x"
        )


def _repair_leaf(data: bytes, pick: random.Random) -> bytes:
    count, hashes, _ = _LEAF.unpack_from(data.ljust(_LEAF.size, b"\0"))
    body = data[_LEAF.size :]
    names = min(hashes, len(body) // 32)
    return _LEAF.pack(count % 16, names, len(body) - names * 32) + body


def _run_records(data: bytes) -> None:
    """The canonical bytes, packed as they rest."""
    wrapped = struct.pack("<4sBxxxI", b"MLVM", 1, len(data)) + zstandard.ZstdCompressor().compress(data)
    records = load_records(wrapped)
    again = load_records(store_records(records))
    promise(canonical_records(again) == canonical_records(records), "records change when they are stored again")
    canonical_changeset(_changeset(records), [bytes(32)], bytes(32))


def _run_stored_records(data: bytes) -> None:
    load_records(data)


def _run_environment(data: bytes) -> None:
    digest = hash_structured("environment", data)
    environment = load_environment(zstandard.ZstdCompressor().compress(data), digest)
    load_environment(store_environment(environment), hash_structured("environment", _plain(environment)))


def _run_stored_environment(data: bytes) -> None:
    load_environment(data, bytes(32))


def _plain(environment: Environment) -> bytes:
    return zstandard.ZstdDecompressor().decompress(store_environment(environment))


def _changeset(records: Records) -> Changeset:
    one = ChangesetNumber(1)
    return Changeset(ChangesetNumber(2), b"", (one,), "main", "alice", 1_700_000_000_000, "m", one, one, records, 1)


_ENVIRONMENT = RECORDS.environment
_LENGTHS = (b"\x01\0\0\0", b"\x00\0\0\0", b"\xff\xff\xff\xff", b"\x08\0\0\0", b"\x20\0\0\0", bytes(9))

TARGETS = (
    Target(
        "change list",
        _run_list,
        _list_seeds,
        DAMAGE,
        (b"MLVC", b"\x28\xb5\x2f\xfd", *_LENGTHS),
        _repair_list,
        FRAME_ANSWER,
    ),
    Target(
        "leaf",
        _run_leaf,
        lambda: [_leaf_input(ROWS), _leaf_input(_many(5))],
        DAMAGE,
        _LENGTHS,
        _repair_leaf,
        FRAME_ANSWER,
    ),
    Target(
        "records", _run_records, lambda: [canonical_records(RECORDS), canonical_records(Records())], DAMAGE, _LENGTHS
    ),
    Target(
        "stored records", _run_stored_records, lambda: [store_records(RECORDS)], DAMAGE, (b"MLVM",), memory=FRAME_ANSWER
    ),
    Target("environment", _run_environment, lambda: [_plain(_ENVIRONMENT)], DAMAGE, _LENGTHS),
    Target(
        "stored environment",
        _run_stored_environment,
        lambda: [store_environment(_ENVIRONMENT)],
        DAMAGE,
        (),
        memory=FRAME_ANSWER,
    ),
)
