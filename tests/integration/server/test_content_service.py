"""What a workspace is told to fetch, and that only a repository's own content can be fetched (P4, P5)."""

from __future__ import annotations

import pytest
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import File, chunks_of, cut, frames_for, model, pack_of, table
from tests.integration.server.plan_kit import ALL, follow
from tests.integration.server.test_commits import add, delete, lock, modify, move, publish, request_for

from mlv_core.entities import FileMode, LockNeed, Operation
from mlv_core.errors import DamagedContent, InvalidRequest, NotFound
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import PlanPart, PlanRequest, Range, RangeKind
from mlv_server.services import content

AT = [ChangesetNumber(number) for number in range(10)]


def plan(house: House, base: int, target: int, **more) -> list[PlanPart]:
    request = PlanRequest(DETECTOR, AT[base], AT[target], ALL, **more)
    call = house.call("rita")

    async def collect():
        return [part async for part in content.plan_download(call, DETECTOR, request)]

    return house.run(collect())


def rows(parts: list[PlanPart]) -> dict[str, Operation]:
    return {one.change.path: one.change.operation for part in parts for one in part.changes}


def domain_of(house: House) -> int:
    return house.db.read_now(lambda tx: tx.repositories.get(DETECTOR)).domain_id


def bring(house: House, parts: list[PlanPart], old: dict[str, bytes]) -> dict[str, bytes]:
    """The workspace's files after the plan was followed."""
    files = dict(old)
    for part in parts:
        changes = [planned.change for planned in part.changes]
        olds = {n: old[path] for n, one in enumerate(changes) if (path := one.source or one.path) in old}
        got, _ = house.run(follow(house.store, part, olds, domain_id=domain_of(house)))
        for change in changes:
            if change.operation is Operation.DELETE:
                files.pop(change.path, None)
        for n, change in enumerate(changes):
            if n in got or (change.state is not None and change.state.size == 0):
                files[change.path] = got.get(n, b"")
                assert hash_content(files[change.path]) == change.state.content
    return files


def ranges(house: House, wanted: list[Range], repository: RepositoryName = DETECTOR, user: str = "rita") -> bytes:
    call = house.call(user)

    async def collect():
        return [data async for data in content.get_ranges(call, repository, AT[1], tuple(wanted))]

    parts = house.run(collect())
    assert all(len(part) <= 1 << 20 for part in parts)
    return b"".join(parts)


@pytest.fixture
def weights(detector: House) -> tuple[House, File]:
    first = [cut(b"\0one"), cut(b"\0rows"), cut(b"print()\n")]
    frames = [frame for one in first for frame in frames_for(one)]
    domain_id = domain_of(detector)
    detector.run(detector.store.put_pack(domain_id, "", chunks_of(pack_of(frames))))
    detector.db.write_now(lambda tx: tx.contents.record(domain_id, [one.item for one in first]))
    file = model(rows=700)
    publish(detector, "alice", request_for(add("w.safetensors", file.plain), contents=(file.plain,)))
    return detector, file


def test_a_checkout_of_a_version_brings_every_file(weights):
    house, file = weights
    assert bring(house, plan(house, 0, 2), {}) == {
        "model.safetensors": b"\0one",
        "data/train.parquet": b"\0rows",
        "train.py": b"print()\n",
        "w.safetensors": file.plain,
    }


def test_an_update_tells_adds_changes_moves_and_deletes(weights):
    house, file = weights
    have = bring(house, plan(house, 0, 2), {})
    token = lock(house, "alice", "wa", "w.safetensors", file.plain, 2)
    changes = [
        *move("w.safetensors", "moved/w.safetensors", file.plain, 2, token),
        modify("train.py", b"new text\n", 2),
        add("empty", b"", 2),
        add("link", b"empty", 2, FileMode.SYMLINK),
    ]
    publish(house, "alice", request_for(*changes, contents=(b"new text\n", b"empty"), prepared=2))
    parts = plan(house, 2, 3)
    assert rows(parts) == {
        "w.safetensors": Operation.DELETE,
        "moved/w.safetensors": Operation.MOVE,
        "train.py": Operation.MODIFY,
        "empty": Operation.ADD,
        "link": Operation.ADD,
    }
    assert sum(one.length for part in parts for one in part.ranges) < 1000
    assert bring(house, parts, have) == bring(house, plan(house, 0, 3), {})
    assert bring(house, plan(house, 3, 2), bring(house, plan(house, 0, 3), {})) == have


def test_paths_only_and_exclude_limit_a_plan(weights):
    house, _ = weights
    assert set(rows(plan(house, 0, 2, paths=("w.safetensors",)))) == {"w.safetensors"}
    assert set(rows(plan(house, 0, 2, only=("w.*",)))) == {"w.safetensors"}
    assert "w.safetensors" not in rows(plan(house, 0, 2, exclude=("*.safetensors",)))


