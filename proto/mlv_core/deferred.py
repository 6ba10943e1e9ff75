"""`dataclass` as the standard library's, with methods that need not be generated: for a quick start and cheap objects.

The standard library compiles a text for each method of a class: 0.5 ms for a frozen one with slots, and a commit makes
objects of sixty classes. Here the methods are functions over the fields; only `__init__` is compiled, when the first
object is made, and what `dataclasses.fields` gives is made when it is asked for (docs/decisions/0044). Objects behave
as those of the standard library do; what mlv does not use (inheritance between dataclasses, keyword-only fields,
order) is not there.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, slots: bool = False) -> Any:  # noqa: ANN401
        """As `dataclasses.dataclass`, for classes without a dataclass among their bases."""

        def declare(written: type) -> type:
            return _declared(written, frozen=frozen, slots=slots)

        return declare if cls is None else declare(cls)


__all__ = ["dataclass", "maker"]

P = ParamSpec("P")
T = TypeVar("T")

_makers: dict[Any, Any] = {}


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """What makes objects of the frozen dataclass `cls` with slots, in two thirds of the time.

    For what there may be a million of. The fields are set on an object of a twin class that is not frozen, which then
    becomes one of `cls`: 0.8 us for six fields instead of 1.2, where the standard library takes 2.1.

    Raises: TypeError for a class with a step after its fields are set, which would be left out.
    """
    found: Callable[P, T] | None = _makers.get(cls)
    if found is None:
        found = _makers[cls] = _twin(cls)
    return found


def _twin(cls: Any) -> Any:  # noqa: ANN401 - a class and its twin
    if hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls.__name__} has a step after its fields are set")

    twin: Any = type(cls.__name__, (), {"__slots__": cls.__slots__})

    def become(self: Any) -> None:  # noqa: ANN401 - of the twin class
        self.__class__ = cls

    twin.__init__ = _initializer(cls, _fields_of(cls), become, frozen=False)
    return twin


class _Field(NamedTuple):
    """A field as it was written: its default or what makes one, and where it counts."""

    name: str
    default: object = dataclasses.MISSING
    factory: Any = dataclasses.MISSING
    init: bool = True
    repr: bool = True
    compare: bool = True


def _fields_of(written: type) -> list[_Field]:
    """The fields that a class body names."""
    body = vars(written)
    if "_written_fields" in body:
        return body["_written_fields"]  # type: ignore[no-any-return]
    found = []
    for name, kind in body.get("__annotations__", {}).items():
        if str(kind).startswith(("ClassVar", "typing.ClassVar")):
            continue
        given = body.get(name, dataclasses.MISSING)
        if isinstance(given, dataclasses.Field):
            compare = given.compare if given.hash is None else given.hash
            found.append(_Field(name, given.default, given.default_factory, given.init, given.repr, compare))
        else:
            found.append(_Field(name, given))
    return found


class _LazyFields:
    """`__dataclass_fields__`, by which the standard library knows a dataclass: it is asked for them when they are."""

    def __init__(self, written: type) -> None:
        self._written = written

    def __get__(self, instance: object, owner: Any) -> Any:  # noqa: ANN401 - as the standard library has it
        body = vars(self._written)
        names = body.get("__annotations__", {})
        plain = type("Plain", (), {"__annotations__": names, **{name: body[name] for name in names if name in body}})
        owner.__dataclass_fields__ = found = dataclasses.dataclass(init=False, repr=False, eq=False)(
            plain
        ).__dataclass_fields__  # type: ignore[attr-defined]
        return found


def _declared(written: Any, *, frozen: bool, slots: bool) -> Any:  # noqa: ANN401 - any class
    """The class with its slots and methods. Raises: TypeError for one that inherits from a dataclass."""
    if any(hasattr(base, "__dataclass_fields__") for base in written.__bases__):
        raise TypeError(f"{written.__name__} inherits from a dataclass, whose fields it would not have")
    fields = _fields_of(written)
    body = dict(vars(written))
    for one in fields:
        if slots or one.default is dataclasses.MISSING:
            body.pop(one.name, None)
        else:
            body[one.name] = one.default
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    if slots:
        body["__slots__"] = tuple(one.name for one in fields)
    body["__match_args__"] = tuple(one.name for one in fields if one.init)
    body["__dataclass_fields__"] = _LazyFields(written)
    body["_written_fields"] = fields
    body["_compared"] = _key([one.name for one in fields if one.compare])
    for name, method in (_FROZEN if frozen else _CHANGEABLE).items():
        if body.get(name) is None and (slots or name not in _OF_SLOTS):
            body[name] = method
    cls = type(written)(written.__name__, written.__bases__, body)
    cls.__qualname__ = written.__qualname__
    return cls


def _key(names: list[str]) -> Callable[[object], object]:
    """What two objects are compared by: of any field a tuple, which takes what is identical for equal."""
    return attrgetter(*names, "__class__") if len(names) == 1 else attrgetter(*(names or ["__class__"]))


def _begin(self: Any, *arguments: object, **named: object) -> None:  # noqa: ANN401 - any dataclass
    """The `__init__` of a class of which there is no object yet."""
    cls = type(self)
    cls.__init__ = _initializer(cls, cls._written_fields, getattr(cls, "__post_init__", None), frozen=cls._is_frozen)
    cls.__init__(self, *arguments, **named)


@recursive_repr()
def _show(self: Any) -> str:  # noqa: ANN401 - any dataclass
    shown = [f"{one.name}={getattr(self, one.name)!r}" for one in self._written_fields if one.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _equal(self: Any, other: Any) -> Any:  # noqa: ANN401 - NotImplemented too
    if other.__class__ is not self.__class__:
        return NotImplemented
    key = self._compared
    return key(self) == key(other)


def _digest(self: Any) -> int:  # noqa: ANN401 - any dataclass
    return hash(self._compared(self))


def _assign(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:  # noqa: ANN401 - any dataclass
    return [getattr(self, name) for name in self.__slots__]


def _restore(self: Any, state: list[object]) -> None:  # noqa: ANN401 - any dataclass
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)


_OF_SLOTS = {"__getstate__": _state, "__setstate__": _restore}
_CHANGEABLE: dict[str, Any] = {"__init__": _begin, "__repr__": _show, "__eq__": _equal, "_is_frozen": False}
_FROZEN: dict[str, Any] = {
    "__init__": _begin, "__repr__": _show, "__eq__": _equal, "__hash__": _digest, "_is_frozen": True,
    "__setattr__": _assign, "__delattr__": _delete, **_OF_SLOTS,
}  # fmt: skip


def _initializer(
    cls: Any,  # noqa: ANN401 - any class
    fields: list[_Field],
    afterwards: Callable[[Any], None] | None,
    *,
    frozen: bool,
) -> Any:  # noqa: ANN401 - a method
    """A compiled `__init__` of the fields of `cls`, which calls `afterwards` with the object at its end.

    A field of a frozen class is set by its slot's own descriptor, which asks nobody: half of `object.__setattr__`.
    """
    known: dict[str, Any] = {"_missing": dataclasses.MISSING, "_set": object.__setattr__, "_afterwards": afterwards}
    given, steps = ["self"], []
    for one in fields:
        name, value = one.name, one.name
        if one.factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = one.factory
            value = f"_make_{name}() if {name} is _missing else {name}" if one.init else f"_make_{name}()"
            given.append(f"{name}=_missing")
        elif one.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = one.default
            value = name if one.init else f"_default_{name}"
            given.append(f"{name}=_default_{name}")
        else:
            given.append(name)
        if not one.init:
            given.pop()
            if value == name:
                continue
        if not frozen:
            steps.append(f"self.{name} = {value}")
        elif hasattr(descriptor := vars(cls).get(name), "__set__"):
            known[f"_set_{name}"] = descriptor.__set__
            steps.append(f"_set_{name}(self, {value})")
        else:
            steps.append(f"_set(self, {name!r}, {value})")
    if afterwards is not None:
        steps.append("_afterwards(self)")
    exec(f"def __init__({', '.join(given)}):\n " + "\n ".join(steps or ["pass"]), known)  # noqa: S102 - names of fields
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made
