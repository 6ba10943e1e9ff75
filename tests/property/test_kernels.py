"""The compiled kernels, on every processor, and numpy write the same bytes and read each other's, whatever they are."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core import kernels
from mlv_core.codecs import loops_native, loops_numpy, paths, streams, typed
from mlv_core.codecs.loops_numpy import UNSIGNED
from mlv_core.codecs.numbers import Turn
from mlv_core.errors import DamagedContent, InvalidSettings
from mlv_core.segments import ALL_ELEMENTS, BF16, F16, F32, F64, U16, ElementType

pytestmark = pytest.mark.skipif(kernels.library() is None, reason="no compiler was there at installation")

# What compiled kernels do where the processor cannot shuffle bytes; where it never can, they are tested twice.
PLAIN = "plain"
PATHS = (kernels.NUMPY, kernels.NATIVE, PLAIN)
# Around a block (128), around eight blocks (one byte of the mask), and around whole bytes of flags.
LENGTHS = (0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 1151, 2049, 5000)


@contextmanager
def running_on(name: str) -> Iterator[None]:
    """The codecs run on `name` inside."""
    before = kernels.running()
    kernels.choose(kernels.NATIVE if name == PLAIN else name)
    kernels.library().mlv_kernels_shuffle(name != PLAIN)
    try:
        yield
    finally:
        kernels.library().mlv_kernels_shuffle(1)
        kernels.choose(before)


def on_all(function, *arguments):
    """What `function` gives or how it refuses, on each path."""
    outcomes = []
    for name in PATHS:
        with running_on(name):
            try:
                outcomes.append(function(*arguments))
            except DamagedContent as error:
                outcomes.append(error.message)
    return outcomes


def the_one(outcomes):
    """What is the same on each path."""
    assert all(outcome == outcomes[0] for outcome in outcomes)
    return outcomes[0]


@st.composite
def versions(draw: st.DrawFn) -> tuple[bytes, bytes, ElementType]:
    """Two versions of a segment, with a tail that is no whole number, in every pattern of changes."""
    element = draw(st.sampled_from(ALL_ELEMENTS))
    count, tail = draw(st.sampled_from(LENGTHS)), draw(st.integers(0, element.width - 1))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = UNSIGNED[element.width]
    if draw(st.booleans()) and element in (F64, F32, F16):
        base = random.normal(0, 0.05, count).astype(f"<f{element.width}").view(kind)
    else:
        base = random.integers(0, 256, count * element.width, dtype=np.uint8).view(kind)
    new = base.copy()
    match draw(st.sampled_from(("equal", "one", "blocks", "small", "wide", "unrelated", "constant", "signs", "nan"))):
        case "one" if count:
            place = draw(st.integers(0, count - 1))
            new[place : place + 1] += kind(1)
        case "blocks":
            for block in range(0, count, 128):
                if draw(st.booleans()):
                    new[block : block + 128] -= kind(draw(st.integers(1, 9)))
        case "small":
            new += random.integers(0, 19, count).astype(kind)
            new -= kind(draw(st.integers(0, 18)))
        case "wide":
            new += (random.standard_cauchy(count) * 4).clip(-30000, 30000).astype(np.int64).astype(kind)
        case "unrelated":
            new = random.integers(0, 256, count * element.width, dtype=np.uint8).view(kind)
        case "constant":
            new[:] = kind(draw(st.integers(0, 255)))
        case "signs":
            new ^= kind(1 << (8 * element.width - 1))
        case "nan":
            new[::3] = kind(2 ** (8 * element.width) - 1 - draw(st.integers(0, 3)))
    return new.tobytes() + random.bytes(tail), base.tobytes() + random.bytes(tail), element


@given(versions())
def test_all_write_the_same_bytes_and_read_them(pair):
    new, base, element = pair
    for encode, decode in (
        (lambda: typed.encode_delta(new, base, element), lambda blob: typed.decode_delta(blob, len(new), base)),
        (lambda: typed.encode_planes(new, element), lambda blob: typed.decode_planes(blob, len(new))),
    ):
        blob = the_one(on_all(encode))
        assert the_one(on_all(decode, memoryview(blob))) == new


@given(versions(), st.integers(1, 7))
def test_bytes_at_odd_addresses_are_numbers_too(pair, shift):
    new, base, element = pair
    moved, moved_base = memoryview(bytes(shift) + new)[shift:], memoryview(bytes(shift + 1) + base)[shift + 1 :]
    blob = the_one(on_all(typed.encode_delta, moved, moved_base, element))
    assert blob == typed.encode_delta(new, base, element)
    assert the_one(on_all(typed.decode_delta, memoryview(blob), len(new), moved_base)) == new


@given(versions(), st.data())
def test_damaged_blobs_are_read_or_refused_alike(pair, data):
    new, base, element = pair
    for blob, decode in (
        (typed.encode_delta(new, base, element), lambda bad: typed.decode_delta(bad, len(new), base)),
        (typed.encode_planes(new, element), lambda bad: typed.decode_planes(bad, len(new))),
    ):
        damaged = bytearray(blob)
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        the_one(on_all(decode, memoryview(bytes(damaged))))


@given(st.binary(max_size=400), st.integers(0, 3000), st.booleans())
def test_foreign_bytes_are_read_or_refused_alike(blob, length, headed):
    content = memoryview(bytes([1, 2, 7]) + blob if headed else blob)
    base = np.random.default_rng(length).bytes(length)
    the_one(on_all(typed.decode_delta, content, length, base))
    the_one(on_all(typed.decode_planes, content, length))


@given(st.sampled_from((1, 2, 4, 8)), st.sampled_from(LENGTHS), st.sampled_from(Turn), st.integers(0, 2**32))
def test_planes_are_the_same_and_join_to_the_numbers(width, count, turn, seed):
    numbers = np.random.default_rng(seed).bytes(count * width)
    planes = [loops.split(numbers, width, turn) for loops in (loops_numpy, loops_native)]
    for first, second in zip(*planes, strict=True):
        assert bytes(first) == bytes(second)
    for loops in (loops_numpy, loops_native):
        assert bytes(loops.join(planes[0], turn)) == numbers


@pytest.mark.parametrize("element", [BF16, U16], ids=lambda element: element.name)
@pytest.mark.parametrize("step", range(-9, 10))
def test_each_size_of_step_is_the_same_flags(element, step):
    base = np.arange(60_000, dtype=np.uint16)
    new = base + np.where(np.arange(60_000) % 3, np.uint16(step % 65536), np.uint16(0))
    blob = the_one(on_all(typed.encode_delta, new.tobytes(), base.tobytes(), element))
    assert the_one(on_all(typed.decode_delta, memoryview(blob), 120_000, base.tobytes())) == new.tobytes()


@given(st.lists(st.integers(0, 65535), max_size=300), st.integers(0, 6))
def test_each_loop_over_steps_is_the_same(values, limit):
    def outcome():
        loops = paths.loops()
        steps = np.array(values, np.uint16)
        weight = loops.weight(steps.tobytes())
        bits, above = loops.compact(steps.tobytes(), limit)
        signs, sizes = map(bytes, loops.part_signs(steps.tobytes()))
        back = loops.join_signs(signs, bytearray(sizes))
        assert bytes(back) == steps.tobytes()
        assert loops.count(bits, len(values)) == len(above) // 2 == sum(value > limit for value in values)
        expanded = loops.expand(bits, len(values), limit, above)
        raised = loops.shift(steps.tobytes(), limit)
        return weight, *map(bytes, (bits, above, signs, sizes, expanded, raised))

    the_one(on_all(outcome))


@given(st.binary(min_size=1, max_size=3000), st.integers(1, 40))
def test_bytes_are_counted_alike(data, stride):
    places = -(-len(data) // stride)
    first, second = (loops.histogram(data, stride, places) for loops in (loops_numpy, loops_native))
    assert first == second
    shares = [count / places for count in first if count]
    exact = -sum(share * log2(share) for share in shares)
    for loops in (loops_numpy, loops_native):
        assert abs(loops.entropy(data, stride, places) - exact) < 1e-9
        assert (loops.entropy(data, stride, places) == 0) == (len(shares) == 1)


def test_near_its_limit_the_entropy_is_the_exact_one(monkeypatch):
    data = np.random.default_rng(1).integers(0, 230, 5000, dtype=np.uint8).tobytes()
    shares = [data.count(byte) / 5000 for byte in range(230)]
    exact = -sum(share * log2(share) for share in shares)
    monkeypatch.setattr(streams, "NOISE_BITS", exact)
    assert on_all(streams.entropy, data) == [exact] * len(PATHS)


def test_threads_that_code_at_once_write_what_one_alone_does():
    random = np.random.default_rng(2)
    bases = [random.integers(0, 65536, 20_000, dtype=np.uint16) for _ in range(16)]
    pairs = [((base + random.integers(0, 9, base.size, dtype=np.uint16)).tobytes(), base.tobytes()) for base in bases]
    alone = [typed.encode_delta(new, base, BF16) for new, base in pairs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda pair: typed.encode_delta(*pair, BF16), pairs * 4)) == alone * 4
        read = pool.map(lambda pair, blob: typed.decode_delta(memoryview(blob), 40_000, pair[1]), pairs, alone)
        assert list(read) == [new for new, _ in pairs]


@pytest.mark.skipif(platform.machine().lower() not in {"x86_64", "amd64"}, reason="shuffles of x86-64 only")
def test_processors_of_the_last_fifteen_years_shuffle():
    with running_on(PLAIN):
        assert kernels.library().mlv_kernels_shuffle(0) == 0
    assert kernels.library().mlv_kernels_shuffle(1) == 1


def test_kernels_refuse_arrays_that_do_not_fit():
    few, many = bytes(6), bytes(600)
    bits = b"\xff"
    for call in (
        lambda: loops_native.count(bits, 9),
        lambda: loops_native.histogram(bits, 1, 2),
        lambda: loops_native.entropy(bits, 1, 2),
        lambda: loops_native.expand(bits, 8, 0, few),
        lambda: loops_native.expand(bits, 2, 0, few),
        lambda: loops_native.expand(bits, 9, 0, few),
        lambda: loops_native.expand(bits * 2, 16, 0, b""),
        lambda: loops_native.join_signs(bits, many),
        lambda: loops_native.join([bits, bytes(2)], Turn.PLAIN),
        lambda: loops_native.weight(bytes(3)),
        lambda: loops_native.steps(few, many, 2, 0),
        lambda: loops_native.steps(many, many, 2, 16),
        lambda: loops_native.apply(many, bits, 2, 0, few),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            call()


def test_the_choice_is_the_best_there_is_unless_one_is_named():
    with running_on(kernels.NUMPY):
        assert kernels.running() == kernels.NUMPY
        kernels.choose("")
        assert kernels.running() == kernels.NATIVE
        with pytest.raises(InvalidSettings, match="MLV_KERNELS"):
            kernels.choose("fortran")
