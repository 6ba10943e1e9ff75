"""Many commits at once, and many of one file: numbers, answers, sizes and chains stay as promised."""

from __future__ import annotations

import asyncio
import random

from tests.integration.server.commit_kit import (
    add,
    files,
    head,
    lock,
    modify,
    publish,
    request_for,
)
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import chunks_of, cut, frames_for, pack_of

from mlv_core.ids import ChangesetNumber
from mlv_server.services import commits, content


def test_stored_bytes_tell_what_a_commit_took(detector: House):
    data = bytes(range(256)) * 400
    done = publish(detector, "alice", request_for(add("d.bin", data), contents=(data,)))
    on_disk = detector.run(detector.store.stored_bytes(1))
    assert on_disk < done.stored_bytes < on_disk + 1000


def test_C1_commits_of_many_at_once_land_one_after_the_other(detector: House):
    requests = [request_for(add(f"f{n}.txt", b"%d" % n), contents=(b"%d" % n,)) for n in range(20)]
    calls = [detector.call(("alice", "bob")[n % 2]) for n in range(20)]

    async def all_at_once():
        return await asyncio.gather(*(commits.publish(call, one) for call, one in zip(calls, requests, strict=True)))

    done = detector.run(all_at_once())
    assert sorted(one.changeset for one in done) == list(range(2, 22))
    assert all(one.parent == one.changeset - 1 for one in done)
    assert len(files(detector, 21)) == 23
    ids = detector.db.read_now(lambda tx: [row.file_id for row in tx.versions.files(1, ChangesetNumber(21))])
    assert len(set(ids)) == 23


def test_C3_one_request_sent_many_times_at_once_makes_one_changeset(detector: House):
    request = request_for(add("a.txt", b"a"), contents=(b"a",))
    calls = [detector.call("alice") for _ in range(8)]

    async def all_at_once():
        return await asyncio.gather(*(commits.publish(call, request) for call in calls))

    assert {one.changeset for one in detector.run(all_at_once())} == {2}
    assert head(detector) == 2


def test_C4_of_two_commits_to_one_file_at_once_one_lands(detector: House):
    requests = [request_for(modify("train.py", b"%d\n" % n), contents=(b"%d\n" % n,)) for n in range(4)]
    calls = [detector.call("alice") for _ in requests]

    async def all_at_once():
        running = (commits.publish(call, one) for call, one in zip(calls, requests, strict=True))
        return await asyncio.gather(*running, return_exceptions=True)

    outcomes = detector.run(all_at_once())
    assert sorted(type(one).__name__ for one in outcomes) == ["HeadMoved"] * 3 + ["Published"]
    assert head(detector) == 2


def test_packs_sent_before_count_as_stored_by_the_publish_that_names_their_upload(detector: House):
    data = bytes(range(256)) * 300
    file = cut(data)

    async def send():
        return await content.put_pack(detector_call, DETECTOR, "upload-7", chunks_of(pack_of(frames_for(file))))

    detector_call = detector.call("alice")
    _, kept = detector.run(send())
    request = request_for(add("d.bin", data), recipes=((file.name, file.item[2]),), upload="upload-7")
    done = publish(detector, "alice", request)
    assert kept < done.stored_bytes < kept + 1000
    again = publish(detector, "alice", request_for(add("e.txt", b"e"), contents=(b"e",), upload="upload-7"))
    assert again.stored_bytes < 1000


def test_chains_stay_short_while_one_file_is_committed_again_and_again(detector: House):
    rng = random.Random(7)
    data = bytearray(rng.randbytes(60_000))
    base = cut(bytes(data))
    publish(
        detector, "alice",
        request_for(add("log.txt", base.plain), contents=(base.plain,)),
    )  # fmt: skip
    sent = [base]
    for number in range(2, 26):
        data[rng.randrange(len(data))] ^= 0xFF
        new = cut(bytes(data))
        token = lock(detector, "alice", "wa", "log.txt", sent[-1].plain, number)
        publish(
            detector, "alice",
            request_for(
                modify("log.txt", new.plain, number, token), prepared=number,
                recipes=((new.name, new.item[2]),), inline_pack=pack_of(frames_for(new, sent[-1])),
            ),
        )  # fmt: skip
        sent.append(new)
    detector.run(detector.background.settle())
    depth = detector.run(detector.store.depth_of(1, [file.recipe for file in sent]))
    assert depth <= 9
