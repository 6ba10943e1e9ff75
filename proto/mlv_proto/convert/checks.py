"""Checks of what comes from the wire: each refusal names the field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, TypeVar

from mlv_core.errors import InvalidName, InvalidRequest
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName

NUMBER_LIMIT = 2**63 - 1
"""What databases and other languages hold in a signed 64-bit number."""
MOMENT_LIMIT = 253_402_300_799_999
"""Milliseconds since 1970 UTC at the end of the year 9999, the last that can be shown as a date."""
TEXT_LIMIT = 64 * 1024
"""Characters of one text: messages and reasons are read by people."""
CODEC_LIMIT = 256
"""Codec ids are one byte."""

_Enum = TypeVar("_Enum", bound=IntEnum)
_Item = TypeVar("_Item")


def number(value: int, field: str) -> int:
    """`value` if it is from 0 to 2^63 - 1."""
    if not 0 <= value <= NUMBER_LIMIT:
        raise InvalidRequest(f"{field} is {value}; it must lie between 0 and 2^63 - 1.")
    return value


def moment(value: int, field: str) -> int:
    """`value` if it is a time, in milliseconds since 1970 UTC, before the year 10000."""
    if not 0 <= value <= MOMENT_LIMIT:
        raise InvalidRequest(f"{field} is {value}; a time lies between 0 and {MOMENT_LIMIT} ms after 1970.")
    return value


def changeset(value: int, field: str) -> ChangesetNumber:
    """A changeset's number."""
    return ChangesetNumber(number(value, field))


def text(value: str, field: str, limit: int = TEXT_LIMIT) -> str:
    """`value` if it is not too long."""
    if len(value) > limit:
        raise InvalidRequest(f"{field} has {len(value)} characters; the limit is {limit}.")
    return value


def texts(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Each of `values` if it is not too long."""
    return tuple(text(value, field) for value in values)


def enum(cls: type[_Enum], value: int, field: str) -> _Enum:
    """The member of `cls` with the wire's number; unspecified and unknown ones are refused."""
    try:
        return cls(value)
    except ValueError:
        known = ", ".join(str(int(member)) for member in cls)
        raise InvalidRequest(f"{field} is {value}; known values are {known}.") from None


def enum_column(cls: type[_Enum], values: Sequence[int], count: int, field: str) -> list[_Enum]:
    """A column of members of `cls`."""
    members = {int(member): member for member in cls}
    found = [members.get(value) for value in column(values, count, field)]
    return [member if member is not None else enum(cls, values[at], field) for at, member in enumerate(found)]


def wire_enum(value: int) -> Any:  # noqa: ANN401 - generated types want enums of their own, which are plain numbers
    """The wire's number of an enum's member."""
    return int(value)


def optional_enum(cls: type[_Enum], value: int, field: str) -> _Enum | None:
    """As `enum`, None where it is unspecified."""
    return enum(cls, value, field) if value else None


def repository(value: str, field: str) -> RepositoryName:
    """A repository's name."""
    try:
        return RepositoryName.parse(value)
    except InvalidName as error:
        raise InvalidRequest(f"{field}: {error.message}", advice=error.advice) from error


def column(values: Sequence[_Item], count: int, field: str) -> Sequence[_Item]:
    """`values` if they are as many as there are rows."""
    if len(values) != count:
        raise InvalidRequest(f"{field} has {len(values)} entries for {count} rows.")
    return values


def column_or(values: Sequence[_Item], count: int, field: str, default: _Item) -> Sequence[_Item]:
    """As `column`; an absent column is `default` in each row."""
    return column(values, count, field) if values else [default] * count


def spread(values: Sequence[int], count: int, field: str) -> list[int]:
    """As `column` of numbers; one entry stands for all rows."""
    listed = list(values) * count if len(values) == 1 else list(column(values, count, field))
    for value in set(listed):
        number(value, field)
    return listed


def bounded(values: Sequence[int], count: int, field: str, limit: int = NUMBER_LIMIT) -> Sequence[int]:
    """A column of numbers from 0 to `limit`."""
    column(values, count, field)
    if values and not 0 <= min(values) <= max(values) <= limit:
        raise InvalidRequest(f"{field} holds a number outside 0 to {limit}.")
    return values


def hashes(data: bytes, count: int, field: str) -> list[ContentHash]:
    """`count` hashes of 32 bytes each."""
    if len(data) != count * HASH_LENGTH:
        raise InvalidRequest(f"{field} has {len(data)} bytes for {count} hashes of {HASH_LENGTH}.")
    return [ContentHash(data[at : at + HASH_LENGTH]) for at in range(0, len(data), HASH_LENGTH)]


def one_hash(data: bytes, field: str) -> bytes:
    """A hash of 32 bytes."""
    if len(data) != HASH_LENGTH:
        raise InvalidRequest(f"{field} has {len(data)} bytes; a hash has {HASH_LENGTH}.")
    return data


def codecs(values: Iterable[int], field: str) -> frozenset[int]:
    """Codec ids; unknown ones are kept, because the other side may know more."""
    found = frozenset(values)
    if any(value >= CODEC_LIMIT for value in found):
        raise InvalidRequest(f"{field} holds a number that is no codec id.")
    return found
