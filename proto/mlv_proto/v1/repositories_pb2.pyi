from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Repository(_message.Message):
    __slots__ = ("name", "description", "created_at", "created_by", "changesets", "stored_bytes", "cache_bytes", "raw_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CHANGESETS_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    CACHE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RAW_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    created_at: int
    created_by: str
    changesets: int
    stored_bytes: int
    cache_bytes: int
    raw_bytes: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., created_at: _Optional[int] = ..., created_by: _Optional[str] = ..., changesets: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., cache_bytes: _Optional[int] = ..., raw_bytes: _Optional[int] = ...) -> None: ...

class CreateRepositoryRequest(_message.Message):
    __slots__ = ("repository", "description", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    description: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., description: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class CreateRepositoryResponse(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ...) -> None: ...

class ListRepositoriesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRepositoriesResponse(_message.Message):
    __slots__ = ("repositories",)
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    repositories: _containers.RepeatedCompositeFieldContainer[Repository]
    def __init__(self, repositories: _Optional[_Iterable[_Union[Repository, _Mapping]]] = ...) -> None: ...

class GetRepositoryRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class GetRepositoryResponse(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: Repository
    def __init__(self, repository: _Optional[_Union[Repository, _Mapping]] = ...) -> None: ...

class CreateBranchRequest(_message.Message):
    __slots__ = ("repository", "name", "kind", "at", "target", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    kind: _values_pb2.BranchKind
    at: str
    target: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[_values_pb2.BranchKind, str]] = ..., at: _Optional[str] = ..., target: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class CreateBranchResponse(_message.Message):
    __slots__ = ("branch",)
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    branch: _values_pb2.Branch
    def __init__(self, branch: _Optional[_Union[_values_pb2.Branch, _Mapping]] = ...) -> None: ...

class ListBranchesRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListBranchesResponse(_message.Message):
    __slots__ = ("branches",)
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    branches: _containers.RepeatedCompositeFieldContainer[_values_pb2.Branch]
    def __init__(self, branches: _Optional[_Iterable[_Union[_values_pb2.Branch, _Mapping]]] = ...) -> None: ...

class CreateLabelRequest(_message.Message):
    __slots__ = ("repository", "name", "at", "message", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    name: str
    at: str
    message: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., name: _Optional[str] = ..., at: _Optional[str] = ..., message: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class CreateLabelResponse(_message.Message):
    __slots__ = ("label",)
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: _values_pb2.Label
    def __init__(self, label: _Optional[_Union[_values_pb2.Label, _Mapping]] = ...) -> None: ...

class ListLabelsRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListLabelsResponse(_message.Message):
    __slots__ = ("labels",)
    LABELS_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedCompositeFieldContainer[_values_pb2.Label]
    def __init__(self, labels: _Optional[_Iterable[_Union[_values_pb2.Label, _Mapping]]] = ...) -> None: ...

class RegisterWorkspaceRequest(_message.Message):
    __slots__ = ("repository", "id", "host", "directory", "branch", "base")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    id: str
    host: str
    directory: str
    branch: str
    base: int
    def __init__(self, repository: _Optional[str] = ..., id: _Optional[str] = ..., host: _Optional[str] = ..., directory: _Optional[str] = ..., branch: _Optional[str] = ..., base: _Optional[int] = ...) -> None: ...

class RegisterWorkspaceResponse(_message.Message):
    __slots__ = ("workspace",)
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    workspace: _values_pb2.Workspace
    def __init__(self, workspace: _Optional[_Union[_values_pb2.Workspace, _Mapping]] = ...) -> None: ...

class ListWorkspacesRequest(_message.Message):
    __slots__ = ("repository",)
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    def __init__(self, repository: _Optional[str] = ...) -> None: ...

class ListWorkspacesResponse(_message.Message):
    __slots__ = ("workspaces",)
    WORKSPACES_FIELD_NUMBER: _ClassVar[int]
    workspaces: _containers.RepeatedCompositeFieldContainer[_values_pb2.Workspace]
    def __init__(self, workspaces: _Optional[_Iterable[_Union[_values_pb2.Workspace, _Mapping]]] = ...) -> None: ...

class RemoveWorkspaceRequest(_message.Message):
    __slots__ = ("repository", "id")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    repository: str
    id: str
    def __init__(self, repository: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class RemoveWorkspaceResponse(_message.Message):
    __slots__ = ("locks_released",)
    LOCKS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    locks_released: int
    def __init__(self, locks_released: _Optional[int] = ...) -> None: ...
