"""Write what the wire promises: every message field, enum value and method of `mlv.v1` (run only when one is added)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor

import mlv_proto.v1

LISTING = Path(__file__).parent / "data/wire.txt"


def listing() -> str:
    """One line for each thing that a client of an older version relies on."""
    lines: list[str] = []
    for module in sorted(Path(mlv_proto.v1.__path__[0]).glob("*_pb2.py")):
        file: FileDescriptor = importlib.import_module(f"mlv_proto.v1.{module.stem}").DESCRIPTOR
        for service in file.services_by_name.values():
            for method in service.methods:
                asked = ("stream " if method.client_streaming else "") + method.input_type.full_name
                given = ("stream " if method.server_streaming else "") + method.output_type.full_name
                lines.append(f"{service.full_name}/{method.name} ({asked}) -> {given}")
        for enum in file.enum_types_by_name.values():
            lines += _enum(enum)
        for message in file.message_types_by_name.values():
            lines += _message(message)
    return "\n".join(sorted(lines)) + "\n"


def _enum(enum: EnumDescriptor) -> Iterator[str]:
    for value in enum.values:
        yield f"{enum.full_name} {value.number} {value.name}"


def _message(message: Descriptor) -> Iterator[str]:
    for field in message.fields:
        kind = FieldDescriptor.CPPTYPE_MESSAGE, FieldDescriptor.CPPTYPE_ENUM
        type_names = {number: name for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
        name = type_names[field.type].removeprefix("TYPE_").lower()
        if field.cpp_type in kind:
            name = (field.message_type or field.enum_type).full_name
        many = "repeated " if field.is_repeated else "optional " if field.has_presence else ""
        yield f"{message.full_name} {field.number} {many}{name} {field.name}"
    for nested in message.nested_types:
        yield from _message(nested)
    for enum in message.enum_types:
        yield from _enum(enum)


if __name__ == "__main__":
    LISTING.write_text(listing(), encoding="utf-8")
