"""Canonical bytes of records, and their compact stored form.

Little-endian numbers, texts in UTF-8 after their length, lists after their count and sorted; NaN has one bit pattern.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import TypeVar

import zstandard

from mlv_core.entities import (
    DatasetReference,
    DatasetRole,
    Environment,
    Input,
    Metric,
    MetricKind,
    Param,
    Records,
)
from mlv_core.errors import DamagedContent
from mlv_core.hashing import hash_structured
from mlv_core.ids import ChangesetNumber

MAGIC = b"MLVM"
VERSION = 1
RECORDS_LIMIT = 64 * 1024 * 1024
"""Canonical bytes that a reader is ready to hold: half a million metrics of one version."""

_HEADER = struct.Struct("<4sBxxxI")
_NAN = struct.pack("<Q", 0x7FF8_0000_0000_0000)
_Item = TypeVar("_Item")


class Writer:
    """Appends values in their canonical form."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def number(self, code: str, value: int) -> None:
        """A number as the struct code says."""
        self._parts.append(struct.pack(f"<{code}", value))

    def real(self, value: float) -> None:
        """A 64-bit float; every NaN is the same one."""
        self._parts.append(_NAN if value != value else struct.pack("<d", value))  # noqa: PLR0124 - only NaN differs

    def data(self, value: bytes) -> None:
        """Bytes after their length."""
        self._parts += (struct.pack("<I", len(value)), value)

    def text(self, value: str) -> None:
        """A text after its length in bytes."""
        self.data(value.encode())

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> None:
        """KEY, VALUE pairs, sorted, after their count."""
        self.items(sorted(pairs), self._pair)

    def items(self, items: Iterable[_Item], write: Callable[[_Item], None]) -> None:
        """Items after their count."""
        listed = list(items)
        self.number("I", len(listed))
        for item in listed:
            write(item)

    def bytes(self) -> bytes:
        """All that was written."""
        return b"".join(self._parts)

    def _pair(self, pair: tuple[str, str]) -> None:
        self.text(pair[0])
        self.text(pair[1])


