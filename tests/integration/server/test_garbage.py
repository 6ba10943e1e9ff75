"""gc beside commits, step by step: whatever comes in between, nothing that a version needs is removed."""

from __future__ import annotations

import os
import random

import pytest
from tests.integration.server.commit_kit import add, head, lock, modify, publish, request_for
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import cut, frames_for, pack_of

from mlv_core.errors import DamagedContent, NotFound, Unreachable
from mlv_core.hashing import hash_content
from mlv_server.content import intake
from mlv_server.content.check import check_content
from mlv_server.content.garbage import Marker
from mlv_server.content.repack import Repacker
from mlv_server.services import commits, garbage
from mlv_server.services.garbage import GarbageReport

DAY_MS = 24 * 3600 * 1000
LATER = 1 << 45
"""Server time at which every pack is old."""


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


BIG, OTHER = noise(300_000, 1), noise(300_000, 2)


async def pieces(data: bytes):
    yield data


def upload(house: House, data: bytes, base: bytes | None = None) -> None:
    """Send content that no commit names."""
    frames = frames_for(cut(data), None if base is None else cut(base))
    domain = house.db.read_now(lambda tx: tx.repositories.get(DETECTOR)).domain_id
    house.run(house.store.put_pack(domain, "upload", pieces(pack_of(frames))))


def collect(house: House, *, now: int = LATER, dry_run: bool = False) -> GarbageReport:
    return house.run(garbage.collect(house.db, house.store, house.settings, now, dry_run=dry_run))


def is_there(house: House, data: bytes) -> bool:
    domain = house.db.read_now(lambda tx: tx.repositories.get(DETECTOR)).domain_id
    names = [segment.hash for segment in cut(data).recipe.segments()]
    return not any(house.db.read_now(lambda tx: tx.segments.missing(domain, names)))


def sound(house: House) -> None:
    report = house.run(check_content(house.store))
    assert (report.damaged, report.foreign) == ([], [])


def between(monkeypatch, step) -> None:
    """Do `step` after garbage was marked and before it is removed."""
    mark = Marker.mark

    def marked(self, domain_id, before):
        found = mark(self, domain_id, before)
        step()
        return found

    monkeypatch.setattr(Marker, "mark", marked)


def test_an_upload_that_nobody_published_goes_after_its_grace_and_not_before(detector: House):
    publish(detector, "alice", request_for(add("a.bin", BIG), contents=(BIG,)))
    upload(detector, OTHER)
    young = collect(detector, now=int(detector.settings.directory.stat().st_mtime * 1000) + 6 * DAY_MS)
    assert (young.segments, young.packs) == (0, 0)
    told = collect(detector, dry_run=True)
    assert told.segments > 0
    assert is_there(detector, OTHER)
    done = collect(detector)
    assert (done.segments, done.segment_bytes) == (told.segments, told.segment_bytes)
    assert done.packs == 1
    assert len(OTHER) < done.removed_bytes < 1.1 * len(OTHER)
    assert not is_there(detector, OTHER)
    assert is_there(detector, BIG)
    assert collect(detector).segments == 0
    sound(detector)


def test_what_was_removed_can_be_sent_and_committed_again(detector: House):
    upload(detector, OTHER)
    collect(detector)
    publish(detector, "alice", request_for(add("a.bin", OTHER), contents=(OTHER,)))
    assert collect(detector).segments == 0
    sound(detector)


def test_bases_of_what_is_needed_stay(detector: House):
    changed = OTHER[:100_000] + b"a few other bytes" + OTHER[100_000:]
    upload(detector, OTHER)
    upload(detector, changed, OTHER)
    publish(detector, "alice", request_for(add("a.bin", changed), contents=(), recipes=_recipes(changed)))
    collect(detector)
    assert is_there(detector, changed)
    sound(detector)


def test_N2_garbage_that_is_committed_after_it_was_marked_stays(detector: House, monkeypatch):
    upload(detector, OTHER)
    request = request_for(add("a.bin", OTHER), recipes=_recipes(OTHER))
    between(monkeypatch, lambda: publish(detector, "alice", request))
    assert collect(detector).segments == 0
    assert head(detector) == 2
    assert is_there(detector, OTHER)
    sound(detector)


def test_N2_the_base_of_an_upload_that_came_after_the_mark_stays(detector: House, monkeypatch):
    changed = OTHER[:100_000] + b"a few other bytes" + OTHER[100_000:]
    upload(detector, OTHER)
    between(monkeypatch, lambda: upload(detector, changed, OTHER))
    collect(detector)
    sound(detector)
    # What the upload shares with the garbage is told to be missing; the same commit sends it again.
    with pytest.raises(NotFound, match="was not sent"):
        publish(detector, "alice", request_for(add("a.bin", changed), recipes=_recipes(changed)))
    publish(detector, "alice", request_for(add("a.bin", changed), contents=(changed,)))
    sound(detector)


