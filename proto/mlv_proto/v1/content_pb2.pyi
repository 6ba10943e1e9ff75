from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RANGE_KIND_UNSPECIFIED: _ClassVar[RangeKind]
    RANGE_KIND_PACK: _ClassVar[RangeKind]
    RANGE_KIND_FILE: _ClassVar[RangeKind]
RANGE_KIND_UNSPECIFIED: RangeKind
RANGE_KIND_PACK: RangeKind
RANGE_KIND_FILE: RangeKind

class Chunk(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class PutPackResponse(_message.Message):
    __slots__ = ("pack", "stored_bytes")
    PACK_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    pack: bytes
    stored_bytes: int
    def __init__(self, pack: _Optional[bytes] = ..., stored_bytes: _Optional[int] = ...) -> None: ...

class Ranges(_message.Message):
    __slots__ = ("kinds", "ids", "offsets", "lengths")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[RangeKind]
    ids: bytes
    offsets: _containers.RepeatedScalarFieldContainer[int]
    lengths: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, kinds: _Optional[_Iterable[_Union[RangeKind, str]]] = ..., ids: _Optional[bytes] = ..., offsets: _Optional[_Iterable[int]] = ..., lengths: _Optional[_Iterable[int]] = ...) -> None: ...

class GetRangesRequest(_message.Message):
    __slots__ = ("repository", "changeset", "ranges")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    repository: str
    changeset: int
    ranges: Ranges
    def __init__(self, repository: _Optional[str] = ..., changeset: _Optional[int] = ..., ranges: _Optional[_Union[Ranges, _Mapping]] = ...) -> None: ...

class PlanDownloadRequest(_message.Message):
    __slots__ = ("repository", "base", "target", "paths", "only", "exclude", "codecs", "other_paths", "other_bases", "without_content", "without_old", "rows")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    ONLY_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    OTHER_PATHS_FIELD_NUMBER: _ClassVar[int]
    OTHER_BASES_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_CONTENT_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_OLD_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    base: int
    target: int
    paths: _containers.RepeatedScalarFieldContainer[str]
    only: _containers.RepeatedScalarFieldContainer[str]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    codecs: _containers.RepeatedScalarFieldContainer[int]
    other_paths: _containers.RepeatedScalarFieldContainer[str]
    other_bases: _containers.RepeatedScalarFieldContainer[int]
    without_content: bool
    without_old: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    def __init__(self, repository: _Optional[str] = ..., base: _Optional[int] = ..., target: _Optional[int] = ..., paths: _Optional[_Iterable[str]] = ..., only: _Optional[_Iterable[str]] = ..., exclude: _Optional[_Iterable[str]] = ..., codecs: _Optional[_Iterable[int]] = ..., other_paths: _Optional[_Iterable[str]] = ..., other_bases: _Optional[_Iterable[int]] = ..., without_content: bool = ..., without_old: _Optional[_Iterable[str]] = ..., rows: _Optional[int] = ...) -> None: ...

class PlanDownloadResponse(_message.Message):
    __slots__ = ("changes", "lock_needs", "changed_in", "segment_hashes", "segment_lengths", "segment_ranges", "segment_offsets", "old_segments", "old_rows", "old_offsets", "old_lengths", "ranges", "piece_rows", "piece_segments", "piece_offsets", "piece_lengths", "target", "start", "more", "withheld")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LOCK_NEEDS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_IN_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_HASHES_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_LENGTHS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_RANGES_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    OLD_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    OLD_ROWS_FIELD_NUMBER: _ClassVar[int]
    OLD_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    OLD_LENGTHS_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    PIECE_ROWS_FIELD_NUMBER: _ClassVar[int]
    PIECE_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    PIECE_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    PIECE_LENGTHS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    changes: _values_pb2.Changes
    lock_needs: _containers.RepeatedScalarFieldContainer[_values_pb2.LockNeed]
    changed_in: _containers.RepeatedScalarFieldContainer[int]
    segment_hashes: bytes
    segment_lengths: _containers.RepeatedScalarFieldContainer[int]
    segment_ranges: _containers.RepeatedScalarFieldContainer[int]
    segment_offsets: _containers.RepeatedScalarFieldContainer[int]
    old_segments: _containers.RepeatedScalarFieldContainer[int]
    old_rows: _containers.RepeatedScalarFieldContainer[int]
    old_offsets: _containers.RepeatedScalarFieldContainer[int]
    old_lengths: _containers.RepeatedScalarFieldContainer[int]
    ranges: Ranges
    piece_rows: _containers.RepeatedScalarFieldContainer[int]
    piece_segments: _containers.RepeatedScalarFieldContainer[int]
    piece_offsets: _containers.RepeatedScalarFieldContainer[int]
    piece_lengths: _containers.RepeatedScalarFieldContainer[int]
    target: int
    start: int
    more: bool
    withheld: int
    def __init__(self, changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., lock_needs: _Optional[_Iterable[_Union[_values_pb2.LockNeed, str]]] = ..., changed_in: _Optional[_Iterable[int]] = ..., segment_hashes: _Optional[bytes] = ..., segment_lengths: _Optional[_Iterable[int]] = ..., segment_ranges: _Optional[_Iterable[int]] = ..., segment_offsets: _Optional[_Iterable[int]] = ..., old_segments: _Optional[_Iterable[int]] = ..., old_rows: _Optional[_Iterable[int]] = ..., old_offsets: _Optional[_Iterable[int]] = ..., old_lengths: _Optional[_Iterable[int]] = ..., ranges: _Optional[_Union[Ranges, _Mapping]] = ..., piece_rows: _Optional[_Iterable[int]] = ..., piece_segments: _Optional[_Iterable[int]] = ..., piece_offsets: _Optional[_Iterable[int]] = ..., piece_lengths: _Optional[_Iterable[int]] = ..., target: _Optional[int] = ..., start: _Optional[int] = ..., more: bool = ..., withheld: _Optional[int] = ...) -> None: ...
