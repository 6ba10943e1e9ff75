from mlv_proto.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResolveRevisionRequest(_message.Message):
    __slots__ = ("repository", "revision", "branch")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    repository: str
    revision: str
    branch: str
    def __init__(self, repository: _Optional[str] = ..., revision: _Optional[str] = ..., branch: _Optional[str] = ...) -> None: ...

class ResolveRevisionResponse(_message.Message):
    __slots__ = ("changeset", "branch")
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    changeset: int
    branch: str
    def __init__(self, changeset: _Optional[int] = ..., branch: _Optional[str] = ...) -> None: ...

class GetChangesetRequest(_message.Message):
    __slots__ = ("repository", "changeset")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    repository: str
    changeset: int
    def __init__(self, repository: _Optional[str] = ..., changeset: _Optional[int] = ...) -> None: ...

class GetChangesetResponse(_message.Message):
    __slots__ = ("changeset", "changes")
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changeset: _values_pb2.Changeset
    changes: _values_pb2.Changes
    def __init__(self, changeset: _Optional[_Union[_values_pb2.Changeset, _Mapping]] = ..., changes: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ...) -> None: ...

class ListChangesetsRequest(_message.Message):
    __slots__ = ("repository", "branch", "path", "author", "first", "last", "labelled", "page_size", "before")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    LABELLED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    path: str
    author: str
    first: int
    last: int
    labelled: bool
    page_size: int
    before: int
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., path: _Optional[str] = ..., author: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., labelled: bool = ..., page_size: _Optional[int] = ..., before: _Optional[int] = ...) -> None: ...

class ListChangesetsResponse(_message.Message):
    __slots__ = ("changesets", "next_before")
    CHANGESETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    changesets: _containers.RepeatedCompositeFieldContainer[_values_pb2.Changeset]
    next_before: int
    def __init__(self, changesets: _Optional[_Iterable[_Union[_values_pb2.Changeset, _Mapping]]] = ..., next_before: _Optional[int] = ...) -> None: ...

class ListFilesRequest(_message.Message):
    __slots__ = ("repository", "changeset", "paths")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    CHANGESET_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    changeset: int
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, repository: _Optional[str] = ..., changeset: _Optional[int] = ..., paths: _Optional[_Iterable[str]] = ...) -> None: ...

class ListFilesResponse(_message.Message):
    __slots__ = ("files", "changed_in", "lock_needs")
    FILES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_IN_FIELD_NUMBER: _ClassVar[int]
    LOCK_NEEDS_FIELD_NUMBER: _ClassVar[int]
    files: _values_pb2.Changes
    changed_in: _containers.RepeatedScalarFieldContainer[int]
    lock_needs: _containers.RepeatedScalarFieldContainer[_values_pb2.LockNeed]
    def __init__(self, files: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., changed_in: _Optional[_Iterable[int]] = ..., lock_needs: _Optional[_Iterable[_Union[_values_pb2.LockNeed, str]]] = ...) -> None: ...

class DiffVersionsRequest(_message.Message):
    __slots__ = ("repository", "to", "paths")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    repository: str
    to: int
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, repository: _Optional[str] = ..., to: _Optional[int] = ..., paths: _Optional[_Iterable[str]] = ..., **kwargs) -> None: ...

class DiffVersionsResponse(_message.Message):
    __slots__ = ("after", "before")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    after: _values_pb2.Changes
    before: _values_pb2.Changes
    def __init__(self, after: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ..., before: _Optional[_Union[_values_pb2.Changes, _Mapping]] = ...) -> None: ...