def test_N2_a_commit_that_was_proved_before_gc_proves_again_after_it(detector: House, monkeypatch):
    upload(detector, OTHER)
    request = request_for(add("a.bin", OTHER), recipes=_recipes(OTHER))

    def sweep(name: str) -> None:
        if name == "publish.proved":
            detector.db.write_now(lambda tx: tx.sweeps.note(tx.repositories.get(DETECTOR).domain_id))

    monkeypatch.setattr(commits, "failpoint", sweep)
    with pytest.raises(Unreachable):
        publish(detector, "alice", request)
    assert head(detector) == 1
    monkeypatch.undo()
    assert publish(detector, "alice", request).changeset == 2


def test_N2_a_delta_whose_base_was_removed_while_it_arrived_is_not_kept(detector: House, monkeypatch):
    changed = OTHER[:100_000] + b"a few other bytes" + OTHER[100_000:]
    upload(detector, OTHER)
    seal = intake.Draft.seal

    def sealed(self, place):
        monkeypatch.undo()
        detector.db.write_now(lambda tx: garbage_of(detector, tx))
        seal(self, place)

    monkeypatch.setattr(intake.Draft, "seal", sealed)
    with pytest.raises(Unreachable):
        upload(detector, changed, OTHER)
    assert not is_there(detector, changed)
    sound(detector)


def garbage_of(house: House, tx) -> None:
    """Remove every segment, as gc would if all of them were garbage."""
    domain = tx.repositories.get(DETECTOR).domain_id
    tx.packs.drop(domain, tx.segments.names(domain, b"", 10_000), house.now)
    tx.sweeps.note(domain)


def test_N2_a_repack_does_not_bring_back_what_was_removed_meanwhile(detector: House, monkeypatch):
    half = request_for(add("a.bin", BIG), recipes=_recipes(BIG))
    domain = detector.db.read_now(lambda tx: tx.repositories.get(DETECTOR)).domain_id
    frames = [*frames_for(cut(BIG)), *frames_for(cut(OTHER))]
    detector.run(detector.store.put_pack(domain, "upload", pieces(pack_of(frames))))
    publish(detector, "alice", half)
    monkeypatch.setattr(Repacker, "repack", lambda *_: 0)
    collect(detector)
    assert not is_there(detector, OTHER)
    monkeypatch.undo()
    (row,) = [one for one in detector.db.read_now(lambda tx: tx.packs.list_all(domain)) if one.dead_bytes]
    assert Repacker(detector.db, detector.store.blobs).repack(domain, detector.now) == 1
    assert not is_there(detector, OTHER)
    assert is_there(detector, BIG)
    assert row.dead_bytes > 0.4 * row.length
    sound(detector)


def test_nothing_is_removed_where_a_recipe_cannot_be_read(detector: House):
    publish(detector, "alice", request_for(add("a.bin", BIG), contents=(BIG,)))
    upload(detector, OTHER)
    detector.run(detector.background.settle())
    recipe = hash_content(cut(BIG).recipe.encode())
    domain = detector.db.read_now(lambda tx: tx.repositories.get(DETECTOR)).domain_id
    place = detector.db.read_now(lambda tx: tx.segments.find(domain, [recipe]))[recipe].frame
    path = detector.store.blobs.path(domain, place.pack_id)
    data = bytearray(path.read_bytes())
    data[place.offset + place.header_length] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedContent, match="nothing is removed"):
        collect(detector)
    assert is_there(detector, OTHER)


def test_old_strays_and_temporary_files_go(detector: House):
    root = detector.store.blobs.root
    (root / "tmp").mkdir(parents=True, exist_ok=True)
    stray = root / "1" / "packs" / "ab" / ("ab" * 32)
    stray.parent.mkdir(parents=True, exist_ok=True)
    for path in (root / "tmp" / "old", root / "tmp" / "new", stray):
        path.write_bytes(bytes(1000))
    for path in (root / "tmp" / "old", stray):
        os.utime(path, (1, 1))
    now = int((root / "tmp" / "new").stat().st_mtime * 1000)
    done = collect(detector, now=now)
    assert (done.stray_packs, done.stray_bytes, done.temporary_files, done.temporary_bytes) == (1, 1000, 1, 1000)
    assert not stray.exists()
    assert [path.name for path in (root / "tmp").iterdir()] == ["new"]


def test_a_removal_is_in_the_audit_trail(detector: House):
    upload(detector, OTHER)
    collect(detector)
    assert detector.db.read_now(lambda tx: tx.inspection.audit_faults()) == []
    records = [row.record for row in detector.db.read_now(lambda tx: list(tx.audit.rows(0)))]
    assert b'"action":"gc"' in records[-1].replace(b" ", b"")


def test_gc_works_on_versions_that_changed(detector: House):
    publish(detector, "alice", request_for(add("a.bin", BIG), contents=(BIG,)))
    token = lock(detector, "alice", "wa", "a.bin", BIG, 2)
    change = modify("a.bin", OTHER, base=2, token=token)
    publish(detector, "alice", request_for(change, contents=(OTHER,), prepared=2))
    assert collect(detector).segments == 0
    assert is_there(detector, BIG)
    assert is_there(detector, OTHER)


def _recipes(data: bytes):
    file = cut(data)
    recipe = file.item[2]
    return () if recipe is None else ((file.name, recipe),)
