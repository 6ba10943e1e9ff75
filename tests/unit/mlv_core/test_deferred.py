"""A dataclass whose methods are made later behaves as the standard library's."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
import subprocess
import sys

import pytest

from mlv_core.deferred import dataclass, maker
from mlv_core.entities import Environment


@dataclass(frozen=True, slots=True)
class Point:
    """Frozen, with every kind of default."""

    x: int
    y: int = 2
    names: list[str] = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=0, repr=False, compare=False)


@dataclass(slots=True)
class Count:
    """Not frozen, with a step after its fields are set."""

    value: int = 0

    def __post_init__(self) -> None:
        self.value += 1


def test_fields_are_there_before_the_first_object():
    @dataclass(frozen=True, slots=True)
    class Fresh:
        """Never made."""

        name: str
        size: int = 0

    assert [item.name for item in dataclasses.fields(Fresh)] == ["name", "size"]
    assert Fresh.__match_args__ == ("name", "size") == Fresh.__slots__


def test_objects_are_equal_hashed_shown_and_replaced_as_dataclasses_are():
    point = Point(1, names=["a"], hidden=7)
    assert point == Point(1, 2, ["a"]) != Point(1, 3, ["a"])
    assert repr(point) == "Point(x=1, y=2, names=['a'])"
    assert dataclasses.replace(point, x=5) == Point(5, names=["a"])
    assert dataclasses.asdict(point) == {"x": 1, "y": 2, "names": ["a"], "hidden": 7}
    assert Point(1).names is not Point(1).names
    with pytest.raises(TypeError, match="unhashable"):
        hash(point)


def test_a_frozen_object_is_not_changed_and_has_no_other_attributes():
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    assert not hasattr(point, "__dict__")


def test_wrong_arguments_are_refused_by_the_first_object_too():
    @dataclass(frozen=True, slots=True)
    class Strict:
        """Takes one."""

        one: int

    with pytest.raises(TypeError, match="missing 1 required"):
        Strict()
    assert Strict(1).one == 1


def test_an_object_that_may_change_does():
    count = Count(4)
    assert count.value == 5
    count.value = 9
    assert count == Count(8)
    assert Count.__hash__ is None


def test_a_class_below_a_dataclass_is_refused():
    with pytest.raises(TypeError, match="Below inherits"):
        dataclass(frozen=True, slots=True)(type("Below", (Point,), {"__annotations__": {"z": "int"}}))


def test_classes_keep_the_methods_that_they_write_themselves():
    @dataclass(frozen=True, slots=True)
    class Named:
        """Compared by its name in any case."""

        name: str
        size: int = 0

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Named) and other.name.lower() == self.name.lower()

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert Named("A") == Named("a", 3)
    assert hash(Named("A")) == 7
    assert repr(Named("A")) == "<A>"


def test_fields_that_are_not_given_and_steps_afterwards_work_on_a_frozen_object():
    @dataclass(frozen=True, slots=True)
    class Sum:
        """Knows its sum."""

        parts: tuple[int, ...]
        total: int = dataclasses.field(init=False)
        notes: list[str] = dataclasses.field(init=False, default_factory=list)
        kind: str = dataclasses.field(init=False, default="sum")

        def __post_init__(self) -> None:
            object.__setattr__(self, "total", sum(self.parts))

    made = Sum((1, 2))
    assert (made.total, made.notes, made.kind) == (3, [], "sum")
    assert made == Sum((1, 2)) != Sum((3,))
    assert made.notes is not Sum((1, 2)).notes
    with pytest.raises(TypeError):
        Sum((1,), 2)


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b")])
def test_objects_of_any_number_of_fields_are_compared_and_hashed(names):
    cls = dataclass(frozen=True, slots=True)(type("Any", (), {"__annotations__": dict.fromkeys(names, "int")}))
    assert cls(*range(len(names))) == cls(*range(len(names)))
    assert hash(cls(*range(len(names)))) == hash(cls(*range(len(names))))
    assert cls(*range(len(names))) != names
    if names:
        assert cls(*range(len(names))) != cls(*range(1, len(names) + 1))


def test_an_object_that_holds_itself_is_shown():
    @dataclass(slots=True)
    class Ring:
        """May hold itself."""

        inner: object = None

    ring = Ring()
    ring.inner = ring
    assert repr(ring).endswith("Ring(inner=...)")


def test_a_class_without_slots_has_cached_values_too():
    @dataclass(frozen=True)
    class Cached:
        """Counts once."""

        size: int

        @functools.cached_property
        def double(self) -> list[int]:
            return [2 * self.size]

    one = Cached(2)
    assert one.double is one.double == [4]
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.size = 3
    assert pickle.loads(pickle.dumps(Point(3))) == Point(3)


def test_copies_and_pickles_are_equal_where_the_class_is_new():
    point = Point(1, names=["a"])
    assert copy.deepcopy(point) == point == pickle.loads(pickle.dumps(point))
    script = (
        "import pickle, sys\n"
        "from mlv_core.entities import Environment\n"
        "first = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "assert first == Environment(digest=b'x'), first\n"
    )
    sent = pickle.dumps(Environment(digest=b"x")).hex()
    subprocess.run([sys.executable, "-c", script, sent], check=True, timeout=60)


def test_a_maker_makes_objects_of_the_class_itself():
    @dataclass(frozen=True, slots=True)
    class Fresh:
        """Never made before."""

        name: str
        size: int = 0

    for cls in (Point, Fresh):
        make = maker(cls)
        assert make is maker(cls)
        made = make(1)
        assert type(made) is cls
        assert made == cls(1)
        assert repr(made) == repr(cls(1))
        first = dataclasses.fields(cls)[0].name
        assert dataclasses.replace(made, **{first: 2}) == make(2) == cls(2)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, first, 3)
        with pytest.raises(TypeError):
            make()
        assert copy.copy(made) == made
    assert maker(Point)(1).names is not maker(Point)(1).names
    assert hash(maker(Fresh)("a")) == hash(Fresh("a"))
    assert pickle.loads(pickle.dumps(maker(Point)(1, 3))) == Point(1, 3)
    with pytest.raises(TypeError, match="Count"):
        maker(Count)
