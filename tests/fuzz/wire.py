"""Targets: every conversion of a wire message to a value, found by what the module has; and messages without one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
import struct
import typing
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError, Message
from tests.fuzz.messages import Maker
from tests.fuzz.target import Target, promise

from mlv_core.errors import InvalidRequest, MlvError, UsageError
from mlv_proto import convert
from mlv_proto.convert import commits, content, errors

_SUFFIX = "_from_wire"


def conversions() -> dict[str, tuple[type[Message], Callable[[Any], object]]]:
    """Functions of `convert` and its parts that take one message, by their names, and the message's class."""
    found: dict[str, tuple[type[Message], Callable[[Any], object]]] = {}
    modules = [
        importlib.import_module(f"{convert.__name__}.{part.name}") for part in pkgutil.iter_modules(convert.__path__)
    ]
    functions = {name: function for module in modules for name, function in vars(module).items()}
    for name, function in sorted(functions.items()):
        if name.endswith(_SUFFIX) and not name.startswith("_") and callable(function):
            first, *others = inspect.signature(function).parameters.values()
            kind = typing.get_type_hints(function)[first.name]
            alone = all(one.default is not inspect.Parameter.empty for one in others)
            if alone and inspect.isclass(kind) and issubclass(kind, Message):
                found[name] = (kind, function)
    return found


_BY_NUMBER = list(conversions().items())
_PAIR = struct.Struct("<H")


def _seeds() -> list[bytes]:
    maker = Maker(random.Random("seeds"), [])
    made = []
    for number, (_, (kind, _)) in enumerate(_BY_NUMBER):
        made += [_PAIR.pack(number) + maker.message(kind).SerializeToString() for _ in range(6)]
    return made


def _run(data: bytes) -> None:
    """The message of the first two bytes' number; what is accepted is the same when it is sent again."""
    (number,) = _PAIR.unpack(data[:2].ljust(2, b"\0"))
    name, (kind, read) = _BY_NUMBER[number % len(_BY_NUMBER)]
    try:
        message = kind.FromString(data[2:])
    except DecodeError:
        return
    value = read(message)
    write = getattr(inspect.getmodule(read), name.removesuffix(_SUFFIX) + "_to_wire", None)
    if write is not None and len(inspect.signature(write).parameters) == 1:
        again = read(write(value))
        promise(repr(again) == repr(value), f"{name} is another when it is sent again")


def _repair(data: bytes, pick: random.Random) -> bytes:
    """A message that can be read, with one field made anew."""
    (number,) = _PAIR.unpack(data[:2].ljust(2, b"\0"))
    kind = _BY_NUMBER[number % len(_BY_NUMBER)][1][0]
    maker = Maker(pick, [])
    try:
        good = kind.FromString(data[2:])
    except DecodeError:
        good = maker.message(kind)
    return data[:2].ljust(2, b"\0") + maker.spoil(good).SerializeToString()


def _run_bytes(data: bytes) -> None:
    """Those that take bytes."""
    promise(isinstance(errors.detail_to_error(data), MlvError), "an error's trailer gives no error")
    for read in (
        content.chunk_from_bytes,
        commits.hashes_from_wire,
        lambda d: commits.bitmap_from_wire(d, len(d) * 8 - 3),
    ):
        try:
            found = read(data)
        except InvalidRequest:
            continue
        if read is content.chunk_from_bytes:
            promise(
                content.chunk_from_bytes(content.chunk_to_bytes(found)) == found, "a chunk is another when sent again"
            )


TARGETS = (
    Target(
        "messages to values", _run, _seeds, (UsageError,), (b"\x0a", b"\x12", b"\x18", b"\xff" * 9 + b"\x01"), _repair
    ),
    Target(
        "raw messages",
        _run_bytes,
        lambda: [content.chunk_to_bytes(b"data"), bytes(32)],
        (),
        (b"\x0a", b"\x80", bytes(32)),
    ),
)
