"""New segments are put into frames against the right old ones."""

from __future__ import annotations

from mlv_core.codecs import ALL_CODECS, Codec, decode
from mlv_core.framing import BASE_BYTES, GROUP_BYTES, PATCH_BYTES, FramePlan, encode_plan, plan_frames, plan_groups
from mlv_core.hashing import hash_content
from mlv_core.packs import decode_frame
from mlv_core.recipes import Recipe, RecipeSegment, generic, single
from mlv_core.segments import BF16, OPAQUE

KEY = "layer.0\x1fbf16\x1f64,64"


def chunks(*names: str, length: int = 10_000) -> Recipe:
    return generic(length * len(names), [(hash_content(name.encode()), length) for name in names])


def missing(new: Recipe, base: Recipe) -> set[bytes]:
    return {segment.hash for segment in new.segments()} - {segment.hash for segment in base.segments()}


def typed(*contents: str, key: str = KEY, length: int = 8192) -> Recipe:
    segments = tuple(RecipeSegment(hash_content(text.encode()), length, key, BF16) for text in contents)
    return Recipe(length * len(segments), segments, (), (0, length * len(segments)))


def test_what_the_receiver_has_is_in_no_frame():
    base = chunks("a", "b", "c")
    assert plan_frames(base, base, set()) == []


def test_a_changed_run_is_patched_against_the_old_run_between_its_anchors():
    base, new = chunks("a", "b", "c", "d", "e"), chunks("a", "B", "C", "CC", "d", "e")
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((1, 2, 3), (1, 2), typed=False)]


def test_a_pure_insertion_has_no_base():
    base, new = chunks("a", "b"), chunks("a", "x", "b")
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((1,), (), typed=False)]


def test_nearby_edits_share_a_frame():
    base, new = chunks("a", "b", "c", "d", "e"), chunks("a", "B", "c", "D", "e")
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((1, 3), (1, 3), typed=False)]


def test_a_whole_new_version_is_patched_against_the_whole_old_one():
    base, new = single(hash_content(b"old"), 500), single(hash_content(b"new"), 600)
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((0,), (0,), typed=False)]


def test_a_name_that_occurs_twice_is_sent_once():
    base, new = chunks("a"), chunks("x", "x", "a", "x")
    plans = plan_frames(new, base, missing(new, base))
    assert [plan.members for plan in plans] == [(0,)]


def test_a_long_rewrite_falls_into_bounded_frames_that_look_at_their_own_region():
    base = chunks(*(f"old {n}" for n in range(2000)), length=16_000)
    new = chunks(*(f"new {n}" for n in range(2000)), length=16_000)
    plans = plan_frames(new, base, missing(new, base))
    assert [index for plan in plans for index in plan.members] == list(range(2000))
    for plan in plans:
        assert len(plan.members) * 16_000 <= PATCH_BYTES
        assert len(plan.bases) * 16_000 <= BASE_BYTES
        assert set(plan.bases) >= set(plan.members)


def test_chunks_without_a_base_share_frames_up_to_the_group_size():
    new = chunks(*(f"new {n}" for n in range(300)))
    plans = plan_frames(new, None, {segment.hash for segment in new.segments()})
    assert [index for plan in plans for index in plan.members] == list(range(300))
    assert all(len(plan.members) * 10_000 <= GROUP_BYTES and not plan.bases for plan in plans)
    assert len(plans) == 3


def test_a_typed_segment_is_coded_against_the_same_place_of_the_same_tensor():
    base, new = typed("a", "b", "c"), typed("a", "B", "C")
    plans = plan_frames(new, base, missing(new, base))
    assert plans == [FramePlan((1,), (1,), typed=True), FramePlan((2,), (2,), typed=True)]


def test_a_renamed_tensor_is_coded_against_its_older_name():
    base, new = typed("a"), typed("A", key="encoder.layer.0\x1fbf16\x1f64,64")
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((0,), (0,), typed=True)]


def test_a_tensor_that_grew_has_its_shorter_self_for_a_base():
    base, new = typed("a", length=4096), typed("A", key="layer.0\x1fbf16\x1f128,64")
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((0,), (0,), typed=True)]


def test_the_header_is_patched_though_its_length_changed():
    def with_header(text: str, length: int) -> Recipe:
        header = RecipeSegment(hash_content(text.encode()), length, "\x1fheader", OPAQUE)
        return Recipe(length, (), (header,), (length,))

    base, new = with_header("old", 100), with_header("new", 120)
    assert plan_frames(new, base, missing(new, base)) == [FramePlan((0,), (0,), typed=False)]


def test_a_segment_that_the_receiver_lacks_is_no_base():
    base, new = typed("a"), typed("A")
    lacking = missing(new, base) | {base.segments()[0].hash}
    assert plan_frames(new, base, lacking) == [FramePlan((0,), (), typed=True)]


def test_an_encoded_plan_decodes_against_the_bases_that_it_names():
    old_text, new_text = b"row 1\nrow 2\n" * 500, b"row 1\nrow 3\n" * 500
    base, new = single(hash_content(old_text), len(old_text)), single(hash_content(new_text), len(new_text))
    (plan,) = plan_frames(new, base, missing(new, base))
    frame = encode_plan(plan, new, base, new_text, old_text)
    assert frame.codec == Codec.PATCH
    assert frame.bases == (hash_content(old_text),)
    assert bytes(decode_frame(frame, old_text)[0]) == new_text
    assert decode_frame(frame, old_text, wanted=set()) == []
    alone = encode_plan(plan, new, base, new_text, old_text, ALL_CODECS - {Codec.PATCH})
    assert alone.bases == ()
    assert bytes(decode_frame(alone, None)[0]) == new_text


def test_small_files_are_grouped_by_size():
    assert plan_groups([]) == []
    assert plan_groups([10, 20]) == [(0, 1)]
    assert plan_groups([GROUP_BYTES, 1, GROUP_BYTES]) == [(0,), (1,), (2,)]
    assert [len(group) for group in plan_groups([0] * 5000)] == [4096, 904]


def test_raw_bytes_are_copied_only_where_they_could_change():
    blob = b"as it lies" * 10
    given = memoryview(blob)[10:]
    plain = memoryview(decode(Codec.RAW, given, len(given), None, len(given)))
    assert plain == given
    assert plain.obj is blob
    changing = bytearray(blob)
    kept = decode(Codec.RAW, changing, len(changing), None, len(changing))
    changing[:] = bytes(len(changing))
    assert kept == blob
