from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BeginRequest(_message.Message):
    __slots__ = ("repository", "branch", "workspace", "changes", "bases", "tokens", "codecs", "rows")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    workspace: str
    changes: _values_pb2.Changes
    bases: _containers.RepeatedScalarFieldContainer[int]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    codecs: _containers.RepeatedScalarFieldContainer[int]
    rows: int
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., bases: _Optional[_Iterable[int]] = ..., tokens: _Optional[_Iterable[int]] = ..., codecs: _Optional[_Iterable[int]] = ..., rows: _Optional[int] = ...) -> None: ...

class BeginResponse(_message.Message):
    __slots__ = ("upload", "codecs", "head", "lock_needs")
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    LOCK_NEEDS_FIELD_NUMBER: _ClassVar[int]
    upload: str
    codecs: _containers.RepeatedScalarFieldContainer[int]
    head: int
    lock_needs: _containers.RepeatedScalarFieldContainer[_values_pb2.LockNeed]
    def __init__(self, upload: _Optional[str] = ..., codecs: _Optional[_Iterable[int]] = ..., head: _Optional[int] = ..., lock_needs: _Optional[_Iterable[_Union[_values_pb2.LockNeed, str]]] = ...) -> None: ...

class FindMissingRequest(_message.Message):
    __slots__ = ("repository", "hashes")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    repository: str
    hashes: bytes
    def __init__(self, repository: _Optional[str] = ..., hashes: _Optional[bytes] = ...) -> None: ...

class FindMissingResponse(_message.Message):
    __slots__ = ("missing",)
    MISSING_FIELD_NUMBER: _ClassVar[int]
    missing: bytes
    def __init__(self, missing: _Optional[bytes] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("repository", "request_id", "branch", "workspace", "message", "changes", "bases", "tokens", "prepared_min", "prepared_max", "records", "content_hashes", "recipe_hashes", "inline_pack", "keep_locks", "dry_run", "upload", "rows")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    PREPARED_MIN_FIELD_NUMBER: _ClassVar[int]
    PREPARED_MAX_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASHES_FIELD_NUMBER: _ClassVar[int]
    RECIPE_HASHES_FIELD_NUMBER: _ClassVar[int]
    INLINE_PACK_FIELD_NUMBER: _ClassVar[int]
    KEEP_LOCKS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    request_id: str
    branch: str
    workspace: str
    message: str
    changes: _values_pb2.Changes
    bases: _containers.RepeatedScalarFieldContainer[int]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    prepared_min: int
    prepared_max: int
    records: _values_pb2.Records
    content_hashes: bytes
    recipe_hashes: bytes
    inline_pack: bytes
    keep_locks: bool
    dry_run: bool
    upload: str
    rows: int
    def __init__(self, repository: _Optional[str] = ..., request_id: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., message: _Optional[str] = ..., changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., bases: _Optional[_Iterable[int]] = ..., tokens: _Optional[_Iterable[int]] = ..., prepared_min: _Optional[int] = ..., prepared_max: _Optional[int] = ..., records: _Optional[_Union[_values_pb2.Records, _Mapping]] = ..., content_hashes: _Optional[bytes] = ..., recipe_hashes: _Optional[bytes] = ..., inline_pack: _Optional[bytes] = ..., keep_locks: bool = ..., dry_run: bool = ..., upload: _Optional[str] = ..., rows: _Optional[int] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("changeset", "parent", "id", "branch", "time", "released", "changes", "stored_bytes")
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    changeset: int
    parent: int
    id: bytes
    branch: str
    time: int
    released: _containers.RepeatedScalarFieldContainer[str]
    changes: _values_pb2.Changes
    stored_bytes: int
    def __init__(self, changeset: _Optional[int] = ..., parent: _Optional[int] = ..., id: _Optional[bytes] = ..., branch: _Optional[str] = ..., time: _Optional[int] = ..., released: _Optional[_Iterable[str]] = ..., changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., stored_bytes: _Optional[int] = ...) -> None: ...

class UndoRequest(_message.Message):
    __slots__ = ("repository", "request_id", "branch", "workspace", "message", "first", "last", "to", "paths", "token_paths", "tokens", "dry_run", "rows")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_PATHS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    request_id: str
    branch: str
    workspace: str
    message: str
    first: int
    last: int
    to: int
    paths: _containers.RepeatedScalarFieldContainer[str]
    token_paths: _containers.RepeatedScalarFieldContainer[str]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    dry_run: bool
    rows: int
    def __init__(self, repository: _Optional[str] = ..., request_id: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., message: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., to: _Optional[int] = ..., paths: _Optional[_Iterable[str]] = ..., token_paths: _Optional[_Iterable[str]] = ..., tokens: _Optional[_Iterable[int]] = ..., dry_run: bool = ..., rows: _Optional[int] = ...) -> None: ...

class UndoResponse(_message.Message):
    __slots__ = ("outcome",)
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    outcome: PublishResponse
    def __init__(self, outcome: _Optional[_Union[PublishResponse, _Mapping]] = ...) -> None: ...

class GetOutcomeRequest(_message.Message):
    __slots__ = ("repository", "request_id")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    repository: str
    request_id: str
    def __init__(self, repository: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetOutcomeResponse(_message.Message):
    __slots__ = ("outcome",)
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    outcome: PublishResponse
    def __init__(self, outcome: _Optional[_Union[PublishResponse, _Mapping]] = ...) -> None: ...