def test_paths_that_stand_at_other_changesets_are_compared_from_there(weights):
    house, file = weights
    second = cut(file.plain[:-4] + b"\0\0\0\0")
    token = lock(house, "alice", "wa", "w.safetensors", file.plain, 2)
    publish(
        house,
        "alice",
        request_for(modify("w.safetensors", second.plain, 2, token), contents=(second.plain,), prepared=2),
    )
    assert rows(plan(house, 2, 3)) == {"w.safetensors": Operation.MODIFY}
    assert rows(plan(house, 2, 3, others=(("w.safetensors", AT[3]),))) == {}
    assert rows(plan(house, 3, 3, others=(("w.safetensors", AT[2]),))) == {"w.safetensors": Operation.MODIFY}
    assert rows(plan(house, 3, 3, others=(("w.safetensors", AT[0]),))) == {"w.safetensors": Operation.ADD}
    parts = plan(house, 0, 3, others=(("w.safetensors", AT[3]),))
    assert "w.safetensors" not in rows(parts)
    assert rows(plan(house, 0, 0, others=(("w.safetensors", AT[3]),))) == {"w.safetensors": Operation.DELETE}


def test_bytes_that_are_not_on_the_disk_are_not_built_on(weights):
    house, file = weights
    second = cut(file.plain[:-4] + b"\0\0\0\0")
    token = lock(house, "alice", "wa", "w.safetensors", file.plain, 2)
    publish(
        house,
        "alice",
        request_for(modify("w.safetensors", second.plain, 2, token), contents=(second.plain,), prepared=2),
    )
    (part,) = plan(house, 2, 3, without_old=("w.safetensors",))
    assert not any(segment.old for segment in part.segments)
    assert bring(house, [part], {})["w.safetensors"] == second.plain
    (told,) = plan(house, 2, 3, without_content=True)
    assert (len(told.changes), told.ranges, told.pieces) == (1, (), ())


def test_a_plan_says_where_a_lock_is_needed_and_what_changed_a_file_last(weights):
    house, _ = weights
    (planned,) = plan(house, 0, 2, paths=("w.safetensors",))[0].changes
    assert (planned.need, planned.changed_in) == (LockNeed.REQUIRED, 2)


def test_nothing_to_do_is_one_part_that_names_the_target(weights):
    house, _ = weights
    (part,) = plan(house, 2, 2)
    assert (part.target, part.changes) == (2, ())
    with pytest.raises(NotFound):
        plan(house, 2, 9)


def test_large_versions_come_in_parts_that_stand_alone(weights, monkeypatch):
    house, _ = weights
    whole = bring(house, plan(house, 0, 2), {})
    monkeypatch.setattr(content, "PART_FILES", 1)
    parts = plan(house, 0, 2)
    assert len(parts) == len(whole)
    assert bring(house, parts, {}) == whole
    monkeypatch.setattr(content, "PAGE_FILES", 1)
    assert bring(house, plan(house, 0, 2), {}) == whole


def test_any_bytes_of_a_file_can_be_read_for_about_their_size(weights):
    house, file = weights
    wanted = [Range(RangeKind.FILE, file.name, 1000, 2_000_000), Range(RangeKind.FILE, file.name, 5, 7)]
    assert ranges(house, wanted) == file.plain[1000:2_001_000] + file.plain[5:12]
    with pytest.raises(InvalidRequest):
        ranges(house, [Range(RangeKind.FILE, file.name, len(file.plain), 1)])


def test_neighbouring_frames_can_be_read_as_one_range(weights, monkeypatch):
    house, _ = weights
    part = plan(house, 0, 2)[0]
    packs = [one for one in part.ranges if one.kind is RangeKind.PACK]
    single = b"".join(ranges(house, [one]) for one in packs)
    assert ranges(house, packs) == single
    large = max(packs, key=lambda one: one.length).id
    joined = sorted((one for one in packs if one.id == large), key=lambda one: one.offset)
    assert len(joined) > 2
    whole = Range(RangeKind.PACK, large, joined[0].offset, sum(one.length for one in joined))
    expected = b"".join(ranges(house, [one]) for one in joined)
    assert ranges(house, [whole]) == expected
    monkeypatch.setattr(content, "GROUP_BYTES", joined[0].length)
    assert ranges(house, [whole]) == expected
    with pytest.raises(NotFound):
        ranges(house, [Range(RangeKind.PACK, packs[0].id, packs[0].offset + 1, packs[0].length)])


def test_P4_content_of_another_repository_is_not_found(weights):
    house, file = weights
    other = RepositoryName("fraud", "other")
    house.add_repository(other)
    house.grant("maintainer", "alice", other)
    house.commit({"a": b"x"}, other)
    part = plan(house, 0, 2)[0]
    for wanted in (
        Range(RangeKind.FILE, file.name, 0, 1),
        part.ranges[0],
        Range(RangeKind.FILE, ContentHash(bytes(32)), 0, 1),
    ):
        with pytest.raises(NotFound):
            ranges(house, [wanted], other, "alice")


def test_a_pack_that_lies_is_refused_and_the_upload_is_named(detector: House):
    frames = frames_for(table(edits=4), table())
    with pytest.raises(DamagedContent) as caught:
        detector.run(content.put_pack(detector.call("alice"), DETECTOR, "u-1", chunks_of(pack_of(frames))))
    assert "upload u-1" in caught.value.items


def test_deleting_a_file_that_came_back_is_told_once(weights):
    house, file = weights
    token = lock(house, "alice", "wa", "w.safetensors", file.plain, 2)
    publish(house, "alice", request_for(delete("w.safetensors", 2, token), prepared=2))
    assert rows(plan(house, 2, 3)) == {"w.safetensors": Operation.DELETE}
    assert rows(plan(house, 1, 3)) == {}
