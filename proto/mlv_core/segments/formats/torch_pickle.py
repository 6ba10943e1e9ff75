"""Element types of PyTorch storages, read from a pickle's opcodes without running any of them."""

from __future__ import annotations

from collections.abc import Iterator

from mlv_core.segments.elements import BF16, BOOL, F16, F32, F64, I8, I16, I32, I64, U8, ElementType

_STORAGES = {
    "DoubleStorage": F64, "FloatStorage": F32, "HalfStorage": F16, "BFloat16Storage": BF16, "LongStorage": I64,
    "IntStorage": I32, "ShortStorage": I16, "CharStorage": I8, "ByteStorage": U8, "BoolStorage": BOOL,
    "ComplexFloatStorage": F32, "ComplexDoubleStorage": F64,
}  # fmt: skip
_PUTS = frozenset({"BINPUT", "LONG_BINPUT", "PUT"})
_GETS = frozenset({"BINGET", "LONG_BINGET", "GET"})
_TEXTS = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "UNICODE"})
# A storage's persistent id is ('storage', class, key, device, number of elements): the key lies three from the end.
_ID_LENGTH = 5


def storage_elements(pickle: bytes) -> dict[str, ElementType]:
    """The element type of each storage key that `pickle` names; what cannot be read is left out."""
    found: dict[str, ElementType] = {}
    recent: list[str | None] = []
    memo: dict[int, str | None] = {}
    try:
        for name, argument in _operations(pickle):
            if name in _TEXTS:
                recent.append(str(argument))
            elif name == "GLOBAL":
                recent.append(str(argument).rpartition(" ")[2])
            elif name in _GETS:
                recent.append(memo.get(int(str(argument))))
            elif name in _PUTS:
                memo[int(str(argument))] = recent[-1] if recent else None
            elif name == "BINPERSID":
                _note(recent[-_ID_LENGTH:], found)
                recent.append(None)
            elif name != "MARK" and not name.startswith("TUPLE"):
                recent.append(None)
            del recent[:-_ID_LENGTH]
    except (ValueError, IndexError, UnicodeError):
        return found
    return found


def _operations(pickle: bytes) -> Iterator[tuple[str, object]]:
    import pickletools  # noqa: PLC0415 - 4 ms that every command which moves content would pay

    for operation, argument, _ in pickletools.genops(pickle):
        yield operation.name, argument


def _note(values: list[str | None], found: dict[str, ElementType]) -> None:
    if len(values) == _ID_LENGTH and values[0] == "storage":
        element, key = _STORAGES.get(values[1] or ""), values[2]
        if element is not None and key is not None:
            found[key] = element
