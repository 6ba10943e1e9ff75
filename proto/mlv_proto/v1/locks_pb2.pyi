from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AcquireLocksRequest(_message.Message):
    __slots__ = ("repository", "branch", "workspace", "mode", "scope", "reason", "paths", "hashes", "only_required", "dry_run", "many", "bases", "rows", "ttl", "steal", "diverge", "tree")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    ONLY_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    MANY_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    STEAL_FIELD_NUMBER: _ClassVar[int]
    DIVERGE_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    workspace: str
    mode: _values_pb2.LockMode
    scope: _values_pb2.LockScope
    reason: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    hashes: bytes
    only_required: bool
    dry_run: bool
    many: bool
    bases: _containers.RepeatedScalarFieldContainer[int]
    rows: int
    ttl: int
    steal: bool
    diverge: bool
    tree: bool
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., workspace: _Optional[str] = ..., mode: _Optional[_Union[_values_pb2.LockMode, str]] = ..., scope: _Optional[_Union[_values_pb2.LockScope, str]] = ..., reason: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., hashes: _Optional[bytes] = ..., only_required: bool = ..., dry_run: bool = ..., many: bool = ..., bases: _Optional[_Iterable[int]] = ..., rows: _Optional[int] = ..., ttl: _Optional[int] = ..., steal: bool = ..., diverge: bool = ..., tree: bool = ...) -> None: ...

class AcquireLocksResponse(_message.Message):
    __slots__ = ("locks", "needs")
    LOCKS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    locks: _containers.RepeatedCompositeFieldContainer[_values_pb2.Lock]
    needs: _containers.RepeatedScalarFieldContainer[_values_pb2.LockNeed]
    def __init__(self, locks: _Optional[_Iterable[_Union[_values_pb2.Lock, _Mapping]]] = ..., needs: _Optional[_Iterable[_Union[_values_pb2.LockNeed, str]]] = ...) -> None: ...

class ReleaseLocksRequest(_message.Message):
    __slots__ = ("repository", "workspace", "branch", "paths", "all", "force", "reason", "dry_run", "rows", "tokens")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    workspace: str
    branch: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    all: bool
    force: bool
    reason: str
    dry_run: bool
    rows: int
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, repository: _Optional[str] = ..., workspace: _Optional[str] = ..., branch: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., all: bool = ..., force: bool = ..., reason: _Optional[str] = ..., dry_run: bool = ..., rows: _Optional[int] = ..., tokens: _Optional[_Iterable[int]] = ...) -> None: ...

class ReleaseLocksResponse(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: _containers.RepeatedCompositeFieldContainer[_values_pb2.Lock]
    def __init__(self, released: _Optional[_Iterable[_Union[_values_pb2.Lock, _Mapping]]] = ...) -> None: ...

class ListLocksRequest(_message.Message):
    __slots__ = ("repository", "branch", "paths", "owner")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ...) -> None: ...

class ListLocksResponse(_message.Message):
    __slots__ = ("locks",)
    LOCKS_FIELD_NUMBER: _ClassVar[int]
    locks: _containers.RepeatedCompositeFieldContainer[_values_pb2.Lock]
    def __init__(self, locks: _Optional[_Iterable[_Union[_values_pb2.Lock, _Mapping]]] = ...) -> None: ...

class RenewLocksRequest(_message.Message):
    __slots__ = ("repository", "workspace")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    workspace: str
    def __init__(self, repository: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class RenewLocksResponse(_message.Message):
    __slots__ = ("locks",)
    LOCKS_FIELD_NUMBER: _ClassVar[int]
    locks: _containers.RepeatedCompositeFieldContainer[_values_pb2.Lock]
    def __init__(self, locks: _Optional[_Iterable[_Union[_values_pb2.Lock, _Mapping]]] = ...) -> None: ...
