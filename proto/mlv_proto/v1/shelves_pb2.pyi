from mlv_proto.v1 import content_pb2 as _content_pb2
from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Shelf(_message.Message):
    __slots__ = ("id", "owner", "name", "branch", "message", "workspace", "host", "created_at", "files", "raw_bytes", "stored_bytes", "private")
    ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    RAW_BYTES_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    id: int
    owner: str
    name: str
    branch: str
    message: str
    workspace: str
    host: str
    created_at: int
    files: int
    raw_bytes: int
    stored_bytes: int
    private: bool
    def __init__(self, id: _Optional[int] = ..., owner: _Optional[str] = ..., name: _Optional[str] = ..., branch: _Optional[str] = ..., message: _Optional[str] = ..., workspace: _Optional[str] = ..., host: _Optional[str] = ..., created_at: _Optional[int] = ..., files: _Optional[int] = ..., raw_bytes: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., private: bool = ...) -> None: ...

class ShelveRequest(_message.Message):
    __slots__ = ("repository", "request_id", "branch", "workspace", "name", "message", "changes", "bases", "private", "replace", "content_hashes", "recipe_hashes", "inline_pack", "upload", "dry_run", "rows")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASHES_FIELD_NUMBER: _ClassVar[int]
    RECIPE_HASHES_FIELD_NUMBER: _ClassVar[int]
    INLINE_PACK_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    request_id: str
    branch: str
    workspace: str
    name: str
    message: str
    changes: _values_pb2.Changes
    bases: _containers.RepeatedScalarFieldContainer[int]
    private: bool
    replace: bool
    content_hashes: bytes
    recipe_hashes: bytes
    inline_pack: bytes
    upload: str
    dry_run: bool
    rows: int
    def __init__(self, repository: _Optional[str] = ..., request_id: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., name: _Optional[str] = ..., message: _Optional[str] = ..., changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., bases: _Optional[_Iterable[int]] = ..., private: bool = ..., replace: bool = ..., content_hashes: _Optional[bytes] = ..., recipe_hashes: _Optional[bytes] = ..., inline_pack: _Optional[bytes] = ..., upload: _Optional[str] = ..., dry_run: bool = ..., rows: _Optional[int] = ...) -> None: ...

class ShelveResponse(_message.Message):
    __slots__ = ("shelf",)
    SHELF_FIELD_NUMBER: _ClassVar[int]
    shelf: Shelf
    def __init__(self, shelf: _Optional[_Union[Shelf, _Mapping]] = ...) -> None: ...

class GetShelveOutcomeRequest(_message.Message):
    __slots__ = ("repository", "request_id")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    repository: str
    request_id: str
    def __init__(self, repository: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetShelveOutcomeResponse(_message.Message):
    __slots__ = ("shelf",)
    SHELF_FIELD_NUMBER: _ClassVar[int]
    shelf: Shelf
    def __init__(self, shelf: _Optional[_Union[Shelf, _Mapping]] = ...) -> None: ...

class ListShelvesRequest(_message.Message):
    __slots__ = ("repository", "owner", "branch")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    repository: str
    owner: str
    branch: str
    def __init__(self, repository: _Optional[str] = ..., owner: _Optional[str] = ..., branch: _Optional[str] = ...) -> None: ...

class ListShelvesResponse(_message.Message):
    __slots__ = ("shelves",)
    SHELVES_FIELD_NUMBER: _ClassVar[int]
    shelves: _containers.RepeatedCompositeFieldContainer[Shelf]
    def __init__(self, shelves: _Optional[_Iterable[_Union[Shelf, _Mapping]]] = ...) -> None: ...

class GetShelfRequest(_message.Message):
    __slots__ = ("repository", "owner", "name")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    repository: str
    owner: str
    name: str
    def __init__(self, repository: _Optional[str] = ..., owner: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GetShelfResponse(_message.Message):
    __slots__ = ("shelf", "changes", "bases", "befores")
    SHELF_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    BEFORES_FIELD_NUMBER: _ClassVar[int]
    shelf: Shelf
    changes: _values_pb2.Changes
    bases: _containers.RepeatedScalarFieldContainer[int]
    befores: _values_pb2.Changes
    def __init__(self, shelf: _Optional[_Union[Shelf, _Mapping]] = ..., changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., bases: _Optional[_Iterable[int]] = ..., befores: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ...) -> None: ...

class PlanShelfRequest(_message.Message):
    __slots__ = ("repository", "shelf", "paths", "codecs", "without_old", "rows")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    SHELF_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_OLD_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    shelf: int
    paths: _containers.RepeatedScalarFieldContainer[str]
    codecs: _containers.RepeatedScalarFieldContainer[int]
    without_old: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    def __init__(self, repository: _Optional[str] = ..., shelf: _Optional[int] = ..., paths: _Optional[_Iterable[str]] = ..., codecs: _Optional[_Iterable[int]] = ..., without_old: _Optional[_Iterable[str]] = ..., rows: _Optional[int] = ...) -> None: ...

class PlanShelfResponse(_message.Message):
    __slots__ = ("part",)
    PART_FIELD_NUMBER: _ClassVar[int]
    part: _content_pb2.PlanDownloadResponse
    def __init__(self, part: _Optional[_Union[_content_pb2.PlanDownloadResponse, _Mapping]] = ...) -> None: ...

class DeleteShelfRequest(_message.Message):
    __slots__ = ("repository", "owner", "name", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    owner: str
    name: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., owner: _Optional[str] = ..., name: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class DeleteShelfResponse(_message.Message):
    __slots__ = ("shelf",)
    SHELF_FIELD_NUMBER: _ClassVar[int]
    shelf: Shelf
    def __init__(self, shelf: _Optional[_Union[Shelf, _Mapping]] = ...) -> None: ...
