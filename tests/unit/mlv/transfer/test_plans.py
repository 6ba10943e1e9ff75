"""Which ranges of a plan are fetched, by how many streams, in how many requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mlv.transfer import segments as module
from mlv.transfer.download import SHARD_BYTES, SHARD_MOST, _shards
from mlv.transfer.segments import JOINED_BYTES, merged
from mlv.transfer.targets import Place, RunningHash, Target, read_back, write_runs
from mlv_core.hashing import hash_content
from mlv_core.requests import Piece, Range, RangeKind

A, B = b"a" * 32, b"b" * 32


def pack(name: bytes, offset: int, length: int) -> Range:
    return Range(RangeKind.PACK, name, offset, length)


def test_neighbours_are_asked_for_as_one():
    ranges = [pack(A, 8, 10), pack(A, 18, 5), pack(A, 30, 5), pack(B, 35, 5), pack(B, 20, 5)]
    assert merged(ranges) == (pack(A, 8, 15), pack(A, 30, 5), pack(B, 35, 5), pack(B, 20, 5))


def test_what_is_asked_for_as_one_fits_the_server_s_memory():
    ranges = [pack(A, number << 20, 1 << 20) for number in range(10)]
    assert max(one.length for one in merged(ranges)) == JOINED_BYTES
    assert sum(one.length for one in merged(ranges)) == 10 << 20


def test_a_file_and_a_pack_of_one_name_are_two():
    ranges = [pack(A, 0, 10), Range(RangeKind.FILE, A, 10, 10)]
    assert merged(ranges) == tuple(ranges)


def test_little_is_fetched_by_one_stream():
    assert _shards([0, 2], lambda _: 10) == [[0, 2]]
    assert _shards([], lambda _: 10) == []


def test_much_work_is_done_by_two_streams_of_like_size_in_order():
    assert _shards(list(range(8)), lambda _: SHARD_BYTES // 4) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert _shards(list(range(8)), lambda _: SHARD_MOST // 2) == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_a_request_names_no_more_ranges_than_a_message_holds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "RANGES_AT_ONCE", 3)
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 25)
    ranges = [pack(A, 0, 10)] * 5 + [pack(A, 0, 1)] * 4
    assert list(module._requests(range(9), ranges)) == [[0, 1], [2, 3], [4, 5, 6], [7, 8]]


@pytest.mark.parametrize("held", [False, True])
def test_a_target_is_written_in_any_order(tmp_path: Path, held: bool):
    target = Target(str(tmp_path / "x.part"), 6, held=held)
    target.write((memoryview(b"def"),), 3)
    target.write((memoryview(b"abc"),), 0)
    assert (tmp_path / "x.part").read_bytes() == b"abcdef"
    assert target.read([(4, 2), (0, 1)]) == b"efa"
    target.close()


def test_a_file_is_hashed_while_it_is_written_in_any_order(tmp_path: Path):
    running = RunningHash()
    target = Target(str(tmp_path / "x.part"), 9, held=True, running=running)
    for position, parts in ((6, (b"gh", b"i")), (3, (b"def",)), (0, (b"a", b"bc"))):
        assert running.digest(9) is None
        target.write([memoryview(part) for part in parts], position)
    assert running.digest(9) == hash_content(b"abcdefghi")
    assert running.digest(10) is None
    target.write((memoryview(b"X"),), 4)
    assert running.digest(9) is None
    target.close()


def test_more_parts_than_the_system_takes_at_once_are_written(tmp_path: Path):
    target = Target(str(tmp_path / "x.part"), 3000, held=True)
    target.write([memoryview(bytes([n % 251])) for n in range(3000)], 0)
    assert (tmp_path / "x.part").read_bytes() == bytes(n % 251 for n in range(3000))
    target.close()


def test_neighbours_are_written_as_one(tmp_path: Path):
    written: list[tuple[int, bytes]] = []

    class Noting(Target):
        def write(self, parts: Sequence[memoryview], position: int) -> None:
            written.append((position, b"".join(parts)))

    one, other = (Noting(str(tmp_path / name), 9, held=False) for name in "ab")
    pieces = [(one, 0, b"ab"), (one, 2, b"c"), (one, 5, b"d"), (other, 6, b"e")]
    write_runs([(target, position, memoryview(data)) for target, position, data in pieces])
    assert written == [(0, b"abc"), (5, b"d"), (6, b"e")]


def test_what_an_earlier_attempt_left_is_cut_to_size_and_kept(tmp_path: Path):
    (tmp_path / "x.part").write_bytes(b"abcdefgh")
    target = Target(str(tmp_path / "x.part"), 4, held=True)
    assert target.resumes
    assert target.read([(0, 4)]) == b"abcd"
    target.close()


def test_a_segment_is_read_back_from_the_file_that_holds_it_whole(tmp_path: Path):
    half = Target(str(tmp_path / "half"), 2, held=True)
    whole = Target(str(tmp_path / "whole"), 6, held=True)
    half.write((memoryview(b"ab"),), 0)
    whole.write((memoryview(b"cd-ab-"),), 0)
    places = [
        Place(half, 0, Piece(0, 0, 0, 2)),
        Place(whole, 0, Piece(1, 0, 2, 2)),
        Place(whole, 3, Piece(1, 0, 0, 2)),
    ]
    assert read_back(places, 4) == b"abcd"
    assert read_back(places[:1], 4) is None
    half.close()
    whole.close()
