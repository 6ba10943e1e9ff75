from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Notice(_message.Message):
    __slots__ = ("kind", "sequence", "time", "path", "branch", "by", "reason", "until", "folder")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    sequence: int
    time: int
    path: str
    branch: str
    by: str
    reason: str
    until: int
    folder: str
    def __init__(self, kind: _Optional[str] = ..., sequence: _Optional[int] = ..., time: _Optional[int] = ..., path: _Optional[str] = ..., branch: _Optional[str] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ..., until: _Optional[int] = ..., folder: _Optional[str] = ...) -> None: ...

class ListNoticesRequest(_message.Message):
    __slots__ = ("repository", "workspace", "after")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    repository: str
    workspace: str
    after: int
    def __init__(self, repository: _Optional[str] = ..., workspace: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class ListNoticesResponse(_message.Message):
    __slots__ = ("notices", "sequence", "more")
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[Notice]
    sequence: int
    more: int
    def __init__(self, notices: _Optional[_Iterable[_Union[Notice, _Mapping]]] = ..., sequence: _Optional[int] = ..., more: _Optional[int] = ...) -> None: ...
