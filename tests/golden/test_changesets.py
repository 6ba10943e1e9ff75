"""Frozen canonical bytes of records and changesets, and frozen stored records."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.changesets import canonical_changeset, changeset_id
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
from mlv_core.ids import ChangesetNumber
from mlv_core.records import canonical_records, load_records, store_records

DATASET = DatasetReference("fraud/data", ChangesetNumber(3), "train.csv", bytes(range(32)))
RECORDS = Records(
    (Param("lr", "2e-5", "params.yaml:3"), Param("optimizer", "adamw", "command line")),
    (Metric("loss", float("nan")), Metric("val/f1", 0.871, MetricKind.VALIDATION, DATASET, 24, 1_700_000_000_000)),
    (Input(DatasetRole.TRAIN, DATASET),),
    ChangesetNumber(0),
    Environment((("python", "3.11.7"),), (("numpy", "2.4.0"),), "active environment"),
    "run-é",
)
CHANGESET = Changeset(
    ChangesetNumber(2),
    b"",
    (ChangesetNumber(1),),
    "main",
    "alice",
    1_700_000_000_000,
    "24 more steps",
    ChangesetNumber(1),
    ChangesetNumber(1),
    RECORDS,
    1,
)
PARENTS = [b"\x11" * 32]
LIST = b"\x22" * 32
CANONICAL_RECORDS = bytes.fromhex(
    "02000000020000006c720400000032652d350d000000706172616d732e79616d6c3a33090000006f7074696d697a65720500"
    "00006164616d770c000000636f6d6d616e64206c696e6502000000040000006c6f7373000000000000f87f0100ffffffffff"
    "ffffff000000000000000000000000000000000600000076616c2f6631ac1c5a643bdfeb3f03010a00000066726175642f64"
    "617461030000000000000009000000747261696e2e63737620000000000102030405060708090a0b0c0d0e0f101112131415"
    "161718191a1b1c1d1e1f18000000000000000068e5cf8b010000000000000000000001000000010a00000066726175642f64"
    "617461030000000000000009000000747261696e2e63737620000000000102030405060708090a0b0c0d0e0f101112131415"
    "161718191a1b1c1d1e1f010000000000000000200000008a326a97c1e1055624f36a8633ed12c5055526365cdf1ac55bbb1d"
    "01495067de0600000072756e2dc3a9"
)
STORED_RECORDS = bytes.fromhex(
    "4d4c564d010000006d01000028b52ffd606d00c50700040d02000000020000006c720400000032652d350d00000070617261"
    "6d732e79616d6c3a33090000006f7074696d697a6572050000006164616d770c000000636f6d6d616e64206c696e656c6f73"
    "7300f87f0100ff000600000076616c2f6631ac1c5a643bdfeb3f03010a00000066726175642f646174610300747261696e2e"
    "637376200102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1868e5cf8b010000018a326a97c1e1"
    "055624f36a8633ed12c5055526365cdf1ac55bbb1d01495067de72756e2dc3a90f00785b3cc50400e2ea0c185c1686791a2d"
    "fe67b318780b10600ffa05a9f156233612640d66"
)
ID = bytes.fromhex("165eb3b78221080b4f921ab5b7987f1280da4e36bea54b4665190598ea1cd419")


def test_canonical_records_never_change():
    assert canonical_records(RECORDS) == CANONICAL_RECORDS


def test_records_stored_by_the_first_version_can_be_read():
    assert canonical_records(load_records(STORED_RECORDS)) == CANONICAL_RECORDS
    assert canonical_records(load_records(store_records(RECORDS))) == CANONICAL_RECORDS


def test_the_id_of_a_changeset_never_changes():
    assert changeset_id(CHANGESET, PARENTS, LIST) == ID


def test_every_part_of_a_changeset_is_in_its_id():
    others = [
        replace(CHANGESET, number=ChangesetNumber(3)),
        replace(CHANGESET, branch="dev"),
        replace(CHANGESET, author="bob"),
        replace(CHANGESET, time=1),
        replace(CHANGESET, message="x"),
        replace(CHANGESET, prepared_min=ChangesetNumber(0)),
        replace(CHANGESET, prepared_max=ChangesetNumber(2)),
        replace(CHANGESET, records=replace(RECORDS, run_id="")),
        replace(CHANGESET, files_changed=2),
    ]
    ids = {changeset_id(other, PARENTS, LIST) for other in others}
    ids |= {changeset_id(CHANGESET, [b"\x12" * 32], LIST), changeset_id(CHANGESET, PARENTS, b"\x23" * 32), ID}
    assert len(ids) == len(others) + 3


def test_labels_are_not_in_the_id():
    assert changeset_id(replace(CHANGESET, labels=("v1",)), PARENTS, LIST) == ID
    assert canonical_changeset(CHANGESET, PARENTS, LIST)[:8] == b"\x04\x00\x00\x00MLVS"
