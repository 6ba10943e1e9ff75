from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Freeze(_message.Message):
    __slots__ = ("id", "branch", "label", "path", "by", "at", "until", "reason", "lifted_at", "lifted_by", "lifted_why")
    ID_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LIFTED_AT_FIELD_NUMBER: _ClassVar[int]
    LIFTED_BY_FIELD_NUMBER: _ClassVar[int]
    LIFTED_WHY_FIELD_NUMBER: _ClassVar[int]
    id: int
    branch: str
    label: str
    path: str
    by: str
    at: int
    until: int
    reason: str
    lifted_at: int
    lifted_by: str
    lifted_why: str
    def __init__(self, id: _Optional[int] = ..., branch: _Optional[str] = ..., label: _Optional[str] = ..., path: _Optional[str] = ..., by: _Optional[str] = ..., at: _Optional[int] = ..., until: _Optional[int] = ..., reason: _Optional[str] = ..., lifted_at: _Optional[int] = ..., lifted_by: _Optional[str] = ..., lifted_why: _Optional[str] = ...) -> None: ...

class SetFreezeRequest(_message.Message):
    __slots__ = ("repository", "branch", "label", "path", "until", "reason", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    label: str
    path: str
    until: int
    reason: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., label: _Optional[str] = ..., path: _Optional[str] = ..., until: _Optional[int] = ..., reason: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class SetFreezeResponse(_message.Message):
    __slots__ = ("freeze",)
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    freeze: Freeze
    def __init__(self, freeze: _Optional[_Union[Freeze, _Mapping]] = ...) -> None: ...

class LiftFreezeRequest(_message.Message):
    __slots__ = ("repository", "branch", "label", "path", "reason", "dry_run")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    repository: str
    branch: str
    label: str
    path: str
    reason: str
    dry_run: bool
    def __init__(self, repository: _Optional[str] = ..., branch: _Optional[str] = ..., label: _Optional[str] = ..., path: _Optional[str] = ..., reason: _Optional[str] = ..., dry_run: bool = ...) -> None: ...

class LiftFreezeResponse(_message.Message):
    __slots__ = ("freeze",)
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    freeze: Freeze
    def __init__(self, freeze: _Optional[_Union[Freeze, _Mapping]] = ...) -> None: ...

class ListFreezesRequest(_message.Message):
    __slots__ = ("repository", "ended")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    repository: str
    ended: bool
    def __init__(self, repository: _Optional[str] = ..., ended: bool = ...) -> None: ...

class ListFreezesResponse(_message.Message):
    __slots__ = ("freezes",)
    FREEZES_FIELD_NUMBER: _ClassVar[int]
    freezes: _containers.RepeatedCompositeFieldContainer[Freeze]
    def __init__(self, freezes: _Optional[_Iterable[_Union[Freeze, _Mapping]]] = ...) -> None: ...
