"""Merging versions by file (B1, B2, B5) beside a naive merge, and its laws."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from mlv_core.entities import VERSION_PATH, FileMode, FileState
from mlv_core.hashing import hash_content
from mlv_core.ids import FileId
from mlv_core.merging import Conflict, ConflictKind, Resolution, Side
from mlv_server.domain.merging import Merge, merge_versions, with_text

PATHS = ("a", "b", "c", "d/e")
Version = dict[str, FileState | None]


def state(file_id: int, content: str, *, text: bool = False, mode: FileMode = FileMode.REGULAR) -> FileState:
    data = content.encode()
    return FileState(FileId(file_id), mode, text, len(data), hash_content(data))


files = st.builds(state, st.just(0), st.sampled_from("xyz"), text=st.booleans(), mode=st.sampled_from(FileMode))


@st.composite
def versions(draw: st.DrawFn, known: Version | None = None, first_new: int = 10) -> Version:
    """A version; with `known` one that some edits lead to: files keep their ids, also where they move."""
    found: Version = {}
    free = set(PATHS)
    for path, old in (known or {}).items():
        if old is None or path not in free:
            continue
        act = draw(st.sampled_from(("keep", "keep", "edit", "move", "delete")))
        target = draw(st.sampled_from(sorted(free))) if act == "move" else path
        if act != "delete":
            new = draw(files) if act == "edit" else old
            found[target] = replace(new, file_id=old.file_id)
            free.discard(target)
    for number, path in enumerate(sorted(free)):
        if draw(st.booleans()):
            found[path] = replace(draw(files), file_id=FileId(first_new + number))
    return found


@st.composite
def threes(draw: st.DrawFn) -> tuple[Version, Version, Version]:
    base = draw(versions(first_new=1))
    return base, draw(versions(known=base, first_new=10)), draw(versions(known=base, first_new=20))


def by_id(version: Version) -> dict[FileId, tuple[str, FileState]]:
    return {one.file_id: (path, one) for path, one in version.items() if one is not None}


def applied(mine: Version, merge: Merge) -> Version:
    return {path: one for path, one in {**mine, **merge.wanted}.items() if one is not None}


@given(threes())
def test_B1_the_only_side_that_changed_wins(sides: tuple[Version, Version, Version]) -> None:
    base, mine, _ = sides
    assert merge_versions([base], mine, base) == Merge()
    taken = merge_versions([base], base, mine)
    assert not taken.conflicts
    assert not taken.texts
    assert applied(base, taken) == mine


@given(threes())
def test_B5_equal_changes_are_no_conflict(sides: tuple[Version, Version, Version]) -> None:
    base, mine, _ = sides
    assert merge_versions([base], mine, mine) == Merge()


@given(threes())
def test_B2_as_a_naive_merge_of_each_file_says(sides: tuple[Version, Version, Version]) -> None:
    base, mine, theirs = sides
    merge = merge_versions([base], mine, theirs)
    assume(not merge.conflicts and not merge.texts)
    old, ours, others, merged = map(by_id, (base, mine, theirs, applied(mine, merge)))
    for file_id in {*old, *ours, *others}:
        before, one, other = old.get(file_id), ours.get(file_id), others.get(file_id)
        if other in (one, before):
            assert merged.get(file_id) == one
        elif one == before:
            same = other is not None and file_id not in merged
            # The same bytes were added at one path by both: one file stands for both.
            assert merged.get(file_id) == other or (same and replace(other[1], file_id=FileId(0)) in _bare(merged))
        else:
            assert one is not None
            assert other is not None
            assert before is not None
            path = other[0] if one[0] == before[0] else one[0]
            content = other[1].content if one[1].content == before[1].content else one[1].content
            # Or one of the same bytes that came to that path stands for it.
            there = merged.get(file_id) or next(place for place in merged.values() if place[0] == path)
            assert there[0] == path
            assert there[1].content == content


def _bare(version: dict[FileId, tuple[str, FileState]]) -> list[FileState]:
    return [replace(file, file_id=FileId(0)) for _, file in version.values()]


@given(threes())
def test_B5_nothing_of_either_side_is_lost_silently(sides: tuple[Version, Version, Version]) -> None:
    base, mine, theirs = sides
    merge = merge_versions([base], mine, theirs)
    told = {case.conflict.path for case in merge.texts} | {conflict.path for conflict in merge.conflicts}
    after = applied(mine, merge)
    contents = {one.content for one in after.values() if one is not None}
    old = by_id(base)
    for side in (mine, theirs):
        for path, one in side.items():
            if one is None or (one.file_id in old and old[one.file_id][1].content == one.content):
                continue
            open_paths = {path, *(p for version in sides for p, s in version.items() if s and s.file_id == one.file_id)}
            assert one.content in contents or open_paths & told


@given(threes())
def test_B5_which_side_is_whose_decides_no_conflict(sides: tuple[Version, Version, Version]) -> None:
    base, mine, theirs = sides
    one, other = merge_versions([base], mine, theirs), merge_versions([base], theirs, mine)
    assert bool(one.conflicts) == bool(other.conflicts)
    assert len(one.texts) == len(other.texts)


@given(threes(), st.sampled_from((Side.BASE, Side.MINE, Side.THEIRS)))
def test_B3_a_decided_merge_has_no_conflict_left(sides: tuple[Version, Version, Version], side: Side) -> None:
    base, mine, theirs = sides
    merge = merge_versions([base], mine, theirs)
    chosen = {one.path: Resolution(side) for one in (*merge.conflicts, *(case.conflict for case in merge.texts))}
    again = merge_versions([base], mine, theirs, chosen)
    # Deciding one conflict can bring another file to a path that is taken; that is told and can be decided as well.
    chosen |= {one.path: Resolution(side) for one in again.conflicts}
    last = merge_versions([base], mine, theirs, chosen)
    assert all(one.kind is ConflictKind.SAME_PATH for one in again.conflicts)
    assert not last.conflicts
    assert len(by_id(applied(mine, last))) == len(applied(mine, last))


@given(threes(), threes())
def test_B5_with_two_bases_only_what_is_as_in_both_counts_as_unchanged(
    sides: tuple[Version, Version, Version], others: tuple[Version, Version, Version]
) -> None:
    base, mine, theirs = sides
    bases = (base, others[0])
    both = merge_versions(bases, mine, theirs)
    assume(not both.conflicts and not both.texts)
    old, new = by_id(mine), by_id(applied(mine, both))
    for file_id, (path, file) in old.items():
        known = [by_id(one).get(file_id) for one in bases]
        if file_id not in new:
            # The same bytes came to one path from both: one file stands for both.
            assert known == [(path, file)] * 2 or replace(file, file_id=FileId(0)) in _bare(new)
        elif new[file_id][1].content != file.content:
            assert [one and one[1].content for one in known] == [file.content] * 2


def test_B2_move_on_one_side_and_edit_on_the_other_are_both_kept() -> None:
    base: Version = {"a": state(1, "x")}
    moved: Version = {"b": state(1, "x")}
    edited: Version = {"a": state(1, "y")}
    assert applied(moved, merge_versions([base], moved, edited)) == {"b": state(1, "y")}
    assert applied(edited, merge_versions([base], edited, moved)) == {"b": state(1, "y")}


def test_B5_delete_against_edit_is_told() -> None:
    base: Version = {"a": state(1, "x")}
    edited: Version = {"a": state(1, "y")}
    kinds = [
        [one.kind for one in merge_versions([base], mine, theirs).conflicts]
        for mine, theirs in (({}, edited), (edited, {}))
    ]
    assert kinds == [[ConflictKind.DELETED_BY_MINE], [ConflictKind.DELETED_BY_THEIRS]]


def test_B5_moves_to_two_places_and_two_files_at_one_path_are_told() -> None:
    base: Version = {"a": state(1, "x")}
    apart = merge_versions([base], {"b": state(1, "x")}, {"c": state(1, "x")})
    assert [one.kind for one in apart.conflicts] == [ConflictKind.MOVED_APART]
    clash = merge_versions([{}], {"n": state(10, "x")}, {"n": state(20, "y")})
    assert [(one.kind, one.path) for one in clash.conflicts] == [(ConflictKind.SAME_PATH, "n")]
    assert merge_versions([{}], {"n": state(10, "x")}, {"n": state(20, "x")}) == Merge()


def test_B2_texts_that_both_edited_are_handed_out_and_taken_back() -> None:
    base: Version = {"a": state(1, "1", text=True)}
    moved: Version = {"b": state(1, "2", text=True)}
    edited: Version = {"a": state(1, "3", text=True)}
    merge = merge_versions([base], moved, edited)
    (case,) = merge.texts
    assert case.bases == (state(1, "1").content,)
    with_text(merge, case, hash_content(b"merged"), 6)
    assert applied(moved, merge) == {"b": replace(state(1, "", text=True), content=hash_content(b"merged"), size=6)}
    refused = merge_versions([base], moved, edited)
    with_text(refused, refused.texts[0], None, 0)
    assert [one.kind for one in refused.conflicts] == [ConflictKind.CONTENT]


def test_B2_properties_are_merged_key_by_key() -> None:
    def version(**properties: str) -> Version:
        given = tuple(sorted(properties.items()))
        return {VERSION_PATH: replace(state(0, ""), properties=given), "a": replace(state(1, "x"), properties=given)}

    base, mine, theirs = version(owner="ann", split="1"), version(owner="bob", split="1"), version(owner="ann")
    merged = applied(mine, merge_versions([base], mine, theirs))
    assert {path: one.properties for path, one in merged.items() if one is not None} == {
        VERSION_PATH: (("owner", "bob"),),
        "a": (("owner", "bob"),),
    }
    clash: list[Conflict] = merge_versions([base], mine, version(owner="eve")).conflicts
    assert [one.path for one in clash] == [VERSION_PATH, "a"]