class Reader:
    """Reads what a Writer wrote. Every method raises DamagedContent where the bytes do not hold it."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, code: str) -> int:
        """A number as the struct code says."""
        value: int = struct.unpack(f"<{code}", self._take(struct.calcsize(f"<{code}")))[0]
        return value

    def real(self) -> float:
        """A 64-bit float."""
        value: float = struct.unpack("<d", self._take(8))[0]
        return value

    def data(self) -> bytes:
        """Bytes after their length."""
        return self._take(self.number("I"))

    def text(self) -> str:
        """A text after its length in bytes."""
        try:
            return self.data().decode()
        except UnicodeDecodeError as error:
            raise DamagedContent("a record holds something that is no text") from error

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """KEY, VALUE pairs."""
        return self.items(lambda: (self.text(), self.text()))

    def items(self, read: Callable[[], _Item]) -> tuple[_Item, ...]:
        """Items after their count."""
        found: list[_Item] = []
        for _ in range(self.number("I")):
            found.append(read())  # noqa: PERF401 - a lying count must fail at the first missing item
        return tuple(found)

    def finish(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise DamagedContent("a record holds bytes that belong to nothing")

    def _take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) != length:
            raise DamagedContent("a record ends early")
        self._at += length
        return part


def canonical_records(records: Records) -> bytes:
    """The canonical bytes of `records`; equal for equal sets of records in any order. The environment is its digest."""
    writer = Writer()
    writer.items(sorted(records.params, key=lambda p: (p.name, p.value, p.origin)), lambda p: _write_param(writer, p))
    writer.items(sorted(records.metrics, key=_metric_order), lambda m: _write_metric(writer, m))
    inputs = sorted(records.inputs, key=lambda i: (int(i.role), _dataset_order(i.dataset)))
    writer.items(inputs, lambda i: _write_input(writer, i))
    writer.number("B", records.trained_from is not None)
    writer.number("Q", records.trained_from or 0)
    writer.data(environment_digest(records.environment))
    writer.text(records.run_id)
    return writer.bytes()


def environment_digest(environment: Environment) -> bytes:
    """The 32 bytes that name an environment, whether it is stated or named; empty for one that says nothing."""
    if environment.digest or environment == Environment():
        return environment.digest
    return hash_structured("environment", _canonical_environment(environment))


def store_environment(environment: Environment) -> bytes:
    """The stored form of a stated environment: its canonical bytes, compressed."""
    return zstandard.ZstdCompressor(level=9).compress(_canonical_environment(environment))


def load_environment(blob: bytes, digest: bytes) -> Environment:
    """The environment of its stored form. Raises: DamagedContent unless `digest` names it."""
    try:
        size = zstandard.frame_content_size(blob)
        if not 0 <= size <= RECORDS_LIMIT:
            raise DamagedContent("a stored environment is larger than any")
        plain = zstandard.ZstdDecompressor().decompress(blob, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedContent("a stored environment cannot be decompressed") from error
    if hash_structured("environment", plain) != digest:
        raise DamagedContent("a stored environment does not match its hash")
    reader = Reader(plain)
    environment = Environment(reader.pairs(), reader.pairs(), reader.text())
    reader.finish()
    return environment


def store_records(records: Records) -> bytes:
    """The stored form: magic, version, and the canonical bytes compressed; the environment is only named."""
    canonical = canonical_records(records)
    return _HEADER.pack(MAGIC, VERSION, len(canonical)) + zstandard.ZstdCompressor(level=3).compress(canonical)


def load_records(blob: bytes) -> Records:
    """The records of their stored form, each list sorted. Raises: DamagedContent."""
    if len(blob) < _HEADER.size or blob[:4] != MAGIC:
        raise DamagedContent("stored records do not begin as such")
    _, version, length = _HEADER.unpack_from(blob)
    if version != VERSION:
        raise DamagedContent(f"stored records have format version {version}; version {VERSION} is known")
    body = blob[_HEADER.size :]
    try:
        if length > RECORDS_LIMIT or zstandard.frame_content_size(body) != length:
            raise DamagedContent("stored records have another length than they say")
        plain = zstandard.ZstdDecompressor().decompress(body, max_output_size=length, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedContent("stored records cannot be decompressed") from error
    reader = Reader(plain)
    try:
        records = _read(reader)
    except ValueError as error:
        raise DamagedContent("stored records hold an unknown kind or role") from error
    reader.finish()
    return records


def _read(reader: Reader) -> Records:
    params = reader.items(lambda: Param(reader.text(), reader.text(), reader.text()))
    metrics = reader.items(lambda: _read_metric(reader))
    inputs = reader.items(lambda: Input(DatasetRole(reader.number("B")), _read_dataset(reader)))
    known, number = reader.number("B"), reader.number("Q")
    trained_from = ChangesetNumber(number) if known else None
    environment = Environment(digest=reader.data())
    return Records(params, metrics, inputs, trained_from, environment, reader.text())


def _canonical_environment(environment: Environment) -> bytes:
    writer = Writer()
    writer.pairs(environment.facts)
    writer.pairs(environment.packages)
    writer.text(environment.origin)
    return writer.bytes()


def _write_param(writer: Writer, param: Param) -> None:
    writer.text(param.name)
    writer.text(param.value)
    writer.text(param.origin)


def _metric_order(metric: Metric) -> tuple[object, ...]:
    dataset = _dataset_order(metric.dataset) if metric.dataset else ()
    writer = Writer()
    writer.real(metric.value)
    context = sorted(metric.context)
    return (metric.name, metric.step, metric.time, metric.kind, dataset, context, metric.origin, writer.bytes())


def _dataset_order(dataset: DatasetReference) -> tuple[str, int, str, bytes]:
    return (dataset.repository, dataset.changeset, dataset.path, dataset.digest)


def _write_metric(writer: Writer, metric: Metric) -> None:
    writer.text(metric.name)
    writer.real(metric.value)
    writer.number("B", metric.kind)
    writer.number("B", metric.dataset is not None)
    if metric.dataset is not None:
        _write_dataset(writer, metric.dataset)
    writer.number("q", metric.step)
    writer.number("q", metric.time)
    writer.pairs(metric.context)
    writer.text(metric.origin)


def _read_metric(reader: Reader) -> Metric:
    name, value, kind = reader.text(), reader.real(), MetricKind(reader.number("B"))
    dataset = _read_dataset(reader) if reader.number("B") else None
    return Metric(name, value, kind, dataset, reader.number("q"), reader.number("q"), reader.pairs(), reader.text())


def _write_input(writer: Writer, item: Input) -> None:
    writer.number("B", item.role)
    _write_dataset(writer, item.dataset)


def _write_dataset(writer: Writer, dataset: DatasetReference) -> None:
    writer.text(dataset.repository)
    writer.number("Q", dataset.changeset)
    writer.text(dataset.path)
    writer.data(dataset.digest)


def _read_dataset(reader: Reader) -> DatasetReference:
    return DatasetReference(reader.text(), ChangesetNumber(reader.number("Q")), reader.text(), reader.data())
