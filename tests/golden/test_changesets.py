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
    "161718191a1b1c1d1e1f0100000000000000000100000006000000707974686f6e06000000332e31312e3701000000050000"
    "006e756d707905000000322e342e301200000061637469766520656e7669726f6e6d656e740600000072756e2dc3a9"
)
STORED_RECORDS = bytes.fromhex(
    "4d4c564d010000008d01000028b52ffd608d002d080082cd3337606dd201d480104440040120b682e0a128e47d42f6be64cb"
    "196fd676c21e41e4b9c04433a1de5fa08f815747e1a1e3c6f674b746c84e011d1f9eceeced48bb5aa975a4a226afb5897812"
    "0fb45d346b8a57552fd47574b7cbfd8e034464c4817870e834302c701412100e0c36050403029a4c00e60260a9502693e428"
    "0db35e4bb6f7135f861f98b115fdc7b8e96224c40262743c2ad167b2f6bff292bb0d9263589db1e5a46033a5d5fa9fc9a00c"
    "f93fc5460d49e5bdeaff4ba86252de1e46d9f2f55f33e189a0ff133bff4bffa51500b3c6025a5158a12e2bc2ce28ada8a709"
    "600900c4d51930b82c0cf3345afccf6631f01620c01ef40b52e3ad466c24c81acc"
)
ID = bytes.fromhex("7da2b2660d6eafef07550189c95a59b9541dfa55d6b385eac63c51835086ce03")


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
