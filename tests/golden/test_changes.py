"""Frozen canonical names and frozen stored blobs of change lists."""

from __future__ import annotations

from mlv_core.changes import ListKind, ListReader, Row, encode

ROWS = [
    Row(".", 5, 0, 0, False, 0, bytes(32), (("licence", "CC-BY-4.0"),), "", 3),
    Row("data/train.csv", 2, 1, 0, True, 383_000_000, bytes(range(32)), (("rows", "12"), ("split", "train")), "", 3),
    Row("model.safetensors", 4, 2, 0, False, 45_400_000, b"\xff" * 32, (), "old/model.safetensors", 2),
    Row("old/model.safetensors", 3, 2, 0, False, 0, b"", (), "", 2),
    Row("run.sh", 1, 3, 1, True, 12, b"\x01" * 32, (), "", 1),
    Row("é/link", 1, 4, 2, False, 7, b"\x02" * 32, (), "", 1),
]
NAME = bytes.fromhex("3b3f1a7669102ccdc379545015d526a088b12fcad6e2c64d2c97de8c139739b6")
SNAPSHOT_NAME = bytes.fromhex("4c2940337fbe60e6f4fd405bf22852177c7c1833ad8b850e3fa22d7c95691560")
STORED = bytes.fromhex(
    "4d4c564301010000410000003800000028b52ffd2038c1010001010000000600000001002ef49a900fae5b7f89677333ff82"
    "3ba18dd017a1036d7b4b1a728b937f3ebb1b3faf000000430100000500000028b52ffd6043002d0500d288212960559b0330"
    "050be28102000070e2e39a3d1783c34a5a60086e778506b5f70336411cb9474cd75a2953123a5a2b8c95fecfce1a8cc64cfa"
    "e7bc680e09f29028ea55f25530fe1f1cfa3e9a4818a70c80a49bb4d0c98ab3e96cf9ea8bb86ef1599372e9aa49e8689d5c75"
    "5663761c4e6802368a43845fd7ee995d8030ec3a0fb34381e850d83f0b00104de01cf555e2cca4119b1904068bab5a398040"
    "6715b40d032c0000000000000000000000000000000000000000000000000000000000000000000102030405060708090a0b"
    "0c0d0e0f101112131415161718191a1b1c1d1e1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffff010101010101010101010101010101010101010101010101010101010101010102020202020202020202020202020202"
    "02020202020202020202020202020202"
)


def test_the_name_of_a_list_never_changes():
    assert encode(ROWS).id == NAME
    assert encode(ROWS[:2], ListKind.SNAPSHOT).id == SNAPSHOT_NAME


def test_a_list_stored_by_the_first_version_can_be_read():
    reader = ListReader.of(STORED)
    assert list(reader.rows()) == ROWS
    assert reader.id == NAME
