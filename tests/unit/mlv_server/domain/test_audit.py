"""The audit chain: any edit, cut, insertion or reorder shows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mlv_server.domain.audit import START, AuditEntry, AuditRow, first_fault, seal

CHAIN = 7


def chain(length: int) -> list[AuditRow]:
    rows: list[AuditRow] = []
    previous = START
    for sequence in range(1, length + 1):
        entry = AuditEntry(sequence, "alice", "t", "peer", "r", "commit", f"object {sequence}", allowed=True)
        rows.append(seal(CHAIN, sequence, previous, entry))
        previous = rows[-1].hash
    return rows


def test_a_sound_chain_has_no_fault() -> None:
    assert first_fault(CHAIN, chain(5)) is None
    assert first_fault(CHAIN, []) is None


def test_an_entry_is_kept_whole_and_canonical() -> None:
    entry = AuditEntry(
        5, "ü", "t", "p", "r", "lock.break", "a\x1b", allowed=False, rule=3, reason="no", detail=(("k", "v"),)
    )
    record = seal(CHAIN, 1, START, entry).record
    assert json.loads(record) == {
        "chain": 7,
        "sequence": 1,
        "time": 5,
        "user": "ü",
        "token": "t",
        "peer": "p",
        "request": "r",
        "action": "lock.break",
        "object": "a\x1b",
        "allowed": False,
        "rule": 3,
        "reason": "no",
        "detail": {"k": "v"},
    }
    assert record.isascii()
    assert b" " not in record
    assert record == seal(CHAIN, 1, START, entry).record


@pytest.mark.parametrize("place", [0, 2, 4])
def test_an_edit_shows(place: int) -> None:
    rows = chain(5)
    rows[place] = replace(rows[place], record=rows[place].record.replace(b"alice", b"carol"))
    assert first_fault(CHAIN, rows) == place + 1


def test_a_cut_an_insertion_and_a_reorder_show() -> None:
    rows = chain(5)
    assert first_fault(CHAIN, rows[:2] + rows[3:]) == 3
    assert first_fault(CHAIN, rows[1:]) == 1
    assert first_fault(CHAIN, [*rows[:2], rows[1], *rows[2:]]) == 3
    assert first_fault(CHAIN, [rows[1], rows[0], *rows[2:]]) == 1


def test_rows_of_another_chain_show() -> None:
    assert first_fault(CHAIN + 1, chain(1)) == 1


def test_a_row_that_is_no_record_shows() -> None:
    assert first_fault(CHAIN, [AuditRow(1, b"\xff", START, START)]) == 1
