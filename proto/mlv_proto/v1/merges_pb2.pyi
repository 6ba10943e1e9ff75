from mlv_proto.v1 import commits_pb2 as _commits_pb2
from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConflictKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFLICT_KIND_UNSPECIFIED: _ClassVar[ConflictKind]
    CONFLICT_KIND_CONTENT: _ClassVar[ConflictKind]
    CONFLICT_KIND_DELETED_BY_MINE: _ClassVar[ConflictKind]
    CONFLICT_KIND_DELETED_BY_THEIRS: _ClassVar[ConflictKind]
    CONFLICT_KIND_MOVED_APART: _ClassVar[ConflictKind]
    CONFLICT_KIND_SAME_PATH: _ClassVar[ConflictKind]
    CONFLICT_KIND_ATTRIBUTES: _ClassVar[ConflictKind]

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_BASE: _ClassVar[Side]
    SIDE_MINE: _ClassVar[Side]
    SIDE_THEIRS: _ClassVar[Side]
    SIDE_CONTENT: _ClassVar[Side]
CONFLICT_KIND_UNSPECIFIED: ConflictKind
CONFLICT_KIND_CONTENT: ConflictKind
CONFLICT_KIND_DELETED_BY_MINE: ConflictKind
CONFLICT_KIND_DELETED_BY_THEIRS: ConflictKind
CONFLICT_KIND_MOVED_APART: ConflictKind
CONFLICT_KIND_SAME_PATH: ConflictKind
CONFLICT_KIND_ATTRIBUTES: ConflictKind
SIDE_UNSPECIFIED: Side
SIDE_BASE: Side
SIDE_MINE: Side
SIDE_THEIRS: Side
SIDE_CONTENT: Side

class Place(_message.Message):
    __slots__ = ("path", "file_id", "mode", "text", "size", "hash", "properties")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    path: str
    file_id: int
    mode: _values_pb2.FileMode
    text: bool
    size: int
    hash: bytes
    properties: _containers.RepeatedCompositeFieldContainer[_values_pb2.Property]
    def __init__(self, path: _Optional[str] = ..., file_id: _Optional[int] = ..., mode: _Optional[_Union[_values_pb2.FileMode, str]] = ..., text: bool = ..., size: _Optional[int] = ..., hash: _Optional[bytes] = ..., properties: _Optional[_Iterable[_Union[_values_pb2.Property, _Mapping]]] = ...) -> None: ...

class Conflict(_message.Message):
    __slots__ = ("path", "kind", "base", "mine", "theirs")
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    MINE_FIELD_NUMBER: _ClassVar[int]
    THEIRS_FIELD_NUMBER: _ClassVar[int]
    path: str
    kind: ConflictKind
    base: Place
    mine: Place
    theirs: Place
    def __init__(self, path: _Optional[str] = ..., kind: _Optional[_Union[ConflictKind, str]] = ..., base: _Optional[_Union[Place, _Mapping]] = ..., mine: _Optional[_Union[Place, _Mapping]] = ..., theirs: _Optional[_Union[Place, _Mapping]] = ...) -> None: ...

class Resolution(_message.Message):
    __slots__ = ("path", "side", "mode", "text", "size", "hash")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    path: str
    side: Side
    mode: _values_pb2.FileMode
    text: bool
    size: int
    hash: bytes
    def __init__(self, path: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., mode: _Optional[_Union[_values_pb2.FileMode, str]] = ..., text: bool = ..., size: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class MergeRequest(_message.Message):
    __slots__ = ("repository", "request_id", "branch", "source", "workspace", "message", "source_head", "branch_head", "resolutions", "token_paths", "tokens", "content_hashes", "recipe_hashes", "inline_pack", "upload", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_HEAD_FIELD_NUMBER: _ClassVar[int]
    BRANCH_HEAD_FIELD_NUMBER: _ClassVar[int]
    RESOLUTIONS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_PATHS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASHES_FIELD_NUMBER: _ClassVar[int]
    RECIPE_HASHES_FIELD_NUMBER: _ClassVar[int]
    INLINE_PACK_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    request_id: str
    branch: str
    source: str
    workspace: str
    message: str
    source_head: int
    branch_head: int
    resolutions: _containers.RepeatedCompositeFieldContainer[Resolution]
    token_paths: _containers.RepeatedScalarFieldContainer[str]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    content_hashes: bytes
    recipe_hashes: bytes
    inline_pack: bytes
    upload: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., request_id: _Optional[str] = ..., branch: _Optional[str] = ..., source: _Optional[str] = ..., workspace: _Optional[str] = ..., message: _Optional[str] = ..., source_head: _Optional[int] = ..., branch_head: _Optional[int] = ..., resolutions: _Optional[_Iterable[_Union[Resolution, _Mapping]]] = ..., token_paths: _Optional[_Iterable[str]] = ..., tokens: _Optional[_Iterable[int]] = ..., content_hashes: _Optional[bytes] = ..., recipe_hashes: _Optional[bytes] = ..., inline_pack: _Optional[bytes] = ..., upload: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class MergeResponse(_message.Message):
    __slots__ = ("source", "target", "bases", "texts", "conflicts", "outcome")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    source: int
    target: int
    bases: _containers.RepeatedScalarFieldContainer[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    conflicts: _containers.RepeatedCompositeFieldContainer[Conflict]
    outcome: _commits_pb2.PublishResponse
    def __init__(self, source: _Optional[int] = ..., target: _Optional[int] = ..., bases: _Optional[_Iterable[int]] = ..., texts: _Optional[_Iterable[str]] = ..., conflicts: _Optional[_Iterable[_Union[Conflict, _Mapping]]] = ..., outcome: _Optional[_Union[_commits_pb2.PublishResponse, _Mapping]] = ...) -> None: ...
